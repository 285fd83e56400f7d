"""Repeating one thing seed by seed, in a process per seed, which imports torch by itself."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from search.config import ConfigError
from search.errors import RunError

Outcome = TypeVar("Outcome")


def check_seeds_and_workers(seeds: Sequence[int], workers: int) -> None:
    """Raise ConfigError for a seed that is given twice, and below one worker."""
    if len(set(seeds)) < len(seeds):
        raise ConfigError("--seeds: one of them was given twice.")
    if workers < 1:
        raise ConfigError(f"--workers is {workers}, must be at least 1.")


def seed_by_seed(
    seeds: Sequence[int], workers: int, check: Callable[[], None], all_of_a_seed: Callable[[int], Outcome]
) -> list[Outcome]:
    """The outcome of each seed, `workers` of them side by side, after `check` has passed.

    The check runs in one of these processes too: threads that it starts would not survive a fork of this one. If one
    seed fails, all others are ended first; the same command goes on from what they have written. Each process has one
    thread, or all cores if it is alone, unless OMP_NUM_THREADS says otherwise. Raises RunError if a process was killed.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1" if workers > 1 else str(os.cpu_count()))
    with ProcessPoolExecutor(workers, initializer=_end_with_parent) as pool:
        try:
            pool.submit(check).result()
            jobs = [pool.submit(all_of_a_seed, seed) for seed in seeds]
            ended, _ = wait(jobs, return_when=FIRST_EXCEPTION)
            for job in ended:
                job.result()
            return [job.result() for job in jobs]
        except BaseException as error:
            # The pool notes that it is broken, and its own end waits for that: to shut it down here without waiting
            # lets Python 3.11 write to a closed pipe at exit.
            processes = multiprocessing.active_children()
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()
            if isinstance(error, BrokenProcessPool):
                raise RunError(
                    "A process of a seed was killed, perhaps for want of memory: try fewer --workers. "
                    "The same command goes on where it stopped."
                ) from error
            raise


def _end_with_parent() -> None:
    """In a process of a seed: Ctrl-C is left to the parent; SIGTERM, or the end of the parent, ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    """Wait for the end of the process that waits for this one. That isn't `os.getppid()` where a server forks."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def named_in_errors(what: str) -> Iterator[None]:
    """Within it a user's mistake becomes a RunError whose message begins with `what`."""
    from trainers.checkpoint import CheckpointError  # here, in the process of a seed: these import torch
    from trainers.data.errors import DataError
    from trainers.training.finiteness import DivergedError

    try:
        yield
    except (ConfigError, RunError, CheckpointError, DataError, DivergedError) as error:
        raise RunError(f"{what}: {error}") from error
