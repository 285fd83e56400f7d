"""The forward passes of teachers in one step: each runs when first asked for, and once."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from spaces.detectors import DetectorOutput, is_two_stage
from trainers.distill.ensemble import ENSEMBLE, Ensemble
from trainers.distill.layer_pair import recorded_inputs

Known = Callable[[str], DetectorOutput | None]
"""From a teacher's name to its output on the images of this step, if a cache has it."""


class TeacherPasses:
    """Teachers by name on one batch of images.

    The inputs of the layers in `recorded` (by teacher) are stored too. A teacher whose output is `known`, from a cache,
    doesn't run, unless its layers' inputs or its responses to `proposals` are needed. These are the student's
    proposals, (R_i, 4) per image: a two-stage teacher's second stage runs on them instead of its own.
    """

    def __init__(
        self,
        teachers: Mapping[str, nn.Module],
        images: list[Tensor],
        recorded: Mapping[str, Mapping[str, nn.Module]],
        *,
        ensemble: Ensemble | None = None,
        known: Known | None = None,
        proposals: list[Tensor] | None = None,
    ) -> None:
        self._teachers, self._images, self._recorded = teachers, images, recorded
        self._ensemble, self._proposals = ensemble, proposals
        self._known = known
        self._outputs: dict[str, DetectorOutput] = {}
        self._inputs: dict[str, dict[str, list[Tensor]]] = {}

    def output(self, teacher: str) -> DetectorOutput:
        """The teacher's output on the images, without gradients; for `ensemble`, the average of its members."""
        if teacher not in self._outputs:
            self._outputs[teacher] = self._average() if teacher == ENSEMBLE else self._known_or_run(teacher)
        return self._outputs[teacher]

    def inputs(self, teacher: str) -> dict[str, list[Tensor]]:
        """Each recorded layer's inputs (N, Ci, H, W) by name, one per run."""
        self.output(teacher)
        return self._inputs[teacher]

    def _known_or_run(self, teacher: str) -> DetectorOutput:
        network = self._teachers[teacher]
        two_stage = self._proposals is not None and is_two_stage(network)
        if self._known is not None and teacher not in self._recorded and not two_stage:
            known = self._known(teacher)
            if known is not None:
                return known
        recording: AbstractContextManager[dict[str, list[Tensor]]] = nullcontext({})
        if teacher in self._recorded:
            recording = recorded_inputs(self._recorded[teacher])
        # no_grad, not inference_mode: the maps enter a loss, which may save them for its backward pass.
        with torch.no_grad(), recording as inputs:
            output: DetectorOutput = (
                network(self._images, proposals=self._proposals) if two_stage else network(self._images)
            )
            _ = output.rois if two_stage else None  # computed here, where nothing asks for gradients
        self._inputs[teacher] = inputs
        return output

    def _average(self) -> DetectorOutput:
        if self._ensemble is None:
            raise ValueError("No ensemble was given, but a candidate has one for a teacher.")
        return self._ensemble.average([self.output(name) for name in self._ensemble.members])
