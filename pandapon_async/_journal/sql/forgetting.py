"""What is erased of old bookings: whatever may say who the receiver was; the destination, by which they are summed up, stays."""

from __future__ import annotations

import json
from typing import Final

from ..._models.digest import digest_of
from ..rows import line_of
from .connection import Connection

_PAGE: Final = 1_000


def forget_page(connection: Connection, moment: float, after: int) -> tuple[int, int]:
    """Erase a page of what ended before a moment, inside a transaction.

    Returns:
        The last row that was looked at (0: there are no more), and how many were erased.
    """
    query = (
        "SELECT r.id, b.body, r.history, b.row IS NOT NULL OR p.row IS NOT NULL OR r.parcel_key IS NOT NULL "
        "OR EXISTS (SELECT 1 FROM sources s WHERE s.row = r.id AND s.kept IS NOT NULL) FROM rows r "
        "LEFT JOIN bodies b ON b.row = r.id LEFT JOIN replies p ON p.row = r.id WHERE r.id > ? AND r.done_at < ? "
        f"AND r.state IN ('done', 'refused', 'void') ORDER BY r.id LIMIT {_PAGE}"
    )
    page = connection.execute(query, (after, moment)).fetchall()
    for row, body, history, has_any in page:
        if has_any:
            _forget(connection, row, body, history)
    return (page[-1][0] if len(page) == _PAGE else 0), sum(has_any for *_, has_any in page)


def _forget(connection: Connection, row: int, body: str | None, history: str) -> None:
    digest = None if body is None else digest_of(json.loads(body))
    kept = "".join(line_of({**json.loads(line), "body": None}) for line in history.splitlines())
    connection.execute("DELETE FROM bodies WHERE row = ?", (row,))
    connection.execute("DELETE FROM replies WHERE row = ?", (row,))
    connection.execute("UPDATE sources SET kept = NULL WHERE row = ?", (row,))
    connection.execute(
        "UPDATE rows SET version = version + 1, digest = COALESCE(?, digest), history = ?, error = NULL, parcel_key = NULL "
        "WHERE id = ?",
        (digest, kept, row),
    )
