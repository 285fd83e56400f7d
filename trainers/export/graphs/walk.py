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


FEWEST = 8
"""Values of an output, over all pictures, from which it can be told by how much they vary."""
FEWEST_PICTURES = 3
"""Of which the middle one counts: the values of a single one may hang on a sign that rounding flips."""
GRAINS = 6


@dataclass(frozen=True)
class Walked:
    """A tape, the responses that it ended with, and the names of what it returned: `cls0`, `cls1`, ..., `box0`, ...

    pictures: (1, S, S, 3) uint8 each; the tape was recorded on the first one's normalised form. outputs: what torch
    returned for each, by name, in numpy.
    """

    tape: Tape
    responses: Responses
    names: list[str]
    pictures: list[Any]
    outputs: list[dict[str, Any]]

    @property
    def reading(self) -> dict[str, Any]:
        """What of the responses is no tensor."""
        return {name: getattr(self.responses, name) for name in READING}


@torch.no_grad()
def walk(detector: DetectorFile) -> Walked:
    """Run a detector on noise, and note each step. Raises UndescribedError as `record` does.

    There are as many pictures as give the smallest output `FEWEST` values.
    """
    network, side = cast(Detector, detector.network), detector.spec.image_size
    kept: list[Responses] = []

    def run(batch: Tensor) -> list[Tensor]:
        kept.append(network.responses(batch))
        return list(_by_name(kept[-1]).values())

    def batch_of(picture: Tensor) -> Tensor:
        tensors: Tensor = cast(SingleStage, network).transform([picture / 255])[0].tensors
        return tensors

    first = _noise(side, 0)
    tape = record(detector.network, run, batch_of(first))
    smallest = min(one.numel() for one in _by_name(kept[0]).values())
    others = [_noise(side, number) for number in range(1, max(FEWEST_PICTURES, -(-FEWEST // smallest)))]
    for picture in others:
        run(batch_of(picture))
    pictures = [one.permute(1, 2, 0)[None].contiguous().numpy() for one in (first, *others)]
    outputs = [{name: one.numpy() for name, one in _by_name(given).items()} for given in kept]
    return Walked(tape, kept[0], list(outputs[0]), pictures, outputs)


def _noise(side: int, number: int) -> Tensor:
    """(3, S, S) uint8 in squares of one colour, of 1, 2, 4, ... pixels by turns: coarse levels see these alone."""
    grain = 2 ** (number % GRAINS)
    cells = -(-side // grain)
    generator = torch.Generator().manual_seed(number)
    colours = torch.randint(0, 256, (3, cells, cells), generator=generator, dtype=torch.uint8)
    return colours.repeat_interleave(grain, 1).repeat_interleave(grain, 2)[:, :side, :side]


def _by_name(given: Responses) -> dict[str, Tensor]:
    return {f"{part}{level}": one for part in PARTS for level, one in enumerate(getattr(given, part) or [])}


def responses(outputs: dict[str, Tensor], anchors: Tensor, reading: dict[str, Any]) -> Responses:
    """Outputs by name as what a network decodes."""
    parts = {part: [outputs[name] for name in outputs if name.startswith(part)] for part in PARTS}
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in reading.items()}
    return Responses(parts["cls"], parts["box"], anchors, quality=parts["quality"] or None, **told)
