import math

import pandas as pd
import pytest

from results import RunError, open_run, write_run_tables


@pytest.fixture
def bare(tmp_path, records):
    """A run without any record."""
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", ended=False)
    return open_run(tmp_path)


def test_each_epoch_is_a_row_and_a_half_written_line_is_none(whole):
    training = whole.training()
    assert training["stage"].tolist() == ["supernet", "retrain bb00000000"]
    assert training.columns.tolist() == ["stage", "epoch", "of", "loss", "cls", "box", "flipped"]
    assert training["loss"].tolist() == [3.5, 2.0]
    assert math.isnan(training["box"].iloc[1])


def test_foreign_lines_of_the_log_are_left_out(bare):
    (bare.path / "training.jsonl").write_text('[1]\n{"stage": "a"}\nnotes\n{"epoch": 1, "of": 2, "loss": 1}\n')
    assert bare.training().empty


def test_seconds_and_environment_are_rows(whole):
    assert whole.seconds().to_numpy().tolist() == [["supernet", 27.5], ["search", 55.8]]
    assert whole.environment().to_numpy().tolist() == [["python", "3.11.7"], ["cores", "2"], ["torch", "2.15.0"]]


def test_failures_have_their_reasons_and_times(whole):
    failed = whole.failures()
    assert failed[["id", "reason"]].to_numpy().tolist() == [["ee00000000", "diverged: loss is nan"]]
    assert failed["completed"].tolist() == [pd.Timestamp("2026-11-28 09:01:00", tz="UTC")]
    assert failed["layer/block.0"].tolist() == ["bireal"]


def test_a_run_without_records_has_empty_frames(bare):
    for name in ("training", "seconds", "environment"):
        frame = getattr(bare, name)()
        assert frame.empty
        assert list(frame.attrs["columns"]) == frame.columns.tolist()


@pytest.mark.parametrize(("content", "message"), [("{", "can't be read"), ("[]", "holds a list, no mapping")])
def test_a_damaged_record_is_named(bare, content, message):
    (bare.path / "seconds.json").write_text(content)
    with pytest.raises(RunError, match=rf"seconds.json {message}.*Delete it"):
        bare.seconds()
