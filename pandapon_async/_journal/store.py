"""What a job needs of a journal, whatever holds it.

Why a row is on disk before a byte leaves: the vendors offer no idempotency key, so nobody can ask them whether a booking was
made twice. What can be known after a crash is only what was written down before it. So the intent to send (``sent``) is
durable before the first byte can leave, and the end of a booking is durable before anybody is told of it:

- a row that is ``pending`` was never sent, or its last attempt proved that nothing was done: it may be sent;
- a row that is found as ``sent`` when nobody is sending it may have been booked: it becomes ``unknown`` and is never sent again
  until the vendor, or a person, has said what became of it;
- a row that is ``done`` or ``refused`` has ended.

Every change names the state it comes from, so that two who know a row can't both move it: the second is told `RowMovedError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import attrs

from .._errors import JournalError
from .._models.money import Money
from .rows import State

BY_JOB = "job"
"""Who moved a row, when it was the job itself."""


class RowMovedError(JournalError):
    """Another task or process has moved the row since it was read."""


@attrs.frozen
class Entry:
    """One booking of a job's input; ``derived``: the reference was made from the request, not given."""

    position: int
    reference: str
    derived: bool
    body: str


@attrs.frozen
class PendingRow:
    """A row that a run has before it: to be sent, asked about, or skipped."""

    id: int
    position: int
    reference: str
    state: State
    body: str | None
    order_id: str | None = None
    fee: Money | None = None
    error: str | None = None
    tracking: tuple[str, ...] = ()


@attrs.frozen
class Problem:
    """Why a booking of the input can't be taken."""

    position: int
    reference: str
    text: str


@attrs.frozen(kw_only=True)
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


class Store(Protocol):
    """The rows of one account and operation; rows of another are never touched.

    A method that gives a future has queued its work when it returns; the future ends when the work is durable, with a
    `JournalError` if it could not be written and a `RowMovedError` if the row was in another state.
    """

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

    def begin_run(self) -> int:
        """A number that no row has yet."""
        ...

    async def clear_staged(self) -> None:
        """Forget what was staged."""
        ...

    def stage(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        """Put bookings of the input aside until `admit_staged`."""
        ...

    async def admit_staged(self, run: int, *, retry_refused: bool, most_problems: int) -> list[Problem]:
        """Take all that was staged into the journal, or, if there are problems, nothing."""
        ...

    async def admit(self, entries: Sequence[Entry], run: int, *, retry_refused: bool) -> list[PendingRow | Problem]:
        """Take bookings into the journal and give the row of each, or say why not; ``run`` 0 belongs to no run."""
        ...

    async def take_unfinished(self, run: int) -> None:
        """Make everything that is pending or in doubt part of a run."""
        ...

    # --- reading ---

    async def page(self, run: int, after: int, size: int) -> list[PendingRow]:
        """The next rows of a run, by id."""
        ...

    async def find(self, reference: str) -> PendingRow:
        """One row."""
        ...

    async def reply(self, reference: str) -> str | None:
        """The vendor's reply to a booking as JSON text; None if there is none, or it was erased."""
        ...

    async def recorded(self, references: Sequence[str]) -> dict[str, tuple[State, str | None]]:
        """State and error of those references that have a row; at most some hundreds at once."""
        ...

    async def count(self, run: int, state: State) -> int:
        """How many rows of a run are in a state."""
        ...

    async def totals(self) -> tuple[dict[str, Decimal], Decimal | None, int]:
        """What was paid, per currency; the highest fee; how many are in doubt."""
        ...

    # --- one booking ---

    def sent(self, row: PendingRow) -> asyncio.Future[None]:
        """Durable before the first byte can leave."""
        ...

    def requeued(self, row: PendingRow, why: str) -> asyncio.Future[None]:
        """The last attempt proved that nothing was done: the row waits again."""
        ...

    def ended(self, row: PendingRow, come_from: State, ending: Ending) -> asyncio.Future[None]:
        """How it ended."""
        ...
