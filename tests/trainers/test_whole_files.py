"""The promise of every writer: a file appears whole, and on the disk, or not at all. results/ keeps it by itself."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from results import files
from trainers import whole_files
from trainers.whole_files import digest_of, replacing, write_whole

WRITERS = {"trainers": whole_files.write_whole, "results": files.write_whole}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path, write):
    target = tmp_path / "front.csv"
    write(target, b"old")
    write(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("point", ["fsync", "replace"])
def test_a_crash_leaves_the_old_file_alone(tmp_path, monkeypatch, write, point):
    target = tmp_path / "front.csv"
    write(target, b"old")

    def crash(*_arguments):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if point == "fsync" else (Path, "replace")), crash)
        with pytest.raises(OSError, match="the disk is full"):
            write(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_content_reaches_the_disk_then_the_name_then_the_folder(tmp_path, monkeypatch, write):
    events, replace = [], Path.replace
    what = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
    monkeypatch.setattr(os, "fsync", lambda handle: events.append(what[stat.S_IFMT(os.fstat(handle).st_mode)]))
    monkeypatch.setattr(Path, "replace", lambda self, target: events.append("name") or replace(self, target))
    write(tmp_path / "front.csv", b"new")
    assert events == ["file", "name", "folder"]


def test_missing_folders_are_made(tmp_path):
    write_whole(tmp_path / "a" / "b" / "it", b"x")
    assert (tmp_path / "a" / "b" / "it").read_bytes() == b"x"


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path):
    target = tmp_path / "it"
    write_whole(target, b"old")

    def write_half():
        with replacing(target) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_digest_is_the_sha256_of_the_bytes(tmp_path):
    write_whole(tmp_path / "it", b"abc")
    assert digest_of(tmp_path / "it") == hashlib.sha256(b"abc").hexdigest()
