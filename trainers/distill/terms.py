"""The distillation terms, in one visible table: adding one is a file and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from spaces.detectors import DetectorOutput, Target
from trainers.distill.hint import FeatureHint


class TermLoss(Protocol):
    """From the student's and the teacher's outputs to a scalar; a module of its own where it has parameters."""

    def __call__(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str, targets: list[Target]
    ) -> Tensor: ...


@dataclass(frozen=True)
class Term:
    """How a term is built, from the student's and each teacher's pyramid channels, and if it needs 1-bit layers."""

    build: Callable[[Mapping[str, int], Mapping[str, Mapping[str, int]]], nn.Module]
    compares_layers: bool = False


TERMS: dict[str, Term] = {
    "feature_hint": Term(build=FeatureHint),
}
