"""Named classes against those that the files of the data list."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from search.config import ConfigError
from search.config.names import unknown
from search.config.schema import Data
from search.plan.sources import image_sets, named_sets
from trainers.data.errors import DataError
from trainers.data.image_sets import ImageSets


def unlisted_class(sets: ImageSets, splits: Iterable[str], names: Iterable[str]) -> str | None:
    """The text for the first name that no file of the image sets lists; None where there is none.

    Formats whose files list no classes, and files that list none, allow any name. Sets are read until all are found.
    """
    missing, listed = list(names), dict[str, None]()
    if sets.form.classes.listed is None:
        return None
    for split in splits:
        with suppress(DataError):  # reading the images reports it
            listed |= dict.fromkeys(sets.class_names(split))
        missing = [name for name in missing if name not in listed]
        if not missing:
            return None
    return f"among the categories of the files {unknown(missing[0], listed)}" if listed and missing else None


def check_listed_classes(data: Data, root: Path | None) -> None:
    """Raise ConfigError for a name of `data.classes` that no file of a settled config's data lists.

    No image could have such a class: mostly it is misspelt. root: as for `image_sets`.
    """
    if data.classes is None:
        return
    if wrong := unlisted_class(image_sets(data, root), named_sets(data).values(), data.classes):
        raise ConfigError(f"data.classes is [{', '.join(data.classes)}], but {wrong}")
