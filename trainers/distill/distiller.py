"""What a candidate's teachers and loss weights add to the detection loss."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput, Target
from spaces.space import NO_TEACHER
from trainers.distill.terms import TERMS


class Distiller(nn.Module):
    """The distillation terms of a search, with their adapters, over a pool of frozen teachers.

    `terms` maps each term to the teachers that may serve it. Adapters are this module's parameters: they are trained
    with the supernet and inherited by scores. Teachers are not part of its state.
    """

    def __init__(self, student: nn.Module, teachers: Mapping[str, nn.Module], terms: Mapping[str, list[str]]) -> None:
        super().__init__()
        self._teachers = dict(teachers)
        self.terms = nn.ModuleDict()
        for term, names in terms.items():
            channels = {name: teachers[name].feature_channels for name in names if name != NO_TEACHER}
            self.terms[term] = TERMS[term].build(student.feature_channels, channels)  # type: ignore[arg-type]

    def losses(
        self, candidate: Candidate, images: list[Tensor], targets: list[Target], student: DetectorOutput
    ) -> dict[str, Tensor]:
        """The weighted terms by name; empty when the candidate has no teacher. Each teacher runs at most once."""
        outputs: dict[str, DetectorOutput] = {}
        losses = {}
        for term, module in self.terms.items():
            teacher = str(candidate.get(f"teacher/{term}", NO_TEACHER))
            weight = float(candidate.get(f"weight/{term}", 1.0))  # a space may search the teacher alone
            if teacher == NO_TEACHER or weight == 0:
                continue
            if teacher not in outputs:
                # no_grad, not inference_mode: the maps enter a loss, which may save them for its backward pass.
                with torch.no_grad():
                    outputs[teacher] = self._teachers[teacher](images)
            losses[term] = weight * module(student, outputs[teacher], teacher, targets)
        return losses
