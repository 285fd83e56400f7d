"""The layer methods, in one visible table, and the options that a method's name may carry.

A layer knob's choice is a method's name with options behind it, such as `bireal+learned_scale`: each is a choice of its
own, is searched like any other, and a checkpoint that names it can be built again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from spaces.layers.adaptive_binary import AdaptiveBinary
from spaces.layers.alternative import Alternative, UnitShape
from spaces.layers.binary_unit import Binary
from spaces.layers.channel_bias import ChannelBias, DynamicChannelBias, ShiftedPReLU
from spaces.layers.latent import LEARNS_SCALE, Weights
from spaces.layers.learned_steps import LearnedSteps
from spaces.layers.prelu import PReLU
from spaces.layers.real import Quantized, Real
from spaces.layers.searched_unit import DBS
from spaces.layers.two_bases import TwoBasesBinary
from spaces.layers.weight_rules import StraightThrough
from spaces.lookup import lookup


@dataclass(frozen=True)
class Option:
    """What may stand behind a method's name.

    about: what it is, in a line. settings: what it gives to the alternative that it stands behind.
    """

    about: str
    settings: Mapping[str, Any]


OPTIONS: dict[str, Option] = {
    "bases2": Option("the weights are the sum of two binary ones, at twice the cost", {"bases": 2}),
    "gate": Option("factors of the output channels that follow from the unit's real input", {"gate": True}),
    "hard": Option("the sign is convolved from a training's beginning", {"relaxation": "hard"}),
    "input_norm": Option("a BatchNorm before the sign, in place of a learned threshold", {"input_norm": True}),
    "learned_scale": Option(
        "the scale of each output channel is learned, instead of the mean magnitude of its weights",
        {"learned_scale": True},
    ),
    "normal_start": Option(
        "the logits start from N(0, 1), as the paper's algorithm has it, not from the real weight",
        {"normal_start": True},
    ),
    "normalised": Option(
        "the sign is taken of each weight in deviations of its channel (IR-Net, NAS-BNN)", {"weights": "normalised"}
    ),
    "pad_minus_one": Option(
        "-1 stands outside the map instead of 0: the product is purely binary at the border too", {"pad_value": -1.0}
    ),
    "periodic": Option("the sign is taken of each weight's sine (BiPer)", {"weights": "periodic"}),
    "prelu": Option("a PReLU per channel behind the shortcut", {"post": PReLU}),
    "rectified": Option(
        "as normalised, and weights up to a high quantile get a gradient (ReCU)", {"weights": "rectified"}
    ),
    "resilient": Option(
        "each weight is pulled to its binary one where signs flip often (ReBNN)", {"weights": "resilient"}
    ),
    "soft": Option("the relaxed weight is convolved to a training's end", {"relaxation": "soft"}),
}
"""What may stand behind a method's name, by name."""


REAL = "real"
"""The method of layers without a choice of their own."""

WIDTHS = (1, 2, 4, 8, 32)
"""The bits that weights and inputs may have."""


@dataclass(frozen=True)
class Method:
    """How a unit computes, and at what precision its products are counted."""

    weight_bits: int
    input_bits: int
    build: Callable[..., Alternative]
    """From a unit's shape, and keyword arguments for its options, to the unit's own part."""
    options: frozenset[str] = frozenset()
    """Those of `OPTIONS` that it takes."""
    about: str = ""
    """What it is, in a line, for lists of all methods."""
    learns_scale: bool = False
    """Whether its scale is a parameter whatever its options, so that the amplitude loss trains it."""

    def __post_init__(self) -> None:
        for bits in (self.weight_bits, self.input_bits):
            if bits not in WIDTHS:
                raise ValueError(f"A method has {bits} bits; costs are counted at {', '.join(map(str, WIDTHS))} bits.")

    @property
    def is_binary(self) -> bool:
        return self.weight_bits == self.input_bits == 1


_SHARED = frozenset({"gate", "input_norm", "learned_scale", "prelu", "pad_minus_one"})
_WEIGHT_RULES = frozenset(name for name, option in OPTIONS.items() if "weights" in option.settings)


def _binary(about: str, **settings: Any) -> Method:
    def build(shape: UnitShape, *, bases: int = 1, **options: Any) -> Alternative:
        part = Binary if bases == 1 else TwoBasesBinary
        return part(shape, **{**settings, **options})

    taken = _SHARED - ({"prelu"} if "post" in settings else set())
    if settings.get("shift") is DynamicChannelBias:  # its bias follows from the map as it is
        taken -= {"input_norm"}
    if not settings.get("weight_shift"):  # a bias of the weights, which a mean taken away would cancel
        taken |= _WEIGHT_RULES
        if isinstance(settings["rule"], StraightThrough):
            taken |= {"bases2"}
    return Method(weight_bits=1, input_bits=1, build=build, options=taken, about=about)


def _quantized(bits: int, build: Callable[..., Alternative], about: str) -> Method:
    return Method(weight_bits=bits, input_bits=bits, build=partial(build, bits=bits), about=about)


METHODS: dict[str, Method] = {
    REAL: Method(weight_bits=32, input_bits=32, build=Real, about="32 bits, as the network was designed"),
    "int8": _quantized(8, Quantized, "8 bits (arXiv:1712.05877): scales from the largest magnitudes"),
    "int4": _quantized(4, LearnedSteps, "4 bits, LSQ (arXiv:1902.08153): the steps of inputs and weights are learned"),
    "int2": _quantized(2, LearnedSteps, "2 bits, likewise"),
    "sign": _binary(
        "XNOR-Net (arXiv:1603.05279): signs, and the mean magnitude as scale, which is part of the gradient",
        rule=StraightThrough("xnor"),
        input_gradient="clipped",
    ),
    "bireal": _binary(
        "Bi-Real Net (arXiv:1808.00278): the inputs' sign has the gradient of a quadratic (ApproxSign)",
        rule=StraightThrough("clipped"),
        input_gradient="approx",
    ),
    "react": _binary(
        "ReActNet (arXiv:2003.03488): bireal with learned thresholds (RSign) and a shifted PReLU (RPReLU)",
        rule=StraightThrough("clipped"),
        input_gradient="approx",
        shift=ChannelBias,
        post=ShiftedPReLU,
    ),
    "dbs": Method(
        weight_bits=1,
        input_bits=1,
        build=DBS,
        about="LWS-Det (CVPR 2021): every weight's sign is searched, the scale learned",
        options=frozenset({"gate", "hard", "input_norm", "normal_start", "pad_minus_one", "soft"}),
        learns_scale=True,
    ),
    "adabin": Method(
        weight_bits=1,
        input_bits=1,
        build=AdaptiveBinary,
        about="AdaBin (arXiv:2208.08084): two levels a channel of weights and a layer of inputs, not opposite; Maxout",
        options=frozenset({"pad_minus_one"}),
    ),
    "lcb": _binary(
        "JDBNet (TCSVT 34(1), 2024), our reading: channel biases before the signs and around the PReLU",
        rule=StraightThrough("clipped"),
        input_gradient="approx",
        shift=ChannelBias,
        post=ShiftedPReLU,
        weight_shift=True,
    ),
    "lcb_dynamic": _binary(
        "JDBNet, our reading: as lcb, and the image's content moves the threshold of the inputs' sign",
        rule=StraightThrough("clipped"),
        input_gradient="approx",
        shift=DynamicChannelBias,
        post=ShiftedPReLU,
        weight_shift=True,
    ),
}


def is_binary(name: str) -> bool:
    """Whether a choice is 1-bit in weights and inputs."""
    return method(name).is_binary


def learns_scale(name: str) -> bool:
    """Whether a 1-bit choice has a learned scale."""
    return method(name).learns_scale


def weights_of(name: str) -> Weights:
    """What a choice makes of its latent weights before their sign."""
    for option in name.split("+")[1:]:
        if option in _WEIGHT_RULES:
            rule: Weights = OPTIONS[option].settings["weights"]
            return rule
    return "plain"


def method(name: str) -> Method:
    """The method that a choice such as `sign` or `bireal+learned_scale` names.

    Raises ValueError for a method or an option that doesn't exist, for one that the method doesn't take, and for
    options twice or out of alphabetical order: one choice has one name.
    """
    base, *options = name.split("+")
    chosen = lookup(METHODS, base, "layer method")
    known = chosen.options
    for option in options:
        if option not in known:
            allowed = f"It has: {', '.join(sorted(known))}" if known else "It takes no options"
            raise ValueError(f"{base} has no option {option!r}. {allowed}.")
    if options != sorted(set(options)):
        ordered = "+".join([base, *sorted(set(options))])
        raise ValueError(f"{name!r} must name each option once, in alphabetical order: {ordered}.")
    _check_together(name, options)
    if not options:
        return chosen
    settings = {name: value for option in options for name, value in OPTIONS[option].settings.items()}

    def build(shape: UnitShape) -> Alternative:
        return chosen.build(shape, **settings)

    learns = {"learned_scale", *LEARNS_SCALE} & set(options)
    return replace(chosen, build=build, learns_scale=chosen.learns_scale or bool(learns))


def _check_together(name: str, options: Sequence[str]) -> None:
    """Raise ValueError for options that exclude each other."""
    if {"hard", "soft"} <= set(options):
        raise ValueError(f"{name!r} asks for two relaxations; allowed are hard, soft, and neither.")
    rules = [option for option in options if option in _WEIGHT_RULES]
    if len(rules) > 1:
        raise ValueError(
            f"{name!r} asks for {len(rules)} rules for its weights; allowed are {', '.join(sorted(_WEIGHT_RULES))}, "
            "each alone, and none of them."
        )
    if "bases2" in options and LEARNS_SCALE.intersection(rules):
        others = ", ".join(sorted(_WEIGHT_RULES - LEARNS_SCALE))
        raise ValueError(f"{name!r}: {rules[0]} is of one binary weight; with bases2, take {others} or none.")
    if "learned_scale" in options and LEARNS_SCALE.intersection(rules):
        raise ValueError(f"{name!r}: {rules[0]} has a learned scale of its own; leave learned_scale out.")
