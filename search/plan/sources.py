"""Where the data of a config lies: its folder, its image sets, its classes; looked at, not read."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from search.config import Config, ConfigError
from search.config.pretrain import Pretrain
from search.config.schema import FIXED_STARTS, Data
from search.config.term_weights import with_default_weights
from spaces.published.names import NAMES
from trainers.data.disjoint import SharedImage, shared_images, summaries
from trainers.data.errors import DataError
from trainers.data.formats import Format, data_format
from trainers.data.hold_out import HoldOut
from trainers.data.image_sets import ImageSets
from trainers.data.layout import NamedFiles
from trainers.data.part import number_of

Listed = Mapping[str, Mapping[str, Path]]
"""By image set the files of its images, by image id."""

_NAMED_FILES = ("annotations", "images")


def settled(config: Config, data_root: Path | None, *, data_needed: bool = True) -> Config:
    """The config with absolute places for all files that it reads, so that it means the same from every folder, and
    with the ranges of weights that it leaves to the terms. Files below the folder of the data have places in it.

    The folder of the data is `data_root` (the command line's --data), else the config's, else what the environment
    variable of its format names. Raises DataError when none of them names one, unless the data isn't needed or the
    files of all its image sets are named, and ConfigError when `data_root` comes with generated data. The paths of
    `data.annotations` and `data.images` count from that folder, without one from the working directory.
    """
    data, named = config.data, data_root
    if format_of(data).generate is not None:
        if data_root is not None:
            text = f"--data was given, but data.format is {data.format}, whose images are generated. Leave it out."
            raise ConfigError(text)
        named = Path(data.root) if data.root else None
    elif named is None:
        complete = sets_of_files(data) <= data.annotations.keys() & data.images.keys()
        named = _named_root(data, data_needed and not complete)
    terms = with_default_weights(config.space.terms)  # of a config that was made without `load_config`
    teachers = {
        name: teacher.model_copy(update={"weights": _absolute(teacher.weights)})
        for name, teacher in config.teachers.items()
    }
    root = _absolute(named)
    files = {key: {name: _place(root, path) for name, path in getattr(data, key).items()} for key in _NAMED_FILES}
    changes = {
        "data": data.model_copy(update={"root": root, "cache": _absolute(data.cache), **files}),
        "search": config.search.model_copy(update={"latency_table": _absolute(config.search.latency_table)}),
        "pretrain": _pretrain(config.pretrain),
        "student": config.student.model_copy(update={"weights": _absolute(config.student.weights)}),
        "teachers": teachers,
        "space": config.space.model_copy(update={"terms": terms}),
    }
    if config.train.start not in FIXED_STARTS:  # a section that the user left out stays so
        changes["train"] = config.train.model_copy(update={"start": _absolute(config.train.start)})
    return config.model_copy(update=changes)


def image_sets(data: Data, root: Path | None = None) -> ImageSets:
    """The image sets of a settled config's data. root: the folder of the data, instead of the config's."""
    folder = root if root is not None else Path(data.root) if data.root else None
    annotations, images = (
        {name: Path(folder or ".", path) for name, path in getattr(data, key).items()} for key in _NAMED_FILES
    )
    sets = format_of(data).image_sets(folder, NamedFiles(annotations, images), data.follow_links)
    return replace(sets, hold_out=_hold_out(data))


def class_names(data: Data) -> tuple[str, ...]:
    """The classes in the order of their labels 1..C.

    Where the config names none they are the format's own, or those that the files of `data.train` list.
    """
    if data.classes is not None:
        return tuple(data.classes)
    form = format_of(data)
    known = form.classes.listed is not None and (data.root or data.annotations)
    return image_sets(data).class_names(data.train) if known else form.classes.own


def origin_of_classes(data: Data) -> str:
    """Where the classes of `class_names` come from, in words for a user; `data` is a settled config's."""
    if data.classes is not None:
        return "named in data.classes"
    form = format_of(data)
    if form.classes.listed is None:
        return f"those of {data.format} data"
    if data.root or data.annotations:
        return f"the categories of {data.train} in {data.root or data.annotations[data.train]}"
    return f"{form.title}'s own, as no data is named; --data has them read from yours"


def check_image_sets(data: Data) -> Listed | None:
    """Refuse image sets that aren't there, before anything is written: ConfigError or DataError.

    Returns the images of all sets; None where they are still to be generated or downloaded, by `prepare_root`.
    """
    if format_of(data).generate is not None:
        sizes = generated_sizes(data)
        for key, split in named_sets(data).items():
            if split not in sizes:
                raise ConfigError(
                    f"{key}: is {split!r}, but data.format is {data.format}, and generated images are those of "
                    f"{', '.join(sizes)}. Choose one of these."
                )
        return None
    return None if data.download else listed_images(data, None)


def number_to_train_on(data: Data, listed: Listed | None) -> int | None:
    """How many images are trained on, as listed or as will be generated; None where that isn't known yet."""
    if format_of(data).generate is None and listed is None:
        return None
    images = len(listed[data.train]) if listed is not None else generated_sizes(data)[data.train]
    return images if data.train_images is None else number_of(data.train_images, images)


def listed_images(data: Data, root: Path | None) -> Listed:
    """The images of all image sets. root: as for `image_sets`. Raises DataError for a missing set."""
    sets, places = image_sets(data, root), {}
    for key, split in named_sets(data).items():
        try:
            places[split] = sets.images(split)
        except DataError as error:
            there = sets.names()  # raises what is wrong with the whole folder, which is no single key's fault
            hold_out = f", or hold it out of {data.train} with data.hold_out: {{{split}: 0.2}}"
            way_out = error.way_out + (hold_out if data.train in there and split not in there else "")
            raise DataError(error.where, f"{error.reason}: {key} is {split!r}", way_out) from error
    return places


def shared_to_leave_out(data: Data, root: Path | None, listed: Listed) -> list[SharedImage]:
    """The images that image sets share, of which the earlier set is to be read without.

    None are shared, or `data.on_bad_data` is skip: else DataError. root: the folder that it names.
    """
    shared = shared_images(listed)
    if shared and data.on_bad_data == "error":
        raise DataError(
            root or "the data",
            f"image sets share images: {'; '.join(summaries(shared))}",
            "Figures on images that were trained on mean nothing. Name disjoint sets in data.train, data.val and "
            "data.test, remove the copies, or set data.on_bad_data: skip to leave these images out of the set that "
            "comes first in train, val, test",
        )
    return shared


def named_sets(data: Data) -> dict[str, str]:
    """The image sets by their keys of the config."""
    named = {"data.train": data.train, "data.val": data.val, "data.test": data.test}
    return {key: split for key, split in named.items() if split is not None}


def sets_of_files(data: Data) -> set[str]:
    """The image sets that have files of their own: those that aren't parts of another."""
    return set(named_sets(data).values()) - data.hold_out.keys()


def generated_sizes(data: Data) -> dict[str, int]:
    """The image sets that generated data has, with their numbers of images."""
    return {"train": data.shapes.train, "val": data.shapes.val, "test": data.shapes.test}


def format_of(data: Data) -> Format:
    """The format of the data, of its year where it has years."""
    return data_format(data.format, data.year)


def _hold_out(data: Data) -> HoldOut:
    """The validation images are the first and the test images the last, so that a changed share moves none from one to
    the other."""
    shares, parts = data.hold_out, {}
    if data.val is not None and data.val in shares:
        parts[data.val] = (0.0, shares[data.val])
    if data.test in shares:
        parts[data.test] = (1 - shares[data.test], 1.0)
    return HoldOut(data.train, parts)


def _named_root(data: Data, needed: bool) -> Path | None:
    form = format_of(data)
    named = data.root or os.environ.get(form.variable)
    if not named and needed:
        raise DataError(
            f"the {form.title} data",
            "no folder was named",
            f"Name the folder that holds {form.holds}: --data, data.root in the config, or {form.variable}",
        )
    return Path(named) if named else None


def _place(root: str | None, path: str) -> str:
    """Relative to the folder of the data where it lies below it, so that it moves with the data; else absolute."""
    place = Path(root or ".", Path(path).expanduser()).resolve()
    return str(place.relative_to(root) if root is not None and place.is_relative_to(root) else place)


def _pretrain(section: Pretrain) -> Pretrain:
    """With absolute places of its pictures and of its teacher's file, neither of which goes by a name."""
    data, teacher = section.data, section.teacher
    if data.root is not None:
        data = data.model_copy(update={"root": _absolute(Path(data.root))})
    if teacher is not None and teacher.weights is not None:
        teacher = teacher.model_copy(update={"weights": _absolute(Path(teacher.weights))})
    return section.model_copy(update={"data": data, "teacher": teacher})


def _absolute(path: Path | str | None) -> str | None:
    if path in NAMES:  # published weights, no file
        return str(path)
    return str(Path(path).expanduser().resolve()) if path is not None else None
