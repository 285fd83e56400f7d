"""A detector's tape, from a normalised picture to the raw outputs of its heads, and how these are read."""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from spaces.deployed.tape import Tape, record
from spaces.detectors.contract import Detector, Responses
from spaces.detectors.single_stage import SingleStage
from trainers.detector_file import DetectorFile

PARTS = ("cls", "box", "quality")
READING = ("activation", "background", "bins", "box_scales")


@dataclass(frozen=True)
class Walked:
    """A tape, the responses that it ended with, and the names of what it returned: `cls0`, `cls1`, ..., `box0`, ...

    picture: (1, S, S, 3) uint8, whose normalised form the tape was recorded on.
    """

    tape: Tape
    responses: Responses
    names: list[str]
    picture: Any

    @property
    def reading(self) -> dict[str, Any]:
        """What of the responses is no tensor."""
        return {name: getattr(self.responses, name) for name in READING}

    @property
    def outputs(self) -> dict[str, Any]:
        """What it returned, by name, in numpy."""
        values = (self.tape.tensors[value.number].numpy() for value in self.tape.returned)
        return dict(zip(self.names, values, strict=True))


def walk(detector: DetectorFile) -> Walked:
    """Run a detector on noise, and note each step. Raises UndescribedError as `record` does."""
    side = detector.spec.image_size
    noise = torch.randint(0, 256, (3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    kept: list[Responses] = []

    def run(batch: Tensor) -> list[Tensor]:
        kept.append(cast(Detector, detector.network).responses(batch))
        return [one for part in PARTS for one in getattr(kept[0], part) or []]

    batch = cast(SingleStage, detector.network).transform([noise / 255])[0].tensors
    tape = record(detector.network, run, batch)
    names = [f"{part}{level}" for part in PARTS for level in range(len(getattr(kept[0], part) or []))]
    return Walked(tape, kept[0], names, noise.permute(1, 2, 0)[None].contiguous().numpy())


def responses(outputs: dict[str, Tensor], anchors: Tensor, reading: dict[str, Any]) -> Responses:
    """Outputs by name as what a network decodes."""
    parts = {part: [outputs[name] for name in outputs if name.startswith(part)] for part in PARTS}
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in reading.items()}
    return Responses(parts["cls"], parts["box"], anchors, quality=parts["quality"] or None, **told)
