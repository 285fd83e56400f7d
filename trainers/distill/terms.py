"""The distillation terms, in one visible table: adding one is a file and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from spaces.detectors import DetectorOutput
from spaces.layers import is_binary, learns_scale
from trainers.distill.adversarial import Adversarial
from trainers.distill.discrepancy import discrepant_places
from trainers.distill.hint import FeatureHint
from trainers.distill.imitation import FineGrainedImitation
from trainers.distill.joint_features import JointAttention, JointFeatures
from trainers.distill.joint_responses import JointBox, JointCls
from trainers.distill.layer_pair import Inputs, LayerPair
from trainers.distill.layer_terms import Amplitude, Angular, WeightReconstruction
from trainers.distill.parallel import ResponseCls, ResponseLoc, ResponseQuality


class TermLoss(Protocol):
    """From the student's and the teacher's outputs to a scalar; a module of its own where it has parameters."""

    def __call__(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor: ...


@runtime_checkable
class Opposed(Protocol):
    """A term with parameters that play against the student, towards a loss of their own."""

    opponents: str
    """Their name, such as `discriminators`."""

    def opponents_loss(self, student: DetectorOutput, teacher: DetectorOutput, teacher_name: str) -> Tensor:
        """A scalar with gradients to the opponents alone."""


class LayerTermLoss(Protocol):
    """From the student's 1-bit units, each paired with the teacher's of the same name, to a scalar."""

    inputs: Inputs

    def __call__(self, pairs: Mapping[str, LayerPair]) -> Tensor: ...


@dataclass(frozen=True)
class Term:
    """How a term is built, from the student's and each teacher's pyramid channels.

    A term that `compares_layers` is a `LayerTermLoss`, needs 1-bit layers, and only networks of the student's shape can
    teach it; any other is a `TermLoss`, and `reads` names the part of a teacher's output that it needs: pyramid maps,
    which adapters fit to the student's, or responses, whose anchors and form must be the student's.
    """

    build: Callable[[Mapping[str, int], Mapping[str, Mapping[str, int]]], nn.Module]
    weights: tuple[float, float] = (0.1, 10.0)
    """The range of loss weights of a search whose config gives none."""
    compares_layers: bool = False
    acts_on: Callable[[str], bool] = is_binary
    """For layer terms: the methods on which the term has an effect."""
    acts_on_what: str = "1-bit"
    """The same in words."""
    reads: Literal["features", "responses"] = "features"
    second_stage: bool = False
    """For terms that read responses: whether they read the second stage's of two-stage detectors."""
    about: str = ""
    """What it compares, in a line, for lists of all terms."""


TERMS: dict[str, Term] = {
    "feature_hint": Term(about="pyramid maps, behind 1x1 adapters", build=FeatureHint, weights=(0.1, 100.0)),
    # Dong et al.'s, beside a hint
    "adversarial": Term(
        about="pyramid maps, by a discriminator (Dong et al., 2021)", build=Adversarial, weights=(0.01, 1.0)
    ),
    "adversarial_least_squares": Term(
        about="likewise, with the least-squares loss",
        build=partial(Adversarial, game="least_squares"),
        weights=(0.01, 1.0),
    ),
    "adversarial_hinge": Term(
        about="likewise, with the hinge loss", build=partial(Adversarial, game="hinge"), weights=(0.01, 1.0)
    ),
    # LWS-Det's: where objects are, and layer by layer
    "fgfi": Term(
        about="maps where an object's anchors are, behind 3x3 adapters (LWS-Det's)",
        build=FineGrainedImitation,
        weights=(0.01, 1.0),
    ),
    "angular": Term(
        about="cosines of a layer's 1-bit and real products (LWS-Det's)",
        build=lambda student, teachers: Angular(),
        weights=(10.0, 1000.0),
        compares_layers=True,
    ),
    "amplitude": Term(
        about="sizes of a layer's 1-bit and real products (LWS-Det's)",
        build=lambda student, teachers: Amplitude(),
        weights=(0.1, 1.0),
        compares_layers=True,
        acts_on=learns_scale,
        acts_on_what="one with a learned scale",
    ),
    "weight_reconstruction": Term(
        about="scaled binary weights and the teacher's weights (LWS-Det's)",
        build=lambda student, teachers: WeightReconstruction(),
        weights=(1.0, 100.0),
        compares_layers=True,
    ),
    # JDBNet's joint guidance
    "joint_features": Term(
        about="maps, each channel divided by its norm, behind 1x1 adapters (JDBNet's)",
        build=JointFeatures,
        weights=(0.3, 30.0),
    ),
    "joint_attention": Term(
        about="the mean of squared channels at each place (JDBNet's)", build=JointAttention, weights=(1.0, 30.0)
    ),
    "joint_cls": Term(
        about="class scores of positives and hard negatives (JDBNet's)",
        build=lambda student, teachers: JointCls(),
        reads="responses",
        second_stage=True,
    ),
    "joint_box": Term(
        about="boxes of positives (JDBNet's)",
        build=lambda student, teachers: JointBox(),
        weights=(0.1, 3.0),
        reads="responses",
        second_stage=True,
    ),
    "joint_box_bounded": Term(
        about="boxes of positives that are worse than the teacher's",
        build=lambda student, teachers: JointBox(bounded=True),
        weights=(0.1, 3.0),
        reads="responses",
        second_stage=True,
    ),
    # Parallel-Circuitized distillation: the heads' responses, anchor by anchor
    "response_cls": Term(
        about="class scores of all anchors (Parallel-Circuitized distillation's)",
        build=lambda student, teachers: ResponseCls(),
        weights=(0.01, 1.0),
        reads="responses",
    ),
    "response_loc": Term(
        about="edge distributions or box offsets at and round objects (likewise)",
        build=lambda student, teachers: ResponseLoc(),
        weights=(0.01, 10.0),
        reads="responses",
    ),
    "response_quality": Term(
        about="predicted quality of boxes at and round objects (likewise)",
        build=lambda student, teachers: ResponseQuality(),
        weights=(1.0, 10.0),
        reads="responses",
    ),
    # feature terms at the places where IDa-Det's maps differ most
    "feature_hint_ida": Term(
        about="as feature_hint, where IDa-Det's maps differ most",
        build=partial(FeatureHint, places=discrepant_places),
        weights=(0.1, 100.0),
    ),
    "joint_features_ida": Term(
        about="as joint_features, where IDa-Det's maps differ most",
        build=partial(JointFeatures, places=discrepant_places),
        weights=(0.3, 30.0),
    ),
}
