"""Images decoded once and stored, resized, as uint8: reading one then takes microseconds instead of milliseconds."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.data.batches import Batch, batches
from trainers.data.errors import DataError, NothingUsableError, OnBadData, check_on_bad_data
from trainers.data.image_file import FORMATS, bits_per_channel, raised_as_data_errors
from trainers.data.remarks import Remark, merged
from trainers.data.sample import Defect, DetectionData, Sample, Target
from trainers.progress import Progress, SilentProgress

_ORIENTATION, _TURNED = 0x0112, range(2, 9)  # an EXIF tag and its values but 1, upright; others mean nothing


@dataclass(frozen=True, eq=False)
class Decoded:
    """N images of S x S pixels with the M objects in them, as flat arrays that can be broadcast without pickling.

    images (N, 3, S, S) uint8 RGB, squashed to a square; boxes (M, 4) float32 corners in resized pixels; labels (M,)
    int64 and difficult (M,) bool as in `Sample`; offsets (N + 1,) int64: the objects of image i are offsets[i] to
    offsets[i + 1]. `rule` names the rule by which average precision is measured on them, and `learns_difficult` says
    whether a detector is trained on objects marked difficult. `defects` lists the defects
    found in reading and decoding, `left_out` counts the images that were left out for them, `remarks` says what was
    accepted although it isn't as the format says. The arrays may be shared between processes: never write to them.
    """

    images: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    image_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    defects: tuple[Defect, ...] = ()
    rule: str = "voc"
    learns_difficult: bool = True
    left_out: int = 0
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        count, objects = len(self.image_ids), len(self.labels)
        fits = (
            self.images.shape == (count, 3, self.size, self.size)
            and self.offsets.shape == (count + 1,)
            and self.offsets[0] == 0
            and self.offsets[-1] == objects
            and self.boxes.shape == (objects, 4)
            and self.difficult.shape == (objects,)
        )
        if not fits:
            raise ValueError(
                f"Arrays don't fit together: images {self.images.shape}, {count} image ids, offsets "
                f"{self.offsets.shape}, boxes {self.boxes.shape}, labels {self.labels.shape}, "
                f"difficult {self.difficult.shape}."
            )

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.images.shape[-1])

    def target(self, index: int) -> Target:
        """Views of the boxes, labels and difficult flags of one image."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        objects = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return {"boxes": self.boxes[objects], "labels": self.labels[objects], "difficult": self.difficult[objects]}

    def training_target(self, index: int) -> Target:
        """The target without what no detector should learn as an object, such as crowds and ignored regions.

        VOC's difficult objects are learnt, unless `without_difficult` took them out.
        """
        target = self.target(index)
        if self.learns_difficult:
            return target
        return {name: value[~target["difficult"]] for name, value in target.items()}

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> "Decoded":
        """The images at `indices`, in that order, copied; `defects` stay those of the whole data set."""
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        if len(chosen) and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise IndexError(f"indices from {chosen.min()} to {chosen.max()}, there are {len(self)} images.")
        counts = (self.offsets[1:] - self.offsets[:-1])[chosen]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        objects = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][chosen] - offsets[:-1], counts)
        return replace(
            self,
            images=self.images[chosen],
            boxes=self.boxes[objects],
            labels=self.labels[objects],
            difficult=self.difficult[objects],
            offsets=offsets,
            image_ids=tuple(self.image_ids[i] for i in chosen),
        )

    def without_difficult(self) -> "Decoded":
        """The same images, not copied, without the objects that are marked difficult."""
        keep = ~self.difficult
        offsets = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)[self.offsets]
        objects = {name: getattr(self, name)[keep] for name in ("boxes", "labels", "difficult")}
        return replace(self, offsets=offsets, **objects)

    def batches(
        self, batch_size: int, *, seed: int, epoch: int, augment: bool, drop_last: bool = False, skip: int = 0
    ) -> Iterator[Batch]:
        """One pass over the images, see `batches.batches`."""
        return batches(self, batch_size, seed=seed, epoch=epoch, augment=augment, drop_last=drop_last, skip=skip)

    def fingerprint(self) -> str:
        """A digest of the image ids in order, the size, the classes and the objects: it differs between data sets."""
        digest = hashlib.sha256(json.dumps([self.image_ids, self.size, self.class_names]).encode())
        for array in (self.boxes, self.labels, self.difficult, self.offsets):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, without a copy; `from_arrays` is the inverse."""
        return {name: getattr(self, name) for name in ("images", "boxes", "labels", "difficult", "offsets")}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        image_ids: Sequence[str],
        class_names: Sequence[str],
        rule: str = "voc",
        learns_difficult: bool = True,
    ) -> "Decoded":
        """Built on the given arrays without a copy. Raises ValueError if they don't fit together."""
        return cls(
            images=arrays["images"],
            boxes=arrays["boxes"],
            labels=arrays["labels"],
            difficult=arrays["difficult"],
            offsets=arrays["offsets"],
            image_ids=tuple(image_ids),
            class_names=tuple(class_names),
            rule=rule,
            learns_difficult=learns_difficult,
        )


def decode(
    data: DetectionData,
    size: int,
    memory_limit_mb: float = 4096,
    on_bad_data: OnBadData = "error",
    *,
    stage: str = "images",
    progress: Progress | None = None,
) -> Decoded:
    """Decode all images and squash them to `size` x `size` pixels with an antialiased bilinear filter.

    `progress` advances by one per image, in a stage of the name `stage`. Raises DataError before decoding if the images
    would take more than `memory_limit_mb` (1 MB = 2**20 bytes). Raises it too for a file that isn't a JPEG or PNG, is
    truncated, is rotated by its EXIF data, or has another size than its annotation says; with on_bad_data="skip" such
    an image is left out and listed in `defects`, after those of `data`.
    """
    check_on_bad_data(on_bad_data)
    if size < 1:
        raise ValueError(f"size is {size}, must be at least 1.")
    _check_memory(len(data.samples), size, memory_limit_mb)
    images = np.empty((len(data.samples), 3, size, size), dtype=np.uint8)
    usable: list[Sample] = []
    defects = list(data.defects)
    with (progress or SilentProgress()).stage(stage, len(data.samples)) as report:
        for sample in data.samples:
            try:
                images[len(usable)] = _resized(sample, size)
            except DataError as error:
                if on_bad_data == "error":
                    raise
                defects.append(Defect(sample.image, error.reason))
            else:
                usable.append(sample)
            report.advance()
    if not usable:
        first = f"the first defect: {defects[0].path}: {defects[0].reason}" if defects else "there are none"
        raise NothingUsableError("the data set", f"no image is usable; {first}", "Repair the data", defects)
    return _assemble(images[: len(usable)], usable, data, tuple(defects))


def _assemble(
    images: NDArray[np.uint8], samples: Sequence[Sample], data: DetectionData, defects: tuple[Defect, ...]
) -> Decoded:
    size = images.shape[-1]
    scaled = [s.boxes * (np.array([size, size, size, size]) / (s.width, s.height, s.width, s.height)) for s in samples]
    return Decoded(
        images=images,
        boxes=np.concatenate(scaled).astype(np.float32),
        labels=np.concatenate([s.labels for s in samples]),
        difficult=np.concatenate([s.difficult for s in samples]),
        offsets=np.cumsum([0] + [len(s.labels) for s in samples], dtype=np.int64),
        image_ids=tuple(s.image_id for s in samples),
        class_names=data.class_names,
        defects=defects,
        rule=data.rule,
        learns_difficult=data.learns_difficult,
        left_out=data.left_out + len(data.samples) - len(samples),
        remarks=merged([*data.of_files, *(remark for sample in samples for remark in sample.remarks)]),
    )


def _check_memory(count: int, size: int, limit_mb: float) -> None:
    needed_mb = count * 3 * size * size / 2**20
    if needed_mb > limit_mb:
        raise DataError(
            f"{count} images at {size} x {size} pixels",
            f"they take {needed_mb:.1f} MB decoded, more than the limit of {limit_mb:g} MB",
            "Lower data.image_size, use a smaller split, or raise data.memory_limit_mb",
        )


def _resized(sample: Sample, size: int) -> NDArray[np.uint8]:
    """(3, size, size). The header is checked first, so that a wrong size is an error before memory is allocated."""
    try:
        content = sample.image.read_bytes()
    except OSError as error:
        raise DataError(sample.image, f"the image can't be read ({error.strerror})") from error
    with raised_as_data_errors(sample.image):
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        orientation = image.getexif().get(_ORIENTATION)
        if orientation in _TURNED:
            raise DataError(
                sample.image,
                f"its EXIF data turn the image (orientation {orientation}), and boxes may mean it turned or not",
                "Save the image upright, or set data.on_bad_data: skip to leave it out",
            )
        if (bits := bits_per_channel(image, content)) > 8:
            raise DataError(sample.image, f"the image has {bits} bits a channel, allowed are 8 or fewer")
        if image.size == (sample.width, sample.height):
            square = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            return np.asarray(square).transpose(2, 0, 1)
    width, height = image.size
    expected = f"{sample.width} x {sample.height}"
    raise DataError(sample.image, f"the image is {width} x {height} pixels, its annotation says {expected}")
