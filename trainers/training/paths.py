"""The paths of a supernet: a candidate's, run forward on a batch with its losses."""

from dataclasses import dataclass

from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorOutput
from spaces.supernet import activate
from trainers.data.batches import Batch
from trainers.distill import Distiller
from trainers.distill.in_place import in_place_losses
from trainers.distill.searched_losses import SearchedLosses
from trainers.training.draws import Draws
from trainers.training.step import Losses


@dataclass(frozen=True)
class Paths:
    """A supernet, the distiller over its teachers, and the candidates to train it with.

    searched: the layer losses of units whose signs are searched, in every pass that samples them.
    """

    supernet: nn.Module
    distiller: Distiller
    draws: Draws
    searched: SearchedLosses | None = None

    def learn(self, candidate: Candidate, batch: Batch) -> tuple[DetectorOutput, Losses]:
        """The path's output, and its losses: those from labels, and the candidate's own terms with its own teachers."""
        activate(self.supernet, candidate)
        output, terms = self.distiller.run(self.supernet, candidate, *batch, searched=self.searched)
        return output, dict(output.losses) | terms

    def follow(self, candidate: Candidate, batch: Batch, teacher: DetectorOutput) -> tuple[DetectorOutput, Losses]:
        """As `learn`, from the responses of another path (`in_place.as_teacher`) instead of labels."""
        activate(self.supernet, candidate)
        proposals = None if teacher.rois is None else teacher.rois.proposals
        output, terms = self.distiller.run(
            self.supernet, candidate, *batch, searched=self.searched, proposals=proposals
        )
        return output, in_place_losses(output, teacher) | terms
