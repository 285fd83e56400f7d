"""A run that was begun before there was `size_mb`: it opens, shows what it has, and gets the column when it goes on."""

import pytest

import results
from results import layout
from results.errors import RunError
from search.controller.proposal import Done
from search.plan.plan import plan_search
from search.run.folder import RunFolder
from search.stages.trials import search_front
from search.workers.worker import Measured
from spaces.candidate import Candidate
from trainers.progress import SilentProgress


@pytest.fixture
def searched(tiny_config, tmp_path, monkeypatch):
    """Searches in one run folder until it has so many trials; a candidate's map50 falls with its number."""

    def scored(controller, *arguments, on_results, **settings):
        while not isinstance(proposal := controller.ask(), Done):
            on_results([controller.tell(proposal.number, Measured({"map50": 0.5 - proposal.number / 100}, {}))])

    monkeypatch.setattr("search.stages.trials.run_trials", scored)
    monkeypatch.setattr("search.stages.trials.scorer_parts", lambda *_: None)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()

    def search(trials):
        plan = plan_search(tiny_config(f"search.trials={trials}"), None)
        search_front(plan, folder, None, SilentProgress())
        return plan, results.open_run(folder.path)

    return search


def test_a_run_without_sizes_opens_shows_and_goes_on(searched, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr("spaces.cost_table.sizes", lambda *_: [])
        _, run = searched(2)
    assert "size_mb" not in (run.path / layout.JOURNAL).read_text()
    assert "size_mb" not in run.trials
    assert len(run.front()) >= 1
    with pytest.raises(RunError, match="No measured column is called 'size_mb'"):
        run.front(x="size_mb")
    plan, run = searched(4)
    expected = [plan.cost_table.costs(Candidate(run.candidate(one)))["size_mb"] for one in run.trials["id"]]
    assert run.trials["size_mb"].tolist() == expected
    assert (run.path / layout.JOURNAL).read_text().count("size_mb") == 2
    assert "size_mb" in run.front()
    assert run.front(x="size_mb")["size_mb"].is_monotonic_increasing
    assert run.trials.attrs["columns"]["size_mb"] == "packed file in megabytes [1e6 bytes]"
