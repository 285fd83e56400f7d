"""Which format the data below a folder have."""

from pathlib import Path

from trainers.data.errors import DataError
from trainers.data.formats import FORMATS, Format, data_format
from trainers.data.image_sets import ImageSets
from trainers.data.layout import NOTHING_NAMED, NamedFiles
from trainers.data.listing import folders_in

MOST_FOLDERS = 50
"""So many folders below the root are looked into for a hint, at most."""


def find_sets(
    root: Path | None,
    format_: str | None,
    year: str = "2007",
    named: NamedFiles = NOTHING_NAMED,
    follow_links: bool = False,
) -> ImageSets:
    """The image sets below a folder, or those that are named, in a format that may be unknown (None).

    Raises DataError where there is neither a folder nor a name, and as `find_format` does.
    """
    if root is None and not named.sets:
        way_out = "Name it, or the files of each set: --format, --annotations and --images"
        raise DataError("the data", "no folder was named", way_out)
    if root is None and format_ is None:
        raise DataError("the data", "without a folder their format isn't known", "Give --format")
    form = find_format(root, year) if root is not None and format_ is None else data_format(str(format_), year)
    return form.image_sets(root, named, follow_links)


def find_format(root: Path, year: str = "2007") -> Format:
    """The one format that has a layout for what lies below `root`. year: as for `data_format`.

    Raises DataError where none has, and where several have.
    """
    if not root.is_dir():
        is_file = root.is_file()  # a data YAML, perhaps
        reason = "it is a file" if is_file else "it doesn't exist"
        raise DataError(root, f"there is no data here: {reason}", "Name its folder" if is_file else "Correct the path")
    fitting = _fitting(root, year)
    if not fitting:
        raise DataError(root, f"no format fits what is here; looked for {_looked_for(year)}", _way_out(root, year))
    if len(fitting) > 1:
        titles = " or ".join(form.title for form in fitting.values())
        raise DataError(root, f"this may be {titles} data", f"Say which: --format {' or --format '.join(fitting)}")
    [form] = fitting.values()
    return form


def _fitting(root: Path, year: str) -> dict[str, Format]:
    """The formats with a layout for the folder, by name."""
    return {name: form for name, form in _formats(year).items() if any(one.sets(root) for one in form.layouts)}


def _formats(year: str) -> dict[str, Format]:
    """Those that a user brings: generated images are in VOC's layout."""
    return {name: data_format(name, year) for name, form in FORMATS.items() if form.generate is None}


def _looked_for(year: str) -> str:
    """One layout of each format: all of them would fill a screen."""
    *others, last = (f"{form.title} ({form.holds})" for form in _formats(year).values())
    return f"{', '.join(others)} and {last}, and for their other layouts"


def _way_out(root: Path, year: str) -> str:
    """What a layout knows, such as another year, or a folder below with data: people name one that is too high up."""
    ways = (layout.way_out(root) for form in _formats(year).values() for layout in form.layouts)
    if known := next(filter(None, ways), ""):
        return known
    below = next((path for path in folders_in(root)[:MOST_FOLDERS] if _fitting(path, year)), None)
    look = "give --format, which lists all layouts of one, and name each set's files with --annotations and --images"
    return f"Name {below}, which has data, or {look}" if below else look[0].upper() + look[1:]
