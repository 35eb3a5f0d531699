"""What a journal costs once it is large: nothing that a day needs may grow with the years before it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from pandapon_async import PANDAPON, BookingJob, Credentials, Journal, PandaPonSession, SessionManager
from pandapon_async._clock import SystemClock
from pandapon_async._journal.identity import AccountKey
from pandapon_async._journal.places import Place, place_of, store_at
from pandapon_async._journal.resolving import Resolution
from pandapon_async._journal.sql.store import SqlStore
from pandapon_async._journal.store import Ending, Entry, PendingRow
from pandapon_async.api.logistics import BookingItem, FreightBookingRequest, Money, ReceiverAddress, TmallOrderInfo

from .lab import Lab

TITLE = "A journal of a hundred times --bookings rows, all but 200 of them done"

_LEFT = 200
_FEE = Money(amount="12.50", currency="USD")  # type: ignore[arg-type]


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a thing that is done with it."""
    rows = lab.options.bookings * 100
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measured(place_of(Path(folder) / "bookings.db"), rows, _nothing_more))


async def measured(place: Place, rows: int, more: Callable[[AccountKey], Awaitable[object]]) -> list[dict[str, Any]]:
    """Feed so many rows, have ``more`` done once all but some of them are done, and measure what comes after."""
    results: list[dict[str, Any]] = []

    def note(what: str, seconds: float, unit: str = "ms") -> None:
        results.append({"what": what, "figure": f"{seconds * (1000 if unit == 'ms' else 1):,.1f} {unit}"})

    async with _session() as session:
        key = AccountKey.of(session.profile, FreightBookingRequest.operation)
        note("the first feed", await _fed(session, place, rows), "s")
        results.append({"what": "its peak memory", "figure": f"{_memory():,} MiB"})
        await _make_done(place, key, rows)
        await more(key)
        note("the same again", await _fed(session, place, rows), "s")
        note("opening for a job, closing", await _best(lambda: _open_and_close(place, key)))
        note("one booking", await _best(lambda: _one(place, key)))
        note(f"taking up the {_LEFT} that are left", await _best(lambda: _taken_up(place, key)))
    for what, read in _READINGS.items():
        note(what, min(_timed(place, read) for _ in range(5)))
    note(f"{_LEFT} by hand", _timed(place, _resolve))
    if isinstance(place, Path):
        results.append({"what": "file, bytes a row", "figure": place.stat().st_size // rows})
    return results


async def _nothing_more(_: AccountKey) -> None: ...


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[PandaPonSession]:
    keys = Credentials(access_key="K", access_secret="S", user_id="7")
    async with SessionManager([PANDAPON.evolve(base_url="http://127.0.0.1:9", credentials=keys)]) as vendors:
        yield vendors.pandapon


def _input(rows: int) -> Iterator[tuple[str, FreightBookingRequest]]:
    for number in range(rows):
        receiver = ReceiverAddress(
            name=f"Jane Example {number}", address=f"{number} Test Street", zip="90001", country="US", phone="555 0100"
        )
        yield (
            f"order-{number}",
            FreightBookingRequest(
                render_id=f"FF{number}",
                receiver_address=receiver,
                line_items=(BookingItem(item_id=str(number), sku_id="2", quantity=1, title="a thing"),),
                tmall_order_info=TmallOrderInfo(tmall_order_id=f"T{number}"),
            ),
        )


async def _fed(session: PandaPonSession, place: Place, rows: int) -> float:
    start = time.perf_counter()
    async with BookingJob(session, journal=_named(place)).run(_input(rows)):
        return time.perf_counter() - start


def _named(place: Place) -> str:
    return str(place) if isinstance(place, Path) else place.conninfo


@contextlib.asynccontextmanager
async def opened(place: Place, key: AccountKey) -> AsyncIterator[SqlStore]:
    store = await store_at(place, key, SystemClock(), timeout=60)
    try:
        yield store
    finally:
        await store.close()


async def _make_done(place: Place, key: AccountKey, rows: int) -> None:
    """All but some; by the shortest way, since it isn't what is measured."""

    def work(connection: Any) -> None:
        connection.execute(
            "UPDATE rows SET state = 'done', version = 3, order_id = 'INTL' || id, order_key = -id, fee = '12.50', "
            "currency = 'USD', sent_at = at, done_at = at WHERE id <= ?",
            (rows - _LEFT,),
        )
        connection.execute("INSERT INTO replies SELECT id, '{\"code\": 200}' FROM rows WHERE id <= ?", (rows - _LEFT,))
        connection.execute(
            "INSERT INTO money (row, account, operation, at, kind, digits, exponent, currency, by) "
            "SELECT id, account, operation, at, 'fee', 1250, -2, 'USD', 'job' FROM rows WHERE id <= ?",
            (rows - _LEFT,),
        )

    async with opened(place, key) as store:
        await store._writer.submit(work)


async def _open_and_close(place: Place, key: AccountKey) -> None:
    async with opened(place, key):
        pass


async def _one(place: Place, key: AccountKey) -> None:
    """What `book` does outside of ``async with`` job: open, take, send, end, close."""
    number = time.perf_counter_ns()
    entry = Entry(0, f"one-{number}", False, f'{{"renderId":"{number}"}}')
    async with opened(place, key) as store:
        (row,) = await store.admit([entry], 0, retry_refused=False)
        assert isinstance(row, PendingRow)
        await store.ended(await store.sent(row), Ending(state="done", order_id=f"O{number}", fee=_FEE, reply="{}"))


async def _taken_up(place: Place, key: AccountKey) -> None:
    """What a run without an input does before it sends."""
    async with opened(place, key) as store:
        run = await store.begin_run(released=True)
        await store.take_unfinished(run)
        assert len(await store.page(run, 0, 256)) == _LEFT
        await store.end_run(run)


async def _best(work: Callable[[], Any]) -> float:
    times: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        await work()
        times.append(time.perf_counter() - start)
    return min(times)


def _timed(place: Place, read: Callable[[Journal], Any]) -> float:
    start = time.perf_counter()
    with Journal.open(_named(place)) as journal:
        read(journal)
        return time.perf_counter() - start


def _resolve(journal: Journal) -> None:
    left = [row.reference for row in journal.rows(state="pending")]
    journal.resolve_all([Resolution(reference, "void") for reference in left], by="jane", note="withdrawn")


_READINGS: dict[str, Callable[[Journal], Any]] = {
    "opening to read": lambda _: None,
    "one row": lambda journal: journal.get("order-7"),
    "what isn't done": lambda journal: [list(journal.rows(state=state)) for state in ("pending", "sent", "unknown")],
    "the first page of what is done": lambda journal: next(journal.rows(state="done")),
    "counts": lambda journal: journal.counts(),
    "totals": lambda journal: (journal.totals(), journal.unpriced()),
}
