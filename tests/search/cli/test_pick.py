"""Which candidates are retrained."""

import pytest

import results
from search.cli.pick import pick_candidates
from search.errors import RunError

# Three candidates on the front over ops: 1e6 at 0.2, 2e6 at 0.5, 8e6 at 0.6; the knee is the middle one.
FIGURES = {"a": (1e6, 0.2), "b": (2e6, 0.5), "c": (8e6, 0.6), "d": (9e6, 0.1)}


@pytest.fixture
def run(tmp_path):
    records = [
        {"number": n, "id": one, "state": "complete", "reason": None, "layer/b0": one, "map50": map50, "ops": ops}
        for n, (one, (ops, map50)) in enumerate(FIGURES.items())
    ]
    results.write_run_tables(tmp_path, records, x="ops", y="map50")
    return results.open_run(tmp_path)


def pick(run, **how):
    return pick_candidates(run, **({"candidates": None, "pick": None, "max_ops": None} | how))


def test_named_candidates_are_taken_and_the_front_needs_no_names(run):
    assert pick(run, candidates=["d", "a"]) == ("d", "a")
    assert pick(run, front=True) is None


def test_the_knee_is_taken(run):
    assert pick(run, pick="knee") == ("b",)


@pytest.mark.parametrize(("max_ops", "best"), [(1e6, "a"), (7.9e6, "b"), (1e9, "c")])
def test_the_most_accurate_within_the_operations_is_taken(run, max_ops, best):
    assert pick(run, max_ops=max_ops) == (best,)


def test_a_budget_below_the_cheapest_is_refused(run):
    with pytest.raises(RunError, match=r"has 10 operations or fewer; the cheapest, a, has 1e\+06"):
        pick(run, max_ops=10)


def test_exactly_one_way_must_be_given(run):
    with pytest.raises(RunError, match="Got none of them; choose what to retrain by exactly one of --candidate ID"):
        pick(run)
    with pytest.raises(RunError, match="Got --candidate and --pick; choose"):
        pick(run, candidates=["a"], pick="knee")
    with pytest.raises(RunError, match="Got --max-ops and --front; choose"):
        pick(run, max_ops=10.0, front=True)
