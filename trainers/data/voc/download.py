"""The download of VOC through torchvision."""

from collections.abc import Sequence
from pathlib import Path

from trainers.data.errors import DataError

_PUBLISHED = {"2007": ("train", "val", "trainval", "test"), "2012": ("train", "val", "trainval")}

VOC_BY_HAND = "Put the folder VOCdevkit there by hand and leave data.download out"


def download_voc(root: Path, image_sets: Sequence[str], year: str) -> None:
    """Download the archives of those image sets of a year (or of years, "2007+2012") that aren't there yet.

    VOC publishes train, val and trainval in one archive, and test (2007 only) in another. Sets of other names are
    ignored here; the reader checks them. Raises DataError when a download fails.
    """
    years = year.split("+")
    for one_year in years:
        folder = f"VOC{one_year}"
        places = [root / "VOCdevkit" / folder, root / folder, *([root] if len(years) == 1 else [])]
        for image_set in image_sets:
            listed = [place / "ImageSets" / "Main" / f"{image_set}.txt" for place in places]
            if image_set in _PUBLISHED.get(one_year, ()) and not any(path.is_file() for path in listed):
                _download(root, one_year, image_set)


def _download(root: Path, year: str, image_set: str) -> None:
    from torchvision.datasets import VOCDetection  # here, since it takes seconds and the table of formats must not

    try:
        root.mkdir(parents=True, exist_ok=True)
        VOCDetection(root, year=year, image_set=image_set, download=True)
    except (OSError, RuntimeError, EOFError) as error:  # no network, a full disk, an archive of another checksum
        raise DataError(root, f"VOC{year} can't be downloaded ({error})", VOC_BY_HAND) from error
