"""How a page of a job's input comes into the journal: new, known, changed, or held since another booking has its parcel."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import attrs

from ..._models.digest import canonical, digest_of
from ..._models.jsonio import is_array, is_object, loads
from ..identity import NO_PARCEL, AccountKey, ParcelKeys, destination_of, key_of, parcel_keys
from ..rows import history_entry, money_of, time_of
from ..store import BY_JOB, Entry, PendingRow, Problem
from .changes import forget_replies
from .connection import HIDDEN, Connection, insert_all, next_id

PARCEL_SECONDS: Final = 30 * 86_400
"""How long a parcel that was booked is remembered: a customer may well order the same again next month."""
_COLUMNS: Final = ("render_key", "tmall_key", "parcel_key")
_WORDS: Final = ("render id", "Tmall order", "receiver and items")
_OPEN_STATES: Final = ("pending", "sent", "unknown")
_KNOWN: Final = (
    "SELECT r.id, r.version, i.position, r.reference, r.shipment, r.state, COALESCE(i.body, b.body), r.order_id, r.fee, r.currency, "
    f"r.error, r.tracking, r.sent_at, r.digest, r.run, r.run IN {HIDDEN} FROM rows r LEFT JOIN bodies b ON b.row = r.id "
    "LEFT JOIN inputs i ON i.run = ? AND i.row = r.id WHERE r.account = ? AND r.operation = ? AND r.reference_key IN "
)
_INSERT: Final = (
    "rows (state, version, id, account, operation, reference, reference_key, shipment, run, at, history, render_key, tmall_key, "
    "parcel_key, destination)"
)
_WAITS: Final = ("pending", "refused")
"""States in which a booking of the input is taken as it stands there now."""


@attrs.define
class _Known:
    """A row that an entry's reference has, by its columns; ``position``: where it stood in this input already."""

    values: Sequence[Any]
    position: int | None
    digest: str | None = None
    run: int = 0
    is_hidden: bool = False

    id = property(lambda self: self.values[0])
    version = property(lambda self: self.values[1])
    state = property(lambda self: self.values[5])
    body = property(lambda self: self.values[6])
    order_id = property(lambda self: self.values[7])


@attrs.frozen
class _Other:
    """A booking that has a key; ``hidden_run``: the run that is taking it in."""

    reference: str
    shipment: int
    scope: tuple[int, int]
    text: str
    id: int
    hidden_run: int | None = None


class Page:
    """A page of input on its way into the journal, inside a transaction.

    Args:
        scope: (account, operation).
        run: 0: none.
        released: whether the run's rows count at once.
        living: the runs that are taking their input in just now.
    """

    def __init__(
        self,
        connection: Connection,
        key: AccountKey,
        scope: tuple[int, int],
        now: float,
        run: int,
        *,
        released: bool,
        retry_refused: bool,
        living: Collection[int],
    ) -> None:
        self._connection = connection
        self._key = key
        self._scope = scope
        self._now = now
        self._run = run
        self._released = released
        self._retry_refused = retry_refused
        self._living = living
        self._known: dict[tuple[str, int], _Known] = {}
        self._others: dict[int | None, list[_Other]] = {}
        self._of_this_page: dict[int | None, list[tuple[Entry, int]]] = {}
        self._references: dict[str, int] = {}
        self._next_id = 0
        self._new: list[tuple[Entry, int, ParcelKeys]] = []
        self._inputs: list[tuple[Any, ...]] = []
        self._destinations: dict[int, str | None] = {}
        self._sources: list[tuple[Any, ...]] = []

    def admit(self, entries: Sequence[Entry]) -> list[PendingRow | Problem]:
        """Take the entries in; the row of each, or why it can't be taken; if they don't count yet, only the latter."""
        if not entries:
            return []
        self._find_known(entries)
        keys = {entry.position: self._keys(entry) for entry in entries if self._needs_check(entry)}
        self._find_others(keys.values())
        self._next_id = next_id(self._connection, "rows")
        results = [self._admit(entry, keys.get(entry.position, NO_PARCEL)) for entry in entries]
        self._write()
        return [result for result in results if result is not None]

    # --- what is known ---

    def _find_known(self, entries: Sequence[Entry]) -> None:
        marks = ", ".join("?" * len(entries))
        self._references = {entry.reference: key_of("reference", entry.reference) for entry in entries}
        references = [self._references[entry.reference] for entry in entries]
        for found in self._connection.execute(f"{_KNOWN}({marks})", (self._run, *self._scope, *references)).fetchall():
            *values, digest, run, is_hidden = found
            self._known[values[3], values[4]] = _Known(
                values, values[2], digest, run, bool(is_hidden) and run != self._run
            )

    def _needs_check(self, entry: Entry) -> bool:
        known = self._known.get((entry.reference, entry.shipment))
        return known is None or known.is_hidden or known.state == "refused" or not _is_same(entry.body, known)

    def _keys(self, entry: Entry) -> ParcelKeys:
        body = loads(entry.body.encode())
        self._destinations[entry.position] = destination_of(body)
        return parcel_keys(self._key.vendor, self._key.operation, body)

    def _find_others(self, keys: Collection[ParcelKeys]) -> None:
        """What the journal has of these parcels, but for the rows of runs that ended before they counted."""
        for column, values in zip(_COLUMNS, zip(*keys, strict=True), strict=False):
            wanted = {value for value in values if value is not None}
            for value, other in others_with(self._connection, self._scope[1], column, wanted, self._now):
                if other.hidden_run in (None, self._run, *self._living) or other.scope[0] != self._scope[0]:
                    self._others.setdefault(value, []).append(other)

    # --- one entry ---

    def _admit(self, entry: Entry, keys: ParcelKeys) -> PendingRow | Problem | None:
        known = self._known.get((entry.reference, entry.shipment))
        if known is not None and known.is_hidden:
            if known.run in self._living:
                return Problem(entry.position, entry.reference, "a run is just taking it in: try again", "taken in")
            drop_rows(
                self._connection, known.run, known.id, known.id
            )  # of a run that ended before all of its input was there
            known = None
        if known is None:
            return self._held(entry, keys, None) or self._admit_new(entry, keys)
        return self._admit_known(entry, known, keys)

    def _admit_new(self, entry: Entry, keys: ParcelKeys) -> PendingRow | None:
        number, self._next_id = self._next_id, self._next_id + 1
        self._new.append((entry, number, keys))
        if self._run:
            self._inputs.append((self._run, number, entry.position, 1, 0, None, None))
        self._note_source(entry, number)
        columns = (number, 1, entry.position, entry.reference, entry.shipment, "pending", entry.body, *[None] * 6)
        self._known[entry.reference, entry.shipment] = _Known(columns, entry.position, None, self._run)
        self._note_keys(entry, number, keys)
        return pending_row(columns) if self._released else None

    def _admit_known(self, entry: Entry, known: _Known, keys: ParcelKeys) -> PendingRow | Problem | None:
        same = _is_same(entry.body, known)
        if known.position is not None:
            if same and not entry.derived:
                return pending_row(known.values) if self._released else None
            what = "the same booking as" if same else "another booking under the reference of"
            text = f"{what} number {known.position + 1} of this input"
            return Problem(entry.position, entry.reference, text, "twice" if same else "other body")
        if not same and known.state not in ("pending", "refused"):
            named = f"order id {known.order_id}, " if known.order_id else ""
            fields = ", ".join(differing(known.body, entry.body)) or "its body"
            text = f"the journal has another booking under this reference ({named}{known.state}); different: {fields}"
            return Problem(entry.position, entry.reference, text, "other body")
        renewed = not same or (known.state == "refused" and self._retry_refused)
        if renewed and (problem := self._held(entry, keys, known.id)) is not None:
            return problem
        known.position = entry.position
        if known.state in _WAITS:
            self._note_source(entry, known.id)
        if renewed:
            self._note_keys(entry, known.id, keys)
        if self._run:
            later = (known.version, entry.body) if renewed and not self._released else (None, None)
            self._inputs.append((self._run, known.id, entry.position, 0, int(entry.allow_same_parcel), *later))
        if not self._released:
            if renewed:
                known.values = (*known.values[:6], entry.body, *known.values[7:])
            return None
        row = attrs.evolve(pending_row(known.values), position=entry.position)
        if renewed:
            row = renew(self._connection, row, entry.body, keys, self._now)
            self._known[entry.reference, entry.shipment] = attrs.evolve(known, values=_columns_of(row))
        return row

    def _note_source(self, entry: Entry, row: int) -> None:
        if (source := entry.source) is not None:
            money = source.previewed
            previewed = (None, None) if money is None else (format(money.amount, "f"), money.currency)
            kept = json.dumps(dict(source.kept), ensure_ascii=False) if source.kept else None
            self._sources.append((row, self._run, source.line, kept, *previewed))

    # --- the same parcel ---

    def _held(self, entry: Entry, keys: ParcelKeys, row: int | None) -> Problem | None:
        if entry.allow_same_parcel or (
            self._others.keys().isdisjoint(keys) and self._of_this_page.keys().isdisjoint(keys)
        ):
            return None
        for value, what in zip(keys, _WORDS, strict=True):
            for other in self._others.get(value, ()):
                if other.id != row and not _is_sibling(entry, self._scope, other):
                    return _same_parcel(entry, what, other.text)
            for near, number in self._of_this_page.get(value, ()):
                if number != row and not (entry.shipment > 1 and near.reference == entry.reference):
                    return _same_parcel(entry, what, f"{near.reference}, number {near.position + 1} of this input")
        return None

    def _note_keys(self, entry: Entry, row: int, keys: ParcelKeys) -> None:
        for value in keys:
            if value is not None:
                self._of_this_page.setdefault(value, []).append((entry, row))

    def _write(self) -> None:
        line = history_entry(self._now, "pending", BY_JOB)
        allowed = history_entry(self._now, "pending", BY_JOB, "the same parcel as another booking: allowed")
        rows = [
            (
                "pending", 1, number, *self._scope, entry.reference, self._references[entry.reference], entry.shipment,
                self._run, self._now, allowed if entry.allow_same_parcel else line, *keys, self._destinations.get(entry.position),
            )
            for entry, number, keys in self._new
        ]  # fmt: skip
        insert_all(self._connection, _INSERT, rows)
        insert_all(self._connection, "bodies", [(number, entry.body) for entry, number, _ in self._new])
        insert_all(self._connection, "inputs", self._inputs)
        insert_all(self._connection, "sources", self._sources, "ON CONFLICT DO NOTHING")


def _is_sibling(entry: Entry | PendingRow, scope: tuple[int, int], other: _Other) -> bool:
    """Whether it is another shipment of the same booking, on purpose."""
    return entry.shipment > 1 and (other.reference, other.scope) == (entry.reference, scope)


def _same_parcel(entry: Entry | PendingRow, what: str, other: str) -> Problem:
    return Problem(entry.position, entry.reference, f"another booking has its {what}: {other}", "same parcel")


def others_with(
    connection: Connection, operation: int, column: str, values: Iterable[int], now: float
) -> list[tuple[int, _Other]]:
    """The bookings, at whatever account, that have one of these keys, and for which it counts."""
    wanted = list(values)
    if not wanted:
        return []
    query = (
        f"SELECT r.{column}, r.reference, r.shipment, r.account, r.operation, r.state, r.order_id, "
        f"COALESCE(r.sent_at, r.at), a.name, r.id, CASE WHEN r.run IN {HIDDEN} THEN r.run END FROM rows r "
        "JOIN accounts a ON a.id = r.account "
        f"WHERE r.{column} IN ({', '.join('?' * len(wanted))}) AND r.operation = ? AND r.state NOT IN ('refused', 'void')"
    )
    found: list[tuple[int, _Other]] = []
    rows = connection.execute(query, (*wanted, operation)).fetchall()
    for value, reference, shipment, *scope, state, order_id, at, account, number, hidden in rows:
        if column == "parcel_key" and state not in _OPEN_STATES and at < now - PARCEL_SECONDS:
            continue
        moment = time_of(at)
        when = "" if moment is None else f"{moment:%Y-%m-%d %H:%M}, "
        text = f"{reference} at {account} ({when}{f'order id {order_id}, ' if order_id else ''}{state})"
        found.append((value, _Other(reference, shipment, (scope[0], scope[1]), text, number, hidden)))
    return found


def held_now(
    connection: Connection, scope: tuple[int, int], row: PendingRow, keys: ParcelKeys, now: float
) -> Problem | None:
    """Why a row can't wait with these keys: another booking has one of them by now."""
    for column, value, what in zip(_COLUMNS, keys, _WORDS, strict=True):
        for _, other in others_with(connection, scope[1], column, [] if value is None else [value], now):
            if other.id != row.id and not _is_sibling(row, scope, other):
                return _same_parcel(row, what, other.text)
    return None


def renew(connection: Connection, row: PendingRow, body: str, keys: ParcelKeys, now: float) -> PendingRow:
    """Let a row that is pending or refused wait with a body; the old one stays in its history."""
    old = None if body == row.body or row.body is None else json.loads(row.body)
    connection.execute(
        "INSERT INTO bodies VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET body = excluded.body", (row.id, body)
    )
    forget_replies(connection, [row.id])
    connection.execute(
        "UPDATE rows SET version = version + 1, state = 'pending', owner = NULL, error = NULL, done_at = NULL, "
        "order_id = NULL, order_key = NULL, digest = NULL, history = history || ?, render_key = ?, tmall_key = ?, "
        "parcel_key = ?, destination = ?, at = ? WHERE id = ?",
        (
            history_entry(now, "pending", BY_JOB, "fed again", body=old),
            *keys,
            destination_of(loads(body.encode())),
            now,
            row.id,
        ),
    )
    return attrs.evolve(row, version=row.version + 1, state="pending", body=body, error=None)


def drop_rows(connection: Connection, run: int, first: int, last: int) -> None:
    """Remove what a run that never counted has brought in, from one row to another."""
    part, values = "run = ? AND row BETWEEN ? AND ?", (run, first, last)
    new = f"(SELECT row FROM inputs WHERE {part} AND is_new = 1)"
    connection.execute(f"DELETE FROM bodies WHERE row IN {new}", values)
    connection.execute(f"DELETE FROM rows WHERE id IN {new} AND run = ?", (*values, run))
    connection.execute(f"DELETE FROM sources WHERE {part}", values)
    connection.execute(f"DELETE FROM inputs WHERE {part}", values)


def pending_row(values: Sequence[Any]) -> PendingRow:
    """A row from its first thirteen columns; see `_KNOWN`."""
    number, version, position, reference, shipment, state, body, order_id, fee, currency, error, tracking, sent_at = (
        values
    )
    return PendingRow(
        number, version, position or 0, reference, shipment, state, body, order_id, money_of(fee, currency), error,
        tuple(tracking.split()) if tracking else (), sent_at,
    )  # fmt: skip


def _columns_of(row: PendingRow) -> tuple[Any, ...]:
    """The first thirteen columns of a row that has just been renewed, as `pending_row` reads them."""
    known = (row.id, row.version, row.position, row.reference, row.shipment, row.state, row.body)
    return (*known, *[None] * 5, row.sent_at)


def _is_same(new: str, known: _Known) -> bool:
    old = known.body
    if old is None:
        return known.digest is not None and known.digest == digest_of(json.loads(new))
    return new == old or canonical(json.loads(new)) == canonical(json.loads(old))


def differing(old: str | None, new: str) -> list[str]:
    """The dotted names of the members in which two bodies differ."""
    return [] if old is None else _differing(json.loads(old), json.loads(new), "")


def _differing(old: Any, new: Any, path: str) -> list[str]:
    if is_object(old) and is_object(new):
        names = dict.fromkeys([*old, *new])
        return [
            found for name in names for found in _differing(old.get(name), new.get(name), f"{path}.{name}".lstrip("."))
        ]
    if is_array(old) and is_array(new) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for index, (one, other) in pairs for found in _differing(one, other, f"{path}[{index}]")]
    return [] if old == new else [path]
