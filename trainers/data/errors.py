"""Errors for data that can't be used."""

import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from trainers.data.sample import Defect

OnBadData = Literal["error", "skip"]

REPAIR_OR_SKIP = "Repair or remove it, or set data.on_bad_data: skip to leave the whole image out"


class DataError(ValueError):
    """Bad or missing data: where it is, what is wrong with it, and the way out.

    `where` is the file or folder (or, where no single file is at fault, what was being read). `also` holds
    further errors of the same image.
    """

    also: tuple["DataError", ...] = ()

    def __init__(self, where: Path | str, reason: str, way_out: str = REPAIR_OR_SKIP) -> None:
        super().__init__(where, reason, way_out)  # all three, so that the error survives pickling
        self.where = where
        self.reason = reason
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}. {self.way_out}."


class StrayError(DataError):
    """A defect that belongs to no image, so no image is left out because of it."""


class NothingUsableError(DataError):
    """Every image was left out; `defects` says why, one by one."""

    def __init__(self, where: Path | str, reason: str, way_out: str, defects: Sequence[Defect] = ()) -> None:
        super().__init__(where, reason, way_out)
        self.defects = tuple(defects)


def check_on_bad_data(on_bad_data: str) -> None:
    """Refuse anything but the two known policies (ValueError)."""
    if on_bad_data not in ("error", "skip"):
        raise ValueError(f"on_bad_data is {on_bad_data!r}, must be 'error' or 'skip'.")


def show(value: object) -> str:
    """A value from a file, short enough for a message."""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return reprlib.repr(value)


def show_number(value: float) -> str:
    """A finite number with all its digits, so that the reader can see the defect; whole numbers without a point."""
    return str(int(value)) if value == int(value) else repr(value)
