import ctypes
import sys

import pytest

from trainers.training.memory import keep_freed_memory


class Glibc:
    """A C library that notes how its malloc is set."""

    def __init__(self, accepts=1):
        self.options, self.accepts = {}, accepts

    def gnu_get_libc_version(self):
        return b"2.36"

    def mallopt(self, option, value):
        self.options[option] = value
        return self.accepts


def test_freed_memory_is_neither_trimmed_nor_mapped_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Glibc()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert keep_freed_memory()
    assert library.options == {-4: 0, -1: -1}  # glibc's malloc.h: M_MMAP_MAX 0 blocks, M_TRIM_THRESHOLD never


@pytest.mark.parametrize("library", [Glibc(accepts=0), object()], ids=["it refuses", "it is no glibc"])
def test_a_library_that_can_not_be_set_is_reported(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert not keep_freed_memory()


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
