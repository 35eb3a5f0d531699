"""What a day needs costs the same after years of bookings: it is found by indexes, in files and in databases."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async._fleet.status import StatusReader
from pandapon_async._journal.identity import key_of
from pandapon_async._journal.places import place_of
from pandapon_async._journal.store import Ending, PendingRow, Source
from tests.journal.support import NOW, Where, done, entry, let_count, opened, reading, taken, usd
from tests.postgres import PostgresServer

BODY = {"receiverAddress": {"name": "Jane Example"}, "lineItems": [{"itemId": "1"}], "renderId": "R"}
SECONDS_OF_A_YEAR = 365 * 86_400
ROWS = "rows", "money", "sources"
"""The tables that a past makes large."""


async def day(place: Where, number: int) -> None:
    """A run that never counts, one that takes a booking in and makes it, one that takes up what is left, single bookings, a look and
    a person's decision."""
    async with opened(place) as store:
        await taken(store, entry(number + 3), run=await store.begin_run(released=False))
    async with opened(place) as store:
        run = await store.begin_run(released=False)
        body = {**BODY, "renderId": f"R{number}", "lineItems": [{"itemId": str(number)}]}
        assert await taken(store, entry(number, body=body, source=Source(1, {})), run=run) == []
        assert await let_count(store, run) == []
        (found,) = await store.page(run, 0, 9)
        await store.spent(run=run)
        await store.ended(await store.sent(found), Ending(state="done", order_id=f"new-{number}", fee=usd("1")))
        await store.end_run(run)
        await done(store, entry(number + 1), f"single-{number}", usd("1"))
        (left,) = await taken(store, entry(number + 2))
        assert isinstance(left, PendingRow)
        other = await store.begin_run(released=True)
        await store.take_unfinished(other)
        assert [row.id for row in await store.page(other, 0, 9)] == [left.id]
        await store.counts(other)
        await store.end_run(other)
        await store.spent(since=NOW)
        assert list(await store.recorded(["old-77"])) == ["old-77"]
        assert [row.id for row in await store.rows([77, 78])] == [77, 78]
    with reading(place) as journal:
        assert journal.get("old-77").state == "done"
        assert list(journal.rows(state="unknown")) == []
        next(journal.rows(state="done"))
        journal.credit(f"order-{number}", usd("1"), by="jane", note="back")
        journal.resolve(left.reference, "void", by="jane", note="withdrawn")
    with contextlib.closing(StatusReader(place_of(place), "a file")) as status:
        assert status.read().counts["done"] == 10


# --- files -------------------------------------------------------------------------------------------------------------


class Counting(sqlite3.Connection):
    """Counts the steps that SQLite's machine makes for it."""

    steps = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_progress_handler(self._count, 1)

    @staticmethod
    def _count() -> None:
        Counting.steps += 1


async def steps_of_a_day(file: Path, past: int) -> int:
    async with opened(file) as store:
        await done(store, entry(1, body=BODY), "x", usd("1"))
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        fill(
            connection.executescript,
            past,
            "(WITH RECURSIVE c(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c LIMIT {}) SELECT n FROM c)",
        )
    await day(file, 10**6)  # the first one forgets the receivers of long ago
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Counting))
        Counting.steps = 0
        await day(file, 10**6 + 10)
    return Counting.steps


def fill(run: Any, past: int, numbers: str, more: str = "") -> None:
    """Copy the one booking that is done, all but a tenth of them of long ago, each with keys of its own."""
    series = numbers.format(past)
    at = f"at - CASE WHEN n * 10 < 9 * {past} THEN {SECONDS_OF_A_YEAR} ELSE 9999 END"
    keys = ", ".join(f"n * {prime} % 1000003" for prime in (7919, 7907, 7901))
    run(
        f"INSERT INTO rows SELECT n, account, operation, 'old-' || n, n, 1, state, 3, owner, 0, {at}, {keys}, 'o' || n, n, fee, "
        f"currency, tracking, error, request_id, digest, {at}, done_at, NULL, NULL, history, "
        f"NULL{more} FROM rows, {series}; "
        "INSERT INTO money (row, account, operation, at, kind, digits, exponent, currency, by) "
        f"SELECT n, account, operation, {at}, kind, digits, exponent, currency, by FROM money, {series}; "
        "INSERT INTO runs (id, account, operation, began, released, ended, host, pid, about) "
        """SELECT 7, account, operation, 0, 0, 0, 'h', 1, '{"file": "a file"}' FROM rows WHERE id = 1; """
        f"INSERT INTO sources SELECT n, CASE WHEN n < 12 THEN 7 ELSE 7000 + n / 10 END, n, NULL, NULL, NULL FROM {series}; "
        f"UPDATE rows SET reference_key = {key_of('reference', 'old-77')} WHERE id = 77;"
    )


async def test_a_day_makes_as_many_steps_after_thousands_of_bookings_as_after_hundreds(tmp_path: Path):
    few, many = [await steps_of_a_day(tmp_path / f"{past}.db", past) for past in (2_000, 6_000)]
    assert few > 1_000
    assert many - few < 400, "a tenth of a step for each booking of the past"


# --- databases ---------------------------------------------------------------------------------------------------------


async def test_no_statement_of_a_day_looks_at_the_whole_past(postgres: PostgresServer):
    import psycopg

    url = postgres.fresh()
    async with opened(url) as store:
        await done(store, entry(1, body=BODY), "x", usd("1"))
    tables = ", ".join(ROWS)
    fill(
        lambda statements: postgres.run("postgres", f"SET search_path = pandapon; {statements} ANALYZE {tables}"),
        50_000,
        "generate_series(2, {}) AS s(n)",
        ", NULL",
    )
    await day(url, 10**6)
    postgres.run("postgres", f"SET search_path = pandapon; ANALYZE {tables}")
    asked_for: list[tuple[bytes, Any]] = []
    execute = psycopg.Connection.execute

    def notes(self: Any, query: bytes, values: Any = None, **options: Any) -> Any:
        asked_for.extend((each, values) for each in query.split(b"; "))
        return execute(self, query, values, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", notes)
        await day(url, 10**6 + 10)
    looked_at = {query: rows_looked_at(postgres, query, values) for query, values in asked_for}
    assert {query: rows for query, rows in looked_at.items() if rows > 2_000} == {}
    assert len(looked_at) > 30
    assert any(b"json_to_recordset" in query for query in looked_at)


def rows_looked_at(postgres: PostgresServer, query: bytes, values: Any) -> int:
    """How many rows of the large tables a statement reads."""
    import psycopg

    if not query.startswith((b"SELECT", b"UPDATE", b"DELETE", b"INSERT")) or b" VALUES " in query:
        return 0
    with psycopg.connect(
        postgres.url("postgres"), options="-c search_path=pandapon", cursor_factory=psycopg.RawCursor
    ) as connection:
        (found,) = connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + query, values).fetchone() or ([],)
        connection.rollback()
    plans = found if isinstance(found, list) else json.loads(found)
    return sum(
        node["Actual Loops"] * sum(node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter"))
        for node in nodes(plans[0]["Plan"])
        if node.get("Relation Name") in ROWS or str(node.get("Index Name", "")).startswith(ROWS)
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
