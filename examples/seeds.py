"""What examples share that repeat one thing seed by seed: their options, their processes, how they end on a mistake."""

import multiprocessing
import os
import signal
import threading
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer
from paired import STUDENT_T

from search.cli.user_errors import is_users_mistake, user_errors
from search.errors import RunError

if TYPE_CHECKING:
    from search.stages.detector_result import Result

Found = TypeVar("Found")


def seed_parser(description: str | None) -> ArgumentParser:
    """A parser with --seeds, --processes and --set."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1, help="seeds that run side by side")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="KEY=VALUE")
    return parser


def parsed(parser: ArgumentParser) -> Namespace:
    """What the command line says. Sets the number of threads too, which torch reads when it is loaded."""
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
def told_clearly() -> Iterator[None]:
    """As at `bitfront`: a mistake of the user's is one message and exit status 2, Ctrl-C says how to go on."""
    try:
        with user_errors("The same command goes on where it stopped."):
            yield
    except typer.Exit as end:
        raise SystemExit(end.exit_code) from None


def seed_by_seed(asked: Namespace, check: Callable[[], None], all_of_a_seed: Callable[[int], Found]) -> list[Found]:
    """What each seed gives, in processes of their own, after `check` has raised nothing.

    The check runs in one of these processes: threads that it starts here would not outlive their forking. Where one
    seed fails, all end before that is told; the same command goes on from what each has kept. Raises RunError where one
    of the processes was killed.
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
            pool.shutdown(wait=False, cancel_futures=True)
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
    """In a process of a seed: its parent alone hears Ctrl-C, and ends it by SIGTERM, at once, or by being killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def told_of(what: str) -> Iterator[None]:
    """Within it a mistake of the user's is told with what it is a mistake in before it, as a RunError."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        if not is_users_mistake(error):
            raise
        raise RunError(f"{what}: {error}") from error


def trained(config: str, overrides: Sequence[str], folder: str, data: str | None) -> "Result":
    """One network, trained in `runs/<folder>` or found there."""
    from search.config import load_config
    from search.stages.train import run_train
    from trainers.progress import SilentProgress

    loaded = load_config(config, overrides)
    return run_train(loaded, Path("runs", folder).resolve(), Path(data) if data else None, SilentProgress())
