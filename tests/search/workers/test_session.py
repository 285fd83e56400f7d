"""What is refused before Ray is started, and which folders are left, and removed, when it has ended."""

import os
import signal
import sys
from pathlib import Path

import pytest
import typer

import search.workers.session as ray_session_module
from search.cli.user_errors import user_errors
from search.errors import RunError
from search.run.lock import RunLock
from search.workers.places import FOLDER_PREFIX, LONGEST_ROOT
from search.workers.session import MARKER, _remove_left_behind, ray_session


def test_an_address_of_a_ray_client_is_refused():
    refused = pytest.raises(RunError, match=r"'ray://head:10001', a Ray client's, .* with --address HOST:PORT or auto")
    with refused, ray_session("ray://head:10001", 1):
        pass


def test_a_ray_that_does_not_start_is_told_and_nothing_is_left(root, monkeypatch):
    starts = []

    def timed_out(**_):
        starts.append(1)
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray_session_module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session_module.ray, "init", timed_out)
    monkeypatch.setattr(ray_session_module.ray, "shutdown", lambda: None)
    refused = pytest.raises(RunError, match=r"did not start .*: The current node timed out .* same command again")
    with refused, ray_session(None, 1):
        pass
    assert len(starts) == 3
    assert list(root.iterdir()) == []


def test_a_ray_that_comes_up_at_the_second_start_is_used(root, monkeypatch):
    starts = []

    def timed_out_once(**_):
        starts.append(1)
        if len(starts) == 1:
            raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray_session_module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session_module.ray, "init", timed_out_once)
    monkeypatch.setattr(ray_session_module.ray, "shutdown", lambda: None)
    with ray_session(None, 1) as folder:
        assert folder.is_dir()
    assert len(starts) == 2


def test_a_file_that_ray_cannot_write_is_named_and_no_busy_machine_is_blamed(root, monkeypatch):
    def no_place(**_):
        raise NotADirectoryError(20, "Not a directory", "/dev/null/home/.ray")

    monkeypatch.setattr(ray_session_module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session_module.ray, "init", no_place)
    monkeypatch.setattr(ray_session_module.ray, "shutdown", lambda: None)
    refused = pytest.raises(RunError, match=r"Not a directory: '/dev/null/home/\.ray'\. Ray needs that file: make room")
    with refused as raised, ray_session(None, 1):
        pass
    assert "busy" not in str(raised.value)


def test_a_mistake_of_ours_at_rays_start_is_none_of_the_machines(root, monkeypatch):
    def mistaken(**_):
        raise TypeError("no such option")

    monkeypatch.setattr(ray_session_module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session_module.ray, "init", mistaken)
    monkeypatch.setattr(ray_session_module.ray, "shutdown", lambda: None)
    with pytest.raises(TypeError, match="no such option"), ray_session(None, 1):
        pass


def test_a_process_that_is_terminated_while_ray_starts_ends_as_at_any_other_time(root, monkeypatch, capsys):
    """Ray's own handler, which exits with the signal's number, is installed by then: see test_pipeline_kill.py."""

    def terminated(**_):
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
        signal.raise_signal(signal.SIGTERM)

    def start():
        with user_errors("Start again."), ray_session(None, 1):
            pass

    monkeypatch.setattr(ray_session_module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session_module.ray, "init", terminated)
    monkeypatch.setattr(ray_session_module.ray, "shutdown", lambda: None)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(typer.Exit) as ended:
        start()
    assert ended.value.exit_code == 143
    assert capsys.readouterr().err == "\nStopped. Start again.\n"
    assert list(root.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_environment_is_as_before_afterwards():
    before = dict(os.environ)
    with pytest.raises(RunError), ray_session("ray://head:10001", 1):
        pass
    assert dict(os.environ) == before


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder of temporary folders for one test alone."""
    monkeypatch.setattr(ray_session_module, "temporary_root", lambda: tmp_path)
    monkeypatch.setattr(ray_session_module, "candidate_roots", lambda: [tmp_path])
    return tmp_path


def old_folder(root, name, *files):
    folder = root / name
    folder.mkdir()
    for file in files:
        (folder / file).touch()
    os.utime(folder, (0, 0))
    return folder


def test_folders_of_killed_drivers_are_removed_and_those_of_living_ones_kept(root):
    dead, living, young = (old_folder(root, f"{FOLDER_PREFIX}{name}", MARKER) for name in ("dead", "living", "young"))
    os.utime(young)
    with RunLock(living):
        os.utime(living, (0, 0))
        _remove_left_behind()
    assert [folder.exists() for folder in (dead, living, young)] == [False, True, True]


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("bitfront-demo", ["config.yaml"]),
        ("bitfront-demo", [MARKER]),
        (f"{FOLDER_PREFIX}demo", []),
        (f"{FOLDER_PREFIX}demo", ["config.yaml"]),
        (f"{FOLDER_PREFIX}demo", ["config.yaml", MARKER]),
    ],
)
def test_what_lacks_the_name_or_the_marker_or_looks_like_a_run_is_nobodys_to_remove(root, name, files):
    folder = old_folder(root, name, *files)
    _remove_left_behind()
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)


def test_a_link_to_a_folder_of_ours_is_left_alone(root):
    (root / f"{FOLDER_PREFIX}link").symlink_to(old_folder(root, "elsewhere", MARKER))
    _remove_left_behind()
    assert [path.name for path in (root / "elsewhere").iterdir()] == [MARKER]


def test_a_session_marks_its_folder_and_removes_it(root, monkeypatch):
    monkeypatch.setattr(ray_session_module, "_start", lambda address, folder: None)
    with ray_session(None, 1) as folder:
        assert folder.name.startswith(FOLDER_PREFIX)
        assert (folder / MARKER).is_file()
    assert list(root.iterdir()) == []


def test_rays_sockets_fit_below_the_longest_root():
    session = "session_2026-01-31_23-59-59_123456_4194304"
    path = Path("/", "r" * (LONGEST_ROOT - 1), f"{FOLDER_PREFIX}abcdefgh", session, "sockets", "plasma_store")
    assert len(str(path)) <= 103
