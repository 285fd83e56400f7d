"""What is left to do when stdout or stderr can't be written to any more."""

import os
import select
import sys
from contextlib import suppress


def say(text: str) -> None:
    """Write to stderr. Where that is impossible, as on a full disk, the exit status alone has to say it."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def reader_gone() -> bool:
    """Whether stdout or stderr is a pipe whose reader has ended, such as `head`."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # not every stream has a descriptor
            poll.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def drop_unwritable_output() -> None:
    """Drop what stdout and stderr hold if it can't be written: Python would try again and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            with suppress(OSError):
                os.dup2(nowhere, stream.fileno())
                stream.flush()
            os.close(nowhere)
