"""Checks of how candidates are scored: the steps of each rung, and whether searched terms have an effect on scores."""

from collections.abc import Collection, Iterator

from search.config.problems import Kind, Problem
from search.config.scoring import Scoring


def scoring_steps(scoring: Scoring, terms: Collection[str]) -> Iterator[Problem]:
    """Problems of `scoring.adapt_steps` and `scoring.rungs`. terms: what `space.terms` searches."""
    steps, key = scoring.adapt_steps, "scoring.adapt_steps"
    if scoring.rungs and steps is not None:
        text = f"is {steps}, but scoring.rungs has the steps of each rung. Set it to null, or take the rungs out."
        yield Problem(key, Kind.CONFLICT, text, steps)
    elif not scoring.rungs and steps is None:
        text = "is null, which it can only be beside scoring.rungs. Give a whole number, or rungs."
        yield Problem(key, Kind.CONFLICT, text)
    elif terms and scoring.steps[-1] == 0:
        at = "scoring.rungs" if scoring.rungs else key
        where = "has no rung with more than 0 adapt_steps, so" if scoring.rungs else "is 0, so"
        reason = f"{where} that what space.terms searches ({', '.join(terms)}) has no effect on scores"
        yield Problem(at, Kind.CONFLICT, f"{reason}. Adapt some steps, or take the terms out.", 0)
