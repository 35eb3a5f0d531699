"""The vendor's statement beside the journal: what both have, what only one has, and how unclear bookings may have ended.

Nothing is changed here: what is found about an unclear booking is a proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

import attrs

from .._journal.identity import folded
from .resolutions import contact_columns, contact_of

if TYPE_CHECKING:
    from .._journal.rows import JournalRow
    from .._models.money import Money

Found = Literal["both", "other fee", "twice", "only theirs", "only ours", "proposal"]
By = Literal["order no.", "preview no.", "your order no.", "receiver"]


@attrs.frozen(kw_only=True)
class StatementLine:
    """One line of a vendor's statement; empty: it doesn't say.

    Attributes:
        line: its number in the file.
        order_id: the vendor's order no.
        reference, render_id: our order no. and the preview no., where the vendor shows them.
        name, zip: of the receiver.
        fee: what it cost.
    """

    line: int
    order_id: str = ""
    reference: str = ""
    render_id: str = ""
    name: str = attrs.field(default="", repr=False)
    zip: str = attrs.field(default="", repr=False)
    fee: Money | None = None


@attrs.frozen
class Compared:
    """One thing that was found.

    ``row``: ours, ``line``: theirs; None: it has none. ``by``: what a proposal rests on.
    """

    found: Found
    row: JournalRow | None
    line: StatementLine | None
    by: By | None = None


def compared(lines: Sequence[StatementLine], rows: Iterable[JournalRow]) -> Iterator[Compared]:
    """Compare a statement with the rows that it should have: those that are booked, cancelled, unclear or under way.

    A line belongs to the row with its order no.; one of several lines with one order no. is `twice`. Where one of both has none, a
    line belongs to the booked row with its preview no., or our order no., if exactly one line and one row have it. What is left is
    tried on the unclear rows in the same way, then by receiver, and proposed.
    """
    by_order: dict[str, list[StatementLine]] = {}
    for line in lines:
        by_order.setdefault(line.order_id.strip(), []).append(line)
    nameless = by_order.pop("", [])
    unclear: list[JournalRow] = []
    booked: list[JournalRow] = []
    for row in rows:
        if row.order_id and row.order_id in by_order:
            first, *again = by_order.pop(row.order_id)
            yield _of_both(row, first)
            yield from (Compared("twice", row, line) for line in again)
        else:
            (unclear if row.state in ("unknown", "sent") else booked).append(row)
    with_order, without = [row for row in booked if row.order_id], [row for row in booked if not row.order_id]
    nameless, with_order = yield from _matched(nameless, with_order)
    left = [line for several in by_order.values() for line in several] + nameless
    left, without = yield from _matched(left, without)
    yield from (Compared("only ours", row, None) for row in with_order + without if row.state == "done")
    yield from _proposals(left, unclear)


def _of_both(row: JournalRow, line: StatementLine) -> Compared:
    return Compared("both" if line.fee is None or line.fee == row.fee else "other fee", row, line)


_Left = tuple["list[StatementLine]", "list[JournalRow]"]


def _matched(lines: list[StatementLine], rows: list[JournalRow]) -> Generator[Compared, None, _Left]:
    for _, of_line, of_row in _WAYS[:-1]:
        fits, lines, rows = _fitting(lines, rows, of_line, of_row)
        yield from (_of_both(row, line) for row, line in fits)
    return lines, rows


def _proposals(lines: list[StatementLine], unclear: list[JournalRow]) -> Iterator[Compared]:
    for by, of_line, of_row in _WAYS:
        fits, lines, unclear = _fitting(lines, unclear, of_line, of_row)
        yield from (Compared("proposal", row, line, by) for row, line in fits)
    yield from (Compared("only theirs", None, line) for line in lines)
    yield from (Compared("only ours", row, None) for row in unclear)


def _fitting(
    lines: list[StatementLine],
    rows: list[JournalRow],
    of_line: Callable[[StatementLine], str],
    of_row: Callable[[JournalRow], str],
) -> tuple[list[tuple[JournalRow, StatementLine]], list[StatementLine], list[JournalRow]]:
    """Where exactly one line and one row have a key; and what is left."""
    having: dict[str, list[JournalRow]] = {}
    for row in rows:
        having.setdefault(of_row(row), []).append(row)
    wanted: dict[str, list[StatementLine]] = {}
    for line in lines:
        wanted.setdefault(of_line(line), []).append(line)
    keys = {key: None for key, fitting in wanted.items() if key and len(fitting) == len(having.get(key, ())) == 1}
    return (
        [(having[key][0], wanted[key][0]) for key in keys],
        [line for key, fitting in wanted.items() if key not in keys for line in fitting],
        [row for key, fitting in having.items() if key not in keys for row in fitting],
    )


def _receiver(name: str, code: str) -> str:
    return f"{folded(name)}\x01{folded(code)}" if folded(name) else ""


def _receiver_of(row: JournalRow) -> str:
    cells = dict(zip((column.rpartition(".")[2] for column in contact_columns()), contact_of(row.body), strict=True))
    return _receiver(cells.get("name", ""), cells.get("zip", ""))


_WAYS: Final[tuple[tuple[By, Callable[[StatementLine], str], Callable[[JournalRow], str]], ...]] = (
    ("preview no.", lambda line: folded(line.render_id), lambda row: folded((row.body or {}).get("renderId"))),
    ("your order no.", lambda line: line.reference.strip(), lambda row: row.reference),
    ("receiver", lambda line: _receiver(line.name, line.zip), _receiver_of),
)
