"""Processes on this machine that train together through torch.distributed, without Ray."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from trainers.training.resuming import Position


def in_processes(count: int, work: Callable[[], Any], folder: Path) -> list[Any]:
    """What `work` returns in each of `count` processes of one group, in the order of their ranks.

    They are forked, so that `work` may be any function; what it returns must hold no tensors. Raises RuntimeError with
    the text of an error of theirs.
    """
    context = multiprocessing.get_context("fork")
    meeting, pipes, processes = folder / f"meeting-{os.urandom(4).hex()}", [], []
    for rank in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_join, args=(rank, count, work, str(meeting), there), daemon=True)
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    try:
        answers = [pipe.recv() for pipe in pipes]
    finally:
        for process in processes:
            process.kill()
            process.join()
    for kind, answer in answers:
        if kind == "error":
            raise RuntimeError(answer)
    return [answer for _, answer in answers]


def _join(rank: int, count: int, work: Callable[[], Any], meeting: str, pipe: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    try:
        pipe.send(("result", work()))
    except Exception as error:  # noqa: BLE001 - told to the test
        pipe.send(("error", f"{type(error).__name__}: {error}"))
    signal.pause()  # the others may still need it; its caller ends it


def recorded_losses(train: Callable[[], object]) -> list[dict[str, float]]:
    """The losses of each step of a training by name, in this process, and modules' figures beside them."""
    seen: list[dict[str, float]] = []
    add = Position.add

    def adding(at: Position, losses: Any, figures: Any) -> None:
        seen.append({name: float(loss) for name, loss in losses.items()} | dict(figures))
        add(at, losses, figures)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Position, "add", adding)
        train()
    return seen


class Doubled:
    """Training data in float64."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def fingerprint(self) -> str:
        return str(self._data.fingerprint())

    def batches(self, *args: Any, **options: Any) -> Iterator[Any]:
        for images, targets in self._data.batches(*args, **options):
            yield [x.double() for x in images], [{k: _doubled(v) for k, v in one.items()} for one in targets]


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return x.double() if x.is_floating_point() else x
