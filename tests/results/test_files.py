import os

import pytest

from results.files import write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "front.csv"
    write_whole(target, b"old")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "front.csv"
    write_whole(target, b"old")

    def full_disk(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    target = tmp_path / "front.csv"
    seen = []
    flush = os.fsync

    def fsync(handle):
        seen.append(target.exists())
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(target, b"new")
    assert seen == [False, True]
