import pandas as pd
import pyarrow.parquet as pq
import pytest

from results import RunError
from results.frame import knobs_of, trials_frame
from results.parquet import read_parquet, to_parquet

KNOBS = {
    "layer/str": ["real", "8", None],
    "layer/int": [8, None, 1],
    "layer/bool": [None, True, False],
    "layer/mixed": ["real", 8, True],
    "weight/float": [0.1 + 0.2, None, 1e-320],
    "weight/mixed": [1, 1.0, None],
    "weight/never": [None, None, None],
}


@pytest.fixture
def trials():
    rows = [{name: values[i] for name, values in KNOBS.items()} for i in range(3)]
    records = [
        {"number": i, "id": f"0{i}", "state": "complete", "bit_ops": 1, "map50": 0.5} | row
        for i, row in enumerate(rows)
    ]
    return trials_frame(records, x="bit_ops", y="map50")


def written(tmp_path, frame):
    path = tmp_path / "trials.parquet"
    path.write_bytes(to_parquet(frame))
    return path


def test_knobs_of_every_type_come_back_as_they_were(tmp_path, trials):
    back, _ = read_parquet(written(tmp_path, trials))
    for i, (_, row) in enumerate(back.iterrows()):
        assert repr(knobs_of(row)) == repr({name: values[i] for name, values in KNOBS.items() if values[i] is not None})


def test_a_table_read_and_written_again_is_the_same(tmp_path, trials):
    once, _ = read_parquet(written(tmp_path, trials))
    pd.testing.assert_frame_equal(read_parquet(written(tmp_path, once))[0], once)


def test_other_readers_find_numbers_texts_and_json(tmp_path, trials):
    plain = pq.read_table(written(tmp_path, trials)).to_pydict()
    assert plain["weight/float"] == [0.1 + 0.2, None, 1e-320]
    assert plain["layer/int"] == [8, None, 1]
    assert plain["layer/mixed"] == ['"real"', "8", "true"]
    assert plain["weight/never"] == [None, None, None]
    assert plain["id"] == ["00", "01", "02"]


def test_writing_leaves_the_table_alone(trials):
    before = trials.copy()
    to_parquet(trials)
    pd.testing.assert_frame_equal(trials, before)


def test_a_table_without_rows_comes_back_without_rows(tmp_path):
    empty = trials_frame([], x="bit_ops", y="map50")
    back, _ = read_parquet(written(tmp_path, empty))
    assert back.empty
    assert list(back.columns) == list(empty.columns)


def test_notes_come_back_and_leave_the_table_alone(tmp_path, trials):
    path = tmp_path / "trials.parquet"
    path.write_bytes(to_parquet(trials, notes={"x": "ops", "y": "größe"}))
    noted, notes = read_parquet(path)
    assert notes == {"x": "ops", "y": "größe"}
    pd.testing.assert_frame_equal(noted, read_parquet(written(tmp_path, trials))[0])


def test_a_table_without_notes_has_none(tmp_path, trials):
    assert read_parquet(written(tmp_path, trials))[1] == {}
    pd.DataFrame({"id": ["00"]}).to_parquet(tmp_path / "foreign.parquet")
    assert read_parquet(tmp_path / "foreign.parquet")[1] == {}


def test_what_is_no_parquet_file_is_named(tmp_path):
    path = tmp_path / "trials.parquet"
    path.write_text("id,map50\n")
    with pytest.raises(RunError, match=r"trials\.parquet is not readable as a trials table"):
        read_parquet(path)
