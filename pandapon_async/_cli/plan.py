"""What a run would do, looked up before anything is sent: per account, what is new, and what the journal has already."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._config.profiles import zone_of
from .._errors import ConfigError, JournalError
from .._files.booking import Booking
from .._files.findings import FileError
from .._journal.journal import Journal
from .._journal.rows import JournalRow
from .._journal.sql.admitting import differing
from .._models.converters import to_wire
from .._models.digest import canonical
from .._models.money import Money
from .._models.operation import fill_own_number
from ..api.logistics import FreightBookingRequest
from .shared import choose

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile

OPERATION: Final = FreightBookingRequest.operation.name


@attrs.define(kw_only=True)
class AccountPlan:
    """What a run would do at one account.

    Attributes:
        profile: the account.
        standing: the good bookings by how they stand: ``new``, ``waiting`` (the journal has them), ``booked``, ``unclear``,
            ``refused``, ``cancelled``, or ``changed`` (sent already, with another content: not to be sent).
        changed: of the changed ones the line, what the journal has, and the members that differ.
        paid_today: what the account has cost since midnight by the journal, in the currency of its daily limit.
        previewed: the sum of the previewed fees, by standing and currency; ``unpreviewed``: how many have none, by standing.
    """

    profile: VendorProfile
    standing: Counter[str] = attrs.field(factory=Counter[str])
    changed: list[tuple[int, JournalRow, str]] = attrs.field(factory=list["tuple[int, JournalRow, str]"])
    paid_today: Money | None = None
    previewed: dict[tuple[str, str], Decimal] = attrs.field(factory=dict["tuple[str, str]", Decimal])
    unpreviewed: Counter[str] = attrs.field(factory=Counter[str])

    def to_send(self, *, retry_refused: bool) -> int:
        """How many bookings would be sent."""
        return sum(self.standing[name] for name in sent_standings(retry_refused=retry_refused))

    def note_fee(self, standing: str, fee: Money | None) -> None:
        """Count what a preview said of one."""
        if fee is None:
            self.unpreviewed[standing] += 1
        else:
            key = (standing, fee.currency)
            self.previewed[key] = self.previewed.get(key, Decimal()) + fee.amount


def sent_standings(*, retry_refused: bool) -> tuple[str, ...]:
    """The standings of what would be sent."""
    return ("new", "waiting", "refused") if retry_refused else ("new", "waiting")


class Accounts:
    """Which account a booking of a file belongs to.

    Args:
        profiles: those that are configured.
        vendor: the one that was named for the whole file.
    """

    def __init__(self, profiles: Sequence[VendorProfile], vendor: str | None) -> None:
        self._profiles = profiles
        self._vendor = vendor
        self._by_name: dict[str | None, VendorProfile] = {}

    def the_only(self) -> VendorProfile:
        """The one that was named, or the only one.

        Raises:
            ConfigError: there is none of that name, or none was named and there are several.
        """
        return choose(self._profiles, self._vendor)

    def of(self, booking: Booking) -> VendorProfile:
        """The account of a booking.

        Raises:
            ConfigError: there is none of that name, or none was named and there are several.
            FileError: its row names another account than the command line.
        """
        name = booking.account or self._vendor
        if self._vendor is not None and name != self._vendor:
            raise FileError(f"line {booking.line}, column account: is {name}, and --vendor says {self._vendor}")
        if name not in self._by_name:
            try:
                self._by_name[name] = choose(self._profiles, name)
            except ConfigError as error:
                if booking.account is None:
                    raise
                raise FileError(f"line {booking.line}, column account: {error.message}") from None
        return self._by_name[name]

    def name_of(self, booking: Booking) -> str | None:
        """The name of its account, also of one that can't be booked; None: that can't be told."""
        with contextlib.suppress(ConfigError, FileError):
            return self.of(booking).name
        return None

    def share(self, name: str, bookings: Iterable[Booking]) -> Iterator[Booking]:
        """The good bookings of one account."""
        return (booking for booking in bookings if not booking.findings and self.of(booking).name == name)


class Planner:
    """Makes the plan of a file.

    Args:
        accounts: whose bookings they are.
        journal: where it is; None: nothing is known yet.
        operation: what is done with each row of the file.
    """

    def __init__(self, accounts: Accounts, journal: str | Path | None, operation: str = OPERATION) -> None:
        self._accounts = accounts
        self._path = journal
        self._operation = operation
        self.plans: dict[str, AccountPlan] = {}

    def plan(self, bookings: Iterable[Booking], step: Callable[[], None] | None = None) -> list[AccountPlan]:
        """The plan of these bookings, of which those that aren't good are passed over; ``step`` is called for each."""
        with contextlib.ExitStack() as stack:
            journal = None if self._path is None else stack.enter_context(Journal.open(self._path))
            self._look_up(journal, bookings, step)
            for plan in self.plans.values() if self._operation == OPERATION else ():
                plan.paid_today = paid_today(journal, plan.profile)
        return list(self.plans.values())

    def _look_up(self, journal: Journal | None, bookings: Iterable[Booking], step: Callable[[], None] | None) -> None:
        for booking in bookings:
            if step is not None:
                step()
            if booking.findings:
                continue
            profile = self._accounts.of(booking)
            plan = self.plans.setdefault(profile.name, AccountPlan(profile=profile))
            row = None if journal is None else self._row_of(journal, profile.name, booking)
            body = {} if row is None else _body(booking, row)
            standing = "new" if row is None else _standing(row, body)
            plan.standing[standing] += 1
            plan.note_fee(standing, None if booking.previewed is None else booking.previewed.fee)
            if standing == "changed" and row is not None:
                fields = ", ".join(differing(json.dumps(row.body), json.dumps(body)))
                plan.changed.append((booking.line, row, fields))

    def _row_of(self, journal: Journal, account: str, booking: Booking) -> JournalRow | None:
        reference, _ = booking.pair()
        try:
            return journal.get(reference, shipment=booking.shipment, account=account, operation=self._operation)
        except JournalError:  # it has none
            return None


def _body(booking: Booking, row: JournalRow) -> dict[str, Any]:
    """What would be sent for a booking that the journal knows."""
    _, request = booking.pair()
    body = to_wire(request)
    fill_own_number(request.operation, body, row.reference, row.shipment)
    return body


def _standing(row: JournalRow, body: dict[str, Any]) -> str:
    is_same = row.body is not None and canonical(row.body) == canonical(body)
    if row.state == "pending":
        return "waiting"
    if row.state == "refused":
        return "refused" if is_same else "new"
    if row.body is not None and not is_same:
        return "changed"
    return {"done": "booked", "void": "cancelled"}.get(row.state, "unclear")


def paid_today(journal: Journal | None, profile: VendorProfile) -> Money | None:
    """What an account has cost since midnight in its own time zone; None: it has no daily limit."""
    limit = profile.daily_spend_limit
    if limit is None:
        return None
    zone = zone_of(profile.time_zone)
    midnight = datetime.combine(datetime.now(zone).date(), time(), zone)
    totals = () if journal is None else journal.totals(since=midnight)
    found = {total.currency: total.net for total in totals if total.account == profile.name}
    return Money(amount=found.get(limit.currency, 0), currency=limit.currency)
