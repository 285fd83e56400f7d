"""The work of `bitfront data check`: counts by class and split, and every defect with its file."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from search.config import ConfigError
from search.config.names import unknown
from trainers.data.check import Count, SplitCheck, check_split
from trainers.data.errors import DataError
from trainers.data.formats import FORMATS, data_format
from trainers.data.image_sets import ImageSets
from trainers.progress import Progress


def run_data_check(
    root: Path,
    format_: str,
    year: str,
    splits: Sequence[str],
    class_names: Sequence[str] | None,
    progress: Progress | None = None,
) -> list[SplitCheck]:
    """Check the named splits, or all splits of the data if none are named.

    Raises ValueError for an unknown format, ConfigError for class names that the data can't have, and DataError for a
    root that holds no such data or lacks a named split.
    """
    sets = data_format(format_, year).image_sets(root)
    known = sets.names()
    for split in splits:
        if split not in known:
            raise DataError(root, f"there is no image set {split!r}", f"Choose one of those there: {', '.join(known)}")
    if class_names is not None:
        _check_classes(sets, splits or known, class_names)
    return [check_split(sets, split, class_names, progress) for split in splits or known]


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
    if classes.listed is not None:
        allowed: dict[str, None] = {}
        for split in splits:
            with suppress(DataError):  # the check reports it as a defect
                allowed |= dict.fromkeys(sets.class_names(split))
        for name in names:
            if allowed and name not in allowed:
                raise ConfigError(f"{given}, but among the categories of the files {unknown(name, allowed)}")


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


def legend(format_: str) -> str:
    """How to read a cell of the table."""
    return f"Each cell: objects + objects that are {FORMATS[format_].flagged} (images with either)."


def _row(name: str, checks: Sequence[SplitCheck], cells: Sequence[str]) -> dict[str, object]:
    return {"class": name, **{check.split: cell for check, cell in zip(checks, cells, strict=True)}}


def _text(count: Count | None) -> str:
    return f"{count.objects} + {count.flagged} ({count.images})" if count is not None else "-"
