"""Choosing the candidates to retrain: by id, the knee of the front, the best within a budget, or the whole front."""

from collections.abc import Sequence
from typing import Literal

from results import Run
from search.errors import RunError


def pick_candidates(
    run: Run,
    *,
    candidates: Sequence[str] | None,
    pick: Literal["knee"] | None,
    max_ops: float | None,
    front: bool = False,
) -> tuple[str, ...] | None:
    """The ids of the candidates that exactly one of these options chooses; None is the whole front.

    Raises RunError where several of them are given, or none.
    """
    ways = {"--candidate": candidates or None, "--pick": pick, "--max-ops": max_ops, "--front": front or None}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise RunError(
            f"Got {' and '.join(given) or 'none of them'}; choose what to retrain by exactly one of --candidate ID, "
            "which may be repeated, --pick knee, --max-ops N, --front."
        )
    if front:
        return None
    if candidates:
        return tuple(candidates)
    return (run.knee() if max_ops is None else _best_within(run, max_ops),)


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
