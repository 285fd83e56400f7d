"""Ray, started quietly on this machine or joined on a cluster."""

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import ray

from results import layout
from search.errors import RunError
from search.run.lock import RunLock
from search.workers.installation import package_folders
from search.workers.places import FOLDER_PREFIX, candidate_roots, store_bytes, temporary_root, token_settings
from trainers.whole_files import naming_errors

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no usage reports, and no message about them
    "RAY_AIR_NEW_OUTPUT": "0",  # Tune's new output prints every failed trial even at verbosity 0
    "RAY_agent_register_timeout_ms": "60000",  # Ray's own 15 s are too few on a busy machine, and its start fails
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths keep their meaning
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard files per trial
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C reaches us: the journal is the state, and Tune need save none
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # as above
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # recorded with the trial
}

STARTS = 3
"""How often Ray is started on this machine where it doesn't come up in time."""

MARKER = "left-by-bitfront-for-ray"
"""A file in each folder that we made: in a shared temporary folder, a matching name alone proves nothing."""
YOUNG_SECONDS = 60.0
"""A younger folder may belong to a driver that has not locked it yet."""


@contextmanager
def ray_session(address: str | None, workers: int) -> Iterator[Path]:
    """Run Ray inside the context, and yield a temporary folder for the files that Tune must write.

    A Ray that already runs in this process is used and left running. Raises RunError when Ray doesn't start, or the
    cluster can't be joined.
    """
    _remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=temporary_root()))
    with naming_errors(folder / MARKER):
        (folder / MARKER).write_text("Made for one search, which removes it. After a kill, a later search does.\n")
    import_path = os.pathsep.join(filter(None, [str(package_folders()[0].parent), os.environ.get("PYTHONPATH")]))
    needed = {"PYTHONPATH": import_path, "TUNE_MAX_PENDING_TRIALS_PG": str(workers)}
    needed |= token_settings() if address is None else {}
    with RunLock(folder), _environment({**SETTINGS, **needed}), _quiet():
        started = not ray.is_initialized()
        try:
            if started:
                _start(address, folder)
            yield folder
        finally:
            if started:
                ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind() -> None:
    """Remove the folders of drivers that were killed, whose locks nobody holds any more."""
    for folder in (found for root in candidate_roots() for found in root.glob(f"{FOLDER_PREFIX}*")):
        try:
            if _is_ours(folder) and time.time() - folder.stat().st_mtime > YOUNG_SECONDS:
                with RunLock(folder):
                    shutil.rmtree(folder, ignore_errors=True)
        except (RunError, OSError):
            continue


def _is_ours(folder: Path) -> bool:
    """Whether a session of this user made the folder. A folder with a config is a run, whatever else is in it."""
    mine = not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()
    return mine and (folder / MARKER).is_file() and not (folder / layout.CONFIG).exists()


def _start(address: str | None, folder: Path) -> None:
    """Start Ray. It replaces the handler of SIGTERM and exits with its number: ours is called then, and restored."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        _init(address, folder)
    except SystemExit as ended:
        if ended.code == signal.SIGTERM and callable(handler):
            handler(signal.SIGTERM, None)
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _init(address: str | None, folder: Path) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        _init_here(folder, quiet)
        return
    if address.startswith("ray://"):
        raise RunError(
            f"The address is {address!r}, a Ray client's, but the driver must be part of the cluster: only it writes "
            "the run folder. Start this command on a machine of the cluster with --address HOST:PORT or auto."
        )
    try:
        ray.init(address=address, runtime_env={"py_modules": [str(path) for path in package_folders()]}, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RunError(
            f"No Ray cluster can be joined at {address!r}: {error} Start one with 'ray start --head' and give its "
            "HOST:PORT, or leave the address out to run on this machine alone."
        ) from error


def _init_here(folder: Path, quiet: dict[str, Any]) -> None:
    """Start Ray on this machine. Ray waits 30 s for its own processes, which a very busy machine may need twice."""
    for attempt in range(1, STARTS + 1):
        try:
            size = store_bytes()
            ray.init(address="local", include_dashboard=False, _temp_dir=str(folder), object_store_memory=size, **quiet)
        except Exception as error:
            # Ray raises a bare Exception for a node that doesn't come up in time; an error of ours keeps its traceback.
            if type(error) is not Exception and not isinstance(error, (OSError, RuntimeError)):
                raise
            ray.shutdown()
            if attempt < STARTS and "timed out" in str(error):
                continue
            raise RunError(
                f"Ray did not start on this machine: {_sentence(error)} {_cause(error)} Start the same command again: "
                "it goes on from here."
            ) from error
        return


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."


def _cause(error: Exception) -> str:
    """What may lie behind it: a fault of a file or folder names itself."""
    if isinstance(error, OSError) and error.filename is not None:
        return "Ray needs that file: make room, or change its permissions."
    return "A machine that is very busy can be the cause."


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Ray and Tune take these settings from the environment alone."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Tune's log of failed trials, which are in the trials table."""
    # Ray prints a paragraph about each dead worker to stdout, which is for results.
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        logger.setLevel(level)
