"""A network between a worker and PostgreSQL that can stall: a TCP proxy in this process that holds what comes in."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict


class StallingProxy:
    """Passes everything on; what it holds, ends of connections too, comes later, in order."""

    def __init__(self, url: str) -> None:
        self._server = str(Path(str(conninfo_to_dict(url)["host"])) / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._may_go, self._may_come = threading.Event(), threading.Event()
        self._sockets: list[socket.socket] = []
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}/postgres"
        self.release()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Hold everything, in both directions."""
        self._may_go.clear()
        self.hold_replies()

    def hold_replies(self) -> None:
        """Hold what PostgreSQL says."""
        self._may_come.clear()

    def release(self) -> None:
        """Pass on what was held, and what comes."""
        self._may_go.set()
        self._may_come.set()

    def close(self) -> None:
        """End all connections."""
        _close(self._listener)
        self.release()
        for one in self._sockets:
            _close(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                self._sockets += [client, server]
                try:
                    server.connect(self._server)
                except OSError:  # PostgreSQL is away
                    _close(client)
                    continue
                threading.Thread(target=_pass_on, args=(client, server, self._may_go), daemon=True).start()
                threading.Thread(target=_pass_on, args=(server, client, self._may_come), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, may: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            may.wait()
            target.sendall(data)
    may.wait()
    _close(source)
    _close(target)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
    one.close()


@contextlib.contextmanager
def stalling(url: str) -> Iterator[StallingProxy]:
    """A proxy in front of the server that a URL names by the folder of its socket."""
    proxy = StallingProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
