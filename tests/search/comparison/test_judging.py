"""A small run, searched once without Ray, whose scores and front are compared with trained networks."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import results
from search.comparison.executor import Executor, RemoteExecutor, keep_files
from search.comparison.fidelity import FidelitySettings, fidelity_jobs, run_fidelity
from search.comparison.jobs import Scoring, Training, job_of
from search.comparison.opened import open_for_comparison
from search.comparison.rivals_run import RivalSettings, rival_jobs, run_rivals
from search.comparison.running import execute_jobs
from search.config import ConfigError
from search.errors import RunError
from search.stages.retrain import result_of
from spaces.candidate import Candidate
from trainers.detector_file import load_detector
from trainers.training.finiteness import DivergedError

ROOT = Path(__file__).parents[3]
SETTINGS = FidelitySettings(candidates=4, seeds=(0, 1), variants=1, adaptations=1)
RIVALS = RivalSettings(members=2, start="twin")


@pytest.mark.usefixtures("planned_once")
def test_jobs_are_plain_data(searched):
    jobs = fidelity_jobs(searched, SETTINGS)
    assert [job_of(json.loads(json.dumps(job.as_plain()))) for job in jobs] == jobs
    trainings = [job for job in jobs if isinstance(job, Training)]
    scorings = [job for job in jobs if isinstance(job, Scoring)]
    assert len(trainings) == 5 * 2
    assert {(job.seed, job.epochs, job.start) for job in trainings} == {(0, 1, "supernet"), (1, 1, "supernet")}
    assert len([job for job in scorings if job.seed == 1]) == 5
    assert len([job for job in scorings if job.seed == 0]) <= 1  # the variant, unless the search scored it


def test_fidelity_compares_the_orders_and_makes_nothing_twice(run, executed):
    found = run_fidelity(run, SETTINGS)
    assert len(executed) == len(fidelity_jobs(run, SETTINGS))
    candidates = found.candidates
    signs = candidates[[name for name in candidates if name.startswith("layer/")]].eq("sign").sum(axis=1)
    assert candidates["trained"].tolist() == pytest.approx((0.905 - 0.1 * signs).tolist())
    assert candidates["trained_sd"].tolist() == pytest.approx([0.01 / 2**0.5] * 5)
    measures = ["bit_ops", "score_rung_0", "model_rung_0", "score_seeds", "another training"]
    assert found.agreement["measure"].tolist() == measures
    assert found.settings["epochs"] == 1
    before = executed.copy()
    assert run_fidelity(run, SETTINGS).candidates.equals(candidates)
    assert executed == before
    assert results.open_run(run).fidelity().candidates.equals(candidates)


def test_a_kill_loses_at_most_the_current_job(run, executed, monkeypatch):
    execute = Executor.execute

    def killed(self, job, training):
        if len(executed) == 7:
            raise KeyboardInterrupt
        return execute(self, job, training)

    monkeypatch.setattr(Executor, "execute", killed)
    with pytest.raises(KeyboardInterrupt):
        run_fidelity(run, SETTINGS)
    monkeypatch.setattr(Executor, "execute", execute)
    with (run / "compared" / "record.jsonl").open("ab") as file:
        file.write(b'{"key": ["sco')
    run_fidelity(run, SETTINGS)
    assert len(executed) == len({job.key for job in executed}) == len(fidelity_jobs(run, SETTINGS))


def test_a_training_that_diverges_is_kept_as_failed_and_the_others_are_compared(run, executed, monkeypatch):
    execute = Executor.execute
    first = fidelity_jobs(run, SETTINGS)[-1].candidate

    def diverging(self, job, training):
        if isinstance(job, Training) and job.candidate == first:
            executed.append(job)
            return {"failed": "the loss is nan"}
        return execute(self, job, training)

    monkeypatch.setattr(Executor, "execute", diverging)
    found = run_fidelity(run, SETTINGS)
    assert found.candidates.set_index("id")["trained"].isna().to_dict()[first.id]
    before = len(executed)
    run_fidelity(run, SETTINGS)
    assert len(executed) == before


def test_rivals_are_trained_as_the_members_are_and_drawn_beside_them(run, executed):
    results.open_run(run).plot(run / "front.png")
    before = (run / "front.png").read_bytes()
    found = run_rivals(run, RIVALS)
    names = found.trained[found.trained["role"].eq("rival")]["name"].tolist()
    assert names[0].startswith("all sign")
    assert set(names) >= {"all real", "all int8", "last 2 of 4 blocks sign, rest int8"}
    assert {(job.seed, job.epochs, job.start) for job in executed} == {(0, 1, "twin")}
    assert {job.key for job in executed} == {job.key for job in rival_jobs(run, RIVALS)}
    assert (run / "front.png").read_bytes() != before
    again = results.open_run(run).rivals()
    assert again.trained.equals(found.trained)
    members = found.trained.loc[found.trained["role"].eq("member"), "id"].tolist()
    assert members
    assert again.places()["member"].tolist() == members


@pytest.mark.usefixtures("planned_once")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (FidelitySettings(start="nothing"), "--start is 'nothing'; allowed are supernet, twin, scratch."),
        (FidelitySettings(seeds=(1, 1)), "--seeds: one of 1, 1 was given twice."),
        (FidelitySettings(seeds=(-1,)), "--seeds: -1 is negative; a seed is 0 or more."),
        (FidelitySettings(epochs=0), "--epochs is 0, must be at least 1."),
        (FidelitySettings(variants=-1), "--variants is -1, must be 0 or more."),
        (FidelitySettings(candidates=2), "-n is 2, must be at least 3: an order of fewer says nothing."),
    ],
)
def test_settings_that_cannot_be_are_refused_with_one_message(searched, settings, message):
    with pytest.raises(RunError) as caught:
        fidelity_jobs(searched, settings)
    assert str(caught.value) == message


def test_precision_is_that_of_the_trainings(searched):
    """As of `retrain`: another one is another training, and what this machine can't do is refused."""
    for jobs, settings in (fidelity_jobs, FidelitySettings), (rival_jobs, RivalSettings):
        assert jobs(searched, settings(precision="bf16")) == jobs(searched, settings())
        with pytest.raises(ConfigError, match=r"retrain\.precision is fp16, which needs a GPU"):
            jobs(searched, settings(precision="fp16"))


def test_a_real_score_and_a_real_training_and_one_that_diverges(run, monkeypatch):
    """Of seconds: the search's own score again, another adaptation, a training that `retrain` would share."""
    trials = results.open_run(run).trials
    candidate = Candidate(results.open_run(run).candidate(trials["id"].iloc[0]))
    trainings = [Training(candidate, 0, 1), Training(candidate, 3, 1, "twin")]
    own, other, first, second = execute_jobs(run, [Scoring(candidate, 0), Scoring(candidate, 0, 1), *trainings])
    assert own["metrics"]["map50"] == pytest.approx(trials["map50"].iloc[0], abs=1e-6)
    assert other["metrics"] != own["metrics"]
    assert (run / "retrained" / candidate.id / "figures.json").is_file()
    assert (run / "retrained" / f"{candidate.id}_twin_seed3" / "detector.safetensors").is_file()
    assert set(first["metrics"]) == set(second["metrics"]) >= {"map50"}

    def diverge(*arguments):
        raise DivergedError("the loss is nan")

    monkeypatch.setattr("search.stages.retrain.trained_candidate", diverge)
    assert execute_jobs(run, [Training(candidate, 4, 1)]) == [{"failed": "the loss is nan"}]


def with_validation(run):
    """The run, whose trainings keep their best weights in a file of their own."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["retrain"]["validate_every"] = 1
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    return run


def test_a_worker_sends_every_file_of_a_result_and_the_figures_last(run, monkeypatch):
    """Of seconds: a real training. The folder in which the worker trained is removed with its files."""
    execute, written = Executor.execute, set()

    def listed(self, job, training):
        outcome = execute(self, job, training)
        written.update(file.name for file in training.place.iterdir())
        return outcome

    monkeypatch.setattr(Executor, "execute", listed)
    job = Training(Candidate(results.open_run(run).candidate(results.open_run(run).front()["id"].iloc[0])), 0, 1)
    with open_for_comparison(with_validation(run)) as opened:
        training, parts = opened.record.training(job), opened.parts([job])
        _, files = RemoteExecutor(parts).execute(job, training)
        assert set(files) == written
        assert list(files)[-1] == "figures.json"
        keep_files(training.place, files)
        best = result_of(parts, training).best
    assert load_detector(best.checkpoint).candidate == job.candidate


@pytest.mark.slow
def test_workers_give_what_one_process_gives(run, tmp_path):
    with_validation(run)
    settings = FidelitySettings(candidates=3, variants=0, adaptations=1)
    alone = shutil.copytree(run, tmp_path / "alone")
    spread, one = (run_fidelity(place, settings, workers=count) for place, count in ((run, 2), (alone, 1)))
    assert spread.candidates.equals(one.candidates)
    left = [{file.relative_to(folder) for file in folder.glob("retrained/*/*")} for folder in (run, alone)]
    assert left[0] == left[1]
    assert sum(file.name == "best.safetensors" for file in left[0]) == 3


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on_and_ends_as_an_unbroken_one(run, tmp_path):
    alone = shutil.copytree(run, tmp_path / "alone")
    command = [sys.executable, "-m", "search", "fidelity", "-n", "4", "--seeds", "0", "1", "--variants", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for trained in (0, 2, 5):
        process = subprocess.Popen([*command, run], env=environment)
        while process.poll() is None and len(finished(run)) <= trained:
            time.sleep(0.01)
        process.kill()
        process.wait()
    kept = finished(run)
    assert not (run / "fidelity.json").exists()
    assert subprocess.run([*command, run], env=environment).returncode == 0
    assert kept.items() <= finished(run).items()
    assert subprocess.run([*command, alone], env=environment).returncode == 0
    assert (run / "fidelity.json").read_bytes() == (alone / "fidelity.json").read_bytes()
    assert results.open_run(run).fidelity().candidates.equals(results.open_run(alone).fidelity().candidates)


def finished(run):
    """The results that are there, with the times at which they were written."""
    return {file: file.stat().st_mtime_ns for file in run.glob("*/**/figures.json")}


@pytest.mark.slow
def test_jobs_are_executed_where_there_is_no_ray(run):
    """A real process, in which an import of Ray fails."""
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from search.comparison.fidelity import FidelitySettings, fidelity_jobs\n"
        "from search.comparison.rivals_run import RivalSettings, rival_jobs\n"
        "from search.comparison.running import execute_jobs\n"
        "run = sys.argv[1]\n"
        "assert rival_jobs(run, RivalSettings())\n"
        "jobs = fidelity_jobs(run, FidelitySettings(candidates=3, variants=0, adaptations=1))\n"
        "assert 'metrics' in execute_jobs(run, jobs[:1])[0]\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code, run], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
