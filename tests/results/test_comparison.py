"""Two runs by hand: the seven trials, and one with two candidates on its front."""

import numpy as np
import pytest

from results import RunError, compare, open_run, write_run_tables
from results.comparison import coverage


def run_of(folder, points, digest='{"val": "a12c"}', x="bit_ops"):
    records = [
        {"number": n, "id": f"{n:02}", "state": "complete", "bit_ops": cost, "memory_mb": cost, "map50": accuracy}
        for n, (cost, accuracy) in enumerate(points)
    ]
    folder.mkdir()
    write_run_tables(folder, records, x=x, y="map50", ended=False)
    if digest:
        (folder / "data.json").write_text(digest)
    return open_run(folder)


@pytest.fixture
def other(tmp_path):
    return run_of(tmp_path / "other", [(200, 0.30), (300, 0.70), (900, 0.10)])


def test_all_hypervolumes_have_one_reference_that_depends_on_no_front(whole, other):
    found = compare([whole, other])
    assert found.reference == {"bit_ops": 1000.0, "map50": 0.0}
    # 300 x 0.30 + 600 x 0.66; and 100 x 0.30 + 700 x 0.70
    assert found.runs["hypervolume"].tolist() == pytest.approx([486, 520])
    assert found.runs["front_size"].tolist() == [3, 2]
    assert found.runs["evaluations"].tolist() == [7, 3]
    wider = compare([whole, other], reference={"bit_ops": 2000, "map50": 0})
    assert wider.runs["hypervolume"].tolist() == pytest.approx([1186, 30 + 1190])


def test_dominance_is_a_share_of_members(whole, other):
    """The other's (300, 0.70) beats (400, 0.66) and (1000, 0.70); our (100, 0.30) beats its (200, 0.30)."""
    table = compare([whole, other], names=["ours", "theirs"]).dominance
    assert table[["front", "by"]].to_numpy().tolist() == [["ours", "theirs"], ["theirs", "ours"]]
    assert table["dominated"].tolist() == pytest.approx([2 / 3, 1 / 2])


def test_equal_members_are_covered_and_not_dominated():
    front = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert coverage(front, front) == (0.0, 1.0)
    assert coverage(front, np.array([[1.0, 1.0]])) == (1.0, 1.0)
    assert coverage(front, np.array([[2.0, 1.0]])) == (0.0, 0.5)


def test_runs_are_called_by_their_folders_and_may_be_given_by_them(whole_run, other):
    found = compare([str(whole_run), other.path])
    assert found.runs["run"].tolist() == [whole_run.name, "other"]
    ours = ["ab00000000", "bb00000000", "aa00000000"]
    assert found.fronts.groupby("run", sort=False)["id"].agg(list).tolist() == [ours, ["00", "01"]]


def test_runs_over_other_axes_are_refused_unless_axes_are_given(tmp_path, whole):
    memory = run_of(tmp_path / "memory", [(200, 0.30)], x="memory_mb")
    with pytest.raises(
        RunError, match=r"different axes: x is bit_ops in whole.*, memory_mb in memory. Give the x to use"
    ):
        compare([whole, memory])
    assert compare([whole, memory], x="bit_ops").x == "bit_ops"


def test_runs_on_other_data_are_refused_unless_that_is_asked_for(tmp_path, whole):
    elsewhere = run_of(tmp_path / "elsewhere", [(200, 0.30)], digest='{"val": "ffff"}')
    with pytest.raises(RunError, match=r"elsewhere and whole.* are on different data .data.json.*other_data=True"):
        compare([whole, elsewhere])
    notes = compare([whole, elsewhere], other_data=True).notes
    assert any(note.startswith("elsewhere is on other data than whole") for note in notes)


def test_what_limits_a_comparison_is_noted(tmp_path, whole):
    unknown = run_of(tmp_path / "unknown", [(200, 0.30)], digest=None)
    assert compare([whole, unknown]).notes == (
        "unknown has no data.json, so that it may be on other data.",
        "unknown is unfinished: 1 of 1 trials.",
    )


@pytest.mark.parametrize(
    ("count", "names", "message"),
    [
        (1, None, "was given 1 run; it needs two or more"),
        (2, ["a"], "was given 1 names for 2 runs"),
        (2, ["a", "a"], "Several runs are called a. Give names="),
        (2, None, "Several runs are called .*whole"),
    ],
)
def test_runs_that_cannot_be_told_apart_are_refused(whole, count, names, message):
    with pytest.raises(RunError, match=message):
        compare([whole] * count, names=names)


def test_the_fronts_are_drawn(whole, other, tmp_path):
    found = compare([whole, other])
    found.plot(tmp_path / "fronts.svg")
    assert (tmp_path / "fronts.svg").read_text().startswith("<?xml")
    with pytest.raises(RunError, match="a picture ends in one of"):
        found.plot(tmp_path / "fronts.bmp")
