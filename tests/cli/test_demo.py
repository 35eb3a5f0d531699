"""`pandapon demo`: the program, its orders, and the comparison with the ledger."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from rich.console import Console

from pandapon_async import to_wire
from pandapon_async._cli.demo_orders import Audit, SampleOrders
from pandapon_async._cli.shared import Interrupted
from pandapon_async._errors import (
    ApiError,
    DeadlineExceededError,
    LimitExceededError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
)
from pandapon_async._models.money import Money
from pandapon_async._models.operation import Reply
from pandapon_async._streams.stream import Outcome
from pandapon_async.api.logistics import FreightBooking
from pandapon_async.testing import Ledger
from pandapon_async.testing._operations import Fact

from .conftest import SECRETS, Pandapon, process

# --- the program ---


def test_every_booking_is_made_and_the_ledger_agrees(pandapon: Pandapon) -> None:
    result = pandapon("demo", "--bookings", "60")
    assert result.exit_code == 0
    shown = dict(re.findall(r"^(\w[\w ]*?)  +(.*\S)", result.stdout, re.MULTILINE))
    assert (shown["Booked"], shown["Refused"], shown["In doubt"], shown["Not sent"]) == ("60", "0", "0", "0")
    assert shown["Ledger"] == "agrees: 60 bookings, none twice;"
    assert shown["Fees"].endswith(" USD")


@pytest.mark.usefixtures("postgres")
def test_workers_of_which_one_is_killed_agree_with_the_ledger() -> None:
    with process("demo", "--bookings", "150", "--faults", "--fleet", "3", "--json") as demo:
        out, errors = demo.communicate(timeout=280)
    assert demo.returncode == 0, errors
    assert "was killed" in errors
    summary = json.loads(out)
    assert summary["ledger"]["agrees"]
    assert summary["booked"] + summary["refused"] + summary["in_doubt"] == 150
    assert summary["booked"] > 75


def test_json_is_one_object(pandapon: Pandapon) -> None:
    result = pandapon("demo", "--bookings", "30", "--json")
    summary = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert summary["booked"] == summary["attempts"] == 30
    assert summary["rate"] > 0
    assert summary["ledger"] == {
        "agrees": True,
        "bookings": 30,
        "doubled": 0,
        "in_doubt_booked": 0,
        "disagreements": [],
    }


def test_one_booking_is_the_contracts_sample(pandapon: Pandapon) -> None:
    summary = json.loads(pandapon("demo", "--bookings", "1", "--json").stdout)
    assert summary["fees"] == {"USD": "322.92"}


def test_a_vendor_that_misbehaves_still_books_nothing_twice(pandapon: Pandapon) -> None:
    result = pandapon("demo", "--bookings", "250", "--faults", "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == 0
    assert summary["booked"] + summary["refused"] + summary["in_doubt"] + summary["not_sent"] == 250
    assert min(summary["booked"], summary["refused"], summary["in_doubt"]) > 0
    assert summary["attempts"] > 250
    assert summary["ledger"]["doubled"] == 0
    assert summary["ledger"]["bookings"] == summary["booked"] + summary["ledger"]["in_doubt_booked"]


def test_what_is_in_doubt_is_named(pandapon: Pandapon) -> None:
    shown = pandapon("demo", "--bookings", "200", "--faults").stdout
    assert re.search(r"such as FF\d{13}, FF\d{13}", shown)
    assert re.search(r"\d+ of those in doubt were booked", shown)


def test_the_seed_decides_the_orders(pandapon: Pandapon) -> None:
    def fees(seed: str) -> str:
        return json.loads(pandapon("demo", "--bookings", "20", "--seed", seed, "--json").stdout)["fees"]["USD"]

    assert fees("1") == fees("1") != fees("2")


def test_concurrency_may_exceed_the_profiles_default(pandapon: Pandapon) -> None:
    summary = json.loads(pandapon("demo", "--bookings", "150", "--concurrency", "100", "--json").stdout)
    assert summary["booked"] == 150


@pytest.mark.parametrize("option", ["--bookings", "--concurrency"])
def test_a_count_below_one_is_bad_usage(pandapon: Pandapon, option: str) -> None:
    assert pandapon("demo", option, "0").exit_code == 2


def test_a_ledger_that_does_not_agree_is_status_1(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    add = Ledger.add_booking

    def add_twice(self: Ledger, reference: str, data: Any, body: Any) -> None:
        add(self, reference, data, body)
        if reference.endswith("3"):
            add(self, reference, data, body)

    monkeypatch.setattr(Ledger, "add_booking", add_twice)
    result = pandapon("demo", "--bookings", "10")
    assert result.exit_code == 1
    assert "does not agree\n             FF0000000000003: booked 2 times\n" in result.stdout
    assert result.stderr == "Error: the vendor's ledger does not agree, in 1 places\n"


def test_an_interruption_ends_with_the_comparison_and_its_own_status(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(work: Any) -> None:
        work.close()
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr("pandapon_async._cli.demo.run", run)
    result = pandapon("demo", "--bookings", "5")
    assert result.exit_code == 130
    assert re.search(r"^Not started +5$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("width", [60, 100])
def test_the_progress_bar_fits_the_terminal(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    screen = io.StringIO()
    shown = Console(file=screen, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr("pandapon_async._cli.progress.console", lambda *, stderr: shown)
    assert pandapon("demo", "--bookings", "120", "--faults").exit_code == 0
    bars = [line for line in re.split(r"[\r\n]|\x1b\[[0-9;?]*[A-Za-z]", screen.getvalue()) if "booking" in line]
    assert bars
    assert all(re.search(r" \d+/120 ", bar) and len(bar) <= width for bar in bars)
    assert any(re.search(r" [1-9]\d*/120 +[\d,]+/s", bar) for bar in bars)


def test_in_a_pipe_there_is_no_progress_and_no_colour(pandapon: Pandapon) -> None:
    result = pandapon("demo", "--bookings", "20")
    assert result.stderr == ""
    assert "\x1b" not in result.stdout


def test_no_secret_is_shown(pandapon: Pandapon) -> None:
    result = pandapon("demo", "--bookings", "40", "--faults")
    assert not any(secret in result.output for secret in SECRETS)


# --- on a terminal ---


@contextlib.contextmanager
def terminal(*arguments: str, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The program with stderr on a terminal of 60 columns; its other end is a file descriptor."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    settings_of_terminal = {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "24"}
    child = subprocess.Popen(
        [sys.executable, "-m", "pandapon_async", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, **settings_of_terminal, **environ},
    )
    os.close(theirs)
    try:
        yield child, ours
    finally:
        child.kill()
        child.wait()
        os.close(ours)
        assert child.stdout is not None
        child.stdout.close()


def read_until(descriptor: int, pattern: bytes) -> bytes:
    """What the program writes to its terminal, until it fits the pattern or the program ends."""
    seen = b""
    while not re.search(pattern, seen):
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:  # its end was closed
            break
        if not chunk:
            break
        seen += chunk
    return seen


BAR = rb"\d/300 +[\d,]+/s"


def test_a_terminal_gets_a_progress_bar() -> None:
    with terminal("demo", "--bookings", "300") as (child, screen):
        seen = read_until(screen, BAR)
        read_until(screen, rb"(?!)")
        assert child.wait() == 0
    assert re.search(BAR, seen)


def test_no_color_is_respected() -> None:
    with terminal("demo", "--bookings", "300", NO_COLOR="1") as (child, screen):
        seen = read_until(screen, rb"(?!)")
        assert child.wait() == 0
    assert b"booking" in seen
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", seen)


def test_an_interrupted_demo_still_compares_what_it_did() -> None:
    with terminal("demo", "--bookings", "100000", "--json") as (child, screen):
        read_until(screen, rb"[1-9][\d,]*/100,000")
        child.send_signal(signal.SIGINT)
        seen = read_until(screen, rb"(?!)")
        assert child.stdout is not None
        summary = json.loads(child.stdout.read())
        assert child.wait() == 130
    assert b"Interrupted." in seen
    assert summary["ledger"]["agrees"]
    assert summary["not_started"] > 0
    assert summary["booked"] + summary["in_doubt"] + summary["not_sent"] + summary["not_started"] == 100_000


# --- the orders ---


def test_the_first_order_is_the_contracts_sample(logistics: dict[str, Fact]) -> None:
    first = next(iter(SampleOrders(1, 0)))
    assert to_wire(first) == logistics["logistics.order.book_freight"].example_request


@given(seed=st.integers(-(10**6), 10**6), count=st.integers(2, 60))
@settings(max_examples=20, deadline=None)
def test_every_order_has_a_render_id_of_its_own(seed: int, count: int) -> None:
    orders = SampleOrders(count, seed)
    found = [order.render_id for order in orders]
    assert found == [orders.reference(index) for index in range(len(orders))]
    assert len(set(found)) == count


def test_orders_differ_in_what_is_sent_and_to_whom() -> None:
    orders = list(SampleOrders(50, 0))[1:]
    addresses = [order.receiver_address for order in orders]
    assert len({address.country for address in addresses if address}) > 1
    assert len({address.name for address in addresses if address}) > 5
    assert {len(order.line_items) for order in orders} == {1, 2}
    assert len({item.quantity for order in orders for item in order.line_items}) > 5


def test_the_same_seed_gives_the_same_orders() -> None:
    assert list(SampleOrders(20, 7)) == list(SampleOrders(20, 7))
    assert list(SampleOrders(20, 7)) != list(SampleOrders(20, 8))


# --- the comparison ---

FEE = {"amount": "10.50", "currency": "USD"}


def booked(index: int, order_id: str = "21", fee: str | None = "10.50") -> Outcome[FreightBooking]:
    money = None if fee is None else Money(amount=Decimal(fee), currency="USD")
    reply = Reply(
        data=FreightBooking(order_id=order_id, order_fee=money),
        code=200,
        message=None,
        request_id=None,
        status=200,
        headers={},
        raw={},
    )
    return Outcome(index=index, reference=None, request=None, reply=reply)


def failed(index: int, error: Exception) -> Outcome[FreightBooking]:
    return Outcome(index=index, reference=None, request=None, error=error)


class Case:
    """Three orders, a ledger, and what the client knows."""

    def __init__(self) -> None:
        self.orders = SampleOrders(3, 0)
        self.audit = Audit(self.orders)
        self.ledger = Ledger()

    def vendor_books(self, index: int, order_id: str = "21") -> None:
        self.ledger.add_booking(self.orders.reference(index), {"orderId": order_id, "orderFee": FEE})

    def disagreements(self) -> tuple[str, ...]:
        return self.audit.compare(self.ledger).disagreements


@pytest.fixture
def case() -> Case:
    return Case()


def test_a_confirmed_booking_that_stands_in_the_ledger_agrees(case: Case) -> None:
    case.audit.note(booked(1))
    case.vendor_books(1)
    assert case.disagreements() == ()


def test_a_confirmed_booking_that_was_not_made_is_found(case: Case) -> None:
    case.audit.note(booked(1))
    assert case.disagreements() == ("FF0000000000001: confirmed, but not booked",)


@pytest.mark.parametrize("outcome", [booked(1, order_id="22"), booked(1, fee="10.51"), booked(1, fee=None)])
def test_another_order_id_or_fee_than_the_vendors_is_found(case: Case, outcome: Outcome[FreightBooking]) -> None:
    case.audit.note(outcome)
    case.vendor_books(1)
    assert case.disagreements() == ("FF0000000000001: confirmed with another order id or fee than the vendor's",)


@pytest.mark.parametrize("outcome", [booked(1), failed(1, OutcomeUnknownError("x"))])
def test_a_booking_that_was_made_twice_is_found(case: Case, outcome: Outcome[FreightBooking]) -> None:
    case.audit.note(outcome)
    case.vendor_books(1)
    case.vendor_books(1)
    assert case.disagreements() == ("FF0000000000001: booked 2 times",)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ApiError("x", code=1), "refused"),
        (RateLimitedError("x", status=429), "refused"),
        (NotSentError("x"), "not sent"),
        (DeadlineExceededError("x"), "not sent"),
        (LimitExceededError("x"), "not sent"),
    ],
)
def test_what_failed_and_was_booked_all_the_same_is_found(case: Case, error: Exception, word: str) -> None:
    case.audit.note(failed(1, error))
    case.vendor_books(1)
    assert case.disagreements() == (f"FF0000000000001: {word}, but booked",)


def test_an_order_that_was_never_begun_must_not_be_booked(case: Case) -> None:
    case.vendor_books(2)
    assert case.disagreements() == ("FF0000000000002: not started, but booked",)


def test_a_booking_that_nobody_asked_for_is_found(case: Case) -> None:
    case.ledger.add_booking("FF9", {"orderId": "1", "orderFee": FEE})
    assert case.disagreements() == ("FF9: was never asked for",)


@pytest.mark.parametrize("times", [0, 1])
def test_what_is_in_doubt_may_be_booked_or_not(case: Case, times: int) -> None:
    case.audit.note(failed(0, OutcomeUnknownError("x")))
    for _ in range(times):
        case.vendor_books(0)
    finding = case.audit.compare(case.ledger)
    assert (finding.disagreements, finding.doubt_booked, finding.not_started) == ((), times, 2)


def test_of_many_disagreements_the_first_are_shown_and_all_counted() -> None:
    orders = SampleOrders(30, 0)
    audit = Audit(orders)
    for index in range(30):
        audit.note(booked(index))
    finding = audit.compare(Ledger())
    assert (len(finding.disagreements), finding.count) == (Audit.SHOWN, 30)


def test_an_error_that_is_a_defect_is_not_counted_as_a_refusal(case: Case) -> None:
    with pytest.raises(ZeroDivisionError):
        case.audit.note(failed(0, ZeroDivisionError()))


def test_an_outcome_costs_a_few_bytes() -> None:
    count = 5_000
    orders = SampleOrders(count, 0)
    tracemalloc.start()
    try:
        audit = Audit(orders)
        for index in range(count):
            audit.note(booked(index))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert audit.booked == count
    assert held < 20 * count
