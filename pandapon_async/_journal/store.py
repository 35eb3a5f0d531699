"""What a job needs of a journal, whatever holds it.

Why a row is on disk before a byte leaves: the vendors offer no idempotency key, so nobody can ask them whether a booking was
made twice. What can be known after a crash is only what was written down before it. So the intent to send (``sent``) is
durable before the first byte can leave, and the end of a booking is durable before anybody is told of it:

- a row that is ``pending`` was never sent, or its last attempt proved that nothing was done: it may be sent;
- a row that is found as ``sent`` when nobody is sending it may have been booked: it becomes ``unknown`` and is never sent again
  until the vendor, or a person, has said what became of it;
- a row that is ``done`` or ``refused`` has ended.

Every change raises the row's version and names the one it saw (compare-and-set), so of two who know a row only one moves it:
the other is told `RowMovedError`, has changed nothing, and must look again. That also says whose a ``sent`` row is: only the one
whose own change made it so has its version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

import attrs

from .._calls.shared_limits import SharedLimits
from .._errors import JournalError
from .._models.money import Money
from .rows import State

BY_JOB = "job"
"""Who moved a row, when it was the job itself."""

MOVES: Final[Mapping[State, tuple[State, ...]]] = {
    "pending": ("sent",),
    "sent": ("done", "refused", "unknown", "pending"),
    "unknown": ("done", "pending"),
}
"""What a job, or `reconcile`, may make of a row."""


class RowMovedError(JournalError):
    """Another task or process has moved the row since it was read."""


class LeaseLostError(JournalError):
    """This process was taken for dead: nothing more is begun by it. What it still reads, and how its bookings ended, counts."""


class InUseError(JournalError):
    """Another process has the account's bookings under way; ``holder`` is that process."""

    holder: str = ""

    @classmethod
    def of(cls, journal: object, holder: str) -> InUseError:
        """One that names the holder."""
        error = cls(f"{journal}: another job is using it ({holder})")
        error.holder = holder
        return error


@attrs.frozen
class Source:
    """Where in a file a booking stands, and what stands beside it there and is never sent: kept cells, and the previewed fee."""

    line: int
    kept: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    previewed: Money | None = None


@attrs.define(unsafe_hash=True)  # frozen it takes three times as long to make: 2 % of taking it in
class Entry:
    """One booking of a job's input; nobody changes it.

    ``derived``: the reference was made from the request, not given. ``allow_same_parcel``: its owner has said that it is no
    repetition, though another booking has its parcel. ``source``: where it came from, if that is known.
    """

    position: int
    reference: str
    derived: bool
    body: str
    shipment: int = 1
    allow_same_parcel: bool = False
    source: Source | None = None


@attrs.define
class PendingRow:
    """A row that a run has before it: to be sent, asked about, or skipped; at one version of it.

    Nobody but the store changes it: once `sent` or `ended` has ended well, it is as it was written. ``admitted`` is the run's: it
    may start.
    """

    id: int
    version: int
    position: int
    reference: str
    shipment: int
    state: State
    body: str | None
    order_id: str | None = None
    fee: Money | None = None
    error: str | None = None
    tracking: tuple[str, ...] = ()
    sent_at: float | None = None
    admitted: bool = False


ProblemCode = Literal["input", "other body", "twice", "same parcel", "moved", "taken in"]


@attrs.frozen
class Problem:
    """Why a booking of the input can't be taken.

    ``code``: ``"other body"``: its reference has another booking; ``"twice"``: it stands twice in the input; ``"same parcel"``:
    it is held, since another booking has its parcel; ``"moved"``: its row was changed while the input was taken in; ``"taken
    in"``: another run is taking it in; ``"input"``: it is no booking.
    """

    position: int
    reference: str
    text: str
    code: ProblemCode = "input"


@attrs.define(kw_only=True)
class Ending:
    """What is written when a booking ends; ``reply`` is the vendor's, as JSON text."""

    state: State
    order_id: str | None = None
    fee: Money | None = None
    tracking: tuple[str, ...] = ()
    error: str | None = None
    request_id: str | None = None
    reply: str | None = None
    by: str = BY_JOB
    note: str | None = None


@attrs.frozen(kw_only=True)
class Spent:
    """What was paid: net of credits, per currency; the highest fee, per currency; and what can't be summed up.

    ``unpriced``: done, and without a fee; ``in_doubt``: unknown, or under way; since a moment: those that were sent since.
    """

    paid: Mapping[str, Decimal]
    highest: Mapping[str, Decimal]
    unpriced: int
    in_doubt: int


@attrs.frozen
class SpendCheck:
    """Asked, in the transaction that writes a row as sent, with what was spent since a moment or for a run's input: why it may not be."""

    why_not: Callable[[Spent], str | None]
    since: float | None = None
    run: int | None = None


Then = Callable[[Any, int], object]


@attrs.define
class Release:
    """The input of a run that is to count; ``then`` is part of that step, ``problems`` say why it can't."""

    store: Store
    run: int
    then: Then | None = None
    problems: list[Problem] = attrs.field(factory=list[Problem])


class Store(Protocol):
    """The rows of one account and operation; rows of another are never touched.

    A method that gives a future has queued its work when it returns, and the futures end in that order. Each ends when its work
    is durable, with a `JournalError` if it could not be written and a `RowMovedError` if the row had another version. Those of
    `sent` and `ended` can't be cancelled, since what they wait for is done all the same: who is cancelled meanwhile is cancelled
    once they have ended, and then knows how.
    """

    guard: Callable[[], str | None] | None = None
    """Asked right before the first byte of a booking; what it answers is why that may not leave any more."""

    shared: SharedLimits | None = None
    """The rate and the pauses of all who work for the account, if several processes may."""

    @property
    def is_lost(self) -> bool:
        """Whether nothing more can begin on it, since others have taken this process for dead; what it had sent can still be ended."""
        return False

    @property
    def leftover(self) -> int:
        """How many rows were found as ``sent`` when it was opened, and put in doubt."""
        ...

    def close_soon(self) -> None:
        """Write what is queued and close, without waiting for it."""
        ...

    async def close(self) -> None:
        """Write what is queued and close. Idempotent."""
        ...

    # --- the input ---

    async def begin_run(self, *, released: bool, about: str | None = None) -> int:
        """Begin a run. Until it is released nothing of its input counts: nobody sees it, and nothing of it is sent.

        ``about`` is a JSON object that says whose run it is, and what its input is; see `rows.Run`.
        """
        ...

    def admit(
        self, entries: Sequence[Entry], run: int, *, retry_refused: bool
    ) -> asyncio.Future[list[PendingRow | Problem]]:
        """Take bookings into the journal and give the row of each, or say why not; ``run`` 0 belongs to no run.

        Of a run that isn't released yet only what can't be taken is given.
        """
        ...

    async def release(self, *releases: Release) -> None:
        """Let the whole inputs of runs count, of this store or of others of the same journal, in one step; or, if there are
        problems, nothing of any.

        ``then`` gets the store's own connection, and the run.
        """
        ...

    async def end_run(self, run: int) -> None:
        """The run has ended; one that was never released leaves nothing behind."""
        ...

    async def take_unfinished(self, run: int) -> None:
        """Make everything that is pending or in doubt part of a run."""
        ...

    # --- reading ---

    async def page(self, run: int, after: int, size: int) -> list[PendingRow]:
        """The next rows of a run, by id."""
        ...

    async def find(self, reference: str, shipment: int = 1) -> PendingRow:
        """One row.

        Raises:
            JournalError: there is none.
        """
        ...

    async def rows(self, numbers: Sequence[int]) -> list[PendingRow]:
        """The rows with these ids, by id; those that the account and operation haven't are left out."""
        ...

    async def reply(self, row: PendingRow) -> str | None:
        """The vendor's whole reply as JSON text; None if there is none, or it was erased."""
        ...

    async def recorded(self, references: Sequence[str], shipment: int = 1) -> dict[str, tuple[State, str | None]]:
        """State and error of those references that have a row for the shipment; at most some hundreds at once."""
        ...

    async def counts(self, run: int) -> dict[State, int]:
        """How many rows of a run are in each state."""
        ...

    async def spent(self, *, run: int | None = None, since: float | None = None) -> Spent:
        """What was paid: for a run's input, or since a moment, or in all.

        Since a moment: what was entered since, without credits and corrections downwards, which may be of earlier bookings: what
        comes back leaves no more room for the day.
        """
        ...

    # --- one booking ---

    def sent(self, row: PendingRow, checks: tuple[SpendCheck, ...] = ()) -> asyncio.Future[PendingRow]:
        """Durable before the first byte can leave. Gives the row, which is now as it was written.

        A store on which several processes may spend for one account asks ``checks``; the future's error is then a
        `LimitExceededError`.
        """
        ...

    def ended(self, row: PendingRow, ending: Ending) -> asyncio.Future[PendingRow]:
        """How it ended; ``pending``: the last attempt proved that nothing was done, and it waits again.

        Gives the row, which is now as it was written: a booking whose order id belongs to another one is ``unknown``, and its
        error names both.
        An ending that can't be written is kept and tried again until the store is closed, even when its future has failed.
        """
        ...
