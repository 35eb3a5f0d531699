"""What a job may spend: for its input in all its runs, and for the account in a day. What can't be known counts as spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final

import attrs

from .._clock import Clock
from .._errors import ConfigError
from .._journal.rows import storable
from .._journal.store import SpendCheck, Spent
from .._models.money import Money
from .._streams.admission import Spending

FeeOf = Callable[[str, Any], "Money | None"]
"""What a preview said of a booking, by its reference and request; None: nothing."""


@attrs.define
class HighestFee:
    """What one booking may cost at most: ``fixed``, else the highest of what ``told`` says of the bookings that were noted."""

    fixed: Money | None = None
    told: FeeOf | None = None
    _highest: Money | None = None
    _is_unknown: bool = False

    def note(self, reference: str, request: Any) -> None:
        """A booking is to be made; ``request`` None: nobody knows which."""
        if self.told is None or self._is_unknown:
            return
        fee = None if request is None else storable(self.told(reference, request))
        if fee is None or (self._highest is not None and fee.currency != self._highest.currency):
            self._is_unknown = True
        elif self._highest is None or fee.amount > self._highest.amount:
            self._highest = fee

    @property
    def fee(self) -> Money | None:
        """It; None: not known."""
        return self.fixed if self.told is None else None if self.is_unknown else self._highest

    @property
    def is_unknown(self) -> bool:
        """Whether it isn't known, nor will be: a preview that says that all of it is free says nothing."""
        free = self._highest is not None and not self._highest.amount
        return self._is_unknown or free if self.told is not None else self.fixed is None


@attrs.frozen(kw_only=True)
class SpendLimits:
    """What may be spent. ``input``: for one input, in all its runs; ``day``: by the account in a day of ``zone``.

    ``highest_fee``: what each booking reserves; a fee above it ends the run.

    Raises:
        ConfigError: they are in several currencies.
    """

    input: Money | None = None
    day: Money | None = None
    zone: tzinfo = timezone.utc
    highest_fee: HighestFee = attrs.field(factory=HighestFee)

    def __attrs_post_init__(self) -> None:
        limits = (self.input, self.day, self.highest_fee.fixed)
        currencies = {money.currency for money in limits if money is not None}
        if len(currencies) > 1:
            raise ConfigError(
                f"spend limits and highest_fee must be in one currency, not {', '.join(sorted(currencies))}"
            )

    @property
    def are_set(self) -> bool:
        """Whether there is any."""
        return (self.input, self.day, self.highest_fee.fixed) != (None, None, None)

    @property
    def one_at_a_time(self) -> str | None:
        """Why a booking must wait for the fee of the one before it; None: it need not."""
        if not self.are_set or not self.highest_fee.is_unknown:
            return None
        if self.highest_fee.told is not None:
            return "there is a spend limit, and not every booking has a previewed fee: they go one at a time"
        return "there is a spend limit, and no highest_fee= says what one booking may cost: they go one at a time"

    def of_an_input(self) -> Bound | None:
        """What bounds one input."""
        return None if self.input is None else Bound("the spend limit", self.input, self.highest_fee)

    def of_a_day(self, clock: Clock) -> DayBound | None:
        """What bounds the account's day."""
        if self.day is None:
            return None
        return DayBound("the daily spend limit", self.day, self.highest_fee, clock=clock, zone=self.zone)


_SET_BACK: Final = 60.0
"""Seconds by which a time server may correct the clock without it being another day's."""


@attrs.define
class Bound:
    """One limit, and what counts against it.

    That is the fees, and for each booking under way, in doubt or without a fee what one may cost: ``highest_fee``, else the
    highest seen. While none is known, only one that nothing precedes may start.
    """

    name: str
    limit: Money
    highest_fee: HighestFee
    in_flight: int = 0
    _spent: Decimal = Decimal(0)
    _highest: Decimal | None = None
    _unpriced: int = 0
    _in_doubt: int = 0
    _foreign: str | None = None

    def why_not(self) -> str | None:
        """Why one more doesn't stay within it now."""
        self._turn()
        if self._foreign is not None:
            return f"a fee is in {self._foreign}, {self.name} in {self.limit.currency}"
        unknown = self._unpriced + self._in_doubt
        most = self.highest_fee.fee
        if most is not None and most.currency != self.limit.currency:
            most = None
        if most is None and self.in_flight:
            return "one at a time"
        told = f"{self._spent} spent, {self._in_doubt} in doubt, {self._unpriced} without a fee"
        cost = self._highest if most is None else most.amount
        if cost is None and unknown:
            return f"{self.name}: {told}, and no fee is known: give highest_fee="
        reserved = (self.in_flight + unknown + 1) * (cost or Decimal(0))
        if self._spent + reserved > self.limit.amount or self._spent >= self.limit.amount:
            return f"{self.name} of {self.limit} is reached: {told}"
        return None

    def why_not_after(self, spent: Spent) -> str | None:
        """Why one more doesn't stay within it, whoever has spent what the journal has."""
        whole = Bound(self.name, self.limit, self.highest_fee)
        whole.add(spent)
        return whole.why_not()

    def exhausted(self) -> str | None:
        """Why no more may start, however long one waits; None: what is under way may leave room."""
        return self.why_not() if self._foreign is not None or not self.in_flight else None

    def paid(self, fee: Money | None) -> None:
        """A booking was made; ``fee`` None: nobody knows what it cost."""
        self._turn()
        if fee is None:
            self._unpriced += 1
        elif fee.currency != self.limit.currency:
            self._foreign = fee.currency
        else:
            self._spent += fee.amount
            self._highest = max(self._highest or fee.amount, fee.amount)

    def doubted(self, change: int) -> None:
        """So many more are in doubt."""
        self._turn()
        self._in_doubt = max(0, self._in_doubt + change)

    def _turn(self) -> None:
        """Begin anew, if it is time for that."""

    def add(self, spent: Spent) -> None:
        """Count what the journal has."""
        for currency, amount in spent.paid.items():
            if currency == self.limit.currency:
                self._spent += amount
            else:
                self._foreign = currency
        seen = spent.highest.get(self.limit.currency)
        if seen is not None:
            self._highest = max(self._highest or seen, seen)
        self._unpriced += spent.unpriced
        self.doubted(spent.in_doubt)


@attrs.define
class DayBound(Bound):
    """The limit of a day, which ends at midnight in ``zone``; then nothing is spent yet but what is under way."""

    clock: Clock = attrs.field(kw_only=True)
    zone: tzinfo = attrs.field(kw_only=True)
    began: float = attrs.field(init=False)
    _ends: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        today = datetime.fromtimestamp(self.clock.now(), self.zone).date()
        midnight = [
            datetime(day.year, day.month, day.day, tzinfo=self.zone) for day in (today, today + timedelta(days=1))
        ]
        self.began, self._ends = (moment.timestamp() for moment in midnight)

    def _turn(self) -> None:
        if self.clock.now() >= self._ends:
            self._begin()
            self._spent, self._unpriced, self._in_doubt, self._foreign = Decimal(0), 0, 0, None

    def why_not(self) -> str | None:
        """Why one more doesn't stay within it now; once the clock was set back to before the day, nobody here knows what was spent."""
        if self.clock.now() < self.began - _SET_BACK:
            return f"{self.name}: the clock was set back to an earlier day, of which the spending must be counted anew: start again"
        return super().why_not()

    def check(self) -> SpendCheck:
        """What a store that others use, too, asks before it writes that one more is sent."""
        self._turn()
        return SpendCheck(self.why_not_after, since=self.began)

    def resolved(self, sent_at: float) -> None:
        """One that was in doubt isn't any more; one of another day didn't count."""
        self._turn()
        if sent_at >= self.began:
            self.doubted(-1)


class LimitedSpending(Spending):
    """What bounds a run, or single bookings: the limits of the input and of the day.

    Args:
        limits: what they are.
        inputs: what one booking counts against: the bound of its input; shared by all who spend for it.
        day: the day's; shared by all of the account.
        changed: shared by all who share a bound.

    Attributes:
        run: of whose input these are; None: of single bookings.
    """

    def __init__(
        self, limits: SpendLimits, inputs: Sequence[Bound], day: DayBound | None, changed: asyncio.Event
    ) -> None:
        super().__init__()
        self.changed = changed
        self._limits = limits
        self._inputs = inputs
        self._day = day
        self._bounds = [*inputs] if day is None else [*inputs, day]
        self._doubts = 0
        self.run: int | None = None

    def allows_one_more(self) -> bool:
        """Whether one more booking stays within the limits now."""
        return all(bound.why_not() is None for bound in self._bounds)

    def exhausted(self) -> str | None:
        """Why no more may start, however long one waits."""
        return next((why for bound in self._bounds if (why := bound.exhausted())), None)

    def checks(self) -> tuple[SpendCheck, ...]:
        """What bounds all who spend for the account, or for the run's input."""
        day = () if self._day is None else (self._day.check(),)
        run = self.run
        return day if run is None else (*day, *(SpendCheck(bound.why_not_after, run=run) for bound in self._inputs))

    def began(self) -> None:
        """A booking starts."""
        for bound in self._bounds:
            bound.in_flight += 1

    def ended(self) -> None:
        """It has ended, however."""
        for bound in self._bounds:
            bound.in_flight -= 1
        self.changed.set()

    def paid(self, fee: Money | None) -> str | None:
        """A booking was made."""
        for bound in self._bounds:
            bound.paid(fee)
        most = self._limits.highest_fee.fee
        if fee is None:
            return "a booking was made, and no fee can be read in its reply"
        if most is not None and (fee.currency != most.currency or fee.amount > most.amount):
            return f"a booking cost {fee}, the highest fee is {most}"
        return None

    def doubted(self) -> None:
        """One more is in doubt."""
        self._doubts += 1
        for bound in self._bounds:
            bound.doubted(1)

    def resolved(self, sent_at: float) -> None:
        """One that was in doubt isn't any more; of others' nobody knows whether they have counted."""
        if self._day is not None:
            self._day.resolved(sent_at)
        if self._doubts:
            self._doubts -= 1
            for bound in self._inputs:
                bound.doubted(-1)

    def add(self, spent: Spent) -> None:
        """Count what the journal has of the input; the day has counted it."""
        self._doubts += spent.in_doubt
        for bound in self._inputs:
            bound.add(spent)
