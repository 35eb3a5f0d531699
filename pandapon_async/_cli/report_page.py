"""A day's report as one page: nothing is loaded from anywhere, it fits a phone, and it prints.

What was gathered is `day_report`'s business; here is only how it looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

import attrs

from .day_report import OPEN, DayReport, reason_of
from .words import Words

if TYPE_CHECKING:
    from .._journal.rows import JournalRow, State

MARK: Final = "<!DOCTYPE html><!-- pandapon report -->"
"""How a page begins, and by what an earlier one is recognised."""
_WIDTH, _HEIGHT, _FOOT = 720, 180, 24
_ORDER: Final[tuple[State, ...]] = ("done", "unknown", "sent", "refused", "pending", "void")
_COLOURS: Final[dict[State, str]] = {
    "done": "#2b7a4b",
    "unknown": "#c2410c",
    "sent": "#ca8a04",
    "refused": "#7c3aed",
    "pending": "#64748b",
    "void": "#94a3b8",
}
_STYLE: Final = """
:root { color-scheme: light; font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; color: #1e293b; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
p { margin: .25rem 0; } .quiet { color: #64748b; }
ul.tiles { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; margin: 1rem 0; padding: 0; }
ul.tiles li { border: 1px solid #e2e8f0; border-left: .4rem solid var(--c); border-radius: .3rem; padding: .4rem .7rem; }
ul.tiles b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid #e2e8f0; padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; min-width: 5.5rem; }
.n { text-align: right; padding-right: 1.5rem; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) {
  thead { display: none; } tr { display: block; border-bottom: 1px solid #cbd5e1; padding: .3rem 0; }
  td { border: 0; display: flex; gap: .75rem; padding: .1rem 0; text-align: left; }
  td::before { color: #64748b; content: attr(data-name); flex: 0 0 7rem; text-align: left; }
}
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def page_of(report: DayReport, name: str, made: datetime, words: Words) -> str:
    """The page of a report; ``name``: of the journal, ``made``: when, in the report's zone."""
    return "\n".join(_Page(report, words).parts(name, made)) + "\n"


@attrs.frozen
class _Page:
    _report: DayReport
    _words: Words

    def parts(self, name: str, made: datetime) -> Iterator[str]:
        yield from self._head(name, made)
        yield from self._states()
        yield from self._chart()
        yield from self._money()
        yield from self._previews()
        yield from self._to_do()
        yield from self._refusals()
        yield "</body></html>"

    def _said(self, code: str, **values: object) -> str:
        return escape(self._words(f"report.{code}", **values))

    def _columns(self, *names: str) -> list[str]:
        return [escape(self._words(f"column.{name}")) for name in names]

    def _state(self, state: State) -> str:
        return escape(self._words(f"state.{state}"))

    def _head(self, name: str, made: datetime) -> Iterator[str]:
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        yield f'{MARK}\n<html lang="{self._said("language")}"><head><meta charset="utf-8">'
        yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        title = self._said("title", name=name)
        yield f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        yield f"<h1>{title}</h1>"
        made_at = self._said("made", time=_time(made), zone=made.tzinfo)
        yield f"<p>{self._period()}</p><p class=quiet>{made_at}</p>"

    def _period(self) -> str:
        since, until = (
            None if moment is None else _time(moment.astimezone(self._report.zone))
            for moment in (self._report.since, self._report.until)
        )
        bounds = {"since": since, "until": until}
        code = "_".join(name for name, bound in bounds.items() if bound is not None) or "always"
        return self._said(code, **bounds)

    def _states(self) -> Iterator[str]:
        states = self._report.states
        yield "<ul class=tiles>"
        for state in _ORDER:
            if states[state] or state == "done":
                yield f'<li style="--c:{_COLOURS[state]}"><b>{states[state]:,}</b>{self._state(state)}</li>'
        yield "</ul>"

    def _money(self) -> Iterator[str]:
        yield f"<h2>{self._said('money')}</h2>"
        rows = [
            (one.name, _amount(of.fees), _amount(of.credits), _amount(of.net), currency)
            for one in self._report.sums
            for currency, of in sorted(one.amounts.items())
        ]
        yield from _table(self._columns("account", "fees", "credits", "net", "currency"), rows, numbers=(1, 2, 3))
        yield f"<p class=quiet>{self._said('own_dates')}</p>"
        for one in self._report.sums:
            if one.unpriced:
                yield f"<p>{escape(one.name)}: {escape(self._words('sum.unpriced', count=f'{one.unpriced:,}'))}</p>"
            if one.uncredited:
                text = self._words("totals.uncredited", count=f"{one.uncredited:,}")
                yield f"<p>{escape(one.name)}: {escape(text)}</p>"

    def _previews(self) -> Iterator[str]:
        if not self._report.previews:
            return
        yield f"<h2>{self._said('previews')}</h2>"
        rows = [
            (account, f"{of.count:,}", _amount(of.previewed), _amount(of.fees), currency, f"{of.dearer:,}")
            for (account, currency), of in sorted(self._report.previews.items())
        ]
        names = self._columns("account", "bookings", "previewed", "fees", "currency", "dearer")
        yield from _table(names, rows, numbers=(1, 2, 3, 5))

    def _to_do(self) -> Iterator[str]:
        report = self._report
        yield f"<h2>{self._said('to_do')}</h2>"
        if not report.open_counts:
            yield f"<p>{self._said('all_ended')}</p>"
        for state in OPEN:
            if not report.open_counts[state]:
                continue
            rows = [self._open_row(row) for row in report.open if row.state == state]
            way_on = self._said(f"way_on_{state}")
            yield f"<h3>{report.open_counts[state]:,} {self._state(state)}</h3><p>{way_on}</p>"
            yield from _table(self._columns("reference", "account", "sent", "why"), rows)
            if (more := report.open_counts[state] - len(rows)) > 0:
                yield f"<p>{self._said('more', count=f'{more:,}', state=state)}</p>"

    def _open_row(self, row: JournalRow) -> tuple[str, ...]:
        shipment = "" if row.shipment == 1 else self._words("review.shipment", number=row.shipment)
        sent = "" if row.sent_at is None else _time(row.sent_at.astimezone(self._report.zone))
        return f"{row.reference}{shipment}", row.account, sent, self._words.said(reason_of(row))

    def _refusals(self) -> Iterator[str]:
        if self._report.refusals:
            yield f"<h2>{self._said('refused')}</h2>"
            rows = [
                (f"{count:,}", code, self._words.said(text))
                for (code, text), count in self._report.refusals.most_common(50)
            ]
            yield from _table(self._columns("bookings", "code", "why"), rows, numbers=(0,))

    # --- the chart ---

    def _chart(self) -> Iterator[str]:
        columns = self._report.columns()
        if not columns:
            return
        most = max(sum(states.values()) for _, states in columns)
        step = _WIDTH / len(columns)
        yield f"<h2>{self._said('when')}</h2>"
        label = self._said("chart", most=f"{most:,}")
        yield f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" aria-label="{label}">'
        for index, (begin, states) in enumerate(columns):
            yield from self._column(index * step, step, begin, states, most)
        last = columns[-1][0]
        yield f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}" stroke="#94a3b8"/>'
        yield f'<text x="0" y="{_HEIGHT + 18}" font-size="14" fill="#64748b">{_time(columns[0][0])}</text>'
        if len(columns) > 1:
            place = f'x="{_WIDTH}" y="{_HEIGHT + 18}" font-size="14" fill="#64748b" text-anchor="end"'
            yield f"<text {place}>{_time(last)}</text>"
        yield "</svg>"
        busiest = self._said("busiest", most=f"{most:,}", second=f"{self._report.busiest:,}")
        yield f"<p class=quiet>{busiest}</p>"

    def _column(self, left: float, step: float, begin: datetime, states: Counter[State], most: int) -> Iterator[str]:
        top = float(_HEIGHT)
        for state, colour in _COLOURS.items():
            if states[state]:
                height = states[state] / most * (_HEIGHT - 8)
                top -= height
                title = f"<title>{_time(begin)}: {states[state]:,} {self._state(state)}</title>"
                place = f'x="{left:.1f}" y="{top:.1f}" width="{max(step * 0.9, 0.5):.1f}" height="{height:.1f}"'
                yield f'<rect {place} fill="{colour}">{title}</rect>'


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> Iterator[str]:
    classes = [" class=n" if index in numbers else "" for index in range(len(names))]
    heads = "".join(f"<th{kind}>{name}</th>" for name, kind in zip(names, classes, strict=True))
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for row in rows:
        cells = zip(names, classes, row, strict=True)
        yield (
            "<tr>"
            + "".join(f'<td{kind} data-name="{name}">{escape(cell)}</td>' for name, kind, cell in cells)
            + "</tr>"
        )
    yield "</tbody></table>"


def _amount(amount: Decimal) -> str:
    return f"{amount:,f}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
