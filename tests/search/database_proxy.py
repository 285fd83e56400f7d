"""Stands between a search and its PostgreSQL server, and cuts the connection at a commit."""

import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

NAME = ".s.PGSQL.5432"
"""How a server's socket is called in its folder."""


class DatabaseProxy:
    """Passes everything on, in threads. `cuts` counts the connections that it has cut."""

    def __init__(self, server: Path) -> None:
        self.socket = Path(tempfile.mkdtemp(prefix="proxy-", dir="/tmp"))  # a socket's path must be short
        self.cuts = 0
        self._server = server / NAME
        self._listener = socket.socket(socket.AF_UNIX)
        self._cut_next = False
        self._arrives = False

    def cut_next_commit(self, *, arrives: bool) -> None:
        """Cut the connection that commits next, after the server has the commit (`arrives`) or instead of it."""
        self._arrives, self._cut_next = arrives, True

    def __enter__(self) -> "DatabaseProxy":
        self._listener.bind(str(self.socket / NAME))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        (self.socket / NAME).unlink()
        self.socket.rmdir()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answers, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while content := client.recv(65536):
                if self._cut_next and b"COMMIT" in content:
                    self._cut_next = False
                    self.cuts += 1
                    self._cut(client, server, content)
                    return
                server.sendall(content)
            server.shutdown(socket.SHUT_WR)

    def _cut(self, client: socket.socket, server: socket.socket, content: bytes) -> None:
        """The client sees its connection end either way, and no answer."""
        client.shutdown(socket.SHUT_RDWR)
        if self._arrives:
            server.sendall(content)
        server.shutdown(socket.SHUT_WR)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while content := server.recv(65536):
                client.sendall(content)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
