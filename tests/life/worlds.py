"""What keeps a simulated shop's journal: the processes that use it, which may be killed at any commit, and the disk that it is on."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs

from pandapon_async._journal.sql import writer as writer_module
from pandapon_async._journal.sql.changes import Item
from pandapon_async._journal.sql.owners import Owner
from pandapon_async._journal.sql.writer import GroupThread
from pandapon_async._journal.sqlite import store as store_module
from pandapon_async._journal.sqlite.writer import Writer

COMMIT = 0.002
"""Seconds of a commit."""
RETRY = 0.25


# --- processes ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class Kill:
    """Kill the process at its n-th commit: just ``before`` it, or just after."""

    commit: int
    before: bool


@attrs.define(eq=False)
class Process:
    """A process that uses the journal.

    Attributes:
        kill: when it is killed; ``at_kill`` is called in that moment.
        cut: when its connection to a server is lost; with ``patience`` it makes another, else it fails whoever waits.
        full: at which group of writes the disk is full, or the server away, and for how many groups.
        stalled_until: until when it does nothing.
        commits: how many it has made; ``groups``: of the writer.
    """

    number: int
    kill: Kill | None = None
    at_kill: Callable[[], None] = lambda: None
    cut: Kill | None = None
    patience: bool = True
    full: tuple[int, int] | None = None
    stalled_until: float = 0.0
    commits: int = 0
    groups: int = 0
    is_dead: bool = False

    def has_no_room(self) -> bool:
        """Whether the group that is about to be written can't be."""
        self.groups += 1
        return self.full is not None and self.full[0] <= self.groups < sum(self.full)


_another: ContextVar[Process | None] = ContextVar("another", default=None)


class World:
    """Where the journal is, and who uses it.

    Attributes:
        journal: where it is.
        main: the process that does what is to be done now.
    """

    journal: Path | str

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.main = Process(next(self._numbers))
        self.living = {self.main.number}

    @property
    def current(self) -> Process:
        """Whose code runs now."""
        return _another.get() or self.main

    def is_dead(self) -> bool:
        """Whether it was killed: what it still does nobody sees."""
        return self.current.is_dead

    def stalled(self) -> float:
        """For how many seconds the current process does nothing."""
        return max(0.0, self.current.stalled_until - asyncio.get_running_loop().time())

    @contextlib.contextmanager
    def process(
        self, kill: Kill | None = None, at_kill: Callable[[], None] = lambda: None
    ) -> Generator[Process, None, None]:
        """A process's life."""
        self.main.kill, self.main.at_kill = kill, at_kill
        try:
            yield self.main
        finally:
            self.living.discard(self.main.number)
            self.main = Process(next(self._numbers))
            self.living.add(self.main.number)
            self.buried()

    @contextlib.contextmanager
    def by_another(self) -> Generator[Process, None, None]:
        """What is done by another process than the one that may be killed, at the same time."""
        other = Process(next(self._numbers))
        self.living.add(other.number)
        token = _another.set(other)
        try:
            yield other
        finally:
            _another.reset(token)
            self.living.discard(other.number)

    @contextlib.contextmanager
    def commit(self) -> Generator[None, None, None]:
        """Something is made durable."""
        process = self.current
        process.commits += 1
        number = process.commits
        for before in (True, False):
            if process.kill == Kill(number, before):
                process.is_dead = True
                process.at_kill()
                self.died()
            if process.cut == Kill(number, before):
                self.lost()
            if before:
                yield

    @contextlib.contextmanager
    def simulated(self) -> Iterator[None]:
        """No thread is started meanwhile, and every commit is seen."""

        async def at_once(work: Callable[..., Any], *args: Any) -> Any:
            return work(*args)

        def this_process(cls: type[Owner]) -> Owner:
            return cls("here", "boot", self.current.number, "1")

        with contextlib.ExitStack() as patches:
            for target, name, value in (
                (asyncio, "to_thread", at_once),
                (time, "sleep", lambda seconds: None),
                (writer_module, "threading", mock.Mock()),
                (Owner, "this_process", classmethod(this_process)),
                (Owner, "is_alive", lambda owner: owner.pid in self.living),
                *self.patches(),
            ):
                patches.enter_context(mock.patch.object(target, name, value))
            yield

    def patches(self) -> list[tuple[Any, str, Any]]:
        """What else stands in for what: object, attribute, value."""
        raise NotImplementedError

    def died(self) -> None:
        """The current process is killed."""

    def buried(self) -> None:
        """A process has ended, killed or not."""

    def lost(self) -> None:
        """The current process's connection is lost."""

    def close(self) -> None:
        """The shop is closed."""


if TYPE_CHECKING:
    _Thread = GroupThread
else:
    _Thread = object


class Stepped(_Thread):
    """A journal's writer whose thread's work the loop does, a moment after it was asked for."""

    def put(self, item: Item) -> Item:
        asyncio.get_running_loop().call_later(COMMIT, self._step)
        return super().put(item)

    def _is_held_up(self, again: Callable[[], object]) -> bool:
        """Whether nothing can be written now; then it is tried ``again``."""
        return False

    def _step(self) -> None:
        if self._items.empty() or self._is_held_up(self._step):
            return
        if group := self._next_group():
            self._write(group)
            if self._owed:
                asyncio.get_running_loop().call_later(RETRY, self._step_owed)

    def _step_owed(self) -> None:
        if self._owed and not self._closed and not self._is_held_up(self._step_owed):
            self._write([])
            asyncio.get_running_loop().call_later(RETRY, self._step_owed)

    def end(self) -> None:
        if not self._closed:
            super().end()
            self._run()

    async def close(self) -> None:
        self.end()


# --- the disk ----------------------------------------------------------------------------------------------------------


class SteppedWriter(Stepped, Writer):
    """The writer of a file."""


class Disk(World):
    """A folder with the journal. When the process is killed, what is in it then is what the next one finds.

    Attributes:
        left: the folder that a killed process left; what it does after its death it does in the old one, and nobody sees it.
        connections: what is open. A process closes all it has opened, however it is left: another may begin in the same one.
    """

    journal: Path

    def __init__(self) -> None:
        super().__init__()
        # A kill is no power cut: memory keeps what was written.
        self._root = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self._folders = itertools.count(1)
        self.left: Path | None = None
        self.connections: set[sqlite3.Connection] = set()
        self.folder = self.new_folder()
        self.folder.mkdir()

    @property
    def journal(self) -> Path:  # type: ignore[override]
        return self.folder / "bookings.db"

    def new_folder(self) -> Path:
        return self._root / str(next(self._folders))

    def move_to(self, folder: Path) -> None:
        """Go on there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = folder

    def died(self) -> None:
        self.left = self.new_folder()
        shutil.copytree(self.folder, self.left, ignore=shutil.ignore_patterns("*-shm"))

    def buried(self) -> None:
        assert not self.connections, f"left open: {self.connections}"
        if self.left is not None:
            self.move_to(self.left)
            self.left = None

    def close(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def patches(self) -> list[tuple[Any, str, Any]]:
        connect = functools.partial(sqlite3.connect, factory=_watched(self))
        return [(sqlite3, "connect", connect), (store_module, "Writer", SteppedWriter)]


def _watched(disk: Disk) -> type[sqlite3.Connection]:
    class Watched(sqlite3.Connection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            disk.connections.add(self)

        def close(self) -> None:
            super().close()
            disk.connections.discard(self)

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
            if sql == "COMMIT" and disk.current.has_no_room():
                raise sqlite3.OperationalError("database or disk is full")
            durable = sql == "COMMIT" or sql.startswith("PRAGMA wal_checkpoint")
            with disk.commit() if durable else contextlib.nullcontext():
                return super().execute(sql, *values)

        def executescript(self, sql: str) -> sqlite3.Cursor:  # type: ignore[override]
            with disk.commit():
                return super().executescript(sql)

        def __exit__(self, *error: Any) -> Any:
            with disk.commit():
                return super().__exit__(*error)

    return Watched
