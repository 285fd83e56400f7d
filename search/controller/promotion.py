"""Which candidates go on to the next rung: asynchronous successive halving by non-dominated rank."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results.pareto import pareto_ranks


def next_promotion(points: ArrayLike, promoted: ArrayLike, reduction: int) -> int | None:
    """The index of the point that goes on to the next rung now, or None where none does yet.

    points (N, D): the scores of one rung that may go on, lower is better in every column. promoted bool (N,): which
    have gone on already. About one point in `reduction` goes on (ASHA, arXiv:1810.05934): of N points the best
    N // reduction should have, better by non-dominated rank, as for several objectives in arXiv:2106.12639. Where a
    rank has more members than may go on, so many of it do. Of one rank that goes first which is farthest from those
    that have gone on: they should be spread over the front. Of equally good ones the earliest goes.
    """
    values, gone = np.asarray(points, dtype=np.float64), np.asarray(promoted, dtype=np.bool_)
    room = len(values) // reduction
    if room == 0:
        return None
    ranks = pareto_ranks(values)
    for rank in range(int(ranks.max()) + 1):
        members = ranks == rank
        waiting = np.flatnonzero(members & ~gone)
        if len(waiting) and np.count_nonzero(members & gone) < room:
            return int(waiting[np.argmax(_distances(values, waiting, gone, members))])
        room -= int(np.count_nonzero(members))
        if room <= 0:
            return None
    return None


def _distances(
    values: NDArray[np.float64], waiting: NDArray[np.intp], gone: NDArray[np.bool_], members: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """How far each of `waiting` is from the nearest that has gone on, where each objective of `members` spans 1."""
    if not gone.any():
        return np.zeros(len(waiting))
    spans = np.ptp(values[members], axis=0)
    scaled = values / np.where(spans > 0, spans, 1.0)
    between = scaled[waiting][:, None] - scaled[gone][None]
    nearest: NDArray[np.float64] = np.sqrt(np.square(between).sum(axis=2)).min(axis=1)
    return nearest


class Promotions:
    """The scores of a search by rung, and which of them have gone on.

    A trial is a number and a rung. Only complete and feasible trials are scored here; the others never go on.
    """

    def __init__(self, rungs: int, reduction: int) -> None:
        self._reduction = reduction
        self._scores: list[dict[int, tuple[float, ...]]] = [{} for _ in range(rungs)]
        self._promoted: list[set[int]] = [set() for _ in range(rungs)]
        self._next: dict[int, int | None] = dict.fromkeys(range(rungs - 1))

    @property
    def last(self) -> int:
        """The highest rung."""
        return len(self._scores) - 1

    def add(self, number: int, rung: int, values: Sequence[float]) -> None:
        """Take in a score: its objectives, each so that less is better."""
        self._scores[rung][number] = tuple(values)
        self._next.pop(rung, None)

    def given_out(self, number: int, rung: int) -> None:
        """Note that a candidate has gone on to this rung."""
        if rung > 0:
            self._promoted[rung - 1].add(number)
            self._next.pop(rung - 1, None)

    def due(self) -> tuple[int, int] | None:
        """The number that goes on now and the rung that it goes to, the highest such rung first; None for none."""
        for rung in reversed(range(self.last)):
            if rung not in self._next:
                self._next[rung] = self._next_from(rung)
            if (number := self._next[rung]) is not None:
                return number, rung + 1
        return None

    def _next_from(self, rung: int) -> int | None:
        numbers = sorted(self._scores[rung])
        points = [self._scores[rung][number] for number in numbers]
        promoted = [number in self._promoted[rung] for number in numbers]
        index = next_promotion(points, promoted, self._reduction)
        return None if index is None else numbers[index]
