"""A database that keeps the record of a search: how it is opened, and how a search waits while it doesn't answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError, SQLAlchemyError

from search.controller.database_url import EXAMPLES, masked, resolved
from search.errors import RunError

PATIENCE_SECONDS = 300.0
"""So long a search waits: a server that is restarted, updated or replaced by its standby is back within minutes."""
PAUSE_SECONDS = 1.0
"""Between two tries."""
OF_LIBPQ = {"connect_timeout": 10, "tcp_user_timeout": 30_000, "keepalives_idle": 30}
"""In s, ms and s: a server behind a pulled cable counts as gone after half a minute."""
OPENINGS = 3
"""Two searches that make the tables of one new database at the same moment disturb each other once."""

PASSING = (OperationalError, InterfaceError, InternalError)
"""What SQLAlchemy calls a lost connection, a lock, a full disk, a standby that is still read-only."""

T = TypeVar("T")


class UnansweredError(Exception):
    """The database did not answer or could not do it now. Whether a write reached it isn't known."""


def check_database(text: str) -> None:
    """Raise RunError where `search.storage` can't be opened, before the work that its record is for.

    A server's database gets the tables of the record. A file of SQLite is not made yet, but its folder must be there.
    """
    url = resolved(text)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        if not Path(str(url.database)).parent.is_dir():
            raise _cannot_be_opened(text, "there is no such folder")
        return
    open_database(text).engine.dispose()


def open_database(text: str) -> RDBStorage:
    """Optuna's storage in the database that `search.storage` names. Raises RunError where it can't be opened.

    Once it is open, each failure that may pass raises `UnansweredError`, for `until_answered`. Optuna's own retry
    never sees one: it would write a second time without a look at what the first did.
    """
    url = resolved(text)
    for tries_left in reversed(range(OPENINGS)):
        try:
            storage = RDBStorage(_optunas(url), engine_kwargs=_engine_options(url))
        except ImportError as error:
            raise _cannot_be_opened(text, f"its driver is missing. {_driver(url)}") from error
        except (SQLAlchemyError, RuntimeError) as error:  # RuntimeError: the tables are those of another Optuna
            if not (tries_left and _disturbed(error)):
                raise _cannot_be_opened(text, reason(error)) from error
            time.sleep(PAUSE_SECONDS)
        else:
            event.listen(storage.engine, "handle_error", _raise_unanswered)
            return storage
    raise AssertionError("The last try returns or raises.")


def until_answered(attempt: Callable[[bool], T], note: Callable[[str], None]) -> T:
    """Call `attempt` until the database answers, and return what it returns; `note` says that the search waits.

    `attempt` gets whether it was tried before: then the first try may have been written, and a second write would be
    one too many. Raises RunError after `PATIENCE_SECONDS`.
    """
    started, again = time.monotonic(), False
    while True:
        try:
            with _named():
                result = attempt(again)
        except UnansweredError as error:
            waited = time.monotonic() - started
            if waited >= PATIENCE_SECONDS:
                raise RunError(
                    f"search.storage has not answered for {waited:.0f} s: {error}. Remove the cause, then start the "
                    "same command again: it goes on where it stopped."
                ) from error
            if not again:
                note(f"search: the database doesn't answer ({error}); waiting for it, {PATIENCE_SECONDS:.0f} s at most")
            again = True
            time.sleep(PAUSE_SECONDS)
        else:
            if again:
                note(f"search: the database answers again after {time.monotonic() - started:.0f} s; the search goes on")
            return result


def reason(error: BaseException) -> str:
    """What the database says, in one line, without SQLAlchemy's statement and link."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(masked(str(said)).split()).rstrip(".?")


@contextmanager
def _named() -> Iterator[None]:
    """Errors that no waiting mends, such as a missing right or table."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        raise RunError(
            f"search.storage can't be used: {reason(error.__cause__ or error)}. Remove the cause, then start the same "
            "command again: it goes on where it stopped."
        ) from error


def _cannot_be_opened(text: str, why: str) -> RunError:
    return RunError(
        f"search.storage is {masked(text)!r}, which can't be opened: {why}. Remove the cause, or give {EXAMPLES}."
    )


def _disturbed(error: BaseException) -> bool:
    """Whether another process made the same table, or wrote its version, at the same moment."""
    return isinstance(error, IntegrityError) or "already exists" in str(error)


def _raise_unanswered(context: ExceptionContext) -> BaseException | None:
    """The error for SQLAlchemy to raise instead. It replaces a connection that fails its test before use by itself."""
    passing = context.is_disconnect or isinstance(context.sqlalchemy_exception, PASSING)
    return UnansweredError(reason(context.original_exception)) if passing and not context.is_pre_ping else None


def _optunas(url: URL) -> str:
    """Optuna takes text, and fills in what stands between braces."""
    return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")


def _engine_options(url: URL) -> dict[str, Any]:
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_driver_name() in ("psycopg", "psycopg2"):
        options["connect_args"] = {key: value for key, value in OF_LIBPQ.items() if key not in url.query}
    return options


def _driver(url: URL) -> str:
    package = "psycopg[binary]" if url.drivername == "postgresql+psycopg" else url.drivername.rpartition("+")[2]
    return f'Install it: pip install "{package}"'
