"""How the bookings of a file stand in the journal, what that is as an exit status, and how it is summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs

from .._jobs.outcome import JobOutcome
from .._jobs.report import Report
from .shared import FAILED, PENDING, UNKNOWN

EXAMPLES = 5


def exit_of(states: Counter[str]) -> int:
    """The exit status of bookings by their state; the worst decides.

    Beside the journal's states there are ``unread`` (not taken into the journal yet), and ``wrong``: it can't be.
    """
    if states["unknown"] or states["sent"]:
        return UNKNOWN
    if states["pending"] or states["unread"]:
        return PENDING
    return FAILED if any(states[state] for state in ("refused", "wrong", "held", "void")) else 0


@attrs.define
class Standing:
    """What became of a file's bookings, or of those that the journal had waiting.

    Attributes:
        states: all of them by the journal's state, earlier runs included; None while that isn't known.
        met: those that this run had before it, by the journal's state; ``now``: those of them that ended in it.
        fees, earlier_fees: what was paid in this run, and by earlier ones as far as they were met with.
        unpriced: done, and without a fee.
    """

    states: Counter[str] | None = None
    met: Counter[str] = attrs.field(factory=Counter[str])
    now: Counter[str] = attrs.field(factory=Counter[str])
    fees: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    earlier_fees: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    unpriced: int = 0

    def add(self, outcome: JobOutcome[Any]) -> None:
        """Count the outcome of one booking; the state of one that couldn't be written down comes with `count_late`."""
        if outcome.recorded not in (None, "sent"):
            self.met[outcome.recorded] += 1
            self.now[outcome.recorded] += outcome.state != "skipped"
        if "done" not in (outcome.state, outcome.recorded):
            return
        fee, fees = outcome.fee, self.earlier_fees if outcome.state == "skipped" else self.fees
        self.unpriced += fee is None
        if fee is not None:
            fees[fee.currency] = fees.get(fee.currency, Decimal(0)) + fee.amount

    def count_late(self, state: str) -> None:
        """Count a booking that couldn't be written down at once."""
        self.now[state] += 1
        if self.states is not None:
            self.states[state] += 1

    def lines(self, report: Report, seconds: float) -> Iterator[tuple[str, str]]:
        """The summary: label and text of each line."""
        states = self.now if self.states is None else self.states
        yield "Booked", self._counted(states, "done")
        yield "Refused", self._counted(states, "refused")
        if report.codes:
            yield "", "by code " + ", ".join(f"{code}: {count:,}" for code, count in report.codes.most_common(5))
        if states["wrong"]:
            yield "Wrong", f"{states['wrong']:,} can't be read, or the journal can't take them"
        if states["held"]:
            yield "Held", f"{states['held']:,} not sent: another booking has their parcel"
        if states["void"]:
            yield "Void", f"{states['void']:,}"
        yield "In doubt", self._counted(states, "unknown", "sent")
        if report.in_doubt:
            examples = ", ".join(report.in_doubt[:EXAMPLES])
            yield "", f"such as {examples}: look them up at the vendor, then resolve them"
        unread = f", {states['unread']:,} of them not read yet" if states["unread"] else ""
        yield "Pending", f"{states['pending'] + states['unread']:,}{unread}"
        if self.states is None:
            yield (
                "Not counted",
                "how the others stand can't be read from the journal now; the figures are of this run only",
            )
        yield "Fees", _amounts(self.fees)
        if self.earlier_fees:
            yield "", f"{_amounts(self.earlier_fees)} by earlier runs"
        if self.unpriced:
            yield "", f"{self.unpriced:,} are done without a fee: not in the sum"
        ended = self.now["done"] + self.now["refused"] + self.now["unknown"]
        yield "Time", f"{seconds:.1f} s, {ended / max(seconds, 0.001):,.0f} bookings a second"
        if report.cuts:
            yield "Pace", f"cut {report.cuts:,} times, down to {report.slowest_pace:.0f} at a time"
        if report.stopped:
            yield "Stopped", report.stopped

    def _counted(self, states: Counter[str], *names: str) -> str:
        count = sum(states[name] for name in names)
        earlier = count - sum(self.now[name] for name in names)
        return f"{count:,}" + (f", {earlier:,} of them by earlier runs" if earlier > 0 else "")


def _amounts(fees: dict[str, Decimal]) -> str:
    return ", ".join(f"{amount:,} {currency}" for currency, amount in sorted(fees.items())) or "none"
