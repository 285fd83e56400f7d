"""What the progress of a search shows: how well it stands, from the rows of its finished trials."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from search.controller.objectives import OBJECTIVES

ALL_REASONS = "The reasons of all stand in the column 'reason' of the run's trials.parquet."


class Standing:
    """The latest accuracy, the best one and the number of failures. Notes the reason of the first failure."""

    def __init__(self, objectives: Sequence[str], note: Callable[[str], None]) -> None:
        self._accuracy = next((name for name in objectives if OBJECTIVES[name] == "maximize"), None)
        self._note = note
        self._failed = 0
        self.figures: dict[str, float | str] = {}

    def add(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Take in finished trials, in the order in which they finished."""
        for row in rows:
            if row["state"] == "failed":
                if not self._failed:
                    why = str(row["reason"]).rstrip(".")
                    self._note(f"search: candidate {row['id']} failed with: {why}. {ALL_REASONS}")
                self._failed += 1
                self.figures["failed"] = self._failed
            elif self._accuracy is not None:
                latest = round(float(str(row[self._accuracy])), 4)
                best = max(latest, float(self.figures.get("best", latest)))
                self.figures |= {self._accuracy: latest, "best": best}
