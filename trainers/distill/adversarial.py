"""Adversarial distillation: a discriminator tells a teacher's maps from the student's, which learns to deceive it.

After Dong et al., Applied Intelligence 52, 2021. Their paper is not public but for its abstract: the discriminators,
the losses and their balance are our reading, after generative adversarial networks (arXiv:1406.2661) and their use
between detectors' source maps (arXiv:1906.08467).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from spaces.detectors import DetectorOutput
from trainers.distill.adapters import LevelAdapters, resized_like


@dataclass(frozen=True)
class Game:
    """The losses of both sides, from the discriminator's logits; a high logit means teacher."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """From the logits of the teacher's maps and of the student's."""
    student: Callable[[Tensor], Tensor]
    boundary: float = 0.0
    """The logit above which a place counts as classified teacher."""


GAMES = {
    # arXiv:1406.2661, section 3, the student's side not saturating
    "non_saturating": Game(
        lambda teacher, student: F.softplus(-teacher).mean() + F.softplus(student).mean(),
        lambda student: F.softplus(-student).mean(),
    ),
    # arXiv:1611.04076, equation 2 with the targets 1 and 0
    "least_squares": Game(
        lambda teacher, student: ((teacher - 1).square().mean() + student.square().mean()) / 2,
        lambda student: (student - 1).square().mean() / 2,
        boundary=0.5,
    ),
    # arXiv:1705.02894, equations 2 and 3
    "hinge": Game(
        lambda teacher, student: F.relu(1 - teacher).mean() + F.relu(1 + student).mean(),
        lambda student: -student.mean(),
    ),
}


class Discriminator(nn.Module):
    """Maps (N, C, H, W) to logits (N, 1, H, W), one per place: 1x1 convolutions with leaky ReLUs between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden, hidden, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden, 1, 1),
        )

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """All its parameters train against the student's, at a learning rate of their own."""
        return {"discriminator": list(self.parameters())}

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.layers(maps))


class Adversarial(nn.Module):
    """The student's loss in the game, mean over levels: how surely D_l classifies A_l F^s_l as the student's.

    One discriminator D_l and one 1x1 adapter A_l per level and teacher. The two sides train in the same step on the
    same maps, each for its own loss alone: the discriminators get no gradient from the student's loss, and the student
    and the adapters none from `opponents_loss`, which would train the student to be recognised. The discriminators have
    a learning rate of their own (`training.parameter_groups`).
    """

    opponents = "discriminators"

    def __init__(
        self,
        student_channels: Mapping[str, int],
        teacher_channels: Mapping[str, Mapping[str, int]],
        game: str = "non_saturating",
    ) -> None:
        super().__init__()
        self.game = GAMES[game]
        self.adapters = LevelAdapters(student_channels, teacher_channels, kernel=1)
        self._index = {teacher: str(index) for index, teacher in enumerate(teacher_channels)}
        self.discriminators = nn.ModuleDict()
        for teacher, channels in teacher_channels.items():
            sides = {level: Discriminator(channels[level]) for level in self.adapters.of(teacher)}
            self.discriminators[self._index[teacher]] = nn.ModuleDict(sides)
        self._accuracy_sum, self._steps = torch.zeros(()), 0

    def forward(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar with gradients to the student and the adapters; the teacher's maps are unused."""
        losses = []
        for level, discriminator in self._of(teacher_name).items():
            ours = self.adapters.of(teacher_name)[level](student.features[level])
            fixed = {name: p.detach() for name, p in discriminator.named_parameters()}
            losses.append(self.game.student(functional_call(discriminator, fixed, (ours,))))
        return torch.stack(losses).mean()

    def opponents_loss(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """The discriminators' loss, a scalar, mean over levels, with gradients to them alone.

        Their share of correctly classified places counts for the next `figures`.
        """
        losses, accuracies = [], []
        for theirs, ours in self._judged(student, teacher, teacher_name):
            losses.append(self.game.discriminator(theirs, ours))
            accuracies.append(
                ((theirs > self.game.boundary).float().mean() + (ours <= self.game.boundary).float().mean()) / 2
            )
        self._accuracy_sum, self._steps = self._accuracy_sum + torch.stack(accuracies).mean(), self._steps + 1
        return torch.stack(losses).mean()

    def figures(self) -> dict[str, float | Tensor]:
        """`discriminator_accuracy`, the share of places classified correctly since the last call, in 0..1; a half means
        that neither side is ahead. Empty if the discriminators weren't trained since."""
        if not self._steps:
            return {}
        total, steps = self._accuracy_sum, self._steps
        self._accuracy_sum, self._steps = torch.zeros(()), 0
        return {"discriminator_accuracy": (float(total) if total.is_cpu else total) / steps}  # a GPU isn't waited for

    def _judged(
        self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The logits of the teacher's and of the student's maps, level by level."""
        for level, discriminator in self._of(teacher_name).items():
            with torch.no_grad():
                ours = self.adapters.of(teacher_name)[level](student.features[level])
            yield discriminator(resized_like(teacher.features[level], ours)), discriminator(ours)

    def _of(self, teacher: str) -> nn.ModuleDict:
        return cast(nn.ModuleDict, self.discriminators[self._index[teacher]])
