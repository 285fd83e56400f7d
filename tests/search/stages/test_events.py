"""What a run tells a tracker: its config, each trial with its figures, each detector that was measured."""

from types import SimpleNamespace

import pytest

from search import run_retrain, run_search, run_train
from search.controller.proposal import Done
from search.run.folder import RunFolder
from search.stages.events import run_started
from trainers.progress import DetectorMeasured, RunStarted, TrialEnded, combined_progress, figures_text


@pytest.fixture
def scored_by_hand(monkeypatch):
    """In place of Ray's workers: each candidate scores 0.5 less a hundredth of its number."""

    def run_trials(controller, parts, make_scorer, *, on_results, **settings):
        while not isinstance(proposal := controller.ask(), Done):
            score = {"map50": 0.5 - proposal.number / 100, "map50_11": 0.5}
            on_results([controller.tell(proposal.number, SimpleNamespace(metrics=score, seconds={}))])

    monkeypatch.setattr("search.stages.trials.run_trials", run_trials)
    monkeypatch.setattr("search.stages.trials.scorer_parts", lambda *given: None)


def test_a_search_and_a_retraining_record_their_config_trials_and_detectors(
    scored_by_hand, tiny_config, recorded_progress, tmp_path
):
    config, progress = tiny_config("retrain.pick=null"), recorded_progress()
    found = run_search(config, tmp_path / "run", progress=combined_progress(recorded_progress(), progress)).run
    started, twin, *trials = progress.records
    assert started == RunStarted(found.path, config.model_dump(mode="json"))
    assert isinstance(twin, DetectorMeasured)
    assert (twin.stage, twin.images, twin.file) == ("teacher twin", "val", found.path / "teachers/twin.safetensors")
    assert f"teacher twin: {figures_text(twin.figures)} on 8 images of val" in progress.notes
    assert all(isinstance(trial, TrialEnded) for trial in trials)
    rows = {trial.row["id"]: (trial.row["state"], trial.row["map50"], trial.row["bit_ops"]) for trial in trials}
    kept = found.trials.set_index("id")[["state", "map50", "bit_ops"]]
    assert rows == {row.Index: tuple(row)[1:] for row in kept.itertuples()}
    assert sorted(map50 for _, map50, _ in rows.values()) == pytest.approx([0.47, 0.48, 0.49, 0.5])

    again = recorded_progress()
    result = run_retrain(found.path, found.knee(), progress=again)
    started, _, retrained = again.records
    assert started.folder == found.path
    assert (retrained.stage, retrained.images) == (f"retrain {found.knee()}", "test")
    assert (retrained.figures, retrained.costs, retrained.file) == (result.test, result.costs, result.checkpoint)


def test_a_training_alone_records_its_config_and_both_detectors(tiny_config, recorded_progress, tmp_path):
    progress = recorded_progress()
    result = run_train(tiny_config(), tmp_path / "run", progress=progress)
    assert [type(event).__name__ for event in progress.records] == [
        "RunStarted",
        "DetectorMeasured",
        "DetectorMeasured",
    ]
    assert progress.records[-1] == DetectorMeasured(
        f"train {result.id}", "test", result.test, result.checkpoint, result.costs
    )


def test_a_tracker_never_sees_the_databases_password(tiny_config, tmp_path):
    config = tiny_config("search.storage=postgresql://me:secret@host/name")
    started = run_started(RunFolder(tmp_path), config)
    assert started.config["search"]["storage"] == "postgresql://me:***@host/name"
    assert config.search.storage == "postgresql://me:secret@host/name"
