"""What tests of stages share: a run brought to the point where its trials could begin."""

from collections.abc import Callable
from pathlib import Path

import pytest

from search.config import Config, config_text
from search.plan.detectors import student_spec
from search.plan.plan import Plan, SearchPlan, plan_search
from search.plan.sources import class_names
from search.run.folder import RunFolder
from search.stages.data import note_data, read_data
from search.stages.prepare import Prepared, prepare
from trainers.distill.ensemble import Ensemble
from trainers.progress import Progress, SilentProgress


@pytest.fixture
def prepared() -> Callable[..., tuple[SearchPlan, RunFolder, Prepared]]:
    """Plans a search and makes or reads its data, teachers and supernet in a folder, as `run_search` does."""

    def bring(config: Config, path: Path, progress: Progress | None = None) -> tuple[SearchPlan, RunFolder, Prepared]:
        plan, run, progress = plan_search(config, None), RunFolder(path), progress or SilentProgress()
        data = read_data(plan.base, run, progress)
        run.begin(config_text(plan.base.config))
        note_data(data, run, progress)
        return plan, run, prepare(plan, run, data, progress)

    return bring


@pytest.fixture
def images_plan() -> Callable[[Config], Plan]:
    """A plan of nothing but images: for configs over data that no search or training could be planned for."""

    def make(config: Config) -> Plan:
        classes = class_names(config.data)
        return Plan(
            config=config,
            classes=classes,
            student=student_spec(config.student, config.data.image_size, len(classes)),
            start=None,
            teachers={},
            needed=frozenset(),
            terms={},
            ensemble=Ensemble((), "sum_losses"),
            trained={},
            inputs={},
        )

    return make
