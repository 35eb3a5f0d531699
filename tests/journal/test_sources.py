"""Where a booking came from, by the journal: its run, its line, its kept cells, its preview, its destination."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

from pandapon_async import Journal
from pandapon_async._journal.store import Ending, Entry, Source
from tests.journal.support import NOW, Where, asked, done, entry, let_count, opened, reading, row, taken, usd

LATER = datetime.fromtimestamp(NOW, timezone.utc) + timedelta(days=400)


def sourced(number: int, line: int = 7, country: str = "us ", **kept: str) -> Entry:
    body = {"renderId": f"R{number}", "receiverAddress": {"country": country}}
    return attrs.evolve(entry(number, body=body), source=Source(line, kept, usd("12.50")))


def facts(path: Where, reference: str) -> tuple[Any, ...]:
    with reading(path) as journal:
        found = journal.get(reference)
    return found.run, found.line, dict(found.kept), found.previewed, found.destination


async def test_a_row_knows_its_run_line_kept_cells_preview_and_destination(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=False, about='{"file": "orders.csv"}')
        assert await taken(store, sourced(1, customer="Acme", **{"cost centre": "4711"}), run=run) == []
        assert await let_count(store, run) == []
    assert facts(path, "order-1") == (run, 7, {"customer": "Acme", "cost centre": "4711"}, usd("12.50"), "US")


async def test_a_booking_without_a_source_has_none(path: Where):
    async with opened(path) as store:
        await row(store, entry(1))
    assert facts(path, "order-1") == (None, None, {}, None, None)
    assert asked(path, "SELECT COUNT(*) FROM sources") == [(0,)]


async def test_what_an_input_that_never_counted_said_is_said_by_nobody(path: Where):
    async with opened(path) as store:
        await taken(store, sourced(1, customer="Acme"), run=(first := await store.begin_run(released=True)))
        unreleased = await store.begin_run(released=False)
        await taken(store, sourced(1, line=99, customer="Wrong"), sourced(2), run=unreleased)
        assert facts(path, "order-1")[:3] == (first, 7, {"customer": "Acme"})
        await store.end_run(unreleased)
        await store.begin_run(released=True)  # which removes what is left of it
    assert facts(path, "order-1")[:3] == (first, 7, {"customer": "Acme"})
    assert asked(path, f"SELECT COUNT(*) FROM sources WHERE run = {unreleased}") == [(0,)]


async def test_a_waiting_booking_is_where_it_was_brought_from_last(path: Where):
    async with opened(path) as store:
        await taken(store, sourced(1, customer="Acme"), run=await store.begin_run(released=True))
        again = await store.begin_run(released=False)
        changed = attrs.evolve(sourced(1, line=3, country="DE", customer="Acme Ltd"))
        await taken(store, changed, run=again)
        assert await let_count(store, again) == []
    assert facts(path, "order-1") == (again, 3, {"customer": "Acme Ltd"}, usd("12.50"), "DE")


async def test_a_booking_that_is_done_stays_where_it_was_booked_from(path: Where):
    async with opened(path) as store:
        first = await store.begin_run(released=True)
        (found,) = await taken(store, one := sourced(1, customer="Acme"), run=first)
        await store.ended(await store.sent(found), Ending(state="done", order_id="1", fee=usd("13")))
        again = attrs.evolve(one, source=Source(99, {"customer": "Another"}))
        await taken(store, again, run=await store.begin_run(released=True))
    assert facts(path, "order-1")[:3] == (first, 7, {"customer": "Acme"})


async def test_to_forget_erases_kept_cells_and_leaves_the_destination(path: Where):
    async with opened(path) as store:
        (found,) = await taken(store, sourced(1, customer="Jane Example"), run=await store.begin_run(released=True))
        await store.ended(await store.sent(found), Ending(state="done", order_id="1", fee=usd("13")))
    with reading(path, LATER.timestamp()) as journal:
        assert journal.forget_before(LATER - timedelta(days=1)) == 1
        assert journal.get("order-1").body is None
    assert facts(path, "order-1")[1:] == (7, {}, usd("12.50"), "US")
    assert "Jane" not in str(asked(path, "SELECT * FROM sources"))


async def test_a_run_says_whose_it_was_how_its_input_stood_at_its_end_and_what_it_paid(path: Where):
    about = {"person": "jane", "file": "orders.csv", "digest": "ab", "options": {"rate": 5}}
    async with opened(path, now=NOW - 60) as store:
        await done(store, earlier := sourced(1), "1", usd("5"))
    async with opened(path) as store:
        run = await store.begin_run(released=False, about=json.dumps(about))
        await taken(store, earlier, sourced(2), sourced(3), run=run)
        await let_count(store, run)
        (_, second, _) = await store.page(run, 0, 3)
        await store.ended(await store.sent(second), Ending(state="done", order_id="2", fee=usd("7.25")))
        await store.end_run(run)
        await store.begin_run(released=True)
    with Journal.open(path) as journal:
        first, last = journal.runs()
    assert (first.person, first.file, first.about["digest"], first.counts) == (
        "jane",
        "orders.csv",
        "ab",
        {"done": 2, "pending": 1},
    )
    assert first.fees == (usd("7.25"),)
    assert (last.person, last.counts, last.fees, last.ended) == (None, {}, (), None)


async def test_a_run_that_goes_on_says_how_far_it_is(path: Where):
    async with opened(path) as store:
        run = await store.begin_run(released=True)
        (first, _) = await taken(store, sourced(1), sourced(2), run=run)
        await store.ended(await store.sent(first), Ending(state="refused", error="no"))
        with Journal.open(path) as journal:
            (found,) = journal.runs()
        assert found.counts == {"refused": 1, "pending": 1}
