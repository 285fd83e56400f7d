"""The work of `bitfront data check`: counts by class and split, and every defect with its file."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from search.config import ConfigError
from search.plan.listed_classes import unlisted_class
from trainers.data.check import Count, SplitCheck
from trainers.data.disjoint import shared_images, summaries
from trainers.data.errors import DataError
from trainers.data.formats import Format
from trainers.data.image_sets import ImageSets
from trainers.data.layout import NamedFiles

LISTED = 3
"""So many objects of each unknown class are listed where the classes weren't named."""

_UNKNOWN_CLASS = re.compile(r"unknown class '([^']+)'")


def named_files(annotations: Sequence[str], images: Sequence[str]) -> NamedFiles:
    """The files that the options --annotations and --images name, as in "train=labels.json".

    Raises ConfigError for another form, and for a set that is named twice.
    """
    return NamedFiles(_by_set("--annotations", annotations), _by_set("--images", images))


def _by_set(option: str, values: Sequence[str]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            raise ConfigError(f"{option} is {value!r}, must be SET=PATH, such as {option} train=PATH.")
        if name in paths:
            raise ConfigError(f"{option} names the set {name!r} twice. Leave one out.")
        paths[name] = Path(path).expanduser().resolve()
    return paths


def chosen_splits(sets: ImageSets, splits: Sequence[str], class_names: Sequence[str] | None) -> list[str]:
    """The image sets to check: the named ones, or all of the data if none are named.

    Raises ConfigError for class names that the data can't have, and DataError for a root that holds no such data or
    lacks a named split.
    """
    known = sets.names()
    for split in splits:
        if split not in known:
            way_out = f"Choose one of those there: {', '.join(known)}"
            raise DataError(sets.root or "the data", f"there is no image set {split!r}", way_out)
    if class_names is not None:
        _check_classes(sets, splits or known, class_names)
    return list(splits) or known


def _check_classes(sets: ImageSets, splits: Sequence[str], names: Sequence[str]) -> None:
    """Fixed classes can't be named, those that files list must be among these, others may have any name."""
    given = f"--classes is {','.join(names)!r}"
    if "" in names or len(set(names)) < len(names):
        raise ConfigError(f"{given}: must be names with commas between, each of them once.")
    form, classes = sets.form, sets.form.classes
    if classes.fixed and tuple(names) != classes.own:
        raise ConfigError(
            f"{given}, but {form.title}'s classes are fixed. Leave it out; they are {', '.join(classes.own)}."
        )
    if wrong := unlisted_class(sets, splits, names):
        raise ConfigError(f"{given}, but {wrong}")


def count_rows(checks: Sequence[SplitCheck]) -> list[dict[str, object]]:
    """A row for the images, for each class, for ignored regions where there are some, and for all objects."""
    names = dict.fromkeys(name for check in checks for name in check.classes)
    rows: list[dict[str, object]] = [_row("images", checks, [str(check.images) for check in checks])]
    rows += [_row(name, checks, [_text(check.classes.get(name)) for check in checks]) for name in names]
    if any(check.regions for check in checks):
        rows.append(_row("ignored regions", checks, [str(check.regions) for check in checks]))
    return [*rows, _row("all objects", checks, [_text(check.total) for check in checks])]


def defect_lines(checks: Sequence[SplitCheck]) -> list[str]:
    """One line per defect, even if several splits share the file."""
    return list(dict.fromkeys(f"{defect.path}: {defect.reason}" for check in checks for defect in check.defects))


def shared_lines(sets: ImageSets, splits: Sequence[str], asked: Sequence[str]) -> list[str]:
    """One line for each pair of splits that share images.

    A file that is in two of them counts only among train, val and test, and among those that were `asked` for: lists
    such as VOC's trainval hold other lists on purpose. A copy always counts.
    """
    images = {}
    for split in splits:
        with suppress(DataError):  # the check reports it as a defect
            images[split] = sets.images(split)
    apart = ({"train", "val", "test"}, set(asked))
    return summaries(
        image
        for image in shared_images(images)
        if any({image.one, image.other} <= group for group in apart) or not image.files[0].samefile(image.files[1])
    )


def without_repetition(defects: Sequence[str], classes_named: bool) -> list[str]:
    """The lines, but of each unknown class only the first `LISTED` and the number of the others.

    Data with classes of its own has such a defect for each object, until --classes names them. Then all are listed.
    """
    if classes_named:
        return list(defects)
    lines, counts = [], Counter[str]()
    for line in defects:
        unknown_class = _UNKNOWN_CLASS.search(line)
        name = unknown_class[1] if unknown_class else ""
        counts[name] += 1
        if not name or counts[name] <= LISTED:
            lines.append(line)
    left_out = {name: count - LISTED for name, count in counts.items() if name and count > LISTED}
    return lines + [f"... and {count} more objects of the unknown class {name!r}" for name, count in left_out.items()]


def hints(defects: Sequence[str], checks: Sequence[SplitCheck], classes_named: bool) -> list[str]:
    """What to do about defects that an option takes away."""
    lines = []
    unknown_names = {match[1] for line in defects for match in _UNKNOWN_CLASS.finditer(line)}
    if unknown_names and not classes_named:
        known = {name for check in checks for name, count in check.classes.items() if count.images}
        names = ",".join(sorted(unknown_names | known))
        lines.append(f"If the classes are your own, name all of them in the order of their labels: --classes {names}")
    if any("is a link that leads outside" in line for line in defects):
        lines.append("If you trust the data, have links followed: --follow-links")
    return lines


def class_lines(sets: ImageSets, splits: Sequence[str]) -> list[str]:
    """A line where the files of the splits list different classes: a run takes those of its training images."""
    if sets.form.classes.listed is None:
        return []
    names = {}
    for split in splits:
        with suppress(DataError):  # the check reports it as a defect
            names[split] = sets.class_names(split)
    if len({frozenset(one) for one in names.values()}) < 2:
        return []
    listed = "; ".join(f"{split}: {', '.join(one)}" for split, one in names.items())
    return [f"The sets list different classes ({listed}). A run takes those of data.train, or data.classes."]


def remark_lines(checks: Sequence[SplitCheck]) -> list[str]:
    """One line for each kind of what was accepted, by split."""
    return [f"{check.split}: {remark}" for check in checks for remark in check.remarks]


def legend(form: Format) -> str:
    """How to read a cell of the table."""
    return f"Each cell: objects + objects that are {form.flagged} (images with either)."


def _row(name: str, checks: Sequence[SplitCheck], cells: Sequence[str]) -> dict[str, object]:
    return {"class": name, **{check.split: cell for check, cell in zip(checks, cells, strict=True)}}


def _text(count: Count | None) -> str:
    return f"{count.objects} + {count.flagged} ({count.images})" if count is not None else "-"
