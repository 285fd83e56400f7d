"""How long a stage will still take."""

from collections.abc import Callable


class TimeLeft:
    """Estimated from the units that this start did, but for those of the first round.

    at_once: how many units are done at the same time, a round. The first round also pays for the start of workers and
    caches; and since the units of a round may end together, only whole rounds tell the speed.
    """

    def __init__(self, total: int, at_once: int, clock: Callable[[], float]) -> None:
        self._total, self._at_once, self._clock = total, at_once, clock
        self._done = self._begun_with = 0
        self._first_round: tuple[float, int] | None = None
        """When the first round ended, and how many units were done then."""
        self._rounds = 0
        self._end: float | None = None

    def resume(self, n: int) -> None:
        """`n` units were done by an earlier start."""
        self._done = self._begun_with = n

    def advance(self, n: int) -> None:
        """`n` more units are done."""
        now = self._clock()
        self._done += n
        if self._first_round is None:
            if self._done - self._begun_with >= self._at_once:
                self._first_round = now, self._done
            return
        since, before = self._first_round
        rounds = (self._done - before) // self._at_once
        if rounds > self._rounds:
            self._rounds = rounds
            self._end = now + (now - since) / (self._done - before) * (self._total - self._done)

    def seconds(self) -> float | None:
        """The time left; None as long as nothing tells the speed, and when only work is left that is no unit."""
        return None if self._end is None or self._done >= self._total else max(0.0, self._end - self._clock())
