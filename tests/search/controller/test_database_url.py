"""The URL of a database: variables in it are filled in as they are, and a password in the clear is never shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from search.controller.database_url import masked, resolved
from search.errors import RunError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql+psycopg2://u:se/cr@et@h/d", "postgresql+psycopg2://u:***@h/d"),
        ("postgresql://:secret@h/d", "postgresql://:***@h/d"),
        ("postgresql:///d?user=u&password=secret&host=h", "postgresql:///d?user=u&password=***&host=h"),
        ("search.storage=mysql://u:secret@h/d", "search.storage=mysql://u:***@h/d"),
        ("postgresql://u:${WORD}x@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:two words@h/d", "postgresql://u:***@h/d"),
        ("postgresql:///d?password=two words&host=h", "postgresql:///d?password=***&host=h"),
        ("postgresql://u@h/d?sslkey=k&sslpassword=secret", "postgresql://u@h/d?sslkey=k&sslpassword=***"),
    ],
)
def test_a_password_in_the_clear_is_masked(url, shown):
    assert masked(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:${WORD}@h/d",
        "postgresql:///d?password=${WORD}&host=h",
        "postgresql:///d?password=${WORD}",
        "${WHOLE}",
        "postgresql://h:5432/d",
        "postgresql://u@h/d",
        "sqlite:////a/b@c:d.db",
        "search.trials=50",
    ],
)
def test_what_holds_no_secret_stays(url):
    assert masked(url) == url


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_any_password_is_masked_encoded_or_not(password):
    if re.fullmatch(r"\$\{\w+\}", password):
        return
    assert masked(f"postgresql://user:{password}@host/name") == "postgresql://user:***@host/name"
    url = URL.create("postgresql", "user", password, "host", 5432, "name")
    assert masked(url.render_as_string(hide_password=False)) == "postgresql://user:***@host:5432/name"


def test_variables_are_filled_in_as_they_are(monkeypatch):
    for name, value in {"WORD": "p@ss/word:%41", "HOST": "db.lab", "FILE": "/a b/c", "DIR": "/run/x"}.items():
        monkeypatch.setenv(name, value)
    url = resolved("postgresql://me:${WORD}@${HOST}:5433/search")
    assert url == URL.create("postgresql+psycopg", "me", "p@ss/word:%41", "db.lab", 5433, "search")
    assert resolved("sqlite:///${FILE}.db").database == "/a b/c.db"
    assert resolved("postgresql://me@/search?host=${DIR}").query == {"host": "/run/x"}


def test_a_text_that_is_one_variable_stands_for_the_whole_url(monkeypatch):
    monkeypatch.setenv("WHOLE", "mysql+pymysql://u:p%40@h/d")
    assert resolved("${WHOLE}") == URL.create("mysql+pymysql", "u", "p@", "h", database="d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "nonsense",
            "search.storage is 'nonsense', which is no URL of a database. Give postgresql://user:${PASSWORD}@",
        ),
        ("postgresql://u:secret@h:port/d", "search.storage is 'postgresql://u:***@h:port/d', which is no URL of a"),
        ("${MISSING}", "search.storage names the environment variable MISSING, which isn't set. Set it, or give "),
        ("postgresql://u:${MISSING}@h/d", "search.storage names the environment variable MISSING, which isn't set."),
        ("sqlite://", "search.storage is 'sqlite://', a database in memory, which ends with the search. Give "),
        ("sqlite:///:memory:", "search.storage is 'sqlite:///:memory:', a database in memory"),
    ],
)
def test_what_is_no_lasting_database_is_refused(text, message, monkeypatch):
    monkeypatch.delenv("MISSING", raising=False)
    with pytest.raises(RunError) as refused:
        resolved(text)
    assert str(refused.value).startswith(message)
    assert "secret" not in str(refused.value)
