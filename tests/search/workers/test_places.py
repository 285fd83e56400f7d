"""Where Ray may write is found out before anything is trained, and a home folder is not among what it needs."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

import search.workers.places as places
from search.errors import RunError
from search.workers.places import (
    BESIDE_PARTS,
    LEAST_STORE,
    check_demand,
    check_places,
    store_bytes,
    temporary_root,
    token_settings,
)
from search.workers.share import Demand

MB = 2**20


@pytest.fixture
def short():
    """A folder with a short path: sockets can't have long ones, and pytest's own may be too long."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        yield Path(folder)


@pytest.fixture
def roots(short, monkeypatch):
    """Two short paths that may be a temporary folder, `first` before `second`; both can be."""
    found = [short / name for name in ("first", "second")]
    for root in found:
        root.mkdir()
    monkeypatch.setattr(places, "candidate_roots", lambda: found)
    monkeypatch.setattr(places, "LONGEST_ROOT", len(str(found[1])))
    return found


@pytest.fixture
def rooms(monkeypatch, roots):
    """Sets how much room, in MB, the temporary folder and the shared memory have."""

    def has(disk, shared):
        monkeypatch.setattr(places, "_room", lambda folder: (shared if folder == places.SHARED_MEMORY else disk) * MB)

    return has


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in places.TOKEN_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_first_folder_in_which_files_and_sockets_can_be_made_is_taken_and_left_empty(roots, monkeypatch):
    assert temporary_root() == roots[0]
    roots[0].rmdir()
    assert temporary_root() == roots[1]
    assert list(roots[1].iterdir()) == []
    roots[0].mkdir()
    monkeypatch.setattr(places, "LONGEST_ROOT", len(str(roots[0])))
    assert temporary_root() == roots[0]


def test_without_such_a_folder_each_is_named_with_its_reason(roots, monkeypatch):
    roots[0].rmdir()
    roots[0].touch()
    monkeypatch.setattr(places, "LONGEST_ROOT", len(str(roots[0])))
    message = (
        rf"{roots[0]} \(Not a directory\), {roots[1]} \(its path has more than \d+ characters\)\. Set TMPDIR to a f"
    )
    with pytest.raises(RunError, match=message):
        temporary_root()


def test_a_disk_without_sockets_is_none_that_can_be_used(roots, monkeypatch):
    class NoSocket(socket.socket):
        def bind(self, address):
            raise OSError(95, "Operation not supported")

    monkeypatch.setattr(socket, "socket", NoSocket)
    with pytest.raises(RunError, match=r"first \(Operation not supported\)"):
        temporary_root()
    assert [list(root.iterdir()) for root in roots] == [[], []]


def test_the_temporary_folder_of_the_environment_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert places.candidate_roots()[0] == tmp_path.resolve()
    assert len(places.candidate_roots()) == 4


def test_little_room_is_refused_with_both_figures(rooms):
    parts = 200 * MB
    rooms(disk=264, shared=0)
    check_places(None, parts)
    rooms(disk=0, shared=264)
    check_places(None, parts)
    rooms(disk=263, shared=127)
    with pytest.raises(
        RunError, match=r"^Ray needs 264 MB for the images .* only 263 MB in /.*/first and 127 MB in /dev"
    ):
        check_places(None, parts)
    check_places("head:6379", parts)
    assert BESIDE_PARTS == 64 * MB


def test_too_little_shared_memory_is_none_as_ray_leaves_it_alone(rooms):
    rooms(disk=0, shared=LEAST_STORE // MB - 1)
    with pytest.raises(RunError, match="Ray needs 65 MB"):
        check_places(None, MB)


def test_the_store_fits_into_little_shared_memory(rooms, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**18}[name])  # 1 GB
    for shared, expected in ((127, None), (200, 180 * MB), (410, None)):
        rooms(disk=0, shared=shared)
        assert store_bytes() == expected


def test_a_home_that_can_hold_rays_token_is_rays_own_business(home):
    assert token_settings() == {}
    assert list((home / ".ray").iterdir()) == []
    (home / ".ray" / "auth_token").write_text("ab" * 32)
    assert token_settings() == {}


@pytest.mark.parametrize("where", ["below a file", "nowhere", "unset and unknown", "a file", "an empty token"])
def test_another_home_is_no_hindrance(home, monkeypatch, where):
    (home / "file").touch()
    monkeypatch.setenv("HOME", str(home / {"below a file": "file/home", "nowhere": "none"}.get(where, "")))
    if where == "unset and unknown":
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    elif where == "a file":
        (home / ".ray").touch()
    elif where == "an empty token":
        (home / ".ray").mkdir()
        (home / ".ray" / "auth_token").touch()
    before = sorted(home.rglob("*"))
    (name,), (token,) = zip(*token_settings().items(), strict=True)
    assert name == "RAY_AUTH_TOKEN"
    assert len(bytes.fromhex(token)) == 32
    assert token_settings() == {name: token}
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("setting", places.TOKEN_SETTINGS)
def test_a_users_own_settings_stay(home, monkeypatch, setting):
    monkeypatch.setenv("HOME", str(home / "none"))
    monkeypatch.setenv(setting, "x")
    assert token_settings() == {}


def test_what_is_tried_with_is_nobody_elses(roots, monkeypatch):
    modes = []
    usual = places.shutil.rmtree
    monkeypatch.setattr(
        places.shutil, "rmtree", lambda path, **_: modes.append(stat.S_IMODE(path.stat().st_mode)) or usual(path)
    )
    temporary_root()
    assert modes == [0o700]


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        (Demand(cpu=5), r"^search\.resources\.cpu is 5 for each worker, and this machine has 4\. Ask for less"),
        (Demand(gpu=2), r"^search\.resources\.gpu is 2 for each worker, and this machine has 1\."),
        (Demand(memory_gb=1e6), r"^search\.resources\.memory_gb is 1e\+06 for each worker, and this machine has \d"),
    ],
)
def test_more_than_the_machine_has_is_refused(demand, message, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(RunError, match=message):
        check_demand(None, demand)
    check_demand("head:6379", demand)
    check_demand(None, Demand(cpu=4, gpu=1, memory_gb=0.01))
    check_demand(None)
