import resource
import subprocess
import sys

import pytest

from trainers.training.memory import keep_freed_memory

PAGE_FAULTS = """
import resource, sys, torch
from trainers.training.memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
torch.set_num_threads(1)
for step in range(25):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 1024 * 1024)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """The pages that the system makes for 15 tensors of 64 MiB, made and freed in turn after 10 others."""
    told = subprocess.run([sys.executable, "-c", PAGE_FAULTS, how], capture_output=True, text=True, check=True)
    return int(told.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told so")
def test_freed_memory_is_kept_and_used_again_instead_of_asked_for_anew() -> None:
    pages = 64 * 1024 * 1024 // resource.getpagesize()
    assert faults("kept") < pages <= faults("as usual") / 10


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
