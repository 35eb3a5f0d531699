"""How the bookings of a file stand in the journal, what that is as an exit status, and how it is summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from .._jobs.outcome import JobOutcome
from .._jobs.report import Report
from .reasons import reason_of, stopped_text
from .shared import FAILED, PENDING, UNKNOWN
from .words import Words

if TYPE_CHECKING:
    from .._journal.rows import JournalRow
    from .._models.money import Money

EXAMPLES = 5
_REASONS = 3


def exit_of(states: Counter[str]) -> int:
    """The exit status of bookings by their state; the worst decides.

    Beside the journal's states there are ``unread`` (not taken into the journal yet), and ``wrong``: it can't be.
    """
    if states["unknown"] or states["sent"]:
        return UNKNOWN
    if states["pending"] or states["unread"]:
        return PENDING
    return FAILED if any(states[state] for state in ("refused", "wrong", "held", "void")) else 0


def worse_of(*statuses: int) -> int:
    """The exit status that says the worst of several."""
    return max(statuses, key=(0, FAILED, PENDING, UNKNOWN).index)


@attrs.define
class Standing:
    """What became of a file's bookings, or of those that the journal had waiting.

    Attributes:
        words: what is said.
        states: all of them by the journal's state, earlier runs included; None while that isn't known.
        met: those that this run had before it, by the journal's state; ``now``: those of them that ended in it.
        fees, earlier_fees: what was paid in this run, and by earlier ones as far as they were met with.
        unpriced: done, and without a fee.
        waits: why those wait that were tried in this run, counted.
        in_doubt: the references of the first that are in doubt.
    """

    words: Words
    states: Counter[str] | None = None
    met: Counter[str] = attrs.field(factory=Counter[str])
    now: Counter[str] = attrs.field(factory=Counter[str])
    fees: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    earlier_fees: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    unpriced: int = 0
    waits: Counter[str] = attrs.field(factory=Counter[str])
    in_doubt: list[str] = attrs.field(factory=list[str])

    def note_doubt(self, state: str, reference: str | None) -> None:
        """Note what one in doubt is called, as far as there is room for it."""
        if state in ("unknown", "sent") and reference is not None and len(self.in_doubt) < EXAMPLES:
            self.in_doubt.append(reference)

    def add(self, outcome: JobOutcome[Any]) -> None:
        """Count the outcome of one booking; the state of one that couldn't be written down comes with `count_late`."""
        if outcome.recorded not in (None, "sent"):
            self.met[outcome.recorded] += 1
            self.now[outcome.recorded] += outcome.state != "skipped"
        if outcome.state == "pending" and outcome.error is not None:
            self.waits[reason_of(outcome.error, self.words)] += 1
        if "done" not in (outcome.state, outcome.recorded):
            return
        self._pay(outcome.fee, self.earlier_fees if outcome.state == "skipped" else self.fees)

    def count_late(self, outcome: JobOutcome[Any], row: JournalRow | None) -> None:
        """Count a booking that was under way in the journal: it couldn't be written down at once, or another run had it."""
        state = "sent" if row is None else row.state
        if outcome.state != "skipped":
            self.now[state] += 1
        elif row is not None and state == "done":
            self._pay(row.fee, self.earlier_fees)
        if self.states is not None:
            self.states[state] += 1

    def _pay(self, fee: Money | None, fees: dict[str, Decimal]) -> None:
        self.unpriced += fee is None
        if fee is not None:
            fees[fee.currency] = fees.get(fee.currency, Decimal(0)) + fee.amount

    def lines(self, reports: Iterable[Report], seconds: float) -> Iterator[tuple[str, str]]:
        """The summary: label and text of each line."""
        words, reports = self.words, list(reports)
        states = self.now if self.states is None else self.states
        yield words("sum.booked"), self._counted(states, "done")
        yield words("sum.refused"), self._counted(states, "refused")
        codes = sum((report.codes for report in reports), Counter[Any]())
        if codes:
            told = ", ".join(f"{code}: {count:,}" for code, count in codes.most_common(5))
            yield "", words("sum.by_code", codes=told)
        for name in ("wrong", "held"):
            if states[name]:
                yield words(f"sum.{name}"), words(f"sum.{name}_line", count=f"{states[name]:,}")
        if states["void"]:
            yield words("sum.cancelled"), f"{states['void']:,}"
        yield words("sum.unclear"), self._counted(states, "unknown", "sent")
        in_doubt = self.in_doubt or [reference for report in reports for reference in report.in_doubt]
        if in_doubt:
            yield "", words("sum.unclear_line", examples=", ".join(in_doubt[:EXAMPLES]))
        yield from self._waiting(states)
        if self.states is None:
            yield words("sum.not_counted"), words("sum.not_counted_line")
        if words.work != "other":
            yield from self._money()
        ended = self.now["done"] + self.now["refused"] + self.now["unknown"]
        rate = f"{ended / max(seconds, 0.001):,.0f}"
        yield words("sum.time"), words("sum.time_line", seconds=f"{seconds:.1f}", rate=rate)
        for report in reports:
            if report.cuts:
                slowest = f"{report.slowest_pace:.0f}"
                yield words("sum.pace"), words("sum.pace_line", count=f"{report.cuts:,}", slowest=slowest)
            if report.stopped:
                yield words("sum.stopped"), stopped_text(report.stopped, words)

    def _waiting(self, states: Counter[str]) -> Iterator[tuple[str, str]]:
        words, count = self.words, f"{states['pending'] + states['unread']:,}"
        if states["unread"]:
            count = words("sum.unread", count=count, unread=f"{states['unread']:,}")
        yield words("sum.waiting"), count
        for why, tried in self.waits.most_common(_REASONS):
            yield "", words("sum.reason", count=f"{tried:,}", why=why)

    def _money(self) -> Iterator[tuple[str, str]]:
        words = self.words
        yield words("sum.fees"), self._amounts(self.fees)
        if self.earlier_fees:
            yield "", words("sum.fees_earlier", amounts=self._amounts(self.earlier_fees))
        if self.unpriced:
            yield "", words("sum.unpriced", count=f"{self.unpriced:,}")

    def _counted(self, states: Counter[str], *names: str) -> str:
        count = sum(states[name] for name in names)
        earlier = count - sum(self.now[name] for name in names)
        if earlier <= 0:
            return f"{count:,}"
        return self.words("sum.earlier", count=f"{count:,}", earlier=f"{earlier:,}")

    def _amounts(self, fees: dict[str, Decimal]) -> str:
        told = ", ".join(f"{amount:,} {currency}" for currency, amount in sorted(fees.items()))
        return told or self.words("sum.no_fees")
