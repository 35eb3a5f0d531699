"""The vendor's statement beside the journal."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from hypothesis import given, strategies as st

from pandapon_async import JournalRow, Money
from pandapon_async._files.comparing import StatementLine, compared

NOW = datetime(2026, 1, 5, tzinfo=timezone.utc)


def usd(amount: str) -> Money:
    return Money(amount=amount, currency="USD")  # type: ignore[arg-type]


def row(reference: str, state: Any = "done", **changes: Any) -> JournalRow:
    values: dict[str, Any] = {
        "id": 1, "version": 1, "reference": reference, "shipment": 1, "state": state, "order_id": None, "fee": None,
        "tracking": (), "error": None, "vendor": "pandapon", "account": "shop", "operation": "logistics.book_freight",
        "sent_at": NOW, "done_at": NOW, "request_id": None, "resolved_by": None, "note": None, "history": (), "body": None,
        "reply": None, "money": (),
    }  # fmt: skip
    return JournalRow(**{**values, **changes})


def body(render_id: str = "", name: str = "", code: str = "") -> dict[str, Any]:
    return {"renderId": render_id, "receiverAddress": {"name": name, "zip": code, "country": "US"}}


def found(lines: list[StatementLine], rows: list[JournalRow]) -> list[tuple[Any, ...]]:
    return [
        (one.found, one.row and one.row.reference, one.line and one.line.line, one.by) for one in compared(lines, rows)
    ]


def test_two_lines_or_two_rows_that_fit_are_no_proposal():
    lines = [StatementLine(line=2, order_id="8", render_id="FF1"), StatementLine(line=3, order_id="9", render_id="FF1")]
    rows = [row("a", "unknown", body=body("FF1"))]
    assert found(lines, rows) == [
        ("only theirs", None, 2, None),
        ("only theirs", None, 3, None),
        ("only ours", "a", None, None),
    ]
    one_line = [StatementLine(line=2, order_id="8", name="Jane Example", zip="90000")]
    rows = [row(name, "unknown", body=body(name="Jane Example", code="90000")) for name in "ab"]
    assert {one[0] for one in found(one_line, rows)} == {"only theirs", "only ours"}


def test_a_receiver_without_a_name_proposes_nothing():
    rows = [row("a", "unknown", body=body(code="90000"))]
    assert ("proposal", "a", 2, "receiver") not in found([StatementLine(line=2, order_id="8", zip="90000")], rows)


def test_an_order_no_that_stands_twice_in_the_statement_is_said():
    lines = [StatementLine(line=2, order_id="8"), StatementLine(line=3, order_id="8")]
    assert found(lines, [row("a", order_id="8")]) == [("both", "a", 2, None), ("twice", "a", 3, None)]


def test_fees_are_compared_by_amount_and_currency():
    lines = [
        StatementLine(line=2, order_id="8", fee=usd("12.50")),
        StatementLine(line=3, order_id="9", fee=usd("12.5")),
    ]
    rows = [row("a", order_id="8", fee=usd("12")), row("b", order_id="9", fee=usd("12.50"))]
    assert found(lines, rows) == [("other fee", "a", 2, None), ("both", "b", 3, None)]


def test_a_statement_without_order_nos_is_compared_by_preview_no_and_order_no():
    lines = [
        StatementLine(line=2, render_id="ff1", fee=usd("12.50")),
        StatementLine(line=3, reference="b", fee=usd("1")),
        StatementLine(line=4, reference="d"),
    ]
    rows = [
        row("a", order_id="8", fee=usd("12.50"), body=body("FF1")),
        row("b", order_id="9", fee=usd("2")),
        row("c", order_id="10", body=body("FF3")),
        row("d", "unknown"),
    ]
    assert found(lines, rows) == [
        ("both", "a", 2, None),
        ("other fee", "b", 3, None),
        ("only ours", "c", None, None),
        ("proposal", "d", 4, "your order no."),
    ]


def test_what_was_entered_without_its_order_no_is_found_by_its_preview_no():
    lines = [StatementLine(line=2, order_id="8", render_id="FF1")]
    assert found(lines, [row("a", body=body("FF1"))]) == [("both", "a", 2, None)]


def test_another_order_no_under_the_same_preview_no_is_not_the_same():
    lines = [StatementLine(line=2, order_id="7", render_id="FF1")]
    told = found(lines, [row("a", order_id="8", body=body("FF1"))])
    assert told == [("only ours", "a", None, None), ("only theirs", None, 2, None)]


def test_what_is_done_and_not_in_the_statement_is_only_ours():
    assert found([], [row("a", order_id="8"), row("b", "refused")]) == [("only ours", "a", None, None)]


def test_an_unclear_one_is_proposed_by_preview_no_then_order_no_then_receiver():
    lines = [
        StatementLine(line=2, order_id="1", render_id=" ff1 "),
        StatementLine(line=3, order_id="2", reference="b"),
        StatementLine(line=4, order_id="3", name="JANE  EXAMPLE", zip="90 000"),
    ]
    rows = [
        row("a", "unknown", body=body("FF1")),
        row("b", "unknown", body=body("FF2")),
        row("c", "unknown", body=body("FF3", "Jane Example", "90000")),
    ]
    assert found(lines, rows) == [
        ("proposal", "a", 2, "preview no."),
        ("proposal", "b", 3, "your order no."),
        ("proposal", "c", 4, "receiver"),
    ]


IDS = st.sampled_from(["", "1", "2", "3"])
LINES = st.lists(
    st.builds(StatementLine, line=st.integers(1, 99), order_id=IDS, render_id=IDS, reference=IDS), max_size=6
)
ROWS = st.lists(st.tuples(IDS, IDS, st.sampled_from(["done", "unknown", "void"])), max_size=6)


@given(LINES, ROWS)
def test_every_line_and_every_row_that_should_be_there_is_told_once(lines: list[StatementLine], some: list[Any]):
    rows = [row(f"r{at}", state, order_id=one or None, body=body(two)) for at, (one, two, state) in enumerate(some)]
    told = list(compared(lines, rows))
    assert sorted(id(one.line) for one in told if one.line) == sorted(map(id, lines))
    alone = [one for one in told if one.found != "twice"]
    expected = [one for one in rows if one.state != "void" or any(mine.row is one for mine in alone)]
    assert sorted(one.row.reference for one in alone if one.row) == sorted(one.reference for one in expected)
