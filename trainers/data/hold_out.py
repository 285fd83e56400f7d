"""Parts of an image set that become sets of their own, for data that come as one set."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trainers.data.errors import NothingUsableError
from trainers.data.sample import DetectionData


@dataclass(frozen=True)
class HoldOut:
    """Which images of a set are held out.

    source: the set. parts: by the name of a new set the positions of its images, from the first number to below the
    second; see `position`. What no part has stays in `source`.
    """

    source: str
    parts: Mapping[str, tuple[float, float]]

    def has(self, name: str, image_id: str) -> bool:
        """Whether an image belongs to the set `name`, if its files list it."""
        if name != self.source and name not in self.parts:
            return True
        place = position(image_id)
        return name == next((part for part, (low, high) in self.parts.items() if low <= place < high), self.source)

    def part_of(self, data: DetectionData, name: str) -> DetectionData:
        """The images that belong to the set `name` among those that its files list.

        Defects, and remarks on files, are those of the source. Raises NothingUsableError where there is no image.
        """
        samples = tuple(sample for sample in data.samples if self.has(name, sample.image_id))
        if not samples:
            reason = f"none of the {len(data.samples)} images of {self.source} falls into it"
            raise NothingUsableError(f"the image set {name}", reason, "Change the shares in data.hold_out")
        if name not in self.parts:
            return replace(data, samples=samples)
        return replace(data, samples=samples, defects=(), left_out=0, of_files=())

    def text(self, name: str) -> str:
        """Which images the set `name` has, for a message; empty for a set that is read whole."""
        if name in self.parts:
            low, high = self.parts[name]
            return f"a share of {high - low:.6g} of {self.source}"
        return f"without {' and '.join(self.parts)}" if name == self.source and self.parts else ""


def position(image_id: str) -> float:
    """A number in [0, 1) that depends on nothing but the image's id.

    So images that are added later move no other, and runs with different seeds agree on what is held out: a teacher of
    one run, given to another, has not seen its test images.
    """
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48  # 48 bits, so that a float holds it exactly and below 1


NOTHING_HELD_OUT = HoldOut("", {})
