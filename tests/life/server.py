"""What keeps a simulated shop's journal in PostgreSQL: a real server, whose clock is the simulation's.

The store asks PostgreSQL for the time by ``clock_timestamp()``. A schema of ours, which every session looks into before PostgreSQL's
own, has a function of that name, and it reads a sequence: that counts at once, for everybody, and whatever is rolled back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Sequence
from typing import Any

import psycopg

from pandapon_async import JournalError
from pandapon_async._journal.postgres import (
    connection as connection_module,
    store as store_module,
    writer as writer_module,
)
from pandapon_async._journal.postgres.connection import PostgresConnection
from pandapon_async._journal.postgres.workers import HEARTBEAT
from pandapon_async._journal.postgres.writer import PostgresWriter
from pandapon_async._journal.sql.connection import Batch, Counted, Rows
from tests.life.simulation import VirtualLoop
from tests.life.worlds import Kill, Process, Stepped, World
from tests.postgres import PostgresServer

_CLOCK = """
CREATE SCHEMA life;
CREATE SEQUENCE life.clock;
CREATE FUNCTION life.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT to_timestamp(last_value / 1e6) FROM life.clock';
CREATE FUNCTION life.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT ''-infinity''::timestamptz';
"""
_PATH = "SET search_path = pandapon"


class _Killed(Exception):
    """The process was killed."""


class Server(World):
    """A database with the journal. A process that is killed finds the server away, and so does who has lost its connection, once."""

    journal: str

    def __init__(self, server: PostgresServer, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self._began = loop.now()
        self._set_to = -1.0
        self.journal = server.fresh()
        self.open: list[tuple[Process, Any]] = []
        self._clock = psycopg.connect(self.journal, autocommit=True)
        if self._clock.execute("SELECT to_regnamespace('life')").fetchone() == (None,):
            self._clock.execute(_CLOCK)

    def tick(self) -> None:
        """Let the server's clock go on with ours; nobody sets it back."""
        if self._set_to != (now := self._loop.monotonic()):
            self._clock.execute("SELECT setval('life.clock', %s)", (int((self._began + now) * 1e6),))
            self._set_to = now

    def connect(self, conninfo: str, **options: Any) -> Any:
        """In place of psycopg's own."""
        if self.current.is_dead:
            raise _Killed
        raw = _connect(conninfo, **options)
        self.open.append((self.current, raw))
        return raw

    def died(self) -> None:
        self.lost()

    def lost(self) -> None:
        for process, raw in self.open:
            if process is self.current:
                raw.close()
        self.open = [(process, raw) for process, raw in self.open if not raw.closed]
        if self.current.is_dead:
            raise _Killed
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    @contextlib.contextmanager
    def process(self, kill: Kill | None = None, at_kill: Any = lambda: None) -> Generator[Process, None, None]:
        with super().process(kill, at_kill) as process:
            try:
                yield process
            except (JournalError, psycopg.Error, _Killed):
                if not process.is_dead:
                    raise

    def close(self) -> None:
        for _, raw in self.open:
            raw.close()
        self._clock.close()

    def patches(self) -> list[tuple[Any, str, Any]]:
        settings = connection_module._SETTINGS.replace(_PATH, f"{_PATH}, life, pg_catalog")
        return [
            (psycopg, "connect", self.connect),
            (connection_module, "_SETTINGS", settings),
            (connection_module, "PostgresConnection", lambda raw: _Watched(raw, self)),
            (store_module, "boot_seconds", self._loop.monotonic),
            (writer_module, "boot_seconds", self._loop.monotonic),
            (store_module, "PostgresWriter", lambda *args: SteppedPostgresWriter(self, *args)),
        ]


_connect = psycopg.connect


class _Watched(PostgresConnection):
    """A connection whose commits are seen."""

    def __init__(self, raw: Any, world: Server) -> None:
        super().__init__(_Raw(raw, world))  # type: ignore[arg-type]
        self._world = world

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        self._world.tick()
        with self._world.commit() if query == "COMMIT" else contextlib.nullcontext():
            return super().execute(query, values)

    def executemany(self, query: Batch, values: Sequence[Sequence[Any]], /) -> Counted:
        self._world.tick()
        return super().executemany(query, values)

    def execute_together(self, *queries: str) -> Any:
        self._world.tick()
        return super().execute_together(*queries)


class _Raw:
    """psycopg's connection, whose transactions are seen."""

    def __init__(self, raw: Any, world: Server) -> None:
        self._raw, self._world = raw, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    @contextlib.contextmanager
    def transaction(self) -> Generator[None, None, None]:
        with contextlib.ExitStack() as commit, self._raw.transaction():
            yield
            commit.enter_context(self._world.commit())


class SteppedPostgresWriter(Stepped, PostgresWriter):
    """A worker's writer, with its heartbeats."""

    def __init__(self, world: Server, *args: Any) -> None:
        self._world, self._process_of = world, world.current
        super().__init__(*args)
        asyncio.get_running_loop().call_later(HEARTBEAT, self._beat)

    @property
    def PATIENCE(self) -> float:  # type: ignore[override]
        process = self._process_of
        return 60.0 if process.patience and not process.is_dead else 0.0

    def _is_held_up(self, again: Any) -> bool:
        loop = asyncio.get_running_loop()
        left = self._process_of.stalled_until - loop.time()
        if left > 0:
            loop.call_later(left, again)
        return left > 0

    def _beat(self) -> None:
        if not self._closed and not self._is_held_up(self._beat):
            self._write([])
            asyncio.get_running_loop().call_later(HEARTBEAT, self._beat)

    def _transact(self, items: Any) -> None:
        if self._process_of.has_no_room():
            self._world.lost()
        super()._transact(items)
