"""What the tests of journals and jobs share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from pandapon_async import BookingJob, Journal, JournalRow, PandaPonSession, RetryPolicy
from pandapon_async._journal.identity import AccountKey
from pandapon_async.testing import FakeVendor, VirtualClock
from tests.support import AT_ONCE, booking, session_at

KEY = AccountKey("pandapon", "shop", "logistics.book_freight", "vendor.example", "f1", "7")


def pairs(number: int, first: int = 0) -> list[tuple[str, Any]]:
    """Bookings with the caller's references ``order-0``, ... and render ids ``R0``, ..."""
    return [(f"order-{index}", booking(f"R{index}")) for index in range(first, first + number)]


async def ran(job: BookingJob, requests: Any = None) -> list[Any]:
    """Every outcome of a run."""
    async with job.run(requests) as outcomes:
        return [outcome async for outcome in outcomes]


def states(outcomes: Iterable[Any]) -> dict[str, str]:
    return {outcome.reference: outcome.state for outcome in outcomes}


def recorded(path: Path | str) -> dict[str, str]:
    """What the journal says: reference -> state."""
    with Journal.open(path) as journal:
        return {row.reference: row.state for row in journal.rows()}


def row_of(path: Path | str, reference: str) -> JournalRow:
    with Journal.open(path) as journal:
        return journal.get(reference)


@contextlib.asynccontextmanager
async def on_virtual_clock(
    vendor: FakeVendor, now: float, *, kind: str = "pandapon", retry: RetryPolicy = AT_ONCE, **changes: Any
) -> AsyncIterator[tuple[PandaPonSession, VirtualClock]]:
    """A session whose waits take no time."""
    clock = VirtualClock(now)
    async with session_at(vendor.profile(kind, retry=retry, **changes), clock=clock) as session:
        yield session, clock


async def until_entered(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 30)
