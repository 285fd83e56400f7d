"""The forward passes of teachers in one step: each runs when first asked for, and once."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from trainers.distill.layer_pair import recorded_inputs


class TeacherPasses:
    """Teachers by name on one batch of images. Of the layers in `recorded`, by teacher, the inputs are kept too."""

    def __init__(
        self, teachers: Mapping[str, nn.Module], images: list[Tensor], recorded: Mapping[str, Mapping[str, nn.Module]]
    ) -> None:
        self._teachers, self._images, self._recorded = teachers, images, recorded
        self._outputs: dict[str, DetectorOutput] = {}
        self._inputs: dict[str, dict[str, list[Tensor]]] = {}

    def output(self, teacher: str) -> DetectorOutput:
        """What the teacher makes of the images, without gradients."""
        if teacher not in self._outputs:
            network = self._teachers[teacher]
            recording: AbstractContextManager[dict[str, list[Tensor]]] = nullcontext({})
            if teacher in self._recorded:
                recording = recorded_inputs(self._recorded[teacher])
            # no_grad, not inference_mode: the maps enter a loss, which may save them for its backward pass.
            with torch.no_grad(), recording as inputs:
                self._outputs[teacher] = network(self._images)
            self._inputs[teacher] = inputs
        return self._outputs[teacher]

    def inputs(self, teacher: str) -> dict[str, list[Tensor]]:
        """Each recorded layer's inputs (N, Ci, H, W) by name, one a run."""
        self.output(teacher)
        return self._inputs[teacher]
