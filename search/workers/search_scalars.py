"""A search in TensorBoard: how it stands after each trial."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from search.controller.problem import SearchProblem
from search.run.event_files import EventFolder, Point
from search.run.tensorboard import event_folder
from search.workers.standing import Standing

Row = Mapping[str, object]


class SearchScalars:
    """Writes into `tensorboard/search` of the run: hypervolume, best, front size, failures, model error, accuracies.

    A step is the number of trials that had finished, whichever start did them. `rows` are those of earlier starts: what
    the event files lack of them is written at once.
    """

    def __init__(self, run: Path, problem: SearchProblem, rows: Iterable[Row], rungs: int = 1) -> None:
        self._standing = Standing(problem, note=lambda text: None, rungs=rungs)
        self._folder: EventFolder = event_folder(run, "search")
        self._folder.hold([self._after(row) for row in rows])

    def add(self, row: Row) -> None:
        """A trial has finished."""
        self._folder.append(*self._after(row))

    def _after(self, row: Row) -> Point:
        self._standing.add([row])
        return self._standing.scores.total(), self._standing.scalars() | self._standing.latest(row)
