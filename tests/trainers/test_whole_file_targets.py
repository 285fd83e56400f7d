"""What may be renamed over, and what is written to: the rules of both writers. results/ keeps them by itself."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from results import files
from trainers import whole_files

WRITERS = {"trainers": whole_files.write_whole, "results": files.write_whole}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def test_a_link_stays_and_the_file_that_it_points_to_is_replaced(tmp_path, write):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_bytes(b"old")
    (tmp_path / "second").symlink_to("far/file")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    write(tmp_path / "first", b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "far" / "file").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["far", "file", "first", "second"]


def test_a_link_to_nothing_stays_and_its_target_is_made(tmp_path, write):
    (tmp_path / "link").symlink_to("made")
    write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "made").is_symlink()
    assert (tmp_path / "made").read_bytes() == b"new"


def test_a_folder_that_is_a_link_stays_one(tmp_path, write):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to("disk")
    write(tmp_path / "run" / "file", b"new")
    assert (tmp_path / "run").is_symlink()
    assert (tmp_path / "disk" / "file").read_bytes() == b"new"


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_named_pipe_is_written_to(tmp_path, write, through_a_link):
    pipe, given = tmp_path / "pipe", tmp_path / ("link" if through_a_link else "pipe")
    os.mkfifo(pipe)
    if through_a_link:
        given.symlink_to(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write(given, b"new")
    reader.join(10)
    assert read == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert not list(tmp_path.glob(".*"))


def test_a_device_is_written_to(tmp_path, write):
    """A terminal, not /dev/null: a writer that did rename over it would take that from the whole machine."""
    reader, terminal = os.openpty()
    device = Path(os.ttyname(terminal))
    (tmp_path / "link").symlink_to(device)
    for given in (device, tmp_path / "link"):
        write(given, b"new\n")
        assert os.read(reader, 9) == b"new\r\n"
        assert stat.S_ISCHR(device.stat().st_mode)
    assert (tmp_path / "link").is_symlink()
    os.close(terminal)
    os.close(reader)


def test_a_descriptor_is_written_to_where_it_stands(tmp_path, write):
    """As /dev/stdout is after `(echo header; bitfront front RUN -o /dev/stdout) > file`, and /dev/fd/63 for >(...)."""
    with (tmp_path / "file").open("wb") as file:
        file.write(b"header\n")
        file.flush()
        inode = os.fstat(file.fileno()).st_ino
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        write(Path(f"/dev/fd/{file.fileno()}"), b"a\n")
        write(Path(f"/proc/self/fd/{file.fileno()}"), b"b\n")
        write(tmp_path / "link", b"c\n")
    assert (tmp_path / "file").read_bytes() == b"header\na\nb\nc\n"
    assert (tmp_path / "file").stat().st_ino == inode
    read, written = os.pipe()
    write(Path(f"/dev/fd/{written}"), b"new")
    os.close(written)
    assert os.read(read, 9) == b"new"
    os.close(read)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names another process's descriptors")
def test_a_deleted_file_that_another_process_has_open_is_written_to(tmp_path, write):
    waits = (
        "import sys, os; f = open(sys.argv[1], 'w+b'); os.unlink(sys.argv[1]); print(f.fileno(), flush=True); input()"
    )
    command = [sys.executable, "-c", f"{waits}; print(f.read())", tmp_path / "file"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        write(Path(f"/proc/{other.pid}/fd/{other.stdout.readline().strip()}"), b"new")
        assert other.communicate("\n", timeout=20)[0] == "b'new'\n"
    assert list(tmp_path.iterdir()) == []


def test_the_mode_stays(tmp_path, write):
    target = tmp_path / "file"
    target.touch()
    for mode in (0o600, 0o664, 0o755):
        target.chmod(mode)
        write(target, b"new")
        assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_the_owner_stays(tmp_path, write):
    target = tmp_path / "file"
    target.touch()
    os.chown(target, 1234, 2345)
    write(target, b"new")
    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 2345)


def test_a_new_file_has_the_usual_mode(tmp_path, write):
    before = os.umask(0o027)
    try:
        write(tmp_path / "file", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_folder_is_refused_by_its_name(tmp_path, write):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for name in ("folder", "link"):
        with pytest.raises(IsADirectoryError) as refused:
            write(tmp_path / name, b"new")
        assert refused.value.filename == str(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "link"]


def test_a_file_that_may_not_be_written_to_is_refused(tmp_path, write, monkeypatch):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != target)  # root may write everywhere
    with pytest.raises(PermissionError) as refused:
        write(target, b"new")
    assert refused.value.filename == str(target)
    assert target.read_bytes() == b"old"


def test_a_file_that_is_mounted_by_itself_is_written_to(tmp_path, write, monkeypatch):
    target = tmp_path / "file"
    target.write_bytes(b"older")
    inode = target.stat().st_ino

    def busy(self, to):
        raise OSError(errno.EBUSY, "Device or resource busy", str(self), None, str(to))

    monkeypatch.setattr(Path, "replace", busy)
    write(target, b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_ino == inode
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_an_error_has_the_name_that_was_asked_for(tmp_path, write, monkeypatch, call):
    """Python gives errors of writing no name, and those of opening and renaming the temporary file's."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")

    def full(first, *_):
        names = [str(first)] if isinstance(first, Path) else []
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *names)

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "fsync" else Path, call, full)
        with pytest.raises(OSError, match="No space left") as failed:
            write(tmp_path / "link", b"new")
    assert failed.value.filename == str(tmp_path / "link")
    assert str(failed.value) == f"[Errno {errno.ENOSPC}] No space left on device: '{tmp_path / 'link'}'"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_planted_link_under_the_temporary_name_is_not_followed(tmp_path, write):
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / f".file.{os.getpid()}.part").symlink_to("theirs")
    write(tmp_path / "file", b"new")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert (tmp_path / "file").read_bytes() == b"new"
