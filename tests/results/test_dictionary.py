"""The dictionary describes every column of every frame, and the page of the reference has the same tables."""

import re
from pathlib import Path

import pandas as pd
import pytest

from results import compare, open_run
from results.agreement import agreement
from results.dictionary import FRAMES, column_of
from results.fidelity import Fidelity
from results.rivals import Rivals

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "frames.md"


@pytest.fixture(scope="module")
def frames(whole, whole_run):
    compared = compare([whole, open_run(whole_run)], names=["a", "b"])
    methods = ("layers", "retrained", "training", "seconds", "environment", "failures", "history", "front", "effects")
    return {
        "trials": whole.trials,
        **{name: getattr(whole, name)() for name in methods},
        "compared": compared.runs,
        "dominance": compared.dominance,
        "fronts": compared.fronts,
        **trained_frames(),
    }


def trained_frames():
    """Those of a fidelity of two candidates, and of a member beside a rival."""
    known = {"id": ["a", "b"], "bit_ops": [1.0, 2.0], "trained": [0.5, 0.6], "trained_sd": [0.0, 0.1]}
    known |= {"trained_seed_0": [0.5, 0.5], "trained_seed_1": [0.5, 0.7], "layer/stem": ["real", "int8"]}
    scored = {f"{name}{end}": [0.4, 0.5] for name in ("score", "model") for end in ("_rung_0", "_rung_1")}
    scored |= {"score_seeds": [0.4, 0.5], "score_seeds_sd": [0.0, 0.1]}
    candidates = pd.DataFrame({"role": ["front", "variant"], "layers": [0, 1], **known, **scored})
    compared = agreement(candidates, ["bit_ops", "score_rung_0"], "bit_ops")
    settings = {"x": "bit_ops", "y": "map50"}
    fidelity = Fidelity(candidates, compared, settings)
    rivals = Rivals(pd.DataFrame({"role": ["member", "rival"], "name": ["a", "all int8"], **known}), settings)
    return {
        "fidelity": fidelity.candidates,
        "agreement": fidelity.agreement,
        "rivals": rivals.trained,
        "pairs": rivals.pairs(),
        "places": rivals.places(),
    }


@pytest.mark.parametrize("kind", FRAMES)
def test_every_column_has_its_dtype_and_its_meaning(frames, kind):
    frame = frames[kind]
    assert len(frame)
    assert list(frame.attrs["columns"]) == frame.columns.tolist()
    for name in frame.columns:
        column = column_of(kind, name)
        assert column is not None, name
        assert str(frame[name].dtype) in column.dtype.split(" or "), name
        assert frame.attrs["columns"][name] == column.meaning(name)


def test_a_meaning_names_the_figure_and_its_unit(frames):
    columns = frames["retrained"].attrs["columns"]
    assert columns["test_map50"] == "mAP at IoU 0.5, on the test images [0 to 1]"
    assert columns["bit_ops"] == "bit-operations per image [MACs x weight bits x input bits]"
    assert frames["trials"].attrs["columns"]["layer/stem"] == "the method of stem"
    assert frames["trials"].attrs["columns"]["id"] == "the candidate's id"


def test_a_column_of_a_users_own_has_no_entry():
    assert column_of("trials", "remark") is None


def shown(text):
    """The text with its placeholders as code: Markdown would take them for tags."""
    return re.sub(r"(<\w+>)", r"`\1`", text)


@pytest.mark.parametrize("kind", FRAMES)
def test_the_page_has_the_same_table(kind):
    sections = re.split(r"^#+ ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    [section] = [one for one in sections if f"<!-- {kind} -->" in one]
    rows = [f"| `{one.name}` | {one.dtype} | {shown(one.what)} | {shown(one.unit)} |" for one in FRAMES[kind]]
    assert [line for line in section.splitlines() if line.startswith("| `")] == rows
