"""All that is wrong with one image, told together."""

from types import TracebackType

from trainers.data.errors import DataError

MOST = 20
"""So many defects of an image are told one by one: a file of another kind would have one in every line."""


class Findings:
    """Goes on where a part of an image's annotation is bad: a DataError raised in `with findings:` is kept."""

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
        """Raise the first error that was kept, with the others as its `also`; none, nothing."""
        if not self._errors:
            return
        first, *others = self._errors
        if len(others) >= MOST:
            left = len(others) - (MOST - 2)
            others = [*others[: MOST - 2], DataError(first.where, f"has {left} more defects")]
        first.also = tuple(others)
        raise first
