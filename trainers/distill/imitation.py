"""Fine-grained feature imitation (FGFI): hints where objects are, and only there (arXiv:1906.03609, section 3)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from spaces.detectors import DetectorOutput, Responses
from spaces.whole_batch import divisor
from trainers.distill.adapters import LevelAdapters, resized_like

SHARE = 0.5
"""psi: the share of an object's largest IoU that an anchor must exceed for its place to be imitated."""


class FineGrainedImitation(nn.Module):
    """Mean over levels of 1 / (2 N_p) sum_ij I_ij sum_c (A_l F^s_l - F^t_l)^2_ijc, A_l a 3x3 adapter.

    I (N, H, W) is `imitation_mask` of each image's objects and the student's anchors, N_p = sum I over the batch. This
    is LWS-Det's L_Lim. Adapters and teacher maps are as in `FeatureHint`. The sum over channels is the paper's, so
    that wide levels weigh more.
    """

    def __init__(self, student_channels: Mapping[str, int], teacher_channels: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__()
        self.adapters = LevelAdapters(student_channels, teacher_channels, kernel=3)

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar, 0 with a gradient path where no image has an object; the teacher gets no gradient.

        Objects are read from `student.targets`, in the pixels of its anchors. Raises ValueError when they are missing.
        """
        images = len(next(iter(student.features.values())))
        if len(student.targets) != images:
            raise ValueError(
                f"The student's output holds {len(student.targets)} resized targets for {images} images; "
                "run it with its targets, and let the detector fill them in."
            )
        anchors = level_anchors(student.responses, list(student.features))
        losses = []
        for level, adapter in self.adapters.of(teacher_name).items():
            ours = adapter(student.features[level])
            squares = (ours - resized_like(teacher.features[level], ours)).square().sum(1)
            masks = [imitation_mask(target["boxes"], anchors[level]) for target in student.targets]
            mask = torch.stack(masks).to(squares.dtype)
            losses.append((mask * squares).sum() / (2 * divisor(mask.sum())))
        return torch.stack(losses).mean()


@torch.no_grad()
def imitation_mask(boxes: Tensor, anchors: Tensor, share: float = SHARE) -> Tensor:
    """The places of one level that an object's anchors cover well: (H, W) of bools.

    boxes (n, 4) xyxy, anchors (H, W, A, 4) xyxy. A place belongs if one of its anchors has an IoU with one of the
    objects above `share` times the largest IoU that this object has on the level; an object that touches no anchor has
    no place.
    """
    overlaps = box_iou(boxes, anchors.reshape(-1, 4))
    covered = overlaps > share * overlaps.amax(1, keepdim=True)
    return covered.view(len(boxes), *anchors.shape[:3]).any(3).any(0)


def level_anchors(responses: Responses, levels: list[str]) -> dict[str, Tensor]:
    """The flat anchors by level, each (H, W, A, 4). Levels are named in the order of the responses."""
    shapes = [(*box.shape[-2:], box.shape[1] // (4 * (responses.bins or 1))) for box in responses.box]
    parts = responses.anchors.split([height * width * count for height, width, count in shapes])
    return {level: part.view(*shape, 4) for level, part, shape in zip(levels, parts, shapes, strict=True)}
