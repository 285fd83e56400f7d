"""Pages that the system makes for large tensors, freed memory kept against given back: a tenth or less.

15 tensors of 64 MiB are made and freed in turn, after 10 others, in a process for each way. Linux with glibc alone.
"""

import subprocess
import sys

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
    """The page faults of a process that keeps freed memory (`kept`) or gives it back (`as usual`)."""
    command = [sys.executable, "-c", PAGE_FAULTS, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603


def main() -> None:
    kept, usual = faults("kept"), faults("as usual")
    print(f"page faults: {kept} where freed memory is kept, {usual} as usual, ratio {kept / usual:.4f}")
    assert kept <= usual / 10


if __name__ == "__main__":
    main()
