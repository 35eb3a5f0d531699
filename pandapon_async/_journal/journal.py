"""The journal as people read it, and resolve what is in doubt: beside a run, and without disturbing it.

Bodies hold receivers' data (a resume needs them), so the file's mode is 0600, and `Journal.forget_before` erases them.
Credentials are never stored: of an access key only the fingerprint is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._clock import Clock, SystemClock
from .._errors import JournalError, RequestError, suggestion
from .._models.money import Money
from .identity import AccountKey, key_of, normal_reference
from .places import Place, editor_of, place_of, reader_of
from .resolving import NOT_BOOKED_AFTER, Resolution, credit, resolve_all
from .rows import MOST_SHIPMENTS, STATES, JournalRow, Run, State, history_entry
from .sql.accounts import account_id, admitted_account, known_accounts
from .sql.editor import JournalEditor
from .sql.forgetting import forget_page
from .sql.reader import Reader, Total
from .sqlite.editor import Editor
from .sqlite.file import back_up, resolved
from .sqlite.reader import SqliteReader

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._config.profiles import VendorProfile
    from .._models.operation import Operation


@attrs.frozen
class Inside:
    """What is behind a journal, for those functions of this module that aren't for users."""

    reader: Reader
    editor: JournalEditor
    clock: Clock


def inside(journal: Journal) -> Inside:
    return Inside(journal._reader, journal._editor, journal._clock)  # pyright: ignore[reportPrivateUsage]


_BESIDE: Final = 20
"""How many rows before and after one count as its neighbours."""


def neighbours(journal: Journal, row: JournalRow) -> list[JournalRow]:
    """What is done of the account's bookings that were taken in about when this one was: the next two before and after it."""
    near: dict[str, Any] = {"a.name = ?": row.account, "o.name = ?": row.operation, "r.state = ?": "done"}
    near |= {"r.id >= ?": row.id - _BESIDE, "r.id <= ?": row.id + _BESIDE}
    found = list(inside(journal).reader.select(near))
    before, after = ([one for one in found if (one.id > row.id) is later] for later in (False, True))
    return [*before[-2:], *after[:2]]


def shipments_of(journal: Journal, reference: str, operation: str, account: str | None = None) -> list[JournalRow]:
    """What is there of a reference by one operation, in the order of the shipments; nothing if none can have the reference."""
    try:
        known = normal_reference(reference)
    except RequestError:
        return []
    tests = {"r.reference_key = ?": key_of("reference", known), "r.reference = ?": known, "o.name = ?": operation}
    found = inside(journal).reader.select({**tests, "a.name = ?": account})
    return sorted(found, key=lambda row: row.shipment)


def counts_by_operation(journal: Journal) -> dict[str, dict[State, int]]:
    """How many rows of each operation are in each state."""
    return inside(journal).reader.counts_by_operation()


def write_down(journal: Journal, facts: Iterable[tuple[JournalRow, Mapping[str, str]]], by: str) -> None:
    """Add to the history of rows what was done about them; their state stays, and whoever has one under way isn't disturbed.

    Raises:
        JournalError: the file can't be written.
    """
    behind = inside(journal)
    now = behind.clock.now()
    lines = [(history_entry(now, row.state, by, **fact), row.id) for row, fact in facts]
    with behind.editor.writing() as connection:
        for line in lines:
            connection.execute("UPDATE rows SET history = history || ? WHERE id = ?", line)


class Journal:
    """A journal, on disk or in PostgreSQL, to be read, and resolved by hand. Both are allowed while a job runs.

    Made by `Journal.open`; close it, or use it as a context manager.
    """

    def __init__(
        self,
        place: Place,
        clock: Clock = SystemClock(),  # noqa: B008 - it has no state
        not_booked_after: float = NOT_BOOKED_AFTER,
    ) -> None:
        self.path = place
        self._clock = clock
        self._not_booked_after = not_booked_after
        self._reader = reader_of(place)
        self._editor = editor_of(place, clock)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, not_booked_after: float = NOT_BOOKED_AFTER) -> Self:
        """Open an existing journal.

        Args:
            path: the file; or ``postgresql://...``, ``env:NAME`` or ``file:PATH`` (where such a URL stands), or ``service=NAME``.
            not_booked_after: seconds after the sending before which nobody can say that a booking in doubt is not booked, since
                the vendor may still be at it.

        Raises:
            JournalError: there is none, or the file is something else, damaged, or not whole. It is not changed.
        """
        return cls(place_of(path), not_booked_after=not_booked_after)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it. Idempotent."""
        self._reader.close()

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
            "r.shipment = ?": min(shipment, MOST_SHIPMENTS + 1),  # no database can compare any number
        }
        found = list(self._reader.select({**tests, "a.name = ?": account, "o.name = ?": operation}))
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
        return self._reader.select(
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
        return self._reader.counts()

    def totals(self, *, since: datetime | None = None, until: datetime | None = None) -> list[Total]:
        """What was paid and credited, by the dates of the amounts, per account and currency.

        A booking that is void keeps its fee until that is credited. What has no fee is in `unpriced`.
        """
        return self._reader.totals(since, until)

    def unpriced(self) -> dict[str, int]:
        """How many bookings are done and have no fee, per account."""
        return self._reader.unpriced()

    def runs(self) -> list[Run]:
        """The runs of jobs, in order."""
        return self._reader.runs()

    def check(self) -> None:
        """Look through the whole file; that takes the longer, the larger it is.

        Raises:
            JournalError: it is damaged.
        """
        self._reader.check()

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
            JournalError: no such row, not allowed, a job has it under way, or ``pending`` is said of one in doubt too soon
                after its sending (see `open`).
        """
        resolution = Resolution(
            reference, state, order_id, fee, tracking, account, shipment=shipment, operation=operation
        )
        return self.resolve_all([resolution], by=by, note=note)[0]

    def resolve_all(self, resolutions: Sequence[Resolution], *, by: str, note: str) -> list[JournalRow]:
        """Resolve several bookings, all or none; see `resolve`. Two that contradict each other are refused."""
        _named(by)
        with self._editor.writing() as connection:  # nobody else changes what is read meanwhile
            rows = [self._row_of(resolution) for resolution in resolutions]
            pairs = list(zip(rows, resolutions, strict=True))
            resolve_all(connection, pairs, by, note, self._not_booked_after, self._clock.now())
        return [next(self._reader.select({"r.id = ?": row.id})) for row in rows]

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
        with self._editor.writing() as connection:
            row = self.get(reference, shipment=shipment, account=account, operation=operation)
            credit(connection, row, money, by, note, self._clock.now())
        return next(self._reader.select({"r.id = ?": row.id}))

    def adopt(self, profile: VendorProfile, operation: Operation[Any], *, by: str, note: str) -> None:
        """Accept that an account of this journal has another host, key or user id now.

        Raises:
            JournalError: the journal doesn't have the account, or has this one under another name.
        """
        key = AccountKey.of(profile, operation)
        _named(by)
        with self._editor.writing() as connection:
            self._editor.note(connection, "adopted", by, f"{key.name}: {note}")
            if not account_id(connection, key.vendor, key.name):
                raise JournalError(f"{self.path}: has no account {key.name!r}")
            admitted_account(connection, key, {"host", "key", "user id"}, self._clock.now(), write=True)

    def rename(self, old: str, new: str, *, by: str, note: str) -> None:
        """Let an account's bookings stand under another name of it.

        Raises:
            JournalError: there is no such account, or the new name is taken, or a job runs.
        """
        _named(by)
        with self._editor.writing() as connection, self._editor.locked(connection, old):
            self._editor.note(connection, "renamed", by, f"{old} to {new}: {note}")
            found = [known for known in known_accounts(connection) if known.name == old]
            if not new.strip() or any(known.name == new for known in known_accounts(connection)):
                raise JournalError(f"{self.path}: has an account {new!r} already")
            if not found:
                raise JournalError(f"{self.path}: has no account {old!r}")
            connection.execute("UPDATE accounts SET name = ? WHERE name = ?", (new, old))

    # --- the file ---

    def backup(self, target: str | os.PathLike[str]) -> None:
        """Write a whole and consistent copy, during a run too. It is marked as a backup: a job refuses it until it is restored.

        Raises:
            JournalError: the target is there already, or can't be written.
        """
        reader, _ = self._file()
        last = reader.read("SELECT COALESCE(MAX(id), 0) FROM runs")[0][0]
        event = (self._clock.now(), "backup", "", f"of {self.path} after run {last}")
        back_up(reader.connection, resolved(target), event)

    def restore(self, *, by: str, note: str) -> None:
        """Let jobs use this backup again: its owner knows what was booked since, or that nothing was.

        Raises:
            JournalError: it can't be written, or is no file.
        """
        _named(by)
        _, editor = self._file()
        editor.restore(by, note)

    def _file(self) -> tuple[SqliteReader, Editor]:
        if isinstance(self._reader, SqliteReader) and isinstance(self._editor, Editor):
            return self._reader, self._editor
        raise JournalError(f"{self.path}: is in PostgreSQL: back it up by pg_dump, and restore it by pg_restore")

    @classmethod
    def declare_whole(cls, path: str | os.PathLike[str], *, by: str, note: str) -> None:
        """Take a file whose ``-wal`` is lost: its owner has looked up at the vendor what was booked last.

        Raises:
            JournalError: it is no journal, or somebody uses it.
        """
        _named(by)
        Editor(resolved(path), SystemClock()).declare_whole(by, note)

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
        with self._editor.connected() as writing, self._editor.locked(writing.connection):
            while True:
                with self._editor.transaction(writing) as connection:
                    last, erased = forget_page(connection, moment.timestamp(), last)
                count += erased
                if not last:
                    break
            self._editor.finish_erasing(writing)
        return count


def _named(by: str) -> None:
    if not by.strip():
        raise JournalError("who decides it must be named")
