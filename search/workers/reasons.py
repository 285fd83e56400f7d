"""Why a candidate has no score, in one line with the way out, for the column `reason` of the trials table."""

import re
from pathlib import Path

from ray.tune.experiment import Trial

DIED = "the worker died: "
TOO_LATE = "no score within "
"""How the reasons begin by which a candidate ended its worker."""
LESS_MEMORY = "lower search.workers, scoring.batch_size or data.val_images, or set search.resources.memory_gb"
LOW_MEMORY = re.compile(r"Memory on the node .*? was ([\d.]+)GB used / ([\d.]+)GB limit \(([\d.]+)\)")
"""What Ray's memory monitor writes of the node: the memory used, what there is, and their ratio."""
PROCESS_ENDED = "Worker unexpectedly exits with a connection error code 2"
"""All that Ray knows of a process that was killed by a signal, or ended by itself."""
NO_CAUSE = "The actor never ran"
"""How the line begins that Ray adds below the cause when a worker died while it was set up."""
NO_MEMORY = ("OutOfMemoryError", "DefaultCPUAllocator: can't allocate memory")
"""How torch names a lack of memory: on a GPU by the error's type, on the CPU in its text."""


def error_reason(error: BaseException, limit: int = 300) -> str:
    """An error in one line: its type and its message."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    if isinstance(error, MemoryError) or any(sign in text for sign in NO_MEMORY):
        return f"{text.rstrip('.')}. Out of memory: {LESS_MEMORY}"
    return text


def report_of_death(trial: Trial) -> str:
    """What Ray writes about the death of a Tune trial's worker."""
    return Path(trial.error_file).read_text() if trial.error_file else ""


def late_reason(seconds: float) -> str:
    """Why a candidate has no score whose worker was ended for it."""
    return f"{TOO_LATE}{seconds:g} s (scoring.timeout)"


def ended_its_worker(reason: str) -> bool:
    """Whether a candidate without a score has cost a worker, which a new one replaces."""
    return reason.startswith((DIED, TOO_LATE))


def cause_of_death(report: str, less_memory: str = LESS_MEMORY) -> str:
    """The cause in Ray's report of a worker's death; where it isn't known here, the last line without its advice.

    The last line alone would be a link to Ray's manual where the memory was full. less_memory: the way out then.
    """
    if low := LOW_MEMORY.search(report):
        used, there, ratio = low.groups()
        return f"the memory of its machine was {float(ratio):.0%} full ({used} of {there} GB): {less_memory}"
    if PROCESS_ENDED in report:
        return f"its process was killed or crashed. If memory ran out, {less_memory}"
    lines = [line.strip() for line in report.split("\n")]
    causes = [line for line in lines if line and not line.startswith(NO_CAUSE)]
    return causes[-1].split(" Some common causes")[0] if causes else "for an unknown reason"
