"""Images with their objects, resized, as uint8: in memory, or on a disk where they don't fit."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.augmentation import USUAL, Augmentation
from trainers.data.batches import WHOLE, Batch, Images, Part, batches, ordered
from trainers.data.image_list import ImageList
from trainers.data.remarks import Remark
from trainers.data.resizing import Placement, Resizing
from trainers.data.sample import Defect, Target
from trainers.data.streaming.ahead import Ahead
from trainers.data.streaming.images import StreamedImages

_WITH_PIXELS = "pixels:"
"""What fingerprints begin with that cover the pixels, too."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """N resized images with the M objects in them, as flat arrays that can be broadcast without pickling.

    images (N, 3, S, S) uint8 RGB in memory, or images (3, H, W) on a disk or of shapes of their own; boxes (M, 4)
    float32 corners in resized pixels; labels (M,) int64 and difficult (M,) bool as in `Sample`; offsets (N + 1,)
    int64: the objects of image i are offsets[i] to offsets[i + 1]. `rule` names the rule by which average precision is
    measured on them, and `learns_difficult` says whether a detector is trained on objects marked difficult. `defects`
    lists the defects found in reading and decoding, `left_out` counts the images that were left out for them, `remarks`
    says what was accepted although it isn't as the format says. sizes (N, 2) int64 are the width and height of the
    images as they are on disk; squashed ones may lack it (None), as in a worker. resizing: how the images came to their
    size; None for squashed ones. augmentation: what a training does to them. The arrays may be shared between
    processes: never write to them.
    """

    images: Images
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
    sizes: NDArray[np.int64] | None = None
    resizing: Resizing | None = None
    augmentation: Augmentation = USUAL

    def __post_init__(self) -> None:
        count, objects = len(self.image_ids), len(self.labels)
        shape = self.images.shape if isinstance(self.images, np.ndarray) else (len(self.images),)
        fits = (
            shape in ((count, 3, self.resized.size, self.resized.size), (count,))
            and (self.resized.resize == "squash" or self.sizes is not None)
            and self.offsets.shape == (count + 1,)
            and self.offsets[0] == 0
            and self.offsets[-1] == objects
            and self.boxes.shape == (objects, 4)
            and self.difficult.shape == (objects,)
        )
        if not fits:
            raise ValueError(
                f"Arrays don't fit together: images {shape}, {count} image ids, offsets "
                f"{self.offsets.shape}, boxes {self.boxes.shape}, labels {self.labels.shape}, "
                f"difficult {self.difficult.shape}."
            )

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def resized(self) -> Resizing:
        """How the images came to their size."""
        if self.resizing is not None:
            return self.resizing
        images = self.images
        return Resizing(int((images if isinstance(images, np.ndarray) else images[0]).shape[-1]))

    @property
    def upright(self) -> NDArray[np.bool_] | None:
        """(N,) which images are higher than wide; None where all have one shape."""
        if self.resized.to_one_shape or self.sizes is None:
            return None
        higher: NDArray[np.bool_] = self.sizes[:, 1] > self.sizes[:, 0]
        return higher

    def placed(self, index: int) -> Placement | None:
        """Where the picture of one image lies in it; None where its size isn't known, as in a worker."""
        return None if self.sizes is None else self.resized.placed(*self.sizes[index].tolist())

    @property
    def areas(self) -> NDArray[np.float64]:
        """(N,) how many pixels on disk a decoded one stands for; 1 where that isn't known."""
        places = [self.placed(index) for index in range(len(self))]
        return np.array([1.0 if place is None else place.area for place in places])

    def bytes_of(self, indices: NDArray[np.int64] | None = None) -> int:
        """What the images take in memory, or those at `indices`."""
        if self.sizes is None:
            return (len(self) if indices is None else len(indices)) * 3 * self.resized.size**2
        sizes = self.sizes if indices is None else self.sizes[indices]
        return self.resized.bytes_of(map(tuple, sizes.tolist()))

    def detected(self, index: int, found: Target) -> Target:
        """Detections on one image, xyxy in its pixels, as they count: none lies beside a picture in padding."""
        place = self.placed(index)
        return found if place is None else place.inside(found)

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
            images=self._read(chosen),
            boxes=self.boxes[objects],
            labels=self.labels[objects],
            difficult=self.difficult[objects],
            offsets=offsets,
            image_ids=tuple(self.image_ids[i] for i in chosen),
            sizes=None if self.sizes is None else self.sizes[chosen],
        )

    def in_memory(self) -> NDArray[np.uint8] | ImageList:
        """All images, read into memory unless they are there: one array (N, 3, S, S) where they have one shape."""
        if isinstance(self.images, np.ndarray | ImageList):
            return self.images
        return self._read(np.arange(len(self)))

    def _read(self, chosen: NDArray[np.int64]) -> NDArray[np.uint8] | ImageList:
        if isinstance(self.images, np.ndarray):
            return self.images[chosen]
        if not self.resized.to_one_shape:
            return ImageList(self.images[index] for index in chosen.tolist())
        array = np.empty((len(chosen), 3, self.resized.size, self.resized.size), dtype=np.uint8)
        for place, index in enumerate(chosen.tolist()):
            array[place] = self.images[index]
        return array

    def without_difficult(self) -> "Decoded":
        """The same images, not copied, without the objects that are marked difficult."""
        keep = ~self.difficult
        offsets = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)[self.offsets]
        objects = {name: getattr(self, name)[keep] for name in ("boxes", "labels", "difficult")}
        return replace(self, offsets=offsets, **objects)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        augment: bool,
        drop_last: bool = False,
        skip: int = 0,
        part: Part = WHOLE,
    ) -> Iterator[Batch]:
        """One pass over the images, see `batches`. Those that aren't in memory are read ahead by other processes."""
        asked: dict[str, Any] = {"seed": seed, "epoch": epoch, "augment": augment, "drop_last": drop_last, "skip": skip}
        asked["part"] = part
        if self._ahead is None:
            return batches(self, batch_size, **asked)
        return self._ahead.batches(ordered(len(self), batch_size, **asked, upright=self.upright))

    @cached_property
    def _ahead(self) -> Ahead | None:
        images = self.images
        return Ahead(replace(self), images.workers, images.largest) if isinstance(images, StreamedImages) else None

    def fingerprint(self) -> str:
        """A digest of all that is decoded, in order: it differs between any two data sets that aren't the same."""
        return self._fingerprint

    def has_fingerprint(self, text: str) -> bool:
        """Whether `text` is the fingerprint of these images. Runs of earlier versions have one without the pixels."""
        return text == (self._fingerprint if text.startswith(_WITH_PIXELS) else self._digest_of_objects().hexdigest())

    @cached_property
    def _fingerprint(self) -> str:
        digest = self._digest_of_objects()
        augmented = self.augmentation.described()
        digest.update(json.dumps([self.rule, self.learns_difficult, *([augmented] if augmented else [])]).encode())
        if isinstance(self.images, StreamedImages):
            return f"{_WITH_PIXELS}{self.images.digest(digest)}"
        if isinstance(self.images, np.ndarray):
            digest.update(np.ascontiguousarray(self.images).data)
        else:
            for index in range(len(self)):
                digest.update(np.ascontiguousarray(self.images[index]).data)
        return f"{_WITH_PIXELS}{digest.hexdigest()}"

    def _digest_of_objects(self) -> "hashlib._Hash":
        """Of the image ids in order, how they are resized, the classes and the objects."""
        digest = hashlib.sha256(json.dumps([self.image_ids, self.resized.key, self.class_names]).encode())
        for array in (self.boxes, self.labels, self.difficult, self.offsets):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, without a copy of what is in memory; `from_arrays` is the inverse."""
        objects = {name: getattr(self, name) for name in ("boxes", "labels", "difficult", "offsets")}
        images = self.in_memory()
        pixels = {"images": images} if isinstance(images, np.ndarray) else images.arrays()
        if self.resized.resize == "squash" or self.sizes is None:
            return {**pixels, **objects}
        return {**pixels, **objects, "sizes": self.sizes}

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_ahead"}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        image_ids: Sequence[str],
        class_names: Sequence[str],
        rule: str = "voc",
        learns_difficult: bool = True,
        resizing: Resizing | None = None,
    ) -> "Decoded":
        """Built on the given arrays without a copy. Raises ValueError if they don't fit together."""
        return cls(
            images=ImageList.from_arrays(arrays) if "shapes" in arrays else arrays["images"],
            boxes=arrays["boxes"],
            labels=arrays["labels"],
            difficult=arrays["difficult"],
            offsets=arrays["offsets"],
            image_ids=tuple(image_ids),
            class_names=tuple(class_names),
            rule=rule,
            learns_difficult=learns_difficult,
            sizes=arrays.get("sizes"),
            resizing=resizing,
        )
