"""Mistakes in the arguments of a job or a method are found by type checkers, before anything runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """\
from pandapon_async import BookingJob, Outcome, PandaPonSession, Reply
from pandapon_async.api import OpenReply
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest
from pandapon_async.api.pandapon.alibaba.orders import OrderCreated, OrderCreateRequest


async def right(session: PandaPonSession, request: FreightBookingRequest) -> None:
    job = BookingJob(session, journal="bookings.db", concurrency=32, check="stream")
    outcome = await job.book(request, reference="order-1")
    order_id: str | None = outcome.order_id
    booking: FreightBooking = await session.logistics.book_freight(request)
    reply: Reply[FreightBooking] = await session.call(request, reference="order-1", timeout=10)
    booking = await session.logistics.book_freight(request, reference="order-1", timeout=10)
    async with session.stream([request]) as outcomes:
        async for streamed in outcomes:
            typed: Outcome[FreightBooking] = streamed
            print(order_id, booking, reply, typed)


async def right_without_a_page(session: PandaPonSession, request: OrderCreateRequest) -> None:
    created: OrderCreated = await session.alibaba.orders.create(request)
    trace: OpenReply = await session.alibaba.orders.logistics_trace({"orderId": "1"}, reference="order-1", timeout=10)
    print(created, trace, session.addresses.get.request_type(extra={}))


async def wrong_calls(session: PandaPonSession, booking: FreightBookingRequest, order: OrderCreateRequest) -> None:
    await session.logistics.book_freight(booking, timeout="10")  # wrong
    await session.logistics.book_freight(booking, referense="order-1")  # wrong
    await session.alibaba.orders.creat(order)  # wrong
    await session.alibaba.orders.create({"flow": "general"})  # wrong
    await session.alibaba.orders.logistics_trace({}, tiemout=10)  # wrong


def wrong(session: PandaPonSession) -> None:
    BookingJob(session, jurnal="bookings.db")  # wrong
    BookingJob(session, journal="bookings.db", concurrency="32")  # wrong
    BookingJob(session, journal="bookings.db", check="al")  # wrong
    BookingJob(session)  # wrong
    session.logistics.book_frieght  # wrong
    session.prepare  # wrong
"""
ROOT = Path(__file__).parent.parent
WRONG_LINES = {number for number, line in enumerate(CODE.splitlines(), 1) if line.endswith("# wrong")}


def mypy(file: Path) -> set[int]:
    """The lines in which mypy finds errors."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        str(file.parent),
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", done.stdout)}


def pyright(file: Path) -> set[int]:
    """The lines in which pyright finds errors."""
    config = {"typeCheckingMode": "strict", "reportUnusedExpression": False, "extraPaths": [str(ROOT)]}
    (file.parent / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(file.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {item["range"]["start"]["line"] + 1 for item in found if item["severity"] == "error"}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_type_checker_finds_exactly_what_is_wrong(checker: object, tmp_path: Path):
    file = tmp_path / "snippet.py"
    file.write_text(CODE, encoding="utf-8")
    assert callable(checker)
    assert checker(file) == WRONG_LINES
