"""A PostgreSQL server in a temporary folder, with a Unix socket, for tests; they are skipped where it can't be had."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

INSTALL = "BITFRONT_INSTALL_POSTGRESQL"
"""Where this environment variable is set, and the tests run as root, missing programs are installed with apt."""
PASSWORD = "pass@word/1"  # noqa: S105 - with characters that a URL must encode


def programs() -> Path:
    """The folder of initdb and pg_ctl; skips the test, with the reason, where there is none."""
    if _found() is None and os.environ.get(INSTALL) and os.getuid() == 0:
        subprocess.run(["apt-get", "install", "--yes", "postgresql"], check=True, capture_output=True)
    found = _found()
    if found is None:
        pytest.skip(f"no programs of PostgreSQL in PATH or /usr/lib/postgresql; as root {INSTALL}=1 installs them")
    return found


def _found() -> Path | None:
    on_path = shutil.which("pg_ctl")
    usual = [Path(on_path).resolve().parent] if on_path else []
    folders = [*usual, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next((folder for folder in folders if (folder / "initdb").is_file() and (folder / "pg_ctl").is_file()), None)


class PostgresqlServer:
    """One server, of the user `search` with a password. `socket` is the folder of its socket."""

    def __init__(self) -> None:
        pytest.importorskip("psycopg", reason="the driver is missing: pip install '.[postgresql]'")
        self._programs = programs()
        self._user = _unprivileged()
        self.socket = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))  # a socket's path must be short
        if self._user:
            shutil.chown(self.socket, self._user)
        (self.socket / "password").write_text(PASSWORD)
        (self.socket / "password").chmod(0o644)
        options = ["--username=search", "--auth=scram-sha-256", f"--pwfile={self.socket}/password", "--no-sync"]
        self._run("initdb", "--pgdata", str(self._data), *options)
        self.start()

    def start(self) -> None:
        options = f"-k {self.socket} -c listen_addresses= -c fsync=off"
        log = str(self.socket / "log")
        self._run("pg_ctl", "start", "--wait", "--pgdata", str(self._data), "--log", log, "--options", options)

    def stop(self) -> None:
        """At once, as after a crash: open transactions are lost, connections cut."""
        self._run("pg_ctl", "stop", "--wait", "--pgdata", str(self._data), "--mode", "immediate")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.socket)

    def url(self, database: str = "postgres", password: str = "", socket: Path | None = None) -> str:
        """With the password in an environment variable, or another one in the clear."""
        return f"postgresql://search:{password or '${SEARCH_PASSWORD}'}@/{database}?host={socket or self.socket}"

    def make_database(self, name: str) -> None:
        self.execute("postgres", f"CREATE DATABASE {name}")

    def execute(self, database: str, statements: str) -> None:
        import psycopg  # here, because it is an extra

        settings = {"user": "search", "password": PASSWORD, "host": str(self.socket), "dbname": database}
        with psycopg.connect(**settings, autocommit=True) as connection:
            connection.execute(statements)

    @property
    def _data(self) -> Path:
        return self.socket / "data"

    def _run(self, program: str, *arguments: str) -> None:
        user = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}
        _checked([str(self._programs / program), *arguments], cwd="/", **user)


def _unprivileged() -> str | None:
    """As root, a user that the server may run as: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _checked(command: Sequence[str], **options: object) -> None:
    # To a file: the server keeps a pipe open.
    with tempfile.TemporaryFile() as output:
        status = subprocess.run(command, stdout=output, stderr=output, **options).returncode
        output.seek(0)
        assert status == 0, output.read().decode()
