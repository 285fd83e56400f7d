"""Errors at the command line: a user's mistake becomes one message, a bug keeps its traceback."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from search.cli.place_errors import explained, is_of_a_place
from search.cli.streams import drop_unwritable_output, reader_gone, say
from search.errors import RunError
from search.workers.installation import InstallationError, package_folders

USER_MISTAKE, INTERRUPTED, READER_GONE, TERMINATED = 2, 130, 141, 143


@contextmanager
def user_errors(how_to_resume: str | None = None) -> Iterator[None]:
    """Print a user's mistake and exit with 2; on Ctrl-C or SIGTERM print how to go on and exit with 130 or 143.

    Where the reader of the output has ended, as in `bitfront front RUN | head -1`, exit with 141 and print nothing.
    """
    received: list[int] = []
    try:
        with _terminated(received):
            package_folders()
            yield
    except KeyboardInterrupt:
        say(f"\nStopped. {how_to_resume or ''}\n")
        raise _exit(TERMINATED if received else INTERRUPTED) from None
    except (ValueError, ArithmeticError, OSError) as error:
        if isinstance(error, BrokenPipeError) and (error.filename is not None or reader_gone()):
            raise _exit(READER_GONE) from None
        if not is_users_mistake(error):
            raise
        text = explained(error) if isinstance(error, OSError) and is_of_a_place(error) else error
        say(f"Error: {text}\n")
        raise _exit(USER_MISTAKE) from None


def _exit(status: int) -> typer.Exit:
    drop_unwritable_output()
    return typer.Exit(status)


@contextmanager
def _terminated(received: list[int]) -> Iterator[None]:
    """Within it SIGTERM, which schedulers and time limits send, ends the work as Ctrl-C does, and is noted.

    Only the main thread can set that up. An error of its own would not do: Ray, where it waits, raises a plain
    KeyboardInterrupt in its place.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

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
    if isinstance(error, OSError) and is_of_a_place(error):
        return True

    from trainers.checkpoint import CheckpointError
    from trainers.data.errors import DataError
    from trainers.training.finiteness import DivergedError

    return isinstance(error, (CheckpointError, DataError, DivergedError))
