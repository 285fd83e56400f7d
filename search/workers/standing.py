"""What the progress of a search shows: how well it stands, from the rows of its finished trials."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from search.controller.objectives import OBJECTIVES

ALL_REASONS = "The reasons of all stand in the column 'reason' of the run's trials.parquet."


class Standing:
    """The latest accuracy and the best one, and the numbers of promotions and failures.

    The accuracies are those of the highest rung that has any: scores of different rungs aren't comparable. Notes the
    reason of the first failure.
    """

    def __init__(self, objectives: Sequence[str], note: Callable[[str], None]) -> None:
        self._accuracy = next((name for name in objectives if OBJECTIVES[name] == "maximize"), None)
        self._note = note
        self._failed = 0
        self._rung = 0
        self._promoted: Counter[int] = Counter()
        self.figures: dict[str, float | str] = {}

    def add(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Take in finished trials, in the order in which they finished."""
        for row in rows:
            rung = int(str(row["rung"]))
            if rung > 0:
                self._promoted[rung] += 1
                self.figures["promoted"] = " + ".join(str(self._promoted[one]) for one in sorted(self._promoted))
            if row["state"] == "failed":
                if not self._failed:
                    why = str(row["reason"]).rstrip(".")
                    self._note(f"search: candidate {row['id']} failed with: {why}. {ALL_REASONS}")
                self._failed += 1
                self.figures["failed"] = self._failed
            elif self._accuracy is not None and rung >= self._rung:
                latest = round(float(str(row[self._accuracy])), 4)
                best = max(latest, float(self.figures.get("best", latest))) if rung == self._rung else latest
                self._rung = rung
                self.figures |= {self._accuracy: latest, "best": best}
