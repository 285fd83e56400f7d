"""Why a candidate has no score: one line, with what to do where memory ran out, and no link to Ray's manual."""

import pytest
import torch

from search.workers.reasons import cause_of_death, error_reason

WAY_OUT = "lower search.workers, scoring.batch_size or data.val_images, or set search.resources.memory_gb"
LOW_MEMORY = """Failure # 1 (occurred at 2026-11-27_22-58-06)
1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 192.0.2.2, ID: da232e00) was \
22.42GB used / 23.54GB limit (0.952421)
OOM kill reason: Memory usage 24073259776B exceeded threshold of 24012676902B (95.0% of 25276502016B limit)
Top 10 memory users: PID\tMEM(GB)\tCOMMAND
27790\t0.70\tpython
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io/en/latest/debug-memory.html.
"""
"""As Ray 2.60 writes it, with most lines left out."""
KILLED = """Failure # 1 (occurred at 2026-11-27_22-54-09)
The actor died unexpectedly before finishing this task.
\tclass_name: ResourceTrainable
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker \
unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the process was killed
"""


@pytest.mark.parametrize(
    ("report", "cause"),
    [
        (
            LOW_MEMORY,
            f"the memory of its machine was 95% full (22.42 of 23.54 GB): {WAY_OUT}",
        ),
        (
            KILLED,
            f"its process was killed or crashed. If memory ran out, {WAY_OUT}",
        ),
        ("one\n  The cause. Some common causes are: x\n The actor never ran - it was cancelled\n\n", "The cause."),
        ("", "for an unknown reason"),
    ],
)
def test_the_cause_of_a_workers_death_is_one_line_with_the_way_out(report, cause):
    assert cause_of_death(report) == cause


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("two\nlines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 400), f"ValueError: {'x' * 285}..."),
        (MemoryError(), f"MemoryError. Out of memory: {WAY_OUT}"),
        (
            torch.OutOfMemoryError("CUDA out of memory."),
            f"OutOfMemoryError: CUDA out of memory. Out of memory: {WAY_OUT}",
        ),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do_where_memory_ran_out(error, reason):
    assert error_reason(error) == reason


def test_torchs_own_message_for_no_memory_is_known():
    with pytest.raises(RuntimeError) as full:
        torch.empty(2**60, dtype=torch.uint8)
    assert error_reason(full.value).endswith(f"Out of memory: {WAY_OUT}")
