"""From the options of a command to the image set that they name."""

from pathlib import Path
from typing import TYPE_CHECKING

from search.cli.options import absolute

if TYPE_CHECKING:
    from search.stages.evaluate import Reading
    from trainers.data.errors import OnBadData


def reading_of(
    root: Path | None,
    split: str,
    files: tuple[Path | None, Path | None],
    *,
    form: str | None,
    year: str,
    follow_links: bool,
    on_bad_data: "OnBadData",
) -> "Reading":
    """The set `split` below `root`. files: its annotations and its images, where the user names them."""
    from search.stages.evaluate import Reading
    from trainers.data.layout import NamedFiles

    annotations, images = ({} if path is None else {split: path.resolve()} for path in files)
    return Reading(
        root=absolute(root),
        split=split,
        format=form,
        year=year,
        named=NamedFiles(annotations, images),
        follow_links=follow_links,
        on_bad_data=on_bad_data,
    )
