"""What people save round a state dict: epochs, optimizers, an average of the weights; and the state dicts in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

EMA_WRAPPERS = ("model_ema", "ema", "ema_state_dict", "state_dict_ema", "ema_model", "params_ema")
"""Keys of an exponential moving average of the weights, which is what people evaluate."""

WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "params",
    "net",
    "network",
    "weights",
    "module",
    "backbone",
    "encoder",
)
"""Keys of the weights themselves."""

DEEPEST = 4
"""Most keys that lie round a state dict."""


@dataclass(frozen=True)
class PublishedState:
    """Tensors by name, and the keys under which a file holds them, the outermost first.

    defects: the names of tensors that no network can take, each with the reason, as a sentence without its period.
    """

    tensors: dict[str, Tensor]
    keys: tuple[str, ...] = ()
    defects: dict[str, str] = field(default_factory=dict)

    @property
    def is_ema(self) -> bool:
        """Whether the file calls them a moving average."""
        return any(key in EMA_WRAPPERS for key in self.keys)


def states_in(content: object) -> list[PublishedState]:
    """The state dicts in what a file holds, moving averages first, else in the order of the tables above.

    Whatever isn't a tensor by name, or such a wrapper, is passed over. Empty if there is none.
    """
    found = [PublishedState(tensors, keys) for keys, tensors in _found(content, ())]
    return sorted(found, key=lambda state: not state.is_ema)


def _found(content: object, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    if not isinstance(content, Mapping):
        return
    wrappers = (*EMA_WRAPPERS, *WRAPPERS) if len(keys) < DEEPEST else ()
    inner = [found for key in wrappers for found in _found(content.get(key), (*keys, key))]
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if inner:
        yield from inner
    elif tensors:
        yield keys, tensors
