"""TensorBoard's event files: what is written comes back, once each, whatever a killed process left."""

import pytest

from search.run.event_files import EventFolder, events_in


def scalars(folder):
    """Every (tag, step, value) in the order of TensorBoard's reading."""
    events = [event for file in sorted(folder.glob("events.out.tfevents.*")) for event in events_in(file)]
    return [(value.tag, event.step, value.simple_value) for event in events for value in event.summary.value]


def times(folder):
    return [event.wall_time for event in events_in(max(folder.iterdir())) if event.summary.value]


def test_appended_values_come_back_at_once(tmp_path):
    events = EventFolder(tmp_path / "new")
    events.append(1, {"loss": 0.5, "cls": 0.25})
    events.append(2, {"loss": 0.375})
    assert scalars(tmp_path / "new") == [("loss", 1, 0.5), ("cls", 1, 0.25), ("loss", 2, 0.375)]


@pytest.mark.parametrize("left", ["half an event", "a step that the record has not", "a step less", "a step twice"])
def test_a_folder_agrees_with_its_record_again_and_what_stays_has_its_time(tmp_path, left):
    record = [(1, {"loss": 0.1}), (2, {"loss": 0.2})]
    for step, values in record[: 1 if left == "a step less" else 2]:
        EventFolder(tmp_path).append(step, values)
    before = times(tmp_path)
    (file,) = tmp_path.iterdir()
    if left == "half an event":
        file.write_bytes(file.read_bytes() + b"\x18\x00\x00")
    elif left != "a step less":
        EventFolder(tmp_path).append(3 if "record" in left else 2, {"loss": 0.2})
    EventFolder(tmp_path).hold(record)
    old, new = sorted(tmp_path.iterdir())  # TensorBoard goes from file to file by name, if it finds the one it reads
    assert (old, old.stat().st_size) == (file, 0)
    assert [event.session_log.status for event in events_in(new)][:2] == [0, 1]  # it drops what it has read: START
    EventFolder(tmp_path).append(3, {"loss": 0.3})
    assert scalars(tmp_path) == [
        (tag, step, pytest.approx(step / 10)) for tag, step in [("loss", 1), ("loss", 2), ("loss", 3)]
    ]
    assert times(tmp_path)[: len(before)] == before
    EventFolder(tmp_path).hold([*record, (3, {"loss": 0.3})])
    assert sorted(tmp_path.iterdir()) == [old, new]
    EventFolder(tmp_path).hold(record)
    assert len(list(tmp_path.iterdir())) == 2
    assert not old.exists()


def test_what_agrees_is_left_alone_and_nothing_makes_no_folder(tmp_path):
    EventFolder(tmp_path / "none").hold([])
    assert list(tmp_path.iterdir()) == []
    EventFolder(tmp_path).append(1, {"loss": 0.1})
    before = list(tmp_path.iterdir())
    EventFolder(tmp_path).hold([(1, {"loss": 0.1})])
    assert list(tmp_path.iterdir()) == before
