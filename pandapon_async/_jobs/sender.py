"""One booking of a job, from its row in the journal to its outcome."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast

import attrs

from .._calls.made import says_something
from .._errors import (
    JournalError,
    LimitExceededError,
    OutcomeUnknownError,
    PandaponError,
    in_short,
)
from .._journal.resolving import believed_at
from .._journal.rows import State, storable
from .._journal.store import Ending, PendingRow, RowMovedError, Store
from .._models.converters import from_wire
from .._models.jsonio import dumps, loads
from .._models.money import Money
from .._models.operation import Reply, VendorRequest
from .._streams.admission import Admission, is_fatal
from .._streams.workers import Unwritten, WorkerState
from .asking import look_up, name_of, still_in_doubt
from .claims import Claims
from .failures import ending_of, state_after
from .outcome import Ended, JobOutcome
from .settings import JobSettings

if TYPE_CHECKING:
    from .._calls.exchange import Call

R = TypeVar("R")


NOT_BOOKED: Final = "not booked"
"""What `reconcile` answers when it has found out that a booking was not made: it will be sent again."""


class Sender(Generic[R]):
    """Sends rows of a job, or asks what became of them, and writes down how they end."""

    def __init__(
        self,
        settings: JobSettings[R],
        claims: Claims,
        store: Store,
        admission: Admission,
    ) -> None:
        self._settings = settings
        self._claims = claims
        self._store = store
        self._admission = admission
        self._under_way: dict[WorkerState, _OnDisk] = {}

    async def finish(
        self, worker: WorkerState, index: int, row: PendingRow
    ) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        """Bring one row to its end: send it, ask for it, or skip it. One that was made must still come on disk.

        Only one that was pending and has been admitted is sent, whatever it has become meanwhile. One that is cancelled ends with
        `cut_off`.
        """
        try:
            made = await self._finished(worker, index, row, row.admitted and row.state == "pending")
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                self._ended(row)
            raise
        self._ended(row)
        return made

    def _ended(self, row: PendingRow) -> None:
        if row.admitted:
            row.admitted = False
            self._admission.ended()

    async def _finished(
        self, worker: WorkerState, index: int, row: PendingRow, admitted: bool
    ) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        key = (row.reference, row.shipment)
        while (other := self._claims.claim(key)) is not None:
            await asyncio.shield(other)
            row = await self._store.find(*key)
        made: JobOutcome[R] | Unwritten[JobOutcome[R]] | None = None
        try:
            while True:
                if row.state == "pending" and not admitted:  # while it waited, somebody else may have sent it
                    row = await self._store.find(*key)
                try:
                    if row.state == "pending" and row.body is not None and admitted:
                        made = await self._sent(worker, index, row)
                    elif row.state == "unknown":
                        made = await self._asked(index, row, "skipped")
                    else:
                        made = self.outcome(index, row, "pending" if row.state == "pending" else "skipped", row.state)
                    return made
                except RowMovedError:  # by a `book`, a person, or the input that was fed again, since the row was read
                    row = await self._store.find(*key)
        finally:
            if not isinstance(made, Unwritten):
                self._claims.release(key)

    async def cut_off(self, worker: WorkerState, index: int, row: PendingRow) -> JobOutcome[R]:
        """The outcome of one that was cancelled: in doubt if a byte may have left. What was under way is written down first."""
        try:
            return await self._left(worker, index, row)
        finally:
            self._ended(row)

    async def _left(self, worker: WorkerState, index: int, row: PendingRow) -> JobOutcome[R]:
        if worker.made is not None:
            return self._as_recorded(worker.made, await self._current(row, "sent"))
        on_disk = self._under_way.pop(worker, None)
        mine = row if on_disk is None else await on_disk.latest()
        if on_disk is None or mine.state != "sent":
            current = await self._current(row, mine.state)
            return self.outcome(index, current, "pending" if current.state == "pending" else "skipped", current.state)
        unknown = worker.must_end
        error = (
            OutcomeUnknownError("the job was left before its reply came", reference=row.reference)
            if unknown
            else PandaponError("the job was left before it was sent", reference=row.reference)
        )
        state: Literal["unknown", "pending"] = "unknown" if unknown else "pending"
        if unknown:
            self._admission.doubted()
        with contextlib.suppress(
            JournalError
        ):  # then it is still written as sent, which the next run takes as in doubt
            await self._store.ended(mine, Ending(state=state, error=error.message))
        current = await self._current(row, "sent")
        return self._as_recorded(self.outcome(index, row, state, state, error=error), current)

    async def _current(self, row: PendingRow, known: State) -> PendingRow:
        """A row as it is on disk, once all that waits to be written was; as ``known``: if it can't be read any more."""
        try:
            return await self._store.find(row.reference, row.shipment)
        except JournalError:
            return attrs.evolve(row, state=known)

    def _as_recorded(self, made: JobOutcome[R], row: PendingRow) -> JobOutcome[R]:
        """An outcome, told as its row stands in the journal."""
        if made.state == "done" and row.state == "unknown":
            doubt = OutcomeUnknownError(row.error or "its reply may be another booking's", reference=row.reference)
            return attrs.evolve(made, state="unknown", recorded="unknown", order_id=None, fee=None, error=doubt)
        if made.state == "unknown" and row.state in ("done", "pending"):
            error = made.error if row.state == "pending" else None
            return self.outcome(made.index, row, row.state, row.state, error=error)
        return made if made.recorded == row.state else attrs.evolve(made, recorded=row.state)

    # --- sending ---

    async def _sent(self, worker: WorkerState, index: int, row: PendingRow) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        on_disk = self._under_way[worker] = _OnDisk(self._store, row, self._admission, worker)
        try:
            worker.call = call = self._call(row)
            call.guard = self._store.guard
            reply: Reply[R] = await self._settings.client.run(
                call, wait_forever=True, before_send=on_disk.sent, on_requeue=on_disk.requeued
            )
        except Exception as error:
            del self._under_way[worker]  # who is cancelled is still asked for it
            if isinstance(error, RowMovedError):
                raise
            return await self._failed(worker, index, row, error)
        del self._under_way[worker]
        return self._made(worker, index, row, reply)

    def _call(self, row: PendingRow) -> Call:
        body = cast("str", row.body).encode()
        return self._settings.client.prepare_body(
            self._settings.request_type, body, row.reference, lambda: self._request(body)
        )

    def _request(self, body: bytes) -> VendorRequest[R]:
        return from_wire(self._settings.request_type, loads(body), keep_unknown=True)

    def _made(
        self, worker: WorkerState, index: int, row: PendingRow, reply: Reply[R]
    ) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        problem: str | None = None
        try:
            ending = self._facts(reply.data)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the caller's own code: it was made all the same
            problem = f"facts() of the job: {type(error).__name__}; what the vendor gave stands in the reply only"
            self._admission.halt(problem)
            ending = Ending(state="done", note=problem)
        ending.request_id = reply.request_id and reply.request_id.replace("\0", " ")  # no database has such a text
        ending.reply = dumps(reply.raw).decode()
        self._admission.succeeded(ending.fee, reply.elapsed)
        outcome = self.outcome(index, row, "done", "done", ending=ending, reply=reply)
        outcome = worker.made = outcome if problem is None else attrs.evolve(outcome, problem=problem)
        try:
            written = self._store.ended(row, ending)
        except JournalError as error:
            self._not_written(error)
            return attrs.evolve(outcome, recorded="sent")
        return Unwritten(outcome, written, self._written)

    def _facts(self, data: Any) -> Ending:
        """What of a reply's data can be written down; raises what is wrong with it."""
        facts = self._settings.facts(data)
        fee: Any = facts.fee
        if not isinstance(fee, (Money, type(None))):
            raise TypeError
        order_id, tracking = facts.order_id or "", tuple(facts.tracking)
        texts = "".join((order_id, fee.currency if fee else "", *tracking))
        texts.encode()
        if "\0" in texts:
            raise ValueError
        named = order_id.strip() if says_something(order_id.strip()) else None
        return Ending(state="done", order_id=named, fee=storable(fee), tracking=tracking)

    def _written(self, unwritten: Unwritten[JobOutcome[R]]) -> JobOutcome[R]:
        made, error = unwritten.made, unwritten.future.exception()
        self._claims.release((made.reference, made.shipment))
        if error is None:
            row: PendingRow = unwritten.future.result()
            if row.state == "done":
                return made
            self._admission.doubted()
            return self._as_recorded(made, row)
        self._not_written(error)
        if not isinstance(error, RowMovedError):
            return attrs.evolve(made, recorded="sent")
        named = f"order id {made.order_id}" if made.order_id else "no order id in its reply"
        text = (
            f"the vendor has made it ({named}), but somebody else had changed its row: see the journal, and resolve it"
        )
        return attrs.evolve(
            made, state="unknown", recorded="unknown", error=OutcomeUnknownError(text, reference=made.reference)
        )

    async def _failed(self, worker: WorkerState, index: int, row: PendingRow, error: Exception) -> JobOutcome[R]:
        is_sent = row.state == "sent"
        state = state_after(error, worker) if is_sent else "pending"
        outcome = worker.made = self.outcome(index, row, state, state, error=error)
        if is_fatal(error) or isinstance(error, LimitExceededError):
            self._admission.halt(error.message if isinstance(error, PandaponError) else type(error).__name__)
        self._admission.failed(error)
        if state == "unknown":
            self._admission.doubted()
        if not is_sent:
            current = await self._current(row, "pending")  # others may have it by now, or the first of two in one input
            return outcome if current.state == "pending" else self.outcome(index, current, "skipped", current.state)
        try:
            await self._store.ended(row, ending_of(state, error))
        except JournalError as failure:
            self._not_written(failure)
            return self._as_recorded(outcome, await self._current(row, "sent"))
        if state != "unknown":
            return outcome
        clock, began = self._settings.client.clock, worker.call.began if worker.call is not None else 0.0
        return await self._asked(index, row, "unknown", error, lambda: clock.monotonic() - began)

    def _not_written(self, error: BaseException) -> None:
        # It has ended: the caller is told, and nothing more starts, since nothing more could be written down.
        what = error.message if isinstance(error, JournalError) else type(error).__name__
        self._admission.halt(f"the journal can't be written: {what}")

    # --- asking ---

    async def _asked(
        self,
        index: int,
        row: PendingRow,
        kept: Literal["skipped", "unknown"],
        error: Exception | None = None,
        since: Callable[[], float] = lambda: math.inf,
    ) -> JobOutcome[R]:
        """Ask what became of one that is in doubt.

        Args:
            index, row: which.
            kept: the outcome's state if nobody can tell.
            error: why it is in doubt.
            since: the seconds since it was sent, if that was just now: the wall clock may have been set forward meanwhile.
        """
        error = error or OutcomeUnknownError(row.error or "an earlier run left it in doubt", reference=row.reference)
        in_doubt = self.outcome(index, row, kept, "unknown", error=error)
        if self._settings.reconcile is None or row.body is None:
            return in_doubt
        try:
            found = await look_up(self._settings.reconcile(self._settings.session, self._request(row.body.encode())))
            if found is None:
                return in_doubt
            if found == NOT_BOOKED and (believed_at := self._believed_at(row, since())) is not None:
                text = f"not there yet, which counts from {believed_at:%Y-%m-%d %H:%M:%S} UTC: ask again then"
                return still_in_doubt(in_doubt, text)
            ending = self._found(found)
            await self._store.ended(row, ending)
        except RowMovedError:
            raise
        except PandaponError:
            return in_doubt
        except Exception as failure:  # noqa: BLE001 - the caller's own code: said once, and nothing more starts
            problem = f"reconcile raised {name_of(failure)}"
            self._admission.halt(problem)
            return still_in_doubt(in_doubt, problem, failure)
        if row.state == "unknown":  # what was found is another booking's
            return attrs.evolve(in_doubt, error=OutcomeUnknownError(row.error or "", reference=row.reference))
        self._admission.resolved(row.sent_at or 0.0)
        if row.state == "pending":
            return self.outcome(index, row, "pending", "pending", error=error)
        self._admission.succeeded(ending.fee, 0.0)
        return self.outcome(index, row, "done", "done", ending=ending)

    def _believed_at(self, row: PendingRow, since: float) -> datetime | None:
        """When it is believed that a booking was not made; None: now."""
        now = self._settings.client.clock.now()
        sent_at = max(now if row.sent_at is None else row.sent_at, now - since)
        return believed_at(sent_at, self._settings.not_booked_after, now)

    def _found(self, found: Any) -> Ending:
        if found == NOT_BOOKED:
            return Ending(state="pending", by="reconcile", note="not booked")
        return attrs.evolve(self._facts(found), by="reconcile", note="found at the vendor")

    def outcome(
        self,
        index: int,
        row: PendingRow,
        state: Ended,
        recorded: State,
        *,
        ending: Ending | None = None,
        reply: Reply[R] | None = None,
        error: Exception | None = None,
    ) -> JobOutcome[R]:
        """How a row ended."""
        return JobOutcome(
            index=index,
            reference=row.reference,
            shipment=row.shipment,
            state=state,
            recorded=recorded,
            order_id=ending.order_id if ending else row.order_id,
            fee=ending.fee if ending else row.fee,
            tracking=ending.tracking if ending else row.tracking,
            reply=reply,
            error=error,
            body=row.body,
            request_type=self._settings.request_type,
        )


class _OnDisk:
    """What the journal is told of one row while it is being sent."""

    def __init__(self, store: Store, row: PendingRow, admission: Admission, worker: WorkerState) -> None:
        self._store = store
        self._row = row
        self._admission = admission
        self._worker = worker
        self._writing: asyncio.Future[PendingRow] | None = None

    def sent(self) -> asyncio.Future[PendingRow]:
        """On disk before the first byte can leave."""
        self._writing = writing = self._store.sent(self._row, self._admission.spending.checks())
        return writing

    async def requeued(self, error: PandaponError) -> None:
        """It was proved that nothing was done, and it waits: a kill meanwhile leaves no doubt."""
        self._admission.retrying(error)
        self._writing = writing = self._store.ended(self._row, Ending(state="pending", error=in_short(error)))
        await writing
        await self._worker.requeued(error)

    async def latest(self) -> PendingRow:
        """The row as we left it, though we were cancelled while that was being written."""
        if self._writing is not None:
            with contextlib.suppress(JournalError):
                await self._writing
        return self._row
