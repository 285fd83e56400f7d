"""Words about files of weights, for reports and messages."""

from collections.abc import Sequence

from spaces.published.prefixes import PREFIXES
from spaces.published.wrappers import EMA_WRAPPERS, WRAPPERS

REMOVED = f"The prefixes {', '.join(PREFIXES)} are removed from its names."
"""What becomes of prefixes."""

TAKEN = (
    "A file of weights is a state dict as torch.save(model.state_dict(), FILE) or safetensors writes it, at the top of "
    f"the file or under {', '.join((*EMA_WRAPPERS, *WRAPPERS))}. {REMOVED}"
)
"""The forms of a file that are read."""


def first_names(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are, as in `a, b, c and 97 more`."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
