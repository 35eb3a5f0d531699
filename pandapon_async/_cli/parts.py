"""One account's part of a run: its job, and what became of its share of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .._files.booking import Booking
from .._files.findings import Finding
from .._jobs.job import BookingJob, WriteJob
from .._jobs.outcome import InputError, JobOutcome
from .._jobs.run import JobRun
from .._jobs.settings import FileItem
from .._journal.identity import normal_reference
from .._journal.journal import Journal, shipments_of
from .._journal.rows import State
from .._journal.store import PendingRow, Problem, Source
from .._session import client_of
from ..api.logistics import FreightBookingRequest
from .reasons import plain_text
from .texts import TEXTS
from .words import Words

if TYPE_CHECKING:
    from .._models.money import Money
    from .._models.operation import VendorRequest
    from .._session import VendorSession

SAME_PARCEL = "same-parcel"


@attrs.frozen(kw_only=True)
class WorkTerms:
    """How is booked, or whatever else the requests do.

    Attributes:
        request_type: the class of the requests.
        check_all: nothing is sent before all of the input is taken in.
        drain: seconds that what is under way gets to end.
        not_booked_after: as in `WriteJob`.
    """

    request_type: type[VendorRequest[Any]] = FreightBookingRequest
    concurrency: int
    spend_limit: Money | None = None
    highest_fee: Money | None = None
    retry_refused: bool
    adopt_key: bool
    check_all: bool = True
    drain: float
    not_booked_after: float

    def job(
        self, session: VendorSession, journal: str | Path, approved: set[str], previewed: dict[str, Money]
    ) -> WriteJob[Any]:
        """A job at one account; ``approved``: whose parcel another booking may have; ``previewed``: fees, by reference."""
        if issubclass(self.request_type, FreightBookingRequest):
            return BookingJob(
                session,
                journal=journal,
                concurrency=self.concurrency,
                spend_limit=self.spend_limit,
                highest_fee=self.highest_fee or (lambda reference, _: previewed.get(reference)),
                check="all" if self.check_all else "stream",
                retry_refused=self.retry_refused,
                drain=self.drain,
                allow_same_parcel=lambda reference, _: reference in approved,
                adopt_account=self.adopt_key,
                not_booked_after=self.not_booked_after,
            )
        return WriteJob(
            session,
            self.request_type,
            journal=journal,
            concurrency=self.concurrency,
            check="all" if self.check_all else "stream",
            retry_refused=self.retry_refused,
            drain=self.drain,
            adopt_account=self.adopt_key,
            not_booked_after=self.not_booked_after,
        )


@attrs.define(kw_only=True)
class Part:
    """One account's part.

    Attributes:
        name: the account.
        session, job: who sends.
        approved: the references whose parcel another booking may have, as far as the file was read; shared with the job.
        previewed: the fees that previews said, by reference, of what has not ended yet; shared with the job.
        dearer: how many of the last bookings in a row cost more than that.
        against: of the bookings made the fees that were previewed, and those that were paid.
        run: once it began.
        untaken, unwritten: outcomes by their place in the account's share: not taken into the journal, and not written down yet.
        shown: the places whose outcome was shown.
    """

    name: str
    session: VendorSession
    job: WriteJob[Any]
    approved: set[str]
    previewed: dict[str, Money] = attrs.field(factory=dict[str, "Money"])
    dearer: int = 0
    against: list[tuple[Money, Money | None]] = attrs.field(factory=list["tuple[Money, Money | None]"])
    run: JobRun[Any] | None = None
    untaken: dict[int, JobOutcome[Any]] = attrs.field(factory=dict[int, JobOutcome[Any]])
    unwritten: dict[int, JobOutcome[Any]] = attrs.field(factory=dict[int, JobOutcome[Any]])
    shown: bytearray = attrs.field(factory=bytearray)

    def items(self, bookings: Iterator[Booking]) -> Iterator[Any]:
        """Its share of the good bookings, as the job takes them."""
        return items_of(bookings, self.approved, self.previewed)

    def take(self, outcome: JobOutcome[Any]) -> None:
        """Note one outcome."""
        was = self.previewed.pop(outcome.reference, None)
        if outcome.state == "done" and was is not None:  # a fee that can't be read or compared counts as more
            fee = outcome.fee
            is_dearer = fee is None or fee.currency != was.currency or fee.amount > was.amount
            self.dearer = self.dearer + 1 if is_dearer else 0
            self.against.append((was, fee))
        if outcome.recorded is None:
            self.untaken[outcome.index] = outcome
        if outcome.recorded == "sent":
            self.unwritten[outcome.index] = outcome
        if outcome.index >= len(self.shown):
            self.shown.extend(bytes(outcome.index + 1 - len(self.shown)))
        self.shown[outcome.index] = True

    @property
    def pause(self) -> float:
        """Seconds that the vendor has asked everybody to wait; zero or less: none."""
        return client_of(self.session).state.limiter.pause.left()


def items_of(bookings: Iterator[Booking], approved: set[str], previewed: dict[str, Money]) -> Iterator[FileItem]:
    """Good bookings of a file as a job takes them; notes whose parcel another booking may have, and previewed fees, by reference."""
    for booking in bookings:
        reference, request = booking.pair()
        if SAME_PARCEL in booking.approved:
            approved.add(normal_reference(reference))
        fee = None if booking.previewed is None else booking.previewed.fee
        if fee is not None:
            previewed[normal_reference(reference)] = fee
        yield FileItem(reference, request, booking.shipment, Source(booking.line, booking.kept, fee))


@attrs.frozen
class Found:
    """A booking of the file as the journal has it: its state, why it can't be booked as it is, whether its outcome was shown."""

    booking: Booking
    account: str | None
    state: str
    findings: tuple[Finding, ...] = ()
    is_shown: bool = False

    @property
    def reference(self) -> str | None:
        """What it is called."""
        return self.booking.reference if self.booking.request is None else self.booking.pair()[0]


def found_of(part: Part, position: int, booking: Booking, known: tuple[State, str | None] | None) -> Found:
    """How a good booking stands after the run; ``position``: its place in the account's share."""
    state: str
    state, error = known or ("unread", None)
    if position in part.unwritten:
        return Found(booking, part.name, "unwritten", is_shown=True)
    is_shown = position < len(part.shown) and bool(part.shown[position])
    if (untaken := part.untaken.get(position)) is not None:
        state = _as_begun(state, "held" if untaken.state == "held" else "wrong")
        return Found(booking, part.name, state, (objection(booking, untaken.error),), is_shown)
    why = plain_text(error or TEXTS["state.refused"], Words())
    findings = (Finding.of("refused", booking.line, None, why=why),) if state == "refused" else ()
    return Found(booking, part.name, state, findings, is_shown)


def left_out(booking: Booking, account: str | None, journal: Journal | None, operation: str) -> Found:
    """How a booking stands whose row is wrong or held."""
    found = Found(booking, booking.account, "wrong" if booking.is_wrong else "held", booking.findings)
    if journal is None or found.reference is None:
        return found
    for row in shipments_of(journal, found.reference, operation, account):
        if row.shipment == booking.shipment and (state := _as_begun(row.state, found.state)) != found.state:
            return Found(booking, row.account, state, booking.findings)
    return found


def _as_begun(recorded: str, state: str) -> str:
    """How one stands that is ``wrong`` or ``held``: as it was begun before, if it may have been made; or waits, and there is nothing to
    decide."""
    counts = ("sent", "unknown") if state == "held" else ("sent", "unknown", "pending")
    return recorded if recorded in counts else state


def objection(booking: Booking, error: Exception | None) -> Finding:
    """Why the journal didn't take a booking, as a finding of its row; in English, like all that is found."""
    problems = error.problems if isinstance(error, InputError) else ()
    code = SAME_PARCEL if problems and problems[0].code == "same parcel" else "journal"
    text = problems[0].text if problems else str(getattr(error, "message", ""))
    return Finding.of(code, booking.line, None, why=plain_text(text, Words()))


def objections(bookings: Iterable[Booking], problems: Iterable[Problem]) -> dict[int, Finding]:
    """The journal's objections to an account's share of a file, by their place in it; they say the line."""
    wanted = {problem.position: problem for problem in problems}
    return {
        position: objection(booking, InputError("", problems=[wanted[position]]))
        for position, booking in enumerate(bookings)
        if position in wanted
    }


def as_json(outcome: JobOutcome[Any], account: str) -> dict[str, Any]:
    """One object of ``--json``; codes and names in it are never translated."""
    fee, error = outcome.fee, outcome.error
    text = None if error is None else plain_text(str(getattr(error, "message", "")), Words())
    return {
        "reference": outcome.reference,
        "account": account,
        "state": outcome.state,
        "recorded": outcome.recorded,
        "order_id": outcome.order_id,
        "fee": None if fee is None else {"amount": str(fee.amount), "currency": fee.currency},
        "tracking": list(outcome.tracking),
        "code": _code_of(outcome),
        "error": text,
    }


def _code_of(outcome: JobOutcome[Any]) -> str | None:
    if outcome.recorded is None:
        return SAME_PARCEL if outcome.state == "held" else "journal"
    return "refused" if outcome.state == "refused" else None


def found_as_json(found: Found, row: PendingRow | None) -> dict[str, Any]:
    """A booking that had no outcome in this run, in the same shape; ``row``: of one that an earlier run has made."""
    state, fee = found.state, row.fee if row is not None else None
    is_recorded = state not in ("wrong", "held", "unread")
    return {
        "reference": found.reference,
        "account": found.account,
        "state": state if state in ("wrong", "held", "pending") else "skipped" if is_recorded else "pending",
        "recorded": state if is_recorded else None,
        "order_id": row.order_id if row is not None else None,
        "fee": None if fee is None else {"amount": str(fee.amount), "currency": fee.currency},
        "tracking": list(row.tracking) if row is not None else [],
        "code": " ".join(dict.fromkeys(finding.code for finding in found.findings)) or None,
        "error": "; ".join(map(str, found.findings)) or None,
    }


async def recorded_of(part: Part, bookings: Sequence[Booking]) -> dict[int, Any]:
    """What the journal says of some of an account's bookings, by their identity in memory."""
    found: dict[int, Any] = {}
    for shipment in {one.shipment for one in bookings}:
        mine = [one for one in bookings if one.shipment == shipment]
        known = await part.job.recorded([one.pair()[0] for one in mine], shipment)
        found |= {id(one): known.get(one.pair()[0]) for one in mine}
    return found
