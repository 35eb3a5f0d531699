"""A journal's file as a kill leaves it, at every moment, and what may happen to it before the next start.

A file that has everything is never refused, and one that lacks what anybody was told of is never taken.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import attrs
import pytest

from pandapon_async import Journal, JournalError
from pandapon_async._journal.sql.owners import Owner
from pandapon_async._journal.sqlite import writer as writer_module
from tests.jobs.support import KEY, recorded
from tests.journal.support import done, entry, opened, reading, row

OTHER_KEY = attrs.evolve(KEY, key="f2")
OTHER_ACCOUNT = attrs.evolve(KEY, name="other", key="f3")


ALL = "PANDAPON_TEST_LIFE" in os.environ
"""Whether everything is tried after each kill, which takes some minutes; else two things, in turn."""


class Kills:
    """The folder of a journal as it is before and after each durable step, with what had been told by then."""

    def __init__(self, folder: Path, kept: Path) -> None:
        self.folder, self.kept = folder, kept
        self.told: dict[str, str] = {}
        self.moments: list[tuple[Path, dict[str, str]]] = []
        self._one_at_a_time = threading.Lock()

    @contextlib.contextmanager
    def step(self) -> Generator[None, None, None]:
        self._keep()
        yield
        self._keep()

    def _keep(self) -> None:
        with self._one_at_a_time:
            target = self.kept / str(len(self.moments))
            target.mkdir(parents=True)
            for file in self.folder.iterdir():
                if file.name.endswith("-shm"):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(file, target)
            self.moments.append((target, dict(self.told)))


def watched(kills: Kills) -> type[sqlite3.Connection]:
    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
            durable = sql == "COMMIT" or sql.startswith("PRAGMA wal_checkpoint")
            with kills.step() if durable else contextlib.nullcontext():
                return super().execute(sql, *values)

        def __exit__(self, *error: Any) -> Any:
            with kills.step():
                return super().__exit__(*error)

        def close(self) -> None:
            with kills.step():
                super().close()

    return Watched


async def life_of(path: Path, kills: Kills) -> None:
    """Jobs of two accounts, a person, readers who hold up checkpoints, and another program's checkpoint between."""
    async with opened(path) as store, contextlib.AsyncExitStack() as stack:
        for number in range(1, 9):
            await done(store, entry(number))
            kills.told[f"order-{number}"] = "done"
            if number == 2:
                reader = stack.enter_context(contextlib.closing(sqlite3.connect(path)))
                reader.execute("BEGIN")
                reader.execute("SELECT COUNT(*) FROM rows").fetchall()
            if number == 4:
                with contextlib.closing(sqlite3.connect(path)) as theirs:
                    theirs.execute("PRAGMA wal_checkpoint").fetchall()  # a part of it
            if number == 6:
                reader.close()
                other = await stack.enter_async_context(opened(path, OTHER_ACCOUNT))
                await done(other, entry(20))
                kills.told["order-20"] = "done"
        await store.sent(await row(store, entry(9)))
        kills.told["order-9"] = "sent"
    with reading(path) as journal:
        for number in (1, 2):
            journal.resolve(f"order-{number}", "void", by="ann", note="cancelled")
            kills.told[f"order-{number}"] = "void"
    async with opened(path) as store:
        kills.told["order-9"] = "unknown"
        await done(store, entry(10))
        kills.told["order-10"] = "done"


def theirs(path: Path) -> None:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()


def ours(path: Path) -> None:
    with contextlib.suppress(JournalError):  # nothing is in it yet
        Journal.open(path).close()


def without(*patterns: str) -> Callable[[Path], None]:
    def removed(path: Path) -> None:
        for pattern in patterns:
            for found in path.parent.glob(pattern):
                found.unlink()

    return removed


async def refused(path: Path) -> None:
    try:
        async with opened(path, OTHER_KEY):  # of an account that isn't there yet any key is the right one
            pass
    except JournalError as error:
        assert "another key" in error.message  # noqa: PT017


def is_what_was_told(path: Path, told: dict[str, str]) -> bool:
    """What a row has become by a step of which nobody was told yet is as good."""
    later = {"done": {"done", "void"}, "sent": {"sent", "unknown"}, "unknown": {"unknown"}, "void": {"void"}}
    found = recorded(path)
    return all(found.get(reference) in later[state] for reference, state in told.items())


AFTERWARDS: dict[str, list[Callable[[Path], Any]]] = {
    "nothing": [],
    "another program's look": [theirs],
    "a look of ours": [ours],
    "a start that is refused": [refused],
    "two of them": [refused, refused],
    "a copy without locks": [without("*.lock")],
    "a copy without locks, and a start that is refused": [without("*.lock"), refused, ours],
    "a look, a start that is refused, another program's look": [ours, refused, theirs],
}
REFUSED = "a part of it is missing", "is not the file that was used here last", "this journal is gone"
"""What is said of them: by their marks, by what the locks count, and where not even the tables are left."""
LOST: dict[str, list[Callable[[Path], Any]]] = {
    "a copy without its wal": [without("*-wal")],
    "a copy of the file alone": [without("*-wal", "*.lock")],
    "a copy of the file alone, and another program's look": [without("*-wal", "*.lock"), theirs],
    "a copy without its wal, and another program's look": [without("*-wal"), theirs],
    "another program's look, and a copy of the file alone": [theirs, without("*.lock")],
}


async def test_a_kill_at_any_moment_loses_nothing_and_makes_nothing_unusable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, kept = tmp_path / "journal", tmp_path / "kept"
    folder.mkdir()
    kills = Kills(folder, kept)
    monkeypatch.setattr(writer_module, "_CHANGES_A_CHECKPOINT", 5)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=watched(kills)))
        await life_of(folder / "bookings.db", kills)
    assert len(kills.moments) > 100
    monkeypatch.setattr(Owner, "is_alive", lambda _: False)  # it was another process
    possible = [*AFTERWARDS.items(), *LOST.items()]
    for number, (moment, told) in enumerate(kills.moments):
        tried = possible if ALL else [possible[number * 5 % len(possible)], possible[(number * 5 + 3) % len(possible)]]
        for name, acts in tried:
            path = tmp_path / "after" / "bookings.db"
            shutil.copytree(moment, path.parent)
            try:
                for act in acts:
                    if (waiting := act(path)) is not None:
                        await waiting
                if path.exists() or told:
                    async with opened(path, adopt_key=True):
                        pass
                    assert is_what_was_told(path, told), f"moment {number}, {name}"
            except JournalError as error:
                assert name in LOST, f"moment {number}, {name}: {error.message}"  # noqa: PT017
                assert any(text in error.message for text in REFUSED), f"moment {number}, {name}"  # noqa: PT017
            finally:
                shutil.rmtree(path.parent)
