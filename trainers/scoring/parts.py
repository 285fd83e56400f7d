"""The parts of a scorer: plain descriptions and arrays, broadcast to workers once."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from spaces.detectors import DetectorSpec
from spaces.precision import FLOAT32, Precision
from trainers.data.decoded import Decoded
from trainers.data.resizing import Resizing
from trainers.distill.ensemble import Ensemble
from trainers.distill.teacher_cache import KnownOutputs
from trainers.teacher import Teacher
from trainers.training.parameter_groups import complete_rates

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
    """How a candidate is adapted before it is measured."""

    adapt_steps: int = 50  # 0 scores the layers alone
    higher_rungs: tuple[int, ...] = ()
    """Steps at the rungs above the first, rising: the same candidate again, from the supernet's weights."""
    adapt_learning_rate: float = 2e-3
    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates by role (`parameter_groups.ROLES`), as multiples of `adapt_learning_rate`."""
    latent_units: tuple[str, ...] = ()
    """The units whose weight 1-bit methods alone had in the supernet: the rate of `latent` is theirs. A unit that 1-bit
    methods shared with others is 1-bit alone once it is extracted, and its weight goes on as it was trained."""
    precision: Precision = FLOAT32
    """Of the adaptation alone; what is measured is computed in float32."""
    batch_size: int = 16
    recalibrate_images: int = 200
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.adapt_steps < 0:
            raise ValueError(f"adapt_steps is {self.adapt_steps}, must be 0 or more.")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"The steps of the rungs are {list(self.steps)}, must rise from rung to rung.")
        if not 0 < self.adapt_learning_rate < math.inf:
            raise ValueError(f"adapt_learning_rate is {self.adapt_learning_rate}, must be positive and finite.")
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size is {self.batch_size}, must be at least 2: BatchNorm needs more than one image."
            )
        if self.recalibrate_images < 1:
            raise ValueError(f"recalibrate_images is {self.recalibrate_images}, must be at least 1.")
        object.__setattr__(self, "rates", complete_rates(self.rates, multiples=True))

    @property
    def steps(self) -> tuple[int, ...]:
        """The adaptation steps of each rung."""
        return (self.adapt_steps, *self.higher_rungs)

    @property
    def images(self) -> int:
        """How many images the longest rung adapts on, or recalibration sees, whichever are more."""
        return max(self.steps[-1] * self.batch_size, self.recalibrate_images)


@dataclass(frozen=True)
class ScorerParts:
    """Everything that a worker needs: plain descriptions, and arrays that workers share and only read."""

    spec: dict[str, Any]
    settings: dict[str, Any]
    terms: dict[str, list[str]]
    ensemble: Ensemble | None
    teachers: dict[str, tuple[dict[str, Any], dict[str, Any]]]
    """By name: the teacher's DetectorSpec and its candidate, both as plain dicts."""
    class_names: tuple[str, ...]
    rule: str
    learns_difficult: bool
    image_ids: dict[str, tuple[str, ...]]
    arrays: Arrays = field(repr=False)
    """Keys `supernet/<tensor>`, `distiller/<tensor>`, `teacher.<name>/<tensor>`, `train/<array>`, `val/<array>`, and
    `known.<name>/<map>` with the teachers' known outputs on `train`."""
    known: dict[str, dict[str, Any]]
    """By teacher, how to read these outputs: see `teacher_cache.KnownOutputs.form`."""


def seen_by(settings: ScoreSettings, train: Decoded) -> Decoded:
    """The images that adaptation and recalibration see, in their order; a shorter rung sees the first of them."""
    return train.subset(np.random.default_rng(settings.seed).permutation(len(train))[: settings.images])


def pack(
    *,
    spec: DetectorSpec,
    settings: ScoreSettings,
    supernet: Mapping[str, Tensor],
    distiller: Mapping[str, Tensor],
    terms: Mapping[str, list[str]],
    ensemble: Ensemble | None = None,
    teachers: Mapping[str, Teacher],
    train: Decoded,
    val: Decoded,
    known: Mapping[str, KnownOutputs] | None = None,
) -> ScorerParts:
    """Gather the parts of a scorer. `train` must be the images of `seen_by`, `known` the teachers' outputs on them."""
    known = known or {}
    for name, outputs in known.items():
        if any(len(array) != len(train) for array in outputs.arrays.values()):
            raise ValueError(f"The known outputs of {name} are not those of the {len(train)} images.")
    groups: dict[str, Mapping[str, Any]] = {
        "supernet": supernet,
        "distiller": distiller,
        "train": train.arrays(),
        "val": val.arrays(),
        **{f"teacher.{name}": teacher.network.state_dict() for name, teacher in teachers.items()},
        **{f"known.{name}": {**outputs.arrays, "anchors": outputs.anchors} for name, outputs in known.items()},
    }
    return ScorerParts(
        spec=spec.described(),
        settings=asdict(settings),
        terms={term: list(names) for term, names in terms.items()},
        ensemble=ensemble,
        teachers={name: (teacher.spec.described(), dict(teacher.candidate)) for name, teacher in teachers.items()},
        class_names=train.class_names,
        rule=train.rule,
        learns_difficult=train.learns_difficult,
        image_ids={"train": train.image_ids, "val": val.image_ids},
        arrays={
            f"{group}/{name}": _plain(value) for group, members in groups.items() for name, value in members.items()
        },
        known={name: dict(outputs.form) for name, outputs in known.items()},
    )


def group_of(parts: ScorerParts, group: str) -> Arrays:
    prefix = f"{group}/"
    return {name.removeprefix(prefix): array for name, array in parts.arrays.items() if name.startswith(prefix)}


def images_of(parts: ScorerParts, split: str) -> Decoded:
    """The images of `train` or `val`, without a copy."""
    arrays, image_ids = group_of(parts, split), parts.image_ids[split]
    resizing = Resizing.of(DetectorSpec(**parts.spec))
    return Decoded.from_arrays(arrays, image_ids, parts.class_names, parts.rule, parts.learns_difficult, resizing)


def _plain(value: Any) -> np.ndarray[Any, Any]:
    """An array that processes can share without a copy; a memory-mapped array becomes a plain view for that."""
    return value.detach().cpu().contiguous().numpy() if isinstance(value, Tensor) else np.asarray(value)
