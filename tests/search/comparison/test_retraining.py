"""Candidates of a run retrained, with seeds, beside the all-real candidate."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import results
from search.cli.app import app
from search.comparison.executor import Executor
from search.comparison.fidelity import FidelitySettings, run_fidelity
from search.comparison.jobs import Training
from search.comparison.opened import open_for_comparison
from search.comparison.record import Record
from search.comparison.retraining import RetrainSettings, retrain_jobs, run_retrain, run_retrainings
from search.config import ConfigError
from search.errors import RunError
from search.run.folder import RunFolder, read_run_folder
from search.stages.retrain import real_counterpart
from search.stages.search import run_search
from spaces.candidate import Candidate
from spaces.space import Knob, SearchSpace
from trainers.whole_files import digest_of

ROOT = Path(__file__).parents[3]
FRONT = RetrainSettings(seeds=(0, 1))


@pytest.fixture
def members(run):
    return results.open_run(run).front()["id"].tolist()


def test_the_front_is_retrained_with_every_seed_and_the_all_real_candidate_alike(run, executed, members):
    found = run_retrainings(run, FRONT)
    names = found.table["candidate"].tolist()
    assert names == [*members, "all real"]
    candidates = {one: Candidate(results.open_run(run).candidate(one)) for one in members}
    signs = [list(one.layers().values()).count("sign") for one in candidates.values()]
    assert found.table["trained"].tolist() == pytest.approx([0.905 - 0.1 * count for count in [*signs, 0]])
    assert found.table["trained_sd"].tolist() == pytest.approx([0.01 / 2**0.5] * len(names))
    scores = results.open_run(run).trials.set_index("id")["map50"]
    assert found.table["score"].tolist()[:-1] == pytest.approx([scores[one] for one in members])
    assert {job.key for job in executed} == {job.key for job in retrain_jobs(run, FRONT)}
    assert {(job.seed, job.epochs, job.start) for job in executed} == {(0, 1, "supernet"), (1, 1, "supernet")}
    kept = json.loads((run / "retrained" / f"{members[0]}_supernet_seed1" / "figures.json").read_text())
    assert {name: kept["settings"][name] for name in ("epochs", "seed", "start")} == {
        "epochs": 1,
        "seed": 1,
        "start": "supernet",
    }
    before = executed.copy()
    assert run_retrainings(run, FRONT).table.equals(found.table)
    assert executed == before


def test_a_stop_loses_at_most_the_current_training(run, executed, monkeypatch):
    execute = Executor.execute

    def stopped(self, job, training):
        if len(executed) == 3:
            raise KeyboardInterrupt
        return execute(self, job, training)

    monkeypatch.setattr(Executor, "execute", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_retrainings(run, FRONT)
    monkeypatch.setattr(Executor, "execute", execute)
    run_retrainings(run, FRONT)
    assert len(executed) == len({job.key for job in executed}) == len(retrain_jobs(run, FRONT))


def test_what_fidelity_has_trained_is_not_trained_again(run, executed):
    compared = run_fidelity(run, FidelitySettings(candidates=4, variants=0, adaptations=0, start="twin", seeds=(0, 3)))
    ids = tuple(compared.candidates["id"])
    before = executed.copy()
    found = run_retrainings(run, RetrainSettings(candidates=ids, start="twin", seeds=(3, 0), real=False))
    assert executed == before
    assert [one.checkpoint.parent.name for one in found.results[:2]] == [f"{ids[0]}_twin_seed3", f"{ids[0]}_twin_seed0"]


def test_results_of_earlier_versions_are_found_where_these_put_them(run, executed, members):
    """Their settings name no seed and no start."""
    settings = RetrainSettings(candidates=(members[0],), start="twin", seeds=(3,), real=False)
    run_retrainings(run, settings)
    run_retrain(run, members[0])
    before = executed.copy()
    new, old = run / "retrained" / f"{members[0]}_twin_seed3", run / "compared" / "twin_seed3" / members[0]
    old.parent.mkdir(parents=True)
    new.rename(old)
    for file in (old / "figures.json", run / "retrained" / members[0] / "figures.json"):
        kept = json.loads(file.read_text())
        del kept["settings"]["seed"], kept["settings"]["start"]
        file.write_text(json.dumps(kept))
    [found] = run_retrainings(run, settings).results
    assert found.checkpoint.parent == old
    assert (found.settings["seed"], found.settings["start"]) == (3, "twin")
    assert run_retrain(run, members[0]).checkpoint.parent.name == members[0]
    assert executed == before


def test_failures_are_kept_and_said_and_others_shown(run, executed, monkeypatch, members):
    execute = Executor.execute

    def diverging(self, job, training):
        if job.seed == 1:
            executed.append(job)
            return {"failed": "the loss is nan"}
        return execute(self, job, training)

    monkeypatch.setattr(Executor, "execute", diverging)
    found = run_retrainings(run, RetrainSettings(candidates=(members[0],), seeds=(0, 1), real=False))
    assert found.failed == (f"{members[0]}, seed 1: the loss is nan.",)
    assert math.isnan(found.table["trained_seed_1"].iloc[0])
    before = executed.copy()
    with pytest.raises(RunError, match=rf"^No training came to its end\. {members[0]}, seed 1: the loss is nan\."):
        run_retrainings(run, RetrainSettings(candidates=(members[0],), seeds=(1,)))
    assert [job for job in executed if job not in before] == retrain_jobs(
        run, RetrainSettings(candidates=(members[0],), seeds=(1,))
    )[1:]  # the all-real candidate's alone


def test_a_failure_holds_for_its_settings_alone(run):
    config = read_run_folder(run)[1]
    job = Training(Candidate({"layer/backbone": "sign"}), 0, 1)
    Record(RunFolder(run), config).add(job, {"failed": "the loss is nan"})
    assert Record(RunFolder(run), config).outcome(job) == {"failed": "the loss is nan"}
    slower = config.model_copy(update={"retrain": config.retrain.model_copy(update={"learning_rate": 1e-4})})
    assert Record(RunFolder(run), slower).outcome(job) is None


def test_a_space_whose_layers_cannot_be_real_has_no_real_counterpart():
    real, other = Knob("layer/a", ("real", "sign")), Knob("layer/b", ("int8", "sign"))
    teacher = Knob("teacher/hint", ("none", "twin"))
    assert real_counterpart(SearchSpace([real, other])) is None
    assert real_counterpart(SearchSpace([real, teacher])) == Candidate({"layer/a": "real", "teacher/hint": "none"})


def test_a_real_retraining_shows_the_all_real_candidate_alike_and_the_twin_with_its_epochs(run, members):
    """Of seconds: two trainings, in this process, whose epochs are logged."""
    words = ["retrain", str(run), "--candidate", members[0], "--start", "scratch", "--workers", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.stdout.splitlines() if "│" in line]
    assert [row[:3] for row in rows] == [
        [f"retrained {members[0]}", "1", "scratch"],
        ["all real, trained alike", "1", "scratch"],
        ["its real-valued twin", "1", ""],
    ]
    stages = [json.loads(line)["stage"] for line in (run / "training.jsonl").read_text().splitlines()]
    name = f"retrain {members[0]}_scratch_seed0"
    assert stages.count(name) == 1
    assert (run / "tensorboard" / name.replace(" ", "_")).is_dir()


def test_what_trainings_from_scratch_start_from_is_noted_and_another_file_refused(run, members, tmp_path, monkeypatch):
    """The twin is a file of its own and the supernet shares its weights: nothing else reads `student.weights`."""
    monkeypatch.setattr("search.comparison.opened.prepare", lambda *_: None)
    monkeypatch.setattr("search.comparison.opened.retraining_parts", lambda *_: None)
    own, config = tmp_path / "own.pth", yaml.safe_load((run / "config.yaml").read_text())
    own.write_bytes(b"own")
    config["student"]["weights"] = str(own)
    config["teachers"]["twin"]["weights"] = str(run / "teachers" / "twin.safetensors")
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    candidate = Candidate(results.open_run(run).candidate(members[0]))
    twin, scratch = (Training(candidate, 0, 1, start) for start in ("twin", "scratch"))
    with open_for_comparison(run) as opened:
        opened.parts([twin])
        assert list(json.loads((run / "given.json").read_text())) == ["teachers.twin.weights"]
        opened.parts([twin, scratch])
        given = json.loads((run / "given.json").read_text())
        assert given["student.weights"] == digest_of(own)
        own.write_bytes(b"another")
        with pytest.raises(RunError, match=r"student\.weights \(.*own\.pth\) is another file"):
            opened.parts([scratch])
        opened.parts([twin])
    assert json.loads((run / "given.json").read_text()) == given


def test_a_searchs_end_trains_the_all_real_candidate_where_the_config_says_so(run, members):
    config = read_run_folder(run)[1]
    asked = config.retrain.model_copy(update={"pick": members[0], "real": True})
    found = run_search(config.model_copy(update={"retrain": asked}), run)
    assert (found.retrained.id, found.retrained.settings["epochs"]) == (members[0], 1)
    assert set(found.real.test) == set(found.retrained.test)
    assert found.real.checkpoint.parent.parent == run / "retrained"
    assert found.retrained.teachers_epochs == {"twin": 1}


@pytest.mark.slow  # starts Ray, thrice
def test_a_command_over_workers_that_is_killed_trains_nothing_twice(run):
    command = [sys.executable, "-m", "search", "retrain", run, "--front", "--seeds", "0", "1", "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for trained in (0, 2):
        process = subprocess.Popen(command, env=environment)
        while process.poll() is None and len(finished(run)) <= trained:
            time.sleep(0.01)
        process.kill()
        process.wait()
    kept = finished(run)
    assert kept
    done = subprocess.run([*command, "--format", "csv"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert kept.items() <= finished(run).items()
    assert len(finished(run)) == len(retrain_jobs(run, FRONT))
    assert len(done.stdout.splitlines()) == len(retrain_jobs(run, FRONT)) / 2 + 1


def finished(run):
    """The results that are there, with the times at which they were written."""
    return {file: file.stat().st_mtime_ns for file in run.glob("retrained/*/figures.json")}


def test_another_precision_is_another_training_of_the_same_candidate(run, members):
    job = Training(Candidate(results.open_run(run).candidate(members[0])), 0, 1)
    settings = []
    for precision in (None, "bf16"):
        with open_for_comparison(run, precision=precision) as opened:
            assert opened.plan.base.config.supernet.precision == "float32"
            settings.append(dict(opened.record.training(job).settings))
    assert settings[1] == settings[0] | {"precision": "bf16"}
    assert "precision" not in settings[0]
    with pytest.raises(ConfigError, match=r"retrain\.precision is fp16, which needs a GPU"):
        retrain_jobs(run, RetrainSettings(precision="fp16"))
