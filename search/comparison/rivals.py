"""What an engineer would try by hand, as candidates of a run's space."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from results import Run
from search.plan.plan import SearchPlan
from spaces.candidate import Candidate
from spaces.detectors import build_detector, openable
from spaces.layers import REAL, is_binary, method
from spaces.space import Knob
from spaces.without_values import without_values

SHARES = (0.25, 0.5, 0.75)
"""The parts of the blocks that are 1-bit in "last k blocks 1-bit"."""
BLOCKS = "blocks"
"""The part of a knob that opens neither the stem nor shortcuts nor heads."""
UNIFORM = "all "
"""How the names of rivals of one method begin."""

Wanted = Callable[[Knob], str]
"""The method that a rule wants in a layer knob."""


@dataclass(frozen=True)
class Rival:
    """A hand-made candidate and its name."""

    name: str
    candidate: Candidate


def hand_made(plan: SearchPlan, run: Run, members: Sequence[Candidate]) -> list[Rival]:
    """The rivals, each once: uniform ones, some with the last blocks 1-bit, and the literature's first-and-last rule.

    A knob that doesn't offer what a rule wants gets the nearest wider method, which the names of uniform ones say. The
    1-bit method is the one whose uniform candidate the search scored best. Each has the teachers and weights of the
    member whose cost is nearest.
    """
    knobs = [knob for knob in plan.space.knobs if knob.kind == "layer"]
    one_bit = best_one_bit(plan, run, knobs)
    found: dict[Candidate, Rival] = {}
    for name, wanted in _rules(knobs, _parts(plan, knobs), one_bit).items():
        layers = Candidate({knob.key: nearest_wider(knob, wanted(knob)) for knob in knobs})
        candidate = _taught(plan, layers, members)
        found.setdefault(candidate, Rival(name + _elsewhere(name, layers), candidate))
    return list(found.values())


def nearest_wider(knob: Knob, wanted: str) -> str:
    """The method if the knob offers it, else the narrowest that is no narrower, else the widest it has."""
    offered = list(map(str, knob.choices))
    if wanted in offered:
        return wanted
    wider = [one for one in offered if _width(one) >= _width(wanted)]
    return min(wider, key=_width) if wider else max(offered, key=_width)


def best_one_bit(plan: SearchPlan, run: Run, knobs: Sequence[Knob]) -> str | None:
    """The 1-bit method whose uniform candidate has the best score; the first offered without scores; None without any.

    Scores of the lowest rung are compared, which all candidates have.
    """
    offered = list(dict.fromkeys(str(one) for knob in knobs for one in knob.choices if is_binary(str(one))))
    first = run.trials[run.trials["state"].eq("complete") & run.trials["rung"].eq(run.rungs[0])]
    scores = dict(zip(first["id"], first[run.y], strict=True))
    by_method = {one: scores.get(plan.space.canonical(plan.space.uniform(one)).id, -math.inf) for one in offered}
    return max(offered, key=lambda one: by_method[one]) if offered else None


def _rules(knobs: Sequence[Knob], part: Mapping[str, str], one_bit: str | None) -> dict[str, Wanted]:
    """By name, what each layer knob shall have."""
    offered = {str(one) for knob in knobs for one in knob.choices}
    uniform = [one for one in (REAL, "int8", "int4", one_bit) if one is not None and one in offered]
    rules: dict[str, Wanted] = {f"{UNIFORM}{one}": _always(one) for one in uniform}
    if one_bit is None:
        return rules
    wide = "int8" if "int8" in offered else REAL
    blocks = [knob.key for knob in knobs if part[knob.key] == BLOCKS and any(is_binary(str(c)) for c in knob.choices)]
    for share in SHARES:
        last = blocks[len(blocks) - max(1, round(share * len(blocks))) :]
        rules[f"last {len(last)} of {len(blocks)} blocks {one_bit}, rest {wide}"] = _some(last, one_bit, wide)
    ends = [knob.key for knob in knobs if part[knob.key] in ("stem", "heads")]
    rules[f"stem and heads {wide}, rest {one_bit}"] = _some(ends, wide, one_bit)
    return rules


def _elsewhere(name: str, layers: Candidate) -> str:
    """What a rival of one method has where that isn't offered, as in ", int8 and int4 elsewhere", the widest first."""
    if not name.startswith(UNIFORM):
        return ""
    others = set(layers.layers().values()) - {name.removeprefix(UNIFORM)}
    named = " and ".join(sorted(others, key=lambda one: (-_width(one), one)))
    return f", {named} elsewhere" if others else ""


def _always(method_name: str) -> Wanted:
    return lambda knob: method_name


def _some(keys: Sequence[str], inside: str, outside: str) -> Wanted:
    return lambda knob: inside if knob.key in keys else outside


def _parts(plan: SearchPlan, knobs: Sequence[Knob]) -> dict[str, str]:
    """By layer knob what it opens: stem, shortcuts, heads and so on, or `BLOCKS`."""
    with without_values():
        opened = openable(build_detector(plan.base.student, lambda _: (REAL,)))
    parts = {name: group.partition(".")[0] for group, names in opened.items() for name in (group, *names)}
    return {knob.key: parts.get(knob.name, BLOCKS) for knob in knobs}


def _taught(plan: SearchPlan, layers: Candidate, members: Sequence[Candidate]) -> Candidate:
    """The layers with the teachers and weights of the member whose cost is nearest, on a log scale."""

    def distance(member: Candidate) -> float:
        x = plan.axes[0]
        return abs(math.log(plan.cost_table.costs(member)[x] / plan.cost_table.costs(full)[x]))

    full = plan.space.complete(layers)
    nearest = min(members, key=distance)
    taught = {key: value for key, value in nearest.items() if not key.startswith("layer/")}
    return plan.space.canonical(full.replace(taught))


def _width(name: str) -> int:
    found = method(name)
    return found.weight_bits * found.input_bits
