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

from .day_report import WAYS_ON, DayReport, reason_of

if TYPE_CHECKING:
    from .._journal.rows import JournalRow, State

MARK: Final = "<!DOCTYPE html><!-- pandapon report -->"
"""How a page begins, and by what an earlier one is recognised."""
_WORDS: Final[dict[State, str]] = {
    "done": "booked",
    "unknown": "unclear",
    "sent": "under way",
    "refused": "refused by vendor",
    "pending": "waiting",
    "void": "cancelled",
}
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


def page_of(report: DayReport, name: str, made: datetime) -> str:
    """The page of a report; ``name``: of the journal, ``made``: when, in the report's zone."""
    parts = [
        *_head(report, name, made),
        *_states(report.states),
        *_chart(report),
        *_money(report),
        *_to_do(report),
        *_refusals(report),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(report: DayReport, name: str, made: datetime) -> Iterator[str]:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'{MARK}\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Bookings of {escape(name)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Bookings of {escape(name)}</h1>"
    yield f"<p>{_period(report)}</p><p class=quiet>Made {_time(made)}; all times in {escape(_zone(made))}</p>"


def _period(report: DayReport) -> str:
    bounds = [
        f"{word} {_time(moment.astimezone(report.zone))}"
        for word, moment in (("from", report.since), ("until", report.until))
        if moment is not None
    ]
    return f"Sent {' '.join(bounds)}" if bounds else "All that was ever sent"


def _states(states: Counter[State]) -> Iterator[str]:
    yield "<ul class=tiles>"
    for state, word in _WORDS.items():
        if states[state] or state == "done":
            yield f'<li style="--c:{_COLOURS[state]}"><b>{states[state]:,}</b>{word}</li>'
    yield "</ul>"


def _money(report: DayReport) -> Iterator[str]:
    yield "<h2>Money</h2>"
    rows = [
        (total.account, _amount(total.fees), _amount(total.credits), _amount(total.net), total.currency)
        for total in report.totals
    ]
    yield from _table(("account", "fees", "credits", "net", "currency"), rows, numbers=(1, 2, 3))
    for account, count in sorted(report.unpriced.items()):
        yield f"<p>{escape(account)}: {count:,} booked without a known fee, not in the sums</p>"


def _to_do(report: DayReport) -> Iterator[str]:
    yield "<h2>What is to be done</h2>"
    if not report.open_counts:
        yield "<p>Nothing: every booking has ended.</p>"
    for state, way_on in WAYS_ON.items():
        if not report.open_counts[state]:
            continue
        rows = [_open_row(row, report) for row in report.open if row.state == state]
        yield f"<h3>{report.open_counts[state]:,} {_WORDS[state]}</h3><p>{escape(way_on)}</p>"
        yield from _table(("your order no.", "account", "sent", "why"), rows)
        if (more := report.open_counts[state] - len(rows)) > 0:
            yield f"<p>and {more:,} more: pandapon journal PATH --state {state}</p>"


def _open_row(row: JournalRow, report: DayReport) -> tuple[str, ...]:
    number = row.reference if row.shipment == 1 else f"{row.reference} (shipment {row.shipment})"
    sent = "" if row.sent_at is None else _time(row.sent_at.astimezone(report.zone))
    return number, row.account, sent, reason_of(row)


def _refusals(report: DayReport) -> Iterator[str]:
    if report.refusals:
        yield "<h2>Refused by the vendor</h2>"
        rows = [(f"{count:,}", code, text) for (code, text), count in report.refusals.most_common(50)]
        yield from _table(("bookings", "code", "reason"), rows, numbers=(0,))


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


# --- the chart ---------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _FOOT = 720, 180, 24


def _chart(report: DayReport) -> Iterator[str]:
    columns = report.columns()
    if not columns:
        return
    most = max(sum(states.values()) for _, states in columns)
    step = _WIDTH / len(columns)
    yield "<h2>When they were sent</h2>"
    yield f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" aria-label="Bookings by state over time, at most {most:,}">'
    for index, (begin, states) in enumerate(columns):
        yield from _column(index * step, step, begin, states, most)
    last = columns[-1][0]
    yield f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}" stroke="#94a3b8"/>'
    yield f'<text x="0" y="{_HEIGHT + 18}" font-size="14" fill="#64748b">{_time(columns[0][0])}</text>'
    if len(columns) > 1:
        yield f'<text x="{_WIDTH}" y="{_HEIGHT + 18}" font-size="14" fill="#64748b" text-anchor="end">{_time(last)}</text>'
    yield "</svg>"
    yield f"<p class=quiet>At most {most:,} in one column; at most {report.busiest:,} in one second.</p>"


def _column(left: float, step: float, begin: datetime, states: Counter[State], most: int) -> Iterator[str]:
    top = float(_HEIGHT)
    for state, colour in _COLOURS.items():
        if states[state]:
            height = states[state] / most * (_HEIGHT - 8)
            top -= height
            title = f"<title>{_time(begin)}: {states[state]:,} {_WORDS[state]}</title>"
            place = f'x="{left:.1f}" y="{top:.1f}" width="{max(step * 0.9, 0.5):.1f}" height="{height:.1f}"'
            yield f'<rect {place} fill="{colour}">{title}</rect>'


def _amount(amount: Decimal) -> str:
    return f"{amount:,f}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _zone(moment: datetime) -> str:
    return str(moment.tzinfo)
