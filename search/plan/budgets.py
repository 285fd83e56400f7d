"""Whether a search's budgets leave any candidate."""

from collections.abc import Iterable, Mapping

from search.config import ConfigError
from spaces.cost_table import CostTable
from spaces.deployed.size import FIGURE as SIZE


def check_sizes(objectives: Iterable[str], bounds: Iterable[str], table: CostTable) -> None:
    """Raise ConfigError where the size of a file is asked for that can't be written."""
    for key, names in (("search.objectives", objectives), ("search.constraints", bounds)):
        if SIZE in names and SIZE not in table.least():
            raise ConfigError(
                f"{key} has {SIZE}, the size of a packed file, which can't hold a layer of this space that "
                f"`spaces.deployed.describe` doesn't know. Leave {SIZE} out, or take memory_mb."
            )


def check_budgets(bounds: Mapping[str, float], table: CostTable) -> None:
    """Raise ConfigError for upper bounds, `search.constraints`, below the least that a candidate of the space costs.

    Each bound is checked by itself: two bounds that no candidate meets together are not found.
    """
    least = table.least()
    low = {name: bound for name, bound in bounds.items() if bound < least[name]}
    if low:
        listed = ", ".join(f"{name} is {_exactly(low[name])}, the least is {_exactly(least[name])}" for name in low)
        raise ConfigError(
            f"search.constraints: no candidate of this space is so cheap: {listed}. Give the least or more, or let "
            "more layers have cheaper methods (space.layers)."
        )


def _exactly(value: float) -> str:
    """All digits, so that the least can be copied into the config as a bound."""
    return repr(float(value)).removesuffix(".0")
