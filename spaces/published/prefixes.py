"""What wrappers of networks put in front of each tensor's name: `module.`, `_orig_mod.`, `model.backbone.`."""

from collections.abc import Iterable

EMA_PREFIXES = ("ema.", "model_ema.", "ema_model.")
"""In front of the tensors of a moving average that lies beside the weights."""

PREFIXES = (
    *("module.", "backbone.", "model.", "_orig_mod.", "encoder.", "student.", "net.", "network.", "body."),
    *("resnet.", "encoder_q.", "base_encoder.", "feature_extractor."),
    *EMA_PREFIXES,
)
"""The words of a prefix; a chain of them is one too."""

LONGEST = 8
"""Most words in a prefix."""


def prefixes_of(names: Iterable[str]) -> list[str]:
    """All prefixes that some of the names have, the shortest first; no prefix at all is one too."""
    found = {""}
    for name in names:
        prefix = ""
        for word in name.split(".")[:LONGEST]:
            prefix += f"{word}."
            if f"{word}." not in PREFIXES or not name.startswith(prefix):
                break
            found.add(prefix)
    return sorted(found, key=lambda prefix: (prefix.count("."), prefix))


def longest_prefix(name: str) -> str:
    """The longest prefix of a name, empty if it has none."""
    return prefixes_of([name])[-1]


def without_prefix(names: Iterable[str], prefix: str) -> dict[str, str]:
    """Each name without the prefix, to the name as it was; names that don't have it stay.

    If one that stays is called as one that is shortened, it gets a name that no network has.
    """
    own = list(names)
    shortened = {name.removeprefix(prefix): name for name in own if name.startswith(prefix)}
    others = [name for name in own if not name.startswith(prefix)]
    return shortened | {(f"{name} without {prefix}" if name in shortened else name): name for name in others}


def is_ema(prefix: str) -> bool:
    """Whether a prefix is that of a moving average."""
    return any(f"{word}." in EMA_PREFIXES for word in prefix.split("."))
