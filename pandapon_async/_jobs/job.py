"""Booking jobs over a journal: killed at any moment and picked up again, nothing is booked twice and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from .._calls.semaphore import Semaphore
from .._config.profiles import VendorProfile, spend_limit as checked_limit, zone_of
from .._errors import ConfigError, JournalError, LimitExceededError
from .._journal.identity import AccountKey
from .._journal.places import place_of
from .._journal.resolving import NOT_BOOKED_AFTER
from .._journal.rows import State
from .._journal.store import Ending, PendingRow, Problem
from .._models.money import Money
from .._models.operation import Effect, Operation, VendorRequest
from .._session import VendorSession, client_of
from .._streams.admission import Admission, Pace, Spending, Stop
from .._streams.workers import Unwritten, WorkerState, lead_out
from .._version import __version__
from ..api.logistics import FreightBooking, FreightBookingRequest
from .claims import Claims
from .lookup import made_order, packaged_reconcile
from .open_journal import OpenJournal, SharedJournal
from .outcome import InputError, JobOutcome, not_taken
from .page import NEVER, PageRun
from .report import Report
from .run import JobRun
from .sender import Sender
from .settings import Allowance, Check, JobInput, JobSettings, Reconcile, allowance
from .spending import FeeOf, HighestFee, SpendLimits

if TYPE_CHECKING:
    from typing_extensions import Self

R = TypeVar("R")


class WriteJob(Generic[R]):
    """Any WRITE operation over a journal: each request is made once, however often the job is killed and started again.

    Args:
        session: the account.
        request_type: the class of the requests.
        journal: path of the journal, or URL of a PostgreSQL database (see `Journal.open`); made if it isn't there.
        concurrency: requests at the same time, at most what the profile allows.
        reference: function from a request to its reference, for requests that come without one. Unless given: the request's
            own number, else a digest of what was set. Your own order number is better than either.
        reconcile: ``async (session, request)`` that finds out what became of a booking in doubt: the reply's data (it was
            made: done), `NOT_BOOKED` (it will be sent again), or None (can't tell). Each run asks again. Unless given, Xportcn KA's
            1688 orders are looked up by their own number, if the profile's ``lists_by_own_number`` says that they can be.
        stop: when the job slows down and ends by itself.
        pace: how it finds the speed that the vendor bears.
        check: ``"all"``: the whole input is checked and taken into the journal before anything is sent; ``"stream"``: as it
            comes, for inputs of millions.
        retry_refused: send again what an earlier run had refused, with the same body, too.
        drain: seconds that requests under way get to end when the job is left early.
        allow_same_parcel: the references of bookings that may be made though another one has their parcel, or a function of
            reference and request that tells; all others are held. Decide booking by booking.
        adopt_account: accept that the account has a new access key. (A new host or user id: `Journal.adopt`.)
        not_booked_after: seconds after the sending before which `NOT_BOOKED` is not believed, since the vendor may still be at
            work on it: the booking stays in doubt, and its error says until when.

    Attributes:
        report: what was done so far.

    Raises:
        ConfigError: the operation is no WRITE, or an argument can't work.
        JournalError: that names neither a file on disk nor a database.
    """

    def __init__(
        self,
        session: VendorSession,
        request_type: type[VendorRequest[R]],
        *,
        journal: str | os.PathLike[str],
        concurrency: int = 64,
        reference: Callable[[Any], str] | None = None,
        reconcile: Reconcile | None = None,
        stop: Stop = Stop(),  # noqa: B008 - a frozen value
        pace: Pace = Pace(),  # noqa: B008 - a frozen value
        check: Check = "all",
        retry_refused: bool = False,
        drain: float = 30.0,
        allow_same_parcel: Allowance = (),
        adopt_account: bool = False,
        not_booked_after: float = NOT_BOOKED_AFTER,
    ) -> None:
        operation: Operation[Any] = request_type.operation
        if operation.effect is not Effect.WRITE:
            raise ConfigError("a job is for WRITE operations; use a stream", operation=operation.name)
        if check not in ("all", "stream"):
            raise ConfigError(f"check: must be 'all' or 'stream', not {check!r}")
        if not not_booked_after >= 0:
            raise ConfigError(f"not_booked_after: must be at least 0 seconds, not {not_booked_after}")
        if concurrency < 1:
            raise ConfigError(f"concurrency: must be at least 1, not {concurrency}")
        client = client_of(session)
        self._settings: JobSettings[R] = JobSettings(
            session=session,
            client=client,
            request_type=request_type,
            size=min(concurrency, session.profile.limits.concurrency),
            facts=self.facts,
            make_reference=reference,
            allows_same_parcel=allowance(allow_same_parcel),
            reconcile=reconcile or packaged_reconcile(session.profile, request_type),
            stop=stop,
            pace=pace,
            check=check,
            retry_refused=retry_refused,
            drain=drain,
            not_booked_after=not_booked_after,
            noted=self._noted,
        )
        limits = self._spend_limits(session.profile)
        key = AccountKey.of(session.profile, operation)
        self._journal = SharedJournal(place_of(journal), key, limits, client, adopt_key=adopt_account)
        self._claims = Claims()
        self._bookings: set[asyncio.Future[Any]] = set()
        self.report: Report = Report(one_at_a_time=limits.one_at_a_time)

    def _noted(self, reference: str, request: Any) -> None:
        """A booking is to be made."""

    def _spend_limits(self, profile: VendorProfile) -> SpendLimits:
        day = profile.daily_spend_limit if self._settings.request_type is FreightBookingRequest else None
        return SpendLimits(day=day, zone=zone_of(profile.time_zone))

    # --- what users call ---

    async def __aenter__(self) -> Self:
        await self._journal.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._journal.__aexit__(kind, error, trace)

    def run(
        self,
        requests: Iterable[JobInput[R]] | AsyncIterable[JobInput[R]] | None = None,
        *,
        about: Mapping[str, Any] | None = None,
    ) -> JobRun[R]:
        """Send what the journal doesn't know as ended, and give every booking's outcome; one run at a time.

        Args:
            requests: the input; requests, pairs (reference, request), or triples (reference, request, shipment). None: what the
                journal holds as pending.
            about: what the journal notes of the run, such as its ``person`` and its ``file``: anything that JSON can hold. It
                stays as long as the journal.

        Raises:
            ConfigError: ``about`` can't be written as JSON.
        """
        try:
            noted = json.dumps({"version": __version__, **(about or {})}, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"about: can't be written as JSON: {error}") from None
        return JobRun(self._settings, self._journal, self._claims, self.report, requests, noted)

    async def book(self, request: VendorRequest[R], reference: str | None = None, shipment: int = 1) -> JobOutcome[R]:
        """Book one request. A repeated reference returns the recorded outcome, including its data.

        One whose parcel another booking has is ``held``: it is not sent, and its outcome's error names the other.

        Use the job as a context manager around many of these: else each opens and closes the journal. The brake and the pace
        are for runs; the limits of spending hold here, too.

        Raises:
            RequestError: the journal has another body under the reference, or the request can't be sent.
            JournalError: the journal can't be used.
        """
        worker = WorkerState()
        return await self._to_its_end(worker, self._booked(worker, request, reference, shipment))

    async def _to_its_end(self, worker: WorkerState, made: Coroutine[Any, Any, JobOutcome[R]]) -> JobOutcome[R]:
        booking = asyncio.ensure_future(made)
        self._bookings.add(booking)
        booking.add_done_callback(self._bookings.discard)
        try:
            return await asyncio.shield(booking)
        except asyncio.CancelledError:
            await lead_out({booking: worker}, self._settings.drain)
            await asyncio.wait([booking])
            raise

    async def _booked(
        self, worker: WorkerState, request: VendorRequest[R], reference: str | None, shipment: int
    ) -> JobOutcome[R]:
        """A task of its own, which holds the journal open until what becomes of it is written down, whoever has gone."""
        async with self._journal.used() as journal:
            entry = self._settings.entry_of(0, request, reference, shipment)
            (row,) = await journal.store.admit([entry], 0, retry_refused=self._settings.retry_refused)
            if not isinstance(row, Problem):
                return await self._led_to_its_end(worker, row, journal)
            if row.code == "same parcel":
                outcome = not_taken(row, entry.shipment)
            else:
                raise InputError(row.text, problems=[row], reference=entry.reference)
            self.report.add(outcome)
            return outcome

    async def _led_to_its_end(self, worker: WorkerState, row: PendingRow, journal: OpenJournal) -> JobOutcome[R]:
        found = row.state
        outcome = await self._ended(worker, row, journal)
        if outcome.state == "pending" and found == "sent":  # whoever had it under way has given it back
            row = await journal.store.find(row.reference, row.shipment)
            outcome = await self._ended(worker, row, journal)
        self.report.add(outcome)
        return outcome

    async def _ended(self, worker: WorkerState, row: PendingRow, journal: OpenJournal) -> JobOutcome[R]:
        spending = journal.spending_of_single() or Spending()
        admission = Admission(NEVER, self._settings.pace, 1, self._settings.client.clock, spending)
        sender: Sender[R] = Sender(self._settings, self._claims, journal.store, admission)
        if row.state == "pending" and await admission.admit():
            row.admitted = True
            admission.began()
        try:
            made = await sender.finish(worker, 0, row)
            if isinstance(made, Unwritten):
                try:
                    with contextlib.suppress(JournalError):
                        await made.future
                finally:
                    made = made.written(made)
        except asyncio.CancelledError:
            worker.cut = True
            self.report.add(await sender.cut_off(worker, 0, row))
            raise
        if made.state == "pending" and admission.reason is not None and made.error is None:
            error = LimitExceededError(f"not sent: {admission.reason}", reference=row.reference)
            made = attrs.evolve(made, error=error)
        if made.state == "skipped" and made.ok:
            found = await journal.store.find(row.reference, row.shipment)
            made = attrs.evolve(made, recorded_reply=await journal.store.reply(found))
        return made

    async def recorded(self, references: Sequence[str], shipment: int = 1) -> dict[str, tuple[State, str | None]]:
        """What the journal says of this account's bookings: reference -> (state, why it isn't done).

        References without a row are left out. Ask for a few hundred at a time, inside ``async with job``.

        Raises:
            JournalError: the journal can't be used.
        """
        async with self._journal.used() as journal:
            return await journal.store.recorded(references, shipment)

    def halt(self, reason: str) -> None:
        """Let the run that is under way start nothing more; what is under way ends, the rest stays pending."""
        self._claims.halt(reason)

    # --- what is particular to an operation ---

    def facts(self, data: Any) -> Ending:
        """What of a reply's data goes into the journal's columns."""
        return Ending(state="done", order_id=made_order(data))


@contextlib.asynccontextmanager
async def rows_of(job: WriteJob[R], numbers: Sequence[int], slots: Semaphore) -> AsyncGenerator[PageRun[R], None]:
    """Send the rows with these ids that are pending, each as soon as it has a slot.

    Raises:
        JournalError: the journal can't be used.
    """
    settings = job._settings  # pyright: ignore[reportPrivateUsage]
    async with job._journal.used() as journal:  # pyright: ignore[reportPrivateUsage]
        rows = await journal.store.rows(numbers)
        async with PageRun(settings, job._claims, journal, rows, slots, settings.size) as outcomes:  # pyright: ignore[reportPrivateUsage]
            yield outcomes


async def find_row(job: WriteJob[Any], reference: str, shipment: int = 1) -> PendingRow:
    """A row of the job's account as the journal has it.

    Raises:
        JournalError: there is none, or the journal can't be used.
    """
    async with job._journal as journal:  # pyright: ignore[reportPrivateUsage]
        return await journal.store.find(reference, shipment)


def join(job: WriteJob[Any], other: WriteJob[Any]) -> None:
    """Let a job that does nothing yet work beside another one of its account: on one open journal, never on one booking."""
    job._journal, job._claims = other._journal, other._claims  # pyright: ignore[reportPrivateUsage]


class BookingJob(WriteJob[FreightBooking]):
    """Freight bookings over a journal: a `WriteJob` that knows fees, and ends before more is spent than it may.

    What bounds the spending, beside the profile's ``daily_spend_limit``: a booking starts only if the fees paid, and for each
    booking under way, in doubt, without a fee, and this one, ``highest_fee``, stay within the limits. A limited run ends at a
    reply without a fee that can be read.

    Args:
        spend_limit: what the input may cost, in all its runs; so the whole input is read before its first is sent, with
            ``check="stream"`` too. The single bookings of a job count as one input, and those that are made while a run is
            sending for its input, too.
        highest_fee: what a booking may cost at most; a fee above it ends the run. Or a function of reference and request that
            tells what a preview said: then the highest of the whole input is reserved for each. Unless given, and as soon as
            that function returns None, the bookings of a limited run go one at a time, the highest fee seen is reserved for
            each, and the last fee can be above it.

    The others are those of `WriteJob`.
    """

    def __init__(
        self,
        session: VendorSession,
        *,
        journal: str | os.PathLike[str],
        concurrency: int = 64,
        reference: Callable[[FreightBookingRequest], str] | None = None,
        reconcile: Reconcile | None = None,
        stop: Stop = Stop(),  # noqa: B008 - a frozen value
        pace: Pace = Pace(),  # noqa: B008 - a frozen value
        check: Check = "all",
        retry_refused: bool = False,
        drain: float = 30.0,
        allow_same_parcel: Allowance = (),
        adopt_account: bool = False,
        not_booked_after: float = NOT_BOOKED_AFTER,
        spend_limit: Money | None = None,
        highest_fee: Money | FeeOf | None = None,
    ) -> None:
        self._spend_limit = None if spend_limit is None else checked_limit("spend_limit", spend_limit)
        told = highest_fee if callable(highest_fee) else None
        fixed = None if highest_fee is None or callable(highest_fee) else checked_limit("highest_fee", highest_fee)
        self._highest_fee = HighestFee(fixed, told)
        super().__init__(
            session,
            FreightBookingRequest,
            journal=journal,
            concurrency=concurrency,
            reference=reference,
            reconcile=reconcile,
            stop=stop,
            pace=pace,
            check=check,
            retry_refused=retry_refused,
            drain=drain,
            allow_same_parcel=allow_same_parcel,
            adopt_account=adopt_account,
            not_booked_after=not_booked_after,
        )

    def _noted(self, reference: str, request: Any) -> None:
        self._highest_fee.note(reference, request)

    def _spend_limits(self, profile: VendorProfile) -> SpendLimits:
        return attrs.evolve(super()._spend_limits(profile), input=self._spend_limit, highest_fee=self._highest_fee)

    def facts(self, data: FreightBooking | None) -> Ending:
        """Order id, fee, and the tracking numbers of all parcels."""
        if data is None:
            return Ending(state="done")
        infos = [order.international_logistic_infos for order in data.sub_orders]
        tracking = tuple([info.logistic_number for info in infos if info and info.logistic_number])
        return Ending(state="done", order_id=data.order_id, fee=data.order_fee, tracking=tracking)
