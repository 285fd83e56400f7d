"""How parameters are trained, by the role that their module gives them: learning rate, weight decay, clipping."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import nn

from spaces.lookup import lookup

LEARNING_RATE = 2e-3
"""The default for weights: parameters without a role."""


@dataclass(frozen=True)
class Role:
    """How the parameters of one role are trained."""

    learning_rate: float | None = None
    """The default, which settings may change. None: as weights, unless settings give the role a rate or a decay."""
    decays: bool = False
    """They have the weights' decay, unless settings give the role its own; else they have none."""
    plays_against_the_rest: bool = False
    """They minimise a loss of their own, which no other parameter does, so their gradient is clipped separately."""
    searches_signs: bool = False
    """Only their signs are used, and are searched: the share that flipped is one of the training's figures."""


ROLES: Mapping[str, Role] = {
    # A logit must travel a whole unit to change its sign.
    "logit": Role(learning_rate=2e-2, searches_signs=True),
    "discriminator": Role(learning_rate=1e-3, plays_against_the_rest=True),
    # A real weight of which only the sign, and often the mean magnitude, is computed with.
    "latent": Role(decays=True),
}
"""The roles that a module may give its parameters. A new one is a line here."""

NO_DECAYS: Mapping[str, float] = {}


@runtime_checkable
class Grouped(Protocol):
    """A module of which some parameters have a role."""

    def parameter_groups(self) -> Mapping[str, list[nn.Parameter]]:
        """Its parameters by role, a name in `ROLES`; those without a role are left out."""


@runtime_checkable
class ClippedApart(Protocol):
    """A module with parameters that losses of its own train, beside the loss that trains the rest."""

    def clipped_apart(self) -> list[nn.Parameter]:
        """These parameters: a large gradient of theirs shortens no other parameter's step."""


def complete_rates(rates: Mapping[str, float], *, multiples: bool = False) -> dict[str, float]:
    """The given learning rates by role, and the default for each other role that has one.

    With `multiples` they are multiples of the weights' rate. Raises ValueError for a role that doesn't exist and for a
    rate that isn't positive and finite.
    """
    for role, rate in rates.items():
        lookup(ROLES, role, "role of parameters")
        if not 0 < rate < math.inf:
            raise ValueError(f"The rate of {role} is {rate}, must be positive and finite.")
    unit = LEARNING_RATE if multiples else 1.0
    defaults = {name: role.learning_rate for name, role in ROLES.items()}
    return {name: rate / unit for name, rate in defaults.items() if rate is not None} | dict(rates)


def parameters_by_role(modules: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The parameters that have a role, in the order of `ROLES` and of the modules.

    Raises ValueError for a role that doesn't exist.
    """
    groups: dict[str, list[nn.Parameter]] = {role: [] for role in ROLES}
    for module in modules.modules():
        if isinstance(module, Grouped):
            for role, parameters in module.parameter_groups().items():
                lookup(ROLES, role, "role of parameters")
                groups[role] += parameters
    return {role: parameters for role, parameters in groups.items() if parameters}


def optimizer_groups(
    modules: nn.Module,
    learning_rate: float,
    rates: Mapping[str, float],
    weight_decay: float = 0.0,
    decays: Mapping[str, float] = NO_DECAYS,
    plain: Iterable[nn.Parameter] = (),
) -> list[dict[str, Any]]:
    """The groups of an optimizer over all trainable parameters: weights at `learning_rate`, roles at their `rates`.

    Weight decay is for matrices and kernels only: it harms biases and BatchNorm, and would draw logits to zero, where
    their signs are undecided. decays: that of roles, in its place. Roles with neither a rate nor a decay of their own
    are among the weights, and so are the `plain` parameters, whatever their role. Adam's state belongs to each
    parameter, so a group is as good as an optimizer of its own.
    """
    own = {name for name, role in ROLES.items() if role.learning_rate is not None} | rates.keys() | decays.keys()
    roles = {role: parameters for role, parameters in parameters_by_role(modules).items() if role in own}
    without = {id(parameter) for parameter in plain}
    roles = {role: [p for p in parameters if id(p) not in without] for role, parameters in roles.items()}
    with_role = {id(parameter) for parameters in roles.values() for parameter in parameters}
    weights = [p for p in modules.parameters() if p.requires_grad and id(p) not in with_role]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in weights if p.ndim > 1], "lr": learning_rate, "weight_decay": weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "lr": learning_rate, "weight_decay": 0.0},
    ]
    for role, parameters in roles.items():
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        if trained:
            rate = learning_rate if ROLES[role].learning_rate is None else rates[role]
            decay = decays.get(role, weight_decay if ROLES[role].decays else 0.0)
            groups.append({"params": trained, "lr": rates.get(role, rate), "weight_decay": decay})
    return groups


def clipping_sides(modules: nn.Module) -> list[list[nn.Parameter]]:
    """The parameters whose gradients are clipped together: all that minimise one loss; then those that have losses of
    their own beside it, and those that play against it, if there are any."""
    roles = parameters_by_role(modules)
    against = [p for role, parameters in roles.items() if ROLES[role].plays_against_the_rest for p in parameters]
    apart = [p for module in modules.modules() if isinstance(module, ClippedApart) for p in module.clipped_apart()]
    others = {id(parameter) for parameter in (*apart, *against)}
    together = [parameter for parameter in modules.parameters() if id(parameter) not in others]
    return [together, *(side for side in (apart, against) if side)]


def searched_parameters(modules: nn.Module) -> list[nn.Parameter]:
    """The parameters whose signs are searched."""
    roles = parameters_by_role(modules)
    return [p for role, parameters in roles.items() if ROLES[role].searches_signs for p in parameters]
