"""How the C library hands out memory, which decides much of a CPU training's speed."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""glibc's malloc.h: how much free memory at the heap's top goes back to the system (-1: none), how many blocks may
lie outside."""


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for its next tensors. Returns whether that was possible.

    By default glibc asks the system for every large tensor and gives it back when it is freed. The system then fills
    each with zeros, page by page, and much of a training step's time on a CPU goes into that. The price is that the
    process's memory stays at its peak until the process ends. Nothing changes on other systems than
    Linux with glibc, and for tensors on a GPU.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(library.mallopt(_MMAP_MAX, 0)) and bool(library.mallopt(_TRIM_THRESHOLD, -1))
