"""Images that image sets share, whatever their names: the same file, or files of the same bytes."""

import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainers.whole_files import digest_of


@dataclass(frozen=True)
class SharedImage:
    """An image that is in two sets: its id and its file in each of them."""

    one: str
    other: str
    ids: tuple[str, str]
    files: tuple[Path, Path]


def shared_images(sets: Mapping[str, Mapping[str, Path]]) -> list[SharedImage]:
    """The images that occur in more than one set, in the order of the sets and of their images.

    sets: by name the image files by image id. An image of one set is compared with the first equal one of each other
    set. Files of a size that no other set has aren't read. Missing files are left out: their reader reports them.
    """
    by_content: dict[Hashable, dict[str, tuple[str, Path]]] = defaultdict(dict)
    for name, image_id, file, content in _contents(sets):
        by_content[content].setdefault(name, (image_id, file))
    shared = []
    for places in by_content.values():
        names = list(places)
        for k, one in enumerate(names):
            for other in names[k + 1 :]:
                (first, first_file), (second, second_file) = places[one], places[other]
                shared.append(SharedImage(one, other, (first, second), (first_file, second_file)))
    return shared


def _contents(sets: Mapping[str, Mapping[str, Path]]) -> Iterable[tuple[str, str, Path, Hashable]]:
    """Each image that may be shared: its set, id and file, and what is equal for equal images alone."""
    found: list[tuple[str, str, Path, os.stat_result]] = []
    sets_of_size: dict[int, set[str]] = defaultdict(set)
    for name, images in sets.items():
        for image_id, file in images.items():
            with suppress(OSError, ValueError):  # a file is missing, or its name is invalid
                found.append((name, image_id, file, file.stat()))
                sets_of_size[found[-1][3].st_size].add(name)
    digests: dict[tuple[int, int], str] = {}
    for name, image_id, file, status in found:
        if len(sets_of_size[status.st_size]) < 2:
            continue
        same_file = (status.st_dev, status.st_ino)
        if same_file not in digests:
            with suppress(OSError):
                digests[same_file] = digest_of(file)
        yield name, image_id, file, digests.get(same_file, same_file)
