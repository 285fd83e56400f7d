"""One driver a run: a lock that the kernel takes back when the process dies, however it dies."""

import errno
import fcntl
import os
import socket
import time
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from types import TracebackType

from results import layout
from search.errors import RunError
from trainers.whole_files import naming_errors

LOCK_TEXT = "process "
"""What a held lock begins with."""
LONGEST_LOOK = 0.2
"""Seconds. Who opens the run to read holds the lock for a moment (`results.state`); a writer holds it for longer."""


class RunLock:
    """Holds `<run>/lock` while a search or a retraining writes to the run: `with RunLock(run_dir): ...`.

    On exit it removes the folders that it created, if they are still empty; in a folder that already existed, only the
    lock file that it created. Raises RunError, with the holder's name, when another process has the lock.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / layout.LOCK
        self._descriptor = -1
        self._made: list[Path] = []

    def __enter__(self) -> "RunLock":
        folder = self.path.parent
        self._made = list(takewhile(lambda one: not one.exists(), (self.path, folder, *folder.parents)))
        while self._descriptor < 0:
            self._descriptor = self._locked()
        try:
            with naming_errors(self.path):
                os.ftruncate(self._descriptor, 0)
                os.write(self._descriptor, f"{LOCK_TEXT}{os.getpid()} on {socket.gethostname()}\n".encode())
        except OSError:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        if self.path in self._made and list(self.path.parent.glob("*")) == [self.path]:
            self._remove_what_was_made()
        os.close(self._descriptor)
        self._descriptor = -1

    def _locked(self) -> int:
        """A descriptor that holds the lock; -1 where a holder before us took file or folder away meanwhile."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # a holder before us took the folder away
            return -1
        except OSError as error:
            self._remove_empty_folders()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # another folder is no way out
                raise
            raise RunError(
                f"{self.path.parent} can't be written to ({error.strerror}). Give another folder with --run-dir."
            ) from error
        try:
            _take(descriptor)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise RunError(
                f"The run {self.path.parent} is in use by {holder}. "
                "Wait until it has ended or stop it; two can't write to one run. "
                "For a second search give another folder with --run-dir."
            ) from error
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), self.path.stat()):
                return descriptor
        os.close(descriptor)
        return -1

    def _remove_what_was_made(self) -> None:
        """While the lock is held, so that nobody else's is removed; the innermost first, and none that is in use."""
        self.path.unlink(missing_ok=True)
        self._remove_empty_folders()

    def _remove_empty_folders(self) -> None:
        with suppress(OSError):
            for folder in self._made[1:]:
                folder.rmdir()


def _take(descriptor: int) -> None:
    """Lock the open file. Raises BlockingIOError when somebody holds it for longer than a look."""
    deadline = time.monotonic() + LONGEST_LOOK
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
