"""All defects of one image, reported together."""

from types import TracebackType

from trainers.data.errors import DataError

MOST = 20
"""The most errors listed for one image: a file of another format would have one on every line."""


class Findings:
    """Collects the errors of an image's annotation: a DataError raised in `with findings:` is stored."""

    def __init__(self) -> None:
        self._errors: list[DataError] = []

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, DataError):
            self._errors += [error, *error.also]
            return True
        return False

    def raise_any(self) -> None:
        """Raise the first stored error, with the others as its `also`; do nothing if there is none."""
        if not self._errors:
            return
        first, *others = self._errors
        if len(others) >= MOST:
            left = len(others) - (MOST - 2)
            others = [*others[: MOST - 2], DataError(first.where, f"has {left} more defects")]
        first.also = tuple(others)
        raise first
