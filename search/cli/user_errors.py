"""Errors at the command line: a user's mistake becomes one message, a bug keeps its traceback."""

import errno
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from search.errors import RunError
from search.workers.installation import InstallationError, package_folders

USER_MISTAKE, INTERRUPTED, TERMINATED = 2, 130, 143
PLACES_AT_FAULT = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
)
"""The disk is full, or the path can't be used: the system's own message names the file."""


@contextmanager
def user_errors(how_to_resume: str | None = None) -> Iterator[None]:
    """Print a user's mistake and exit with 2; on Ctrl-C or SIGTERM print how to go on and exit with 130 or 143."""
    try:
        with _terminated():
            package_folders()
            yield
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"\nStopped. {how_to_resume or ''}\n")
        raise typer.Exit(TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED) from None
    except (ValueError, ArithmeticError, OSError) as error:
        if not is_users_mistake(error):
            raise
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(USER_MISTAKE) from None


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which schedulers and time limits send."""


@contextmanager
def _terminated() -> Iterator[None]:
    """Within it SIGTERM ends the work as Ctrl-C does; only the main thread can set that up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def is_users_mistake(error: BaseException) -> bool:
    """Whether the user can put it right; its message says how.

    The errors of the light modules come first: a mistake in a config is reported without an import of torch.
    """
    from search.config import ConfigError  # here, because `bitfront --help` needs no pydantic

    if isinstance(error, (ConfigError, RunError, InstallationError)):
        return True
    if isinstance(error, OSError) and error.errno in PLACES_AT_FAULT:
        return True

    from trainers.checkpoint import CheckpointError
    from trainers.data.errors import DataError
    from trainers.training.step import DivergedError

    return isinstance(error, (CheckpointError, DataError, DivergedError))
