"""The journal as people read it, and resolve what is in doubt: beside a run, and without disturbing it.

Bodies hold receivers' data (a resume needs them), so the file's mode is 0600, and `Journal.forget_before` erases them.
Credentials are never stored: of an access key only the fingerprint is.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._clock import Clock, SystemClock
from .._errors import JournalError, RequestError, suggestion
from .._models.money import Money
from .identity import AccountKey, key_of, normal_reference
from .resolving import Resolution, credit, resolve_all
from .rows import STATES, JournalRow, MoneyEntry, State, row_of, time_of
from .sqlite.accounts import account_id, admitted_account, known_accounts
from .sqlite.file import (
    Place,
    back_up,
    begin_writing,
    end_writing,
    note_begun,
    open_to_read,
    open_to_write,
    resolved,
    truncate,
)
from .sqlite.forgetting import forget_page
from .sqlite.lock import AccountLock
from .sqlite.schema import HIDDEN, check_whole, refuse_backup

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._config.profiles import VendorProfile
    from .._models.operation import Operation

_PAGE: Final = 500
_NAMES: Final = (
    "id", "version", "reference", "shipment", "state", "order_id", "fee", "currency", "tracking", "error", "sent_at", "done_at",
    "request_id", "resolved_by", "note", "history", "vendor", "account", "operation", "body", "reply",
)  # fmt: skip
_COLUMNS: Final = f"{', '.join(f'r.{name}' for name in _NAMES[:16])}, a.vendor, a.name, o.name, b.body, p.reply"
_TABLES: Final = (
    "rows r JOIN accounts a ON a.id = r.account JOIN operations o ON o.id = r.operation LEFT JOIN bodies b ON b.row = r.id "
    "LEFT JOIN replies p ON p.row = r.id"
)


@attrs.frozen(kw_only=True)
class Total:
    """What one account paid in one currency: fees with their corrections, and what was credited."""

    account: str
    currency: str
    fees: Decimal
    credits: Decimal

    @property
    def net(self) -> Decimal:
        """What it cost in the end."""
        return self.fees - self.credits


@attrs.frozen(kw_only=True)
class Run:
    """One run of a job; ``released``: when its input was taken, None if it never was; ``ended``: None if it was killed, or runs."""

    id: int
    account: str
    operation: str
    began: datetime
    released: datetime | None
    ended: datetime | None
    host: str
    pid: int


class Journal:
    """A journal on disk, to be read, and resolved by hand. Both are allowed while a job runs.

    Made by `Journal.open`; close it, or use it as a context manager.
    """

    def __init__(self, path: Path, clock: Clock = SystemClock()) -> None:  # noqa: B008 - it has no state
        self.path = path
        self._clock = clock
        self._connection, self._clean_up = open_to_read(path)
        self._place = Place(path)
        self._process = os.getpid()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open an existing journal.

        Raises:
            JournalError: there is none, or the file is something else, damaged, or not whole. It is not changed.
        """
        return cls(resolved(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._connection.close()
        self._clean_up()

    # --- reading ---

    def get(
        self, reference: str, *, shipment: int = 1, account: str | None = None, operation: str | None = None
    ) -> JournalRow:
        """The row of a reference.

        Args:
            reference: the caller's reference.
            shipment: which of its shipments.
            account, operation: needed if several have the reference.

        Raises:
            JournalError: there is none, or there are several.
        """
        try:
            known = normal_reference(reference)
        except RequestError as error:
            raise JournalError(error.message) from None
        tests = {
            "r.reference_key = ?": key_of("reference", known),
            "r.reference = ?": known,
            "r.shipment = ?": shipment,
        }
        found = list(self._select({**tests, "a.name = ?": account, "o.name = ?": operation}))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"{row.account} ({row.operation}, {row.vendor})" for row in found)
            raise JournalError(
                f"{self.path}: several rows have it: {names}; name the account or the operation", reference=reference
            )
        raise JournalError(f"{self.path}: no row has it", reference=reference)

    def rows(
        self,
        *,
        state: State | None = None,
        account: str | None = None,
        operation: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRow]:
        """The rows, in the order they came; ``since`` and ``until`` bound the time of the last sending.

        They are read a page at a time, so that reading slowly holds up no run; each page is as it is when it is read.

        Raises:
            JournalError: an unknown state.
        """
        if state is not None and state not in STATES:
            raise JournalError(f"there is no state {state!r}{suggestion(state, STATES)}")
        return self._select(
            {
                "r.state = ?": state,
                "a.name = ?": account,
                "o.name = ?": operation,
                "r.sent_at >= ?": since and since.timestamp(),
                "r.sent_at < ?": until and until.timestamp(),
            }
        )

    def counts(self) -> dict[State, int]:
        """How many rows are in each state."""
        query = (
            "SELECT state, COUNT(*) FROM rows GROUP BY state UNION ALL "
            f"SELECT 'pending', -COUNT(*) FROM inputs WHERE is_new AND run IN {HIDDEN}"
        )
        counts = dict.fromkeys(STATES, 0)
        for state, count in self._read(query):
            counts[state] += count
        return counts

    def totals(self, *, since: datetime | None = None, until: datetime | None = None) -> list[Total]:
        """What was paid and credited, by the dates of the amounts, per account and currency.

        A booking that is void keeps its fee until that is credited. What has no fee is in `unpriced`.
        """
        tests = {"m.at >= ?": since and since.timestamp(), "m.at < ?": until and until.timestamp()}
        given = {test: value for test, value in tests.items() if value is not None}
        query = (
            "SELECT a.name, m.currency, m.kind = 'credit', m.exponent, SUM(m.digits / 1000000000), SUM(m.digits % 1000000000) "
            f"FROM money m JOIN accounts a ON a.id = m.account WHERE {' AND '.join(given) or '1'} GROUP BY 1, 2, 3, 4"
        )
        sums: dict[tuple[str, str], list[Decimal]] = {}
        for account, currency, is_credit, exponent, billions, rest in self._read(query, tuple(given.values())):
            of = sums.setdefault((account, currency), [Decimal(0), Decimal(0)])
            of[is_credit] += Decimal(billions * 10**9 + rest).scaleb(exponent)
        return [
            Total(account=key[0], currency=key[1], fees=fees, credits=back)
            for key, (fees, back) in sorted(sums.items())
        ]

    def unpriced(self) -> dict[str, int]:
        """How many bookings are done and have no fee, per account."""
        query = (
            "SELECT a.name, COUNT(*) FROM rows r JOIN accounts a ON a.id = r.account "
            "WHERE r.state = 'done' AND r.fee IS NULL GROUP BY 1"
        )
        return dict(self._read(query))

    def runs(self) -> list[Run]:
        """The runs of jobs, in order."""
        query = (
            "SELECT r.id, a.name, o.name, r.began, r.released, r.ended, r.host, r.pid FROM runs r "
            "JOIN accounts a ON a.id = r.account JOIN operations o ON o.id = r.operation ORDER BY r.id"
        )
        return [
            Run(
                id=number,
                account=account,
                operation=operation,
                began=datetime.fromtimestamp(began, timezone.utc),
                released=time_of(released),
                ended=time_of(ended),
                host=host.partition(" ")[0],
                pid=pid,
            )
            for number, account, operation, began, released, ended, host, pid in self._read(query)
        ]

    def check(self) -> None:
        """Look through the whole file; that takes the longer, the larger it is.

        Raises:
            JournalError: it is damaged.
        """
        try:
            check_whole(self._connection, self.path)
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: is damaged: {error}") from None

    def _select(self, tests: dict[str, Any]) -> Iterator[JournalRow]:
        given = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join([*given, f"r.run NOT IN {HIDDEN}", "r.id > ?"])
        query = f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {where} ORDER BY r.id LIMIT {_PAGE}"
        last = 0
        while page := self._read(query, (*given.values(), last)):
            last = page[-1][0]
            entries = self._money([values[0] for values in page])
            for values in page:
                yield row_of(dict(zip(_NAMES, values, strict=True)), tuple(entries.get(values[0], ())))

    def _money(self, rows: list[int]) -> dict[int, list[MoneyEntry]]:
        marks = ", ".join("?" * len(rows))
        query = (
            f"SELECT row, at, kind, digits, exponent, currency, by, note FROM money WHERE row IN ({marks}) ORDER BY id"
        )
        found: dict[int, list[MoneyEntry]] = {}
        for row, at, kind, digits, exponent, currency, by, note in self._read(query, rows):
            money = Money(amount=Decimal(digits).scaleb(exponent), currency=currency)
            when = datetime.fromtimestamp(at, timezone.utc)
            found.setdefault(row, []).append(MoneyEntry(at=when, kind=kind, money=money, by=by, note=note))
        return found

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        if os.getpid() != self._process:
            raise JournalError(f"{self.path}: was opened by another process, of which this one is a fork: open it here")
        try:
            return self._connection.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise JournalError(f"{self.path}: can't be read: {error}") from None

    # --- by hand ---

    def resolve(
        self,
        reference: str,
        state: State,
        *,
        by: str,
        note: str,
        order_id: str | None = None,
        fee: Money | None = None,
        tracking: Sequence[str] = (),
        shipment: int = 1,
        account: str | None = None,
        operation: str | None = None,
    ) -> JournalRow:
        """Resolve a booking by hand: what a person found out at the vendor.

        An unknown or refused one becomes ``done``, or ``pending`` (a job will send it again); a pending one ``void`` (withdrawn);
        a done one ``void`` (cancelled), or ``done`` to add what isn't known of it. What is so already is left as it is.

        Args:
            reference: the booking.
            state: what it becomes.
            by: who says so.
            note: why.
            order_id, fee, tracking: what the vendor shows, for ``done``.
            shipment, account, operation: as in `get`.

        Raises:
            JournalError: no such row, not allowed, or a job has it under way.
        """
        resolution = Resolution(
            reference, state, order_id, fee, tuple(tracking), account, shipment=shipment, operation=operation
        )
        return self.resolve_all([resolution], by=by, note=note)[0]

    def resolve_all(self, resolutions: Sequence[Resolution], *, by: str, note: str) -> list[JournalRow]:
        """Resolve several bookings, all or none; see `resolve`. Two that contradict each other are refused."""
        _named(by)
        with self._writing() as connection:  # nobody else changes what is read meanwhile
            rows = [self._row_of(resolution) for resolution in resolutions]
            resolve_all(connection, list(zip(rows, resolutions, strict=True)), by, note, self._clock.now())
        return [next(self._select({"r.id = ?": row.id})) for row in rows]

    def _row_of(self, resolution: Resolution) -> JournalRow:
        return self.get(
            resolution.reference,
            shipment=resolution.shipment,
            account=resolution.account,
            operation=resolution.operation,
        )

    def credit(
        self,
        reference: str,
        money: Money,
        *,
        by: str,
        note: str,
        shipment: int = 1,
        account: str | None = None,
        operation: str | None = None,
    ) -> JournalRow:
        """Enter what the vendor has given back for a booking that is done or void.

        Raises:
            JournalError: no such row, or not allowed.
        """
        _named(by)
        with self._writing() as connection:
            row = self.get(reference, shipment=shipment, account=account, operation=operation)
            credit(connection, row, money, by, note, self._clock.now())
        return next(self._select({"r.id = ?": row.id}))

    def adopt(self, profile: VendorProfile, operation: Operation[Any], *, by: str, note: str) -> None:
        """Accept that an account of this journal has another host, key or user id now.

        Raises:
            JournalError: the journal doesn't have the account, or has this one under another name.
        """
        key = AccountKey.of(profile, operation)
        with self._noting("adopted", by, f"{key.name}: {note}") as (connection, now):
            if not account_id(connection, key.vendor, key.name):
                raise JournalError(f"{self.path}: has no account {key.name!r}")
            admitted_account(connection, key, {"host", "key", "user id"}, now, write=True)

    def rename(self, old: str, new: str, *, by: str, note: str) -> None:
        """Let an account's bookings stand under another name of it.

        Raises:
            JournalError: there is no such account, or the new name is taken, or a job runs.
        """
        with self._noting("renamed", by, f"{old} to {new}: {note}") as (connection, _), contextlib.ExitStack() as locks:
            found = [known for known in known_accounts(connection) if known.name == old]
            if not new.strip() or any(known.name == new for known in known_accounts(connection)):
                raise JournalError(f"{self.path}: has an account {new!r} already")
            if not found:
                raise JournalError(f"{self.path}: has no account {old!r}")
            self._lock_all(locks, old)
            connection.execute("UPDATE accounts SET name = ? WHERE name = ?", (new, old))

    # --- the file ---

    def backup(self, target: str | os.PathLike[str]) -> None:
        """Write a whole and consistent copy, during a run too. It is marked as a backup: a job refuses it until it is restored.

        Raises:
            JournalError: the target is there already, or can't be written.
        """
        last = self._read("SELECT COALESCE(MAX(id), 0) FROM runs")[0][0]
        back_up(
            self._connection, resolved(target), (self._clock.now(), "backup", "", f"of {self.path} after run {last}")
        )

    def restore(self, *, by: str, note: str) -> None:
        """Let jobs use this backup again: its owner knows what was booked since, or that nothing was."""
        _named(by)
        with self._writing(backup=True) as connection:
            _note(connection, "restored", by, note, self._clock.now())

    @classmethod
    def declare_whole(cls, path: str | os.PathLike[str], *, by: str, note: str) -> None:
        """Take a file whose ``-wal`` is lost: its owner has looked up at the vendor what was booked last.

        Raises:
            JournalError: it is no journal, or somebody uses it.
        """
        _named(by)
        file = resolved(path)
        connection = open_to_write(file, create=False, whole=True)
        with _ending(connection, file) as owner, _transaction(connection, file):
            check_whole(connection, file)
            connection.execute("DELETE FROM owners WHERE id != ?", (owner,))
            _note(connection, "whole", by, note, SystemClock.now())

    def forget_before(self, moment: datetime) -> int:
        """Erase bodies, replies, old bodies and parcel digests of what ended before a moment; the rest of the row stays.

        Returns:
            How many rows were erased.

        Raises:
            JournalError: the moment is to come, a job is running, or the file can't be written.
        """
        if moment.timestamp() > self._clock.now():
            raise JournalError(
                "only what lies in the past can be forgotten: a booking of today may have to be looked up"
            )
        count = last = 0
        with contextlib.ExitStack() as locks, self._connected() as connection:
            self._lock_all(locks)
            while True:
                with _transaction(connection, self.path):
                    last, erased = forget_page(connection, moment.timestamp(), last)
                count += erased
                if not last:
                    break
            try:
                whole = truncate(connection)
            except sqlite3.Error as error:
                raise JournalError(f"{self.path}: could not erase: {error}") from None
        if not whole:
            raise JournalError(
                f"{self.path}: it is being read, so erased text may still be in {self.path}-wal: do it again"
            )
        return count

    def _lock_all(self, locks: contextlib.ExitStack, name: str | None = None) -> None:
        """Keep every job out, or those of one account's name."""
        for vendor, account in self._read("SELECT vendor, name FROM accounts"):
            if name in (None, account):
                lock = AccountLock(self.path, vendor, account)
                lock.acquire()
                locks.callback(lock.release)

    # --- writing ---

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if self._place.change() is not None:
            raise JournalError(f"{self.path}: was moved or replaced since it was opened: open it anew")
        connection = open_to_write(self.path, create=False)
        with _ending(connection, self.path):
            yield connection

    @contextlib.contextmanager
    def _writing(self, *, backup: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction beside whoever else writes: all of it, or nothing."""
        with self._connected() as connection, _transaction(connection, self.path):
            if not backup:
                refuse_backup(connection, self.path)
            yield connection

    @contextlib.contextmanager
    def _noting(self, event: str, by: str, note: str) -> Iterator[tuple[sqlite3.Connection, float]]:
        _named(by)
        with self._writing() as connection:
            yield connection, _note(connection, event, by, note, self._clock.now())


@contextlib.contextmanager
def _ending(connection: sqlite3.Connection, path: Path) -> Iterator[int]:
    try:
        owner = begin_writing(connection, path)
    except BaseException:
        connection.close()
        raise
    try:
        yield owner
    finally:
        end_writing(connection, owner)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            note_begun(connection)
            yield
    except (sqlite3.Error, UnicodeError) as error:
        raise JournalError(f"{path}: nothing was changed: {error}") from None


def _note(connection: sqlite3.Connection, event: str, by: str, note: str, now: float) -> float:
    connection.execute("INSERT INTO events (at, event, by, note) VALUES (?, ?, ?, ?)", (now, event, by, note))
    return now


def _named(by: str) -> None:
    if not by.strip():
        raise JournalError("who decides it must be named")
