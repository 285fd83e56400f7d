"""Worker processes that compute ahead of their caller, by torch's DataLoader."""

import ctypes
import gc
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from trainers.data.errors import DataError

K = TypeVar("K")
V = TypeVar("V")

MOST_BY_DEFAULT = 8
AHEAD = 2
"""Results that each worker makes ahead of the caller."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_PARENT_DIES = 1
"""Linux's prctl.h: PR_SET_PDEATHSIG."""


def default_workers() -> int:
    """Half of the threads that torch computes with, from 1 to 8: the training needs the others."""
    return max(1, min(MOST_BY_DEFAULT, torch.get_num_threads() // 2))


class Workers(Generic[K, V]):
    """Computes `work(key)` for many keys, in `count` processes that are started once; 0 computes in this process.

    Results come in the order of the keys, whatever the count. `work` returns an error of the data, it doesn't raise it.
    """

    def __init__(self, work: Callable[[K], V | DataError | OSError], count: int) -> None:
        self._work, self._count = work, count
        self._keys: _Keys[K] = _Keys()
        self._loader: DataLoader[Any] | None = None
        self._owner: threading.Thread | None = None
        self._busy = False

    @property
    def count(self) -> int:
        return self._count

    def results(self, keys: Sequence[K], largest: int) -> Iterator[V]:
        """The results of the keys. largest: the most bytes of tensors in one of them.

        While another such pass is under way they are computed in this process. Raises DataError where shared memory is
        too small for what is made ahead, and where a worker dies.
        """
        if not self._count or self._busy or not keys:
            for key in keys:
                yield _result(self._work(key))
            return
        self._busy = True
        try:
            for result in self._ahead(keys, largest):
                yield _result(result)
        finally:
            self._busy = False

    def _ahead(self, keys: Sequence[K], largest: int) -> Iterator[V | DataError | OSError]:
        check_shared_memory(largest, self._count)
        self._keys.now = keys
        if self._loader is None or self._owner is not threading.current_thread():  # with that thread they died
            self._loader, self._owner = self._started(), threading.current_thread()
        try:
            yield from _iterator(self._loader)
        except RuntimeError as error:
            self._loader = None
            if "DataLoader worker" not in str(error):
                raise
            raise _died(error) from error

    def _started(self) -> DataLoader[Any]:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="This DataLoader will create"
            )  # more than cores are what one asked
            return DataLoader(
                _Work(self._work),
                batch_size=None,
                sampler=self._keys,
                num_workers=self._count,
                collate_fn=_unchanged,
                worker_init_fn=partial(_begin, os.getpid()),
                multiprocessing_context="fork" if sys.platform == "linux" else "spawn",
                generator=torch.Generator(),  # the global one must not be drawn from
                prefetch_factor=AHEAD,
                persistent_workers=True,
            )

    def __getstate__(self) -> dict[str, Any]:
        """Processes stay where they are."""
        return {"_work": self._work, "_count": self._count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_work"], state["_count"])  # type: ignore[misc]


def check_shared_memory(largest: int, count: int) -> None:
    """Raise DataError where the results that are ahead, of up to `largest` bytes each, don't fit into /dev/shm."""
    if not SHARED_MEMORY.is_dir():
        return
    needed, free = largest * (count * AHEAD + 2), shutil.disk_usage(SHARED_MEMORY).free
    if needed > free:
        raise DataError(
            f"the {count} processes that read images ahead",
            f"they need up to {needed / 2**20:.0f} MB of shared memory, {free / 2**20:.0f} MB are free in /dev/shm",
            _WAY_OUT,
        )


_WAY_OUT = (
    "Give them more shared memory (docker run --shm-size=2g), a smaller batch_size, or fewer processes: with 0 the "
    "main process reads its images itself (data.loader_workers; --loader-workers of `bitfront evaluate`)"
)


class _Keys(Sampler[K]):
    """What the workers are to compute next."""

    now: Sequence[K] = ()

    def __init__(self) -> None:
        return None

    def __iter__(self) -> Iterator[K]:
        return iter(self.now)


class _Work(Dataset[Any]):
    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work

    def __getitem__(self, key: Any) -> Any:
        return self._work(key)


def _iterator(loader: DataLoader[Any]) -> Iterator[Any]:
    """Start the processes, or give those that there are new keys; how the caller handles SIGCHLD stays as it is.

    torch's own handler raises in whatever the main thread does when a worker dies, such as a step.
    """
    if threading.current_thread() is not threading.main_thread():
        return iter(loader)
    before = signal.getsignal(signal.SIGCHLD)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)  # of Python 3.12 and later
        iterator = iter(loader)
    signal.signal(signal.SIGCHLD, before)
    return iterator


def _unchanged(result: Any) -> Any:
    return result


def _begin(parent: int, worker: int) -> None:
    """In a worker: die with the process that reads from it, and leave the memory that both share untouched."""
    gc.freeze()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGKILL)
        if os.getppid() != parent:  # it died meanwhile
            os._exit(1)


def _result(result: V | DataError | OSError) -> V:
    if isinstance(result, (DataError, OSError)):
        raise result
    return result


def _died(error: RuntimeError) -> DataError:
    free = (
        f", {shutil.disk_usage(SHARED_MEMORY).free / 2**20:.0f} MB are free in /dev/shm"
        if SHARED_MEMORY.is_dir()
        else ""
    )
    return DataError(
        "a process that reads images ahead",
        f"it died ({str(error).splitlines()[0].rstrip('.')}{free}), as for want of memory or of shared memory",
        _WAY_OUT,
    )
