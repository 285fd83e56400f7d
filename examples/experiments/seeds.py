"""Repeating one thing seed by seed: options, a process per seed, and exits with one message."""

import multiprocessing
import os
import signal
import threading
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import typer
from experiments.paired import STUDENT_T

from search.cli.user_errors import is_users_mistake, user_errors
from search.errors import RunError

Outcome = TypeVar("Outcome")


def seed_parser(description: str | None) -> ArgumentParser:
    """A parser with --seeds, --processes and --set."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1, help="seeds that run side by side")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="KEY=VALUE")
    return parser


def parsed(parser: ArgumentParser) -> Namespace:
    """The parsed command line. Also sets the number of threads, which torch reads when it is loaded."""
    asked = parser.parse_args()
    if len(asked.seeds) > max(STUDENT_T):
        parser.error(f"--seeds: {len(asked.seeds)} seeds were given; up to {max(STUDENT_T)} are allowed.")
    if len(set(asked.seeds)) < len(asked.seeds):
        parser.error("--seeds: one of them was given twice.")
    if asked.processes < 1:
        parser.error(f"--processes: is {asked.processes}, must be at least 1.")
    os.environ.setdefault("OMP_NUM_THREADS", "1" if asked.processes > 1 else str(os.cpu_count()))
    return asked


@contextmanager
def clear_exit() -> Iterator[None]:
    """As `bitfront` ends: a user's mistake is one message and exit status 2, and Ctrl-C says how to go on."""
    try:
        with user_errors("The same command goes on where it stopped."):
            yield
    except typer.Exit as end:
        raise SystemExit(end.exit_code) from None


def seed_by_seed(asked: Namespace, check: Callable[[], None], all_of_a_seed: Callable[[int], Outcome]) -> list[Outcome]:
    """The outcome of each seed, in processes of their own, after `check` has passed.

    The check runs in one of these processes too: threads that it starts would not survive a fork of this one. If one
    seed fails, all others are ended first; the same command goes on from what they have written. Raises RunError if a
    process was killed.
    """
    with ProcessPoolExecutor(asked.processes, initializer=_end_with, initargs=(os.getpid(),)) as pool:
        try:
            pool.submit(check).result()
            jobs = [pool.submit(all_of_a_seed, seed) for seed in asked.seeds]
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
                    "A process of a seed was killed, perhaps for want of memory: try fewer --processes. "
                    "The same command goes on where it stopped."
                ) from error
            raise


def _end_with(parent: int) -> None:
    """In a process of a seed: Ctrl-C is left to the parent; SIGTERM, or the end of the parent, ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def named_in_errors(what: str) -> Iterator[None]:
    """Within it a user's mistake becomes a RunError whose message begins with `what`."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        if not is_users_mistake(error):
            raise
        raise RunError(f"{what}: {error}") from error
