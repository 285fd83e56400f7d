"""Which candidates of a run are trained to check its scores: spread over cost, on the front and behind it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from results import Run
from results.agreement import EQUAL_COST, VARIANT
from results.frame import knobs_of
from results.front import eligible
from search.errors import RunError
from spaces.candidate import Candidate
from spaces.space import SearchSpace

FEWEST = 3
"""Candidates below which an order says nothing."""
TRIES = 200
"""Draws of teachers and weights for one group, of which some are no new candidates."""
USEFUL = 0.1
"""A member of the front with a lower share of the best score is a network that finds next to nothing."""

Role = Literal["front", "behind", "variant"]


@dataclass(frozen=True)
class Chosen:
    """A candidate, and why it was chosen. A variant has the layers of another one, and other teachers or weights."""

    candidate: Candidate
    role: Role


def choose(run: Run, count: int, seed: int) -> list[Chosen]:
    """`count` candidates, or as many as there are: half from the front, evenly over log cost, the others behind it.

    Those from the front are `useful` ones if there are enough: the order of networks that find nothing says nothing.
    Each of the others costs the same as one of the front, up to `EQUAL_COST`, or as nearly as can be had. Raises
    RunError for a run without a front, and below `FEWEST` candidates.
    """
    if count < FEWEST:
        raise RunError(f"-n is {count}, must be at least {FEWEST}: an order of fewer says nothing.")
    whole = run.front()
    trials = run.trials[eligible(run.trials)].sort_values(["rung", "number"]).drop_duplicates("id", keep="last")
    if len(trials) < FEWEST:
        raise RunError(f"{run.path} has {len(trials)} complete candidates; it takes {FEWEST}. Let its search run on.")
    behind = trials[~trials["id"].isin(whole["id"])].sort_values(run.x)
    from_front = useful(whole, run.y)
    from_front = from_front if len(from_front) + len(behind) >= FEWEST else whole
    front = trials[trials["id"].isin(from_front["id"])].sort_values(run.x)
    wanted = max((count + 1) // 2, count - len(behind))
    members = front.iloc[spread(front[run.x].tolist(), wanted)]
    others = behind.iloc[_partners(behind[run.x].tolist(), members[run.x].tolist(), count - len(members), seed)]
    roles: tuple[tuple[pd.DataFrame, Role], ...] = ((members, "front"), (others, "behind"))
    return [Chosen(Candidate(knobs_of(row)), role) for rows, role in roles for _, row in rows.iterrows()]


def useful(front: pd.DataFrame, y: str) -> pd.DataFrame:
    """The members whose score is at least `USEFUL` of the best one; all where that isn't above 0."""
    best = front[y].max()
    return front[front[y] >= USEFUL * best] if best > 0 else front


def spread(costs: Sequence[float], count: int) -> list[int]:
    """The places of `count` costs that lie evenly on a log scale, the ends among them; all if there are fewer."""
    if count >= len(costs):
        return list(range(len(costs)))
    logs = np.log(np.maximum(costs, 1e-300))
    taken: list[int] = []
    for target in np.linspace(logs.min(), logs.max(), count) if count > 1 else [logs.max()]:
        left = [place for place in range(len(costs)) if place not in taken]
        taken.append(min(left, key=lambda place: (abs(logs[place] - target), place)))
    return sorted(taken)


def _partners(costs: Sequence[float], targets: Sequence[float], count: int, seed: int) -> list[int]:
    """The places of `count` costs, one after the other near one of the targets: drawn from those that equal it."""
    rng, left, taken = random.Random(f"{seed}/fidelity"), list(range(len(costs))), []
    for number in range(min(count, len(costs))):
        target = targets[number % len(targets)]
        equal = [one for one in left if max(costs[one], target) <= min(costs[one], target) * EQUAL_COST]
        found = rng.choice(equal) if equal else min(left, key=lambda one: abs(np.log(costs[one] / target)))
        left.remove(found)
        taken.append(found)
    return sorted(taken)


def variants(chosen: Sequence[Chosen], run: Run, space: SearchSpace, count: int, seed: int) -> list[Chosen]:
    """Up to `count` candidates with the layers of two of the chosen front, and other teachers or weights.

    Those that the search scored come first, then some that are drawn. None in a space without terms.
    """
    knobs = [knob for knob in space.knobs if knob.kind != "layer"]
    front = [one.candidate for one in chosen if one.role == "front"]
    if not knobs or not count or not front:
        return []
    rng = random.Random(f"{seed}/fidelity/variants")
    bases = list(dict.fromkeys((front[len(front) // 3], front[2 * len(front) // 3])))
    scored = [Candidate(knobs_of(row)) for _, row in run.trials[eligible(run.trials)].iterrows()]
    found: list[Candidate] = []
    known = {one.candidate for one in chosen}
    for number, base in enumerate(bases):
        wanted = count - count // 2 if number == 0 and len(bases) > 1 else count - len(found)
        alike = [one for one in dict.fromkeys(scored) if one.layers() == base.layers()]
        drawn = (space.complete(base).replace({k.key: rng.choice(k.choices) for k in knobs}) for _ in range(TRIES))
        own: list[Candidate] = []
        for one in (*alike, *map(space.canonical, drawn)):
            if len(own) < wanted and one not in known:
                own.append(one)
                known.add(one)
        found += own
    return [Chosen(one, VARIANT) for one in found]
