"""The interface of all detectors: distillation, scoring and evaluation depend on it and on no single detector."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from spaces.detectors.box_coding import UNSCALED, Scales
from spaces.detectors.openable import Openable
from spaces.layers import LayerTrace, SearchableUnit
from spaces.precision import in_float32

Target = dict[str, Tensor]
"""One image's objects: boxes (n, 4) xyxy in pixels, labels (n,) in 1..C; 0 is background."""

Detections = dict[str, Tensor]
"""One image's result: boxes (n, 4) xyxy in pixels of the image as given, scores (n,) falling, labels (n,) in 1..C."""

Heads = Literal["light", "full"]
"""The kind of convolutions that predict, if there is a choice; each detector's docstring describes its two kinds."""


@dataclass(frozen=True)
class Responses:
    """Raw head outputs, and how to read them.

    Per pyramid level, with A anchors per cell and K scores per anchor: cls (N, A*K, H, W), box (N, A*4, H, W). anchors
    (M, 4) xyxy in pixels of the detector's own input size, in the order level, row, column, anchor of a cell, M = sum
    A*H*W.
    `activation` turns cls into probabilities; `background` is the index of the background score, None where there is
    none.
    Where `bins` is set, box (N, A*4*bins, H, W) holds for each edge the logits of a distribution over its distance from
    the anchor's centre, 0 to bins - 1 strides. quality (N, A, H, W) per level: logits of the boxes' predicted overlap
    with their objects; where it is set, a score is activation(cls) times sigmoid(quality).
    Without `bins`, box holds offsets from the anchors, coded with `box_scales`, see `box_coding.encode`.
    """

    cls: list[Tensor]
    box: list[Tensor]
    anchors: Tensor
    activation: Literal["softmax", "sigmoid"]
    background: int | None
    bins: int | None = None
    quality: list[Tensor] | None = None
    box_scales: Scales = UNSCALED

    def in_float32(self) -> "Responses":
        """The same, for all that is computed with them, see `spaces.precision`."""
        quality = None if self.quality is None else [*map(in_float32, self.quality)]
        return replace(self, cls=[*map(in_float32, self.cls)], box=[*map(in_float32, self.box)], quality=quality)


@dataclass(frozen=True)
class Assignment:
    """The targets of each image's anchors, by the detector's own matching rule.

    labels (N, M): a class from 1 on, 0 for background, -1 where the anchor is left out of the loss; in a first stage, 1
    for any object. box (N, M, 4): the target of `Responses.box`, in its coding (distances for distributions); it is
    undefined where the label isn't a class. For proposals instead of anchors the shapes are (R,) and (R, 4).
    """

    labels: Tensor
    box: Tensor


@dataclass(frozen=True)
class RoIResponses:
    """Responses of a two-stage detector's second stage to each proposal.

    proposals: per image (R_i, 4) xyxy in pixels of the detector's own input. cls (R, K) logits with index 0 the
    background, box (R, K*4) offsets for each class, R = sum R_i in the order of the images. assignment: their
    targets, if targets were given.
    """

    proposals: list[Tensor]
    cls: Tensor
    box: Tensor
    assignment: Assignment | None = None


@dataclass(frozen=True)
class DetectorOutput:
    """The result of one forward pass.

    features: pyramid levels by name, (N, C, H, W). losses: scalars by name, filled when targets are given. layers: per
    1-bit unit its trace, filled inside `traced`. targets: as given, with boxes in pixels of the detector's own input,
    where its anchors are. second_stage: of two-stage detectors, whose `responses` are their first stage's, to `rois`.
    assign: to `assignment`, set when targets are given. `rois`, `detections` and `assignment` are computed when first
    asked for, the first two before the network changes: a teacher that is only read for its maps never pays for them.
    """

    features: dict[str, Tensor]
    responses: Responses
    decode: Callable[[], list[Detections]]
    losses: dict[str, Tensor] = field(default_factory=dict)
    layers: dict[str, LayerTrace] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    second_stage: Callable[[], RoIResponses] | None = None
    assign: Callable[[], Assignment] | None = None

    @cached_property
    def rois(self) -> RoIResponses | None:
        """The second stage's responses to its proposals; None for a single-stage detector."""
        return None if self.second_stage is None else self.second_stage()

    @cached_property
    def assignment(self) -> Assignment:
        """The targets of `responses`. Raises ValueError if the detector ran without targets."""
        if self.assign is None:
            raise ValueError("The output holds no targets, so that its anchors have none: run the detector with them.")
        return self.assign()

    @cached_property
    def detections(self) -> list[Detections]:
        """Boxes, scores and labels, image by image, without gradients."""
        with torch.no_grad():
            return self.decode()


class Detector(Protocol):
    """Images: a list of [3, H, W] in 0..1, of any size; targets: a list of `Target`, in pixels of these images.

    proposals: per image (R_i, 4) xyxy in pixels of the detector's own input; a two-stage detector then runs its
    second stage on these instead of its own proposals, a single-stage one raises ValueError.

    feature_channels: the pyramid's levels and their channels.
    detections_per_image: how many detections an image keeps at most, the published number unless it is set.
    counted_proposals: on how many proposals a two-stage detector's costs are counted; None for a single-stage one.
    openable: the layers that are real unless a search opens them, by the group that one knob switches.
    """

    feature_channels: dict[str, int]
    detections_per_image: int
    counted_proposals: int | None
    openable: Openable

    def __call__(
        self, images: list[Tensor], targets: list[Target] | None = None, proposals: list[Tensor] | None = None
    ) -> DetectorOutput: ...

    def responses(self, batch: Tensor) -> Responses:
        """The raw outputs on normalised images (N, 3, H, W) of the detector's own size: tensors in, tensors out.

        `forward` computes the same, between resizing and losses. A two-stage detector returns its first stage's.
        """
        ...


def counted_proposals(network: nn.Module) -> int | None:
    """On how many proposals a two-stage detector is counted; None for a single-stage one, and for other networks."""
    count: int | None = getattr(network, "counted_proposals", None)
    return count


def is_two_stage(network: nn.Module) -> bool:
    """Whether the network is a detector whose second stage can be run on given proposals."""
    return counted_proposals(network) is not None


def openable(network: nn.Module) -> Openable:
    """The layers of a detector that a search may open, by the group that one knob switches."""
    return cast(Detector, network).openable


def searchable_units(network: nn.Module) -> dict[str, SearchableUnit]:
    """The searchable units of a network by name, in the order of its modules."""
    return {name: module for name, module in network.named_modules() if isinstance(module, SearchableUnit)}


@contextmanager
def traced(network: nn.Module) -> Iterator[None]:
    """Within this context every forward pass fills `DetectorOutput.layers`."""
    units = searchable_units(network).values()
    for unit in units:
        unit.tracing = True
    try:
        yield
    finally:
        for unit in units:
            unit.tracing, unit.runs = False, []


@contextmanager
def keeping(network: nn.Module, detections: int) -> Iterator[None]:
    """Within this context a detector keeps `detections` per image, or its own number if that is larger."""
    detector = cast(Detector, network)
    own = detector.detections_per_image
    detector.detections_per_image = max(own, detections)
    try:
        yield
    finally:
        detector.detections_per_image = own


def maps_in_float32(features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pyramid levels for all that is computed with them outside the network, see `spaces.precision`."""
    return {name: in_float32(x) for name, x in features.items()}


def collect_traces(network: nn.Module) -> dict[str, LayerTrace]:
    """The traces of the forward pass that ends, taken from the units; empty outside `traced`."""
    layers = {}
    for name, unit in searchable_units(network).items():
        if unit.runs:
            layers[name] = replace(unit.runs[0], others=tuple(unit.runs[1:]))
            unit.runs = []
    return layers
