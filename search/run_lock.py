"""One driver a run: a lock that the kernel takes back when the process dies, however it dies."""

import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType

from search.errors import RunError

LOCK_TEXT = "process "
"""What a held lock begins with."""


class RunLock:
    """Holds `<run>/lock` while a search or a retraining writes to the run: `with RunLock(run_dir): ...`.

    Raises RunError, naming the holder, when another process has it.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / "lock"
        self._descriptor = -1

    def __enter__(self) -> "RunLock":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(
                f"{self.path.parent} can't be written to ({error.strerror}). Give another folder with --run-dir."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise RunError(
                f"The run {self.path.parent} is in use by {holder}. "
                "Wait until it has ended or stop it; two can't write to one run. "
                "For a second search give another folder with --run-dir."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{LOCK_TEXT}{os.getpid()} on {socket.gethostname()}\n".encode())
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1
