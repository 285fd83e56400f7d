"""Why a state dict can't be the start of a training."""

from dataclasses import dataclass

from spaces.published.fits import Fit
from spaces.published.weights import is_counter, misfit
from spaces.published.words import REMOVED, first_names

FEWEST_TENTHS = 9
"""Tenths of the backbone's tensors that a checkpoint must have, and of a checkpoint's tensors in the backbone's modules
that the backbone must have. With less it is another network's: a training would start from new weights where the user
thinks of trained ones, or from a part of a deeper network, as ResNet-18 from ResNet-34."""


@dataclass(frozen=True)
class Problem:
    """A reason, as a sentence without its period, and what else helps the user: details and the way out."""

    reason: str
    advice: str = ""


def problem_of(fit: Fit) -> Problem | None:
    """Why a fit can't be used; None if it can."""
    if fit.error:
        return Problem(fit.error.removesuffix("."))
    if fit.defects:
        return Problem(fit.defects[0], "Give other weights.")
    wanted = fit.part.of_backbone
    present = sum(name in fit.named for name in wanted)
    if 10 * present < FEWEST_TENTHS * len(wanted):
        return _too_few(fit, present)
    if 10 * present < FEWEST_TENTHS * (present + len(fit.surplus)):
        return _deeper(fit, present)
    misfits = (misfit(name, fit.part.wanted[name], fit.named[name]) for name in fit.matched)
    return next((Problem(reason) for reason in misfits if reason is not None), None)


def _too_few(fit: Fit, present: int) -> Problem:
    """Too few of the backbone's tensors, with the names that differ first, on either side."""
    wanted, named = fit.part.of_backbone, fit.named
    lacking = [name for name in wanted if name not in named]
    unknown = {id(tensor) for name, tensor in named.items() if name not in fit.part.wanted and not is_counter(name)}
    unknown_names = [name for name, tensor in fit.state.tensors.items() if id(tensor) in unknown]
    share = f"Only {present}" if present else "None"
    unmatched = f"Of its own these fit nowhere: {first_names(unknown_names)}. " if unknown_names else ""
    return Problem(
        f"{share} of the {len(wanted)} tensors of the backbone are in the checkpoint, and nine tenths are needed",
        f"It lacks {first_names(lacking)}. {unmatched}Give weights of this backbone. {REMOVED}",
    )


def _deeper(fit: Fit, present: int) -> Problem:
    """More tensors in the backbone's modules than it has."""
    return Problem(
        f"The checkpoint is of a deeper network: besides {present} of the {len(fit.part.of_backbone)} tensors of the "
        f"backbone it has {first_names(fit.surplus)} in the same modules",
        "Give weights of this backbone, or take the deeper one.",
    )
