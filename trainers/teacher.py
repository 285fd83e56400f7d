"""A teacher: a trained real-valued detector of the pool."""

from dataclasses import dataclass

from torch import nn

from spaces.candidate import Candidate
from spaces.detectors import DetectorSpec


@dataclass(frozen=True)
class Teacher:
    """A trained detector of the pool."""

    network: nn.Module
    spec: DetectorSpec
    candidate: Candidate
