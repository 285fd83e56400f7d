"""Fronts, ranks and nearest candidates of the seven hand-worked trials, and of random clouds by brute force."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results import Run, RunError, open_run, write_run_tables
from results.frame import trials_frame


def opened(run_dir, records):
    write_run_tables(run_dir, records, x="bit_ops", y="map50", ended=False)
    return open_run(run_dir)


@pytest.fixture
def small_memory(tmp_path, records):
    """`dd` is dominated at (500, 0.60), but needs half the memory of the others."""
    return opened(tmp_path, [record | {"memory_bits": 4.0 if record["number"] == 4 else 8.0} for record in records])


def test_a_third_axis_brings_in_what_is_best_there(small_memory):
    front = small_memory.front(z="memory_bits")
    assert front["id"].tolist() == ["ab00000000", "bb00000000", "dd00000000", "aa00000000"]
    assert front.columns[:4].tolist() == ["bit_ops", "map50", "memory_bits", "id"]
    assert small_memory.pareto(z="memory_bits").tolist() == [True] * 5 + [False] * 2


def test_a_third_axis_may_be_an_accuracy(tmp_path, records):
    run = opened(tmp_path, [record | {"ap": 0.9 if record["number"] == 4 else 0.1} for record in records])
    assert run.front(z="ap")["id"].tolist() == ["ab00000000", "bb00000000", "dd00000000", "aa00000000"]


@pytest.mark.parametrize(
    ("z", "message"),
    [
        ("memory", "No measured column is called 'memory'"),
        ("seconds_adapt", "No accuracy or cost is called 'seconds_adapt'"),
        ("map50", "z is 'map50', which is an axis already"),
    ],
)
def test_a_third_axis_must_be_a_figure_of_its_own(whole, z, message):
    with pytest.raises(RunError, match=message):
        whole.front(z=z)


@pytest.mark.parametrize(
    "where",
    [
        "bit_ops > 100",
        "`layer/block.0` == 'real' or `teacher/hint` == 'twin'",
        [True, False, True, True, True, True, True],
        pd.Series([True, pd.NA, True, True, True, True, True], dtype="boolean"),
    ],
)
def test_only_what_fulfils_the_condition_may_be_on_the_front(whole, where):
    assert whole.front(where=where)["id"].tolist() == ["bb00000000", "aa00000000"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "bitops > 100",
            "where is 'bitops > 100', which pandas can't evaluate: name 'bitops' is not.*backtick",
        ),
        ("bit_ops >", "which pandas can't evaluate"),
        ("bit_ops + 1", r"where is 'bit_ops \+ 1' of float64; it must be true or false for each trial"),
        ([True], "where is a mask with 1 values, but there are 7 trials; give one for each"),
        ("bit_ops > 1e9", "No complete, feasible trial in .* fulfils where. Loosen the condition"),
    ],
)
def test_a_condition_that_says_nothing_is_refused(whole, where, message):
    with pytest.raises(RunError, match=message):
        whole.front(where=where)


def test_ranks_count_the_fronts_that_are_ahead(whole):
    ranks = whole.ranks()
    assert ranks.dtype == "Int64"
    assert ranks.tolist() == [0, 0, 0, 0, 1, pd.NA, pd.NA]
    without = whole.ranks(where="id != 'bb00000000' and id != 'cc00000000'")
    assert without.tolist() == [0, 0, pd.NA, pd.NA, 0, pd.NA, pd.NA]


def test_the_flag_is_that_of_the_table_over_the_same_axes(whole):
    assert whole.pareto().tolist() == whole.trials["front"].tolist()
    assert whole.pareto().dtype == bool


def test_ranks_are_of_one_rung(tmp_path, records):
    run = opened(tmp_path, [*records, records[4] | {"rung": 1, "map50": 0.1}])
    assert run.ranks().tolist() == [pd.NA] * 7 + [0]
    assert run.ranks(rung=0).tolist() == [0, 0, 0, 0, 1, pd.NA, pd.NA, pd.NA]


def test_nearest_is_measured_in_ratios(whole):
    assert whole.nearest(bit_ops=250)["id"] == "bb00000000"  # 400 is 1.6 times as much, 100 is 2.5 times less
    assert whole.nearest(bit_ops=190)["id"] == "ab00000000"
    assert whole.nearest(bit_ops=200)["id"] == "ab00000000"  # twice and half: the first
    assert whole.nearest(bit_ops=520, among="trials")["id"] == "dd00000000"
    assert whole.nearest(bit_ops=60, among="trials")["id"] == "ab00000000"  # ff is over a budget


def test_nearest_of_several_costs_adds_their_squares(tmp_path, records):
    run = opened(tmp_path, [record | {"memory_mb": 1e4 / record["bit_ops"]} for record in records])
    # Logarithms to base 10 of (bit_ops, memory_mb): ab (2, 2), bb (2.6, 1.4), aa (3, 1).
    assert run.nearest(bit_ops=1000, memory_mb=10)["id"] == "aa00000000"
    assert run.nearest(bit_ops=300, memory_mb=1000)["id"] == "ab00000000"  # (2.48, 3): 0.23 + 1, not 0.01 + 2.56


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, r"nearest\(\) needs a cost, as in run.nearest"),
        ({"bitops": 1}, "No cost is called 'bitops'. Did you mean 'bit_ops'"),
        ({"map50": 0.5}, "No cost is called 'map50'"),
        ({"bit_ops": 0}, "bit_ops is 0; a cost on a log scale must be above 0"),
        ({"bit_ops": 1, "among": "all"}, "among is 'all'; allowed are front and trials"),
    ],
)
def test_what_is_no_cost_has_no_nearest(whole, asked, message):
    with pytest.raises(RunError, match=message):
        whole.nearest(**asked)


def cloud(points):
    """A run whose trials have these whole numbers as bit_ops, map50 and memory_mb."""
    names = ("bit_ops", "map50", "memory_mb")
    records = [
        {"number": n, "id": f"{n:04}", "state": "complete", **dict(zip(names, map(float, point), strict=True))}
        for n, point in enumerate(points)
    ]
    return Run(Path("run"), trials_frame(records, x="bit_ops", y="map50"))


def beats(one, other):
    """By lower bit_ops, higher map50, lower memory_mb; the third only where it is given."""
    signs = (1, -1, 1)[: len(one)]
    pairs = [(sign * a, sign * b) for sign, a, b in zip(signs, one, other, strict=True)]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def peeled(points):
    """The rank of each point: front by front is taken off."""
    left, ranks, rank = set(range(len(points))), [0] * len(points), 0
    while left:
        front = {i for i in left if not any(beats(points[j], points[i]) for j in left)}
        for i in front:
            ranks[i] = rank
        left, rank = left - front, rank + 1
    return ranks


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12))
def test_fronts_and_ranks_equal_brute_force(points):
    run = cloud(points)
    for z, compared in ((None, [point[:2] for point in points]), ("memory_mb", points)):
        expected = peeled(compared)
        assert run.ranks(z=z).tolist() == expected
        assert run.pareto(z=z).tolist() == [rank == 0 for rank in expected]
        members = {point for point, rank in zip(compared, expected, strict=True) if rank == 0}
        axes = ["bit_ops", "map50", "memory_mb"][: len(compared[0])]
        assert run.front(z=z)[axes].to_numpy().tolist() == [list(map(float, one)) for one in sorted(members)]


@pytest.mark.parametrize("z", [None, "memory_mb"])
def test_large_clouds_take_no_time(z):
    rng = np.random.default_rng(0)
    count = 100_000
    trials = pd.DataFrame({"number": np.arange(count), "id": "a", "state": "complete", "rung": 0, "feasible": True})
    trials[["bit_ops", "map50", "memory_mb"]] = rng.random((count, 3))
    started = time.process_time()
    Run(Path("run"), trials).front(z=z)
    assert time.process_time() - started < 1.0
    started = time.process_time()
    Run(Path("run"), trials.head(5000)).ranks(z=z)
    assert time.process_time() - started < 0.5
