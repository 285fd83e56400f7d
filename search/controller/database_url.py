"""The URL of a search's database: its environment variables are filled in, and its password is never shown."""

import os
import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from search.errors import RunError

VARIABLE = re.compile(r"\$\{(\w+)\}")
IN_AUTHORITY = re.compile(r"(://[^:/@\s]*:)(?!\$\{\w+\}@).*@")
"""A password in the clear up to the last @ of the line, since an @ or a space in it may not have been encoded."""
IN_QUERY = re.compile(r"([?&]\w*password=)(?!\$\{\w+\}(?:&|$))[^&\n]+")
"""Likewise in `password` and PostgreSQL's `sslpassword`, up to the next parameter or the end of the line."""
EXAMPLES = (
    "postgresql://user:${PASSWORD}@host/name, sqlite:////absolute/path/search.db, or null for the run's own journal"
)


def masked(text: str) -> str:
    """The text with *** for each password of a URL in it. A variable such as ${PASSWORD} stays: it is no secret."""
    return IN_QUERY.sub(r"\1***", IN_AUTHORITY.sub(r"\1***@", text))


def resolved(text: str) -> URL:
    """The URL of `search.storage`, with the values of the environment variables that it names as ${NAME}.

    A text that is one variable stands for a whole URL. Elsewhere a value is taken as it is: nothing in it needs to be
    percent-encoded. Raises RunError for a text that is no URL of a lasting database, and for a variable that isn't set.
    """
    whole = VARIABLE.fullmatch(text)
    given = _value(whole) if whole else text
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise RunError(
            f"search.storage is {masked(text)!r}, which is no URL of a database. Give {EXAMPLES}."
        ) from error
    if not whole:
        url = _with_values(url)
    if url.get_backend_name() == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise RunError(
            f"search.storage is {text!r}, a database in memory, which ends with the search. Give {EXAMPLES}."
        )
    # The maintained driver, which SQLAlchemy takes by itself from 2.1 on.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _with_values(url: URL) -> URL:
    def filled(part: str | None) -> str | None:
        return None if part is None else VARIABLE.sub(_value, part)

    query = {key: VARIABLE.sub(_value, value) for key, value in url.query.items() if isinstance(value, str)}
    return url.update_query_dict(query).set(
        username=filled(url.username),
        password=filled(url.password),
        host=filled(url.host),
        database=filled(url.database),
    )


def _value(variable: re.Match[str]) -> str:
    name = variable[1]
    if name not in os.environ:
        raise RunError(
            f"search.storage names the environment variable {name}, which isn't set. Set it, or give {EXAMPLES}."
        )
    return os.environ[name]
