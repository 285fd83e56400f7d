"""Whether a search's budgets leave any candidate."""

from collections.abc import Mapping

from search.config import ConfigError
from spaces.cost_table import CostTable


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
