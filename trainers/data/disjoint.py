"""Images that image sets share, whatever their names: the same file, or files of the same bytes."""

import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from stat import S_ISREG

from trainers.data.errors import NothingUsableError
from trainers.data.sample import Defect, DetectionData
from trainers.whole_files import digest_of


@dataclass(frozen=True)
class SharedImage:
    """An image of one set that is in a later one, too: its id and its file in each of them."""

    one: str
    other: str
    ids: tuple[str, str]
    files: tuple[Path, Path]


def shared_images(sets: Mapping[str, Mapping[str, Path]]) -> list[SharedImage]:
    """The images of each set that occur in a later one, too, in the order of the sets and of their images.

    sets: by name the image files by image id. An image is compared with the first equal one of each later set. Files of
    a size that no other set has aren't read. Missing and empty files are left out: their reader reports them.
    """
    by_content: dict[Hashable, dict[str, list[tuple[str, Path]]]] = defaultdict(lambda: defaultdict(list))
    for name, image_id, file, content in _contents(sets):
        by_content[content][name].append((image_id, file))
    return [
        SharedImage(one, other, (image_id, places[other][0][0]), (file, places[other][0][1]))
        for places in by_content.values()
        for one, other in combinations(places, 2)
        for image_id, file in places[one]
    ]


def summaries(shared: Iterable[SharedImage]) -> list[str]:
    """A sentence for each pair of sets: how many images they share, and the files of the first."""
    by_pair: dict[tuple[str, str], list[SharedImage]] = defaultdict(list)
    for image in shared:
        by_pair[image.one, image.other].append(image)
    return [
        f"{one} and {other} share {len(images)} image{'s' if len(images) > 1 else ''}, "
        f"the first: {' and '.join(dict.fromkeys(map(str, images[0].files)))}"
        for (one, other), images in by_pair.items()
    ]


def without_shared(data: DetectionData, name: str, shared: Iterable[SharedImage]) -> DetectionData:
    """The set `name` without the images that a later set has, too; each of these is among the defects.

    Raises NothingUsableError where no image is left.
    """
    reasons: dict[str, Defect] = {}
    for image in shared:
        if image.one == name:
            reason = f"the image is in the set {image.other}, too, as {image.files[1]}"
            reasons.setdefault(image.ids[0], Defect(image.files[0], reason))
    samples = tuple(sample for sample in data.samples if sample.image_id not in reasons)
    defects = [reasons[sample.image_id] for sample in data.samples if sample.image_id in reasons]
    if not samples:
        reason = f"all its {len(defects)} usable images are in later sets, too; the first: {defects[0].path}"
        raise NothingUsableError(f"the image set {name}", reason, "Name disjoint image sets", defects)
    left_out = data.left_out + len(defects)
    return replace(data, samples=samples, defects=(*data.defects, *defects), left_out=left_out)


def _contents(sets: Mapping[str, Mapping[str, Path]]) -> Iterable[tuple[str, str, Path, Hashable]]:
    """Each image that may be shared: its set, id and file, and what is equal for equal images alone."""
    found: list[tuple[str, str, Path, os.stat_result]] = []
    sets_of_size: dict[int, set[str]] = defaultdict(set)
    for name, images in sets.items():
        for image_id, file in images.items():
            with suppress(OSError, ValueError):  # a file is missing, or its name is invalid
                status = file.stat()
                if S_ISREG(status.st_mode) and status.st_size:  # reading a pipe or a device may never end
                    found.append((name, image_id, file, status))
                    sets_of_size[status.st_size].add(name)
    digests: dict[tuple[int, int], str] = {}
    for name, image_id, file, status in found:
        if len(sets_of_size[status.st_size]) < 2:
            continue
        same_file = (status.st_dev, status.st_ino)
        if same_file not in digests:
            with suppress(OSError):
                digests[same_file] = digest_of(file)
        yield name, image_id, file, digests.get(same_file, same_file)
