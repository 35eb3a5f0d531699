"""What a job did, in figures."""

from __future__ import annotations

import heapq
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from .._errors import ApiError
from .._models.money import Money

if TYPE_CHECKING:
    from .outcome import JobOutcome

_SLOWEST = 10
_NOTHING = Decimal(0)


@attrs.define(kw_only=True)
class Report:
    """Counts of the bookings that a job has ended in this process, over all its runs.

    Attributes:
        done, refused, unknown, pending, held, skipped: bookings by how they ended.
        fees: what the done ones cost, per currency.
        codes: the vendor's codes of refusals, counted.
        slowest: the ten slowest calls, as (seconds, reference), slowest first.
        in_doubt: the references of the first hundred in doubt: what needs a person.
        unpriced: done ones of which no fee is known; ``fees`` lacks them.
        stopped: why the job ended before its input did; None: it didn't.
        one_at_a_time: why its bookings go one at a time; None: they don't.
        cuts: how often the pace was cut; ``slowest_pace``: the fewest bookings at a time.
    """

    done: int = 0
    refused: int = 0
    unknown: int = 0
    pending: int = 0
    held: int = 0
    skipped: int = 0
    codes: Counter[int | str | None] = attrs.field(factory=Counter["int | str | None"])
    in_doubt: list[str] = attrs.field(factory=list[str])
    unpriced: int = 0
    stopped: str | None = None
    one_at_a_time: str | None = None
    cuts: int = 0
    slowest_pace: float | None = None
    _fees: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    _slowest: list[tuple[float, str]] = attrs.field(factory=list[tuple[float, str]])

    @property
    def fees(self) -> dict[str, Money]:
        """What the done ones cost, per currency."""
        return {currency: Money(amount=amount, currency=currency) for currency, amount in self._fees.items()}

    @property
    def slowest(self) -> list[tuple[float, str]]:
        """The ten slowest calls, as (seconds, reference), slowest first."""
        return sorted(self._slowest, reverse=True)

    def add(self, outcome: JobOutcome[object]) -> None:
        """Count one booking."""
        state, reply = outcome.state, outcome.reply
        if state == "done":
            self.done += 1
            if (fee := outcome.fee) is None:
                self.unpriced += 1
            else:
                self._fees[fee.currency] = self._fees.get(fee.currency, _NOTHING) + fee.amount
        else:
            setattr(self, state, getattr(self, state) + 1)
        if isinstance(outcome.error, ApiError):
            self.codes[outcome.error.code] += 1
        if outcome.recorded == "unknown" and len(self.in_doubt) < 100:
            self.in_doubt.append(outcome.reference)
        if reply is not None:
            slowest = self._slowest
            if len(slowest) < _SLOWEST:
                heapq.heappush(slowest, (reply.elapsed, outcome.reference))
            elif reply.elapsed > slowest[0][0]:
                heapq.heapreplace(slowest, (reply.elapsed, outcome.reference))
