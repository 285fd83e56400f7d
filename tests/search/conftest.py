"""A small search space, a score that a reader can work out, and controllers over a folder of their own."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from search.config import Config, config_text, load_config
from search.controller.controller import Controller
from search.controller.journal import Journal
from search.controller.problem import SearchProblem
from search.controller.proposal import Done
from search.plan.detectors import student_spec
from search.plan.plan import Plan, SearchPlan, plan_search
from search.plan.sources import class_names
from search.run.folder import RunFolder
from search.stages.data import note_data, read_data
from search.stages.prepare import Prepared, prepare
from search.stages.report import report_at_end
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace
from trainers.distill.ensemble import Ensemble
from trainers.progress import Progress, SilentProgress

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside this one that workers import too

from leftover_processes import adopting
from postgresql_server import PostgresqlServer

OBJECTIVES = ("map50", "bit_ops")
REPORTING = ("search.stages.search.report_at_end", "search.comparison.retraining.report_at_end")

TINY_CONFIG: dict[str, Any] = {
    "name": "tiny",
    "device": "cpu",
    "data": {"format": "shapes", "image_size": 96, "shapes": {"train": 16, "val": 8, "test": 8, "image_size": 96}},
    "student": {"detector": "ssd_resnet18", "width": 0.125},
    "teachers": {"twin": {"epochs": 1, "batch_size": 8}},
    "space": {"granularity": "stage", "layers": {"methods": ["real", "sign"], "open": {}}},
    "supernet": {"epochs": 1, "batch_size": 8},
    "scoring": {"adapt_steps": 1, "batch_size": 8, "recalibrate_images": 8},
    "search": {"trials": 4, "workers": 1},
    "retrain": {"epochs": 1, "batch_size": 8},
    "train": {"layers": "sign", "epochs": 1, "batch_size": 8},
}
"""A search and a training of seconds: an eighth of the width, one epoch, 16 images."""


@pytest.fixture(scope="session", autouse=True)
def _searches_end_without_a_report() -> Iterator[None]:
    """It takes two seconds at the end of each search and retraining. Tests that need one ask for `with_reports`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in REPORTING:
            patch.setattr(name, lambda *_: None)
        yield


@pytest.fixture(scope="module")
def with_reports() -> Iterator[None]:
    """Searches and retrainings end with a report, as outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in REPORTING:
            patch.setattr(name, report_at_end)
        yield


@pytest.fixture
def left_running() -> Iterator[Callable[..., list[str]]]:
    """The command lines of the processes that a test leaves behind, see `adopting`."""
    with adopting() as left:
        yield left


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Writes `TINY_CONFIG`, with other sections in place of its own, to a file of the config's name; returns it."""
    return partial(_write, tmp_path)


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Config]:
    """Loads that config, with `overrides` such as "search.trials=2" and other sections."""

    def load(*overrides: str, **sections: object) -> Config:
        return load_config(_write(tmp_path_factory.mktemp("config"), **sections), overrides)

    return load


@pytest.fixture(scope="session")
def training_config(tiny_config: Callable[..., Config]) -> Callable[..., Config]:
    """Loads a config whose `train` section has searched signs, taught by the twin, for two epochs and one of inputs."""
    train = TINY_CONFIG["train"] | {"layers": "dbs", "terms": {"feature_hint": {"weight": 0.5}}}
    return partial(tiny_config, name="alone", train=train | {"epochs": 2, "inputs_first_epochs": 1})


def _write(folder: Path, **sections: object) -> Path:
    content = TINY_CONFIG | sections
    file = folder / f"{content['name']}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def small_space() -> SearchSpace:
    """Six layers of three methods and one term: 3**6 * (1 + 1 * 3) = 2916 canonical candidates."""
    layers = [Knob(f"layer/b{i}", ("real", "sign", "bireal")) for i in range(6)]
    return SearchSpace([*layers, Knob("teacher/hint", ("none", "twin")), Knob("weight/hint", (0.1, 1.0, 10.0))])


def worked_score(candidate: Candidate) -> SimpleNamespace:
    """map50 loses 0.05 a sign, 0.03 a bireal layer and gains 0.01 from a teacher."""
    methods = list(candidate.layers().values())
    map50 = 0.8 - 0.05 * methods.count("sign") - 0.03 * methods.count("bireal")
    map50 += 0.01 if candidate.get("teacher/hint") == "twin" else 0.0
    return SimpleNamespace(
        metrics={"map50": map50, "map50_11": map50},
        seconds={"adapt": 0.5, "recalibrate": 0.25, "evaluate": 0.25},
    )


def worked_costs(candidate: Candidate) -> dict[str, float]:
    """bit_ops is 1024 a real layer and 1 another; 8 bits of memory for each."""
    methods = list(candidate.layers().values())
    bit_ops = 1024.0 * methods.count("real") + methods.count("sign") + methods.count("bireal")
    return {"bit_ops": bit_ops, "ops": bit_ops / 64, "memory_bits": bit_ops * 8, "memory_mb": bit_ops / 1e6}


@pytest.fixture
def space() -> SearchSpace:
    return small_space()


@pytest.fixture
def score() -> Callable[[Candidate], SimpleNamespace]:
    return worked_score


@pytest.fixture
def costs() -> Callable[[Candidate], dict[str, float]]:
    return worked_costs


@pytest.fixture
def open_controller(tmp_path: Path, space: SearchSpace) -> Callable[..., Controller]:
    """Opens a controller over a run folder, as each start of a search does."""

    def open_one(run: str = "run", **settings: object) -> Controller:
        chosen = settings.pop("space", space)
        journal = Journal(tmp_path / run, name="run", space=chosen, objectives=OBJECTIVES)
        known = {"objectives": OBJECTIVES, "costs": worked_costs, "trials": 40}
        known |= {one.name: settings.pop(one.name) for one in fields(SearchProblem) if one.name in settings}
        return Controller(SearchProblem(chosen, **known), journal, **({"sampler": "random"} | settings))

    return open_one


@pytest.fixture
def drive(score: Callable[[Candidate], SimpleNamespace]) -> Callable[..., list[tuple[int, Candidate]]]:
    """Asks and tells until the controller is done or `count` proposals are scored; returns them."""

    def run(controller: Controller, count: int = 10**9) -> list[tuple[int, Candidate]]:
        proposed = []
        while len(proposed) < count:
            proposal = controller.ask()
            if isinstance(proposal, Done):
                break
            proposed.append((proposal.number, proposal.candidate))
            if proposal.number % 7 == 5:
                controller.tell_failed(proposal.number, "DivergedError: the loss is nan")
            else:
                controller.tell(proposal.number, score(proposal.candidate))
        return proposed

    return run


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    """A running server: its start takes two seconds. The test is skipped where there is none."""
    server = PostgresqlServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def prepared() -> Callable[..., tuple[SearchPlan, RunFolder, Prepared]]:
    """Plans a search and makes or reads its data, teachers and supernet in a folder, as `run_search` does."""

    def bring(config: Config, path: Path, progress: Progress | None = None) -> tuple[SearchPlan, RunFolder, Prepared]:
        plan, run, progress = plan_search(config, None), RunFolder(path), progress or SilentProgress()
        data = read_data(plan.base, run, progress)
        run.begin(config_text(plan.base.config))
        note_data(data, run, progress)
        return plan, run, prepare(plan, run, data, progress)

    return bring


@pytest.fixture(scope="session")
def images_plan() -> Callable[[Config], Plan]:
    """A plan of nothing but images: for configs over data that no search or training could be planned for."""

    def make(config: Config) -> Plan:
        classes = class_names(config.data)
        return Plan(
            config=config,
            listed=None,
            classes=classes,
            student=student_spec(config.student, config.data, len(classes)),
            start=None,
            teachers={},
            needed=frozenset(),
            terms={},
            ensemble=Ensemble((), "sum_losses"),
            trained={},
            inputs={},
        )

    return make
