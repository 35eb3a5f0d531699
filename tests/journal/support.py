"""What the tests of the journal share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Union

import attrs

from pandapon_async import Journal
from pandapon_async._clock import SystemClock
from pandapon_async._journal.identity import AccountKey
from pandapon_async._journal.places import editor_of, place_of, reader_of, store_at
from pandapon_async._journal.sql.store import SqlStore
from pandapon_async._journal.store import Ending, Entry, PendingRow, Problem, Release, Then
from pandapon_async.api.logistics import Money
from pandapon_async.testing import VirtualClock
from tests.jobs.support import KEY

Where = Union[Path, str]  # noqa: UP007 - evaluated at run time
"""A file, or the URL of a database."""
NOW = 1_790_000_000.0


def usd(amount: str) -> Money:
    return Money(amount=amount, currency="USD")  # type: ignore[arg-type]


def entry(number: int, **changes: Any) -> Entry:
    """A booking with a render id of its own, unless its ``body`` says otherwise."""
    body = changes.pop("body", {"renderId": f"R{number}"})
    return attrs.evolve(Entry(number, f"order-{number}", False, json.dumps(body)), **changes)


@contextlib.asynccontextmanager
async def opened(path: Where, key: AccountKey = KEY, *, now: float = NOW, **options: Any) -> AsyncIterator[SqlStore]:
    store = await store_at(place_of(path), key, VirtualClock(now), timeout=60, **options)
    try:
        yield store
    finally:
        await store.close()


def reading(path: Where, now: float = NOW) -> Journal:
    """The journal, read and resolved at a moment of the test's."""
    return Journal(place_of(path), VirtualClock(now))


def hours_later(path: Where, hours: float = 1) -> None:
    """Let it be long ago that anything was sent, or a lease was lost: then a person is believed who says that it wasn't booked."""
    place = place_of(path)
    editor, times = (
        editor_of(place, SystemClock()),
        ("sent_at",) if isinstance(place, Path) else ("sent_at", "not_before"),
    )
    with editor.connected() as writing, editor.transaction(writing) as connection:
        for time in times:
            connection.execute(f"UPDATE rows SET {time} = {time} - ?", (hours * 3600,))


async def taken(store: SqlStore, *entries: Entry, run: int = 0, retry_refused: bool = False) -> list[Any]:
    """What the journal makes of entries: rows, and problems."""
    return list(await store.admit(entries, run, retry_refused=retry_refused))


async def let_count(store: SqlStore, run: int, then: Then | None = None) -> list[Problem]:
    """Let a run's input count; or what is in the way of that."""
    release = Release(store, run, then)
    await store.release(release)
    return release.problems


async def row(store: SqlStore, one: Entry) -> PendingRow:
    """The row of an entry that is taken."""
    (found,) = await taken(store, one)
    assert isinstance(found, PendingRow), found
    return found


async def done(store: SqlStore, one: Entry, order_id: str | None = None, fee: Money | None = None) -> PendingRow:
    """A booking that is taken, sent and done."""
    sent = await store.sent(await row(store, one))
    return await store.ended(sent, Ending(state="done", order_id=order_id, fee=fee, reply="{}"))


def asked(path: Where, query: str) -> list[Any]:
    """What is in the tables."""
    reader = reader_of(place_of(path))
    try:
        return [tuple(row) for row in reader.read(query)]
    finally:
        reader.close()


def problems(found: Sequence[Any]) -> list[tuple[int, str]]:
    return [(one.position, one.code) for one in found if isinstance(one, Problem)]
