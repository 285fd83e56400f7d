"""Choosing the candidate to retrain: by id, the knee of the front, or the best within a budget of operations."""

from typing import Literal

from results import Run
from search.errors import RunError


def pick_candidate(run: Run, *, candidate: str | None, pick: Literal["knee"] | None, max_ops: float | None) -> str:
    """The id of the candidate that exactly one of `candidate`, `pick` and `max_ops` chooses.

    Raises RunError where several of them are given, or none.
    """
    ways = {"--candidate": candidate, "--pick": pick, "--max-ops": max_ops}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise RunError(
            f"Got {' and '.join(given) or 'none of them'}; choose the candidate by exactly one of --candidate ID, "
            "--pick knee, --max-ops N."
        )
    if candidate is not None:
        return candidate
    if max_ops is not None:
        return _best_within(run, max_ops)
    return run.knee()


def _best_within(run: Run, max_ops: float) -> str:
    front = run.front(x="ops")
    affordable = front[front["ops"] <= max_ops]
    if affordable.empty:
        cheapest = front.iloc[0]
        raise RunError(
            f"No candidate of {run.path} has {max_ops:g} operations or fewer; the cheapest, {cheapest['id']}, has "
            f"{cheapest['ops']:g}."
        )
    return str(affordable.sort_values(run.y).iloc[-1]["id"])
