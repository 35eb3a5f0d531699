"""Mistakes in the arguments of a job are found by type checkers, before anything runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """\
from pandapon_async import BookingJob, Outcome, PandaPonSession, Reply
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest


async def right(session: PandaPonSession, request: FreightBookingRequest) -> None:
    job = BookingJob(session, journal="bookings.db", concurrency=32, check="stream")
    outcome = await job.book(request, reference="order-1")
    order_id: str | None = outcome.order_id
    booking: FreightBooking = await session.logistics.book_freight(request)
    reply: Reply[FreightBooking] = await session.call(request)
    async with session.stream([request]) as outcomes:
        async for streamed in outcomes:
            typed: Outcome[FreightBooking] = streamed
            print(order_id, booking, reply, typed)


def wrong(session: PandaPonSession) -> None:
    BookingJob(session, jurnal="bookings.db")  # wrong
    BookingJob(session, journal="bookings.db", concurrency="32")  # wrong
    BookingJob(session, journal="bookings.db", check="al")  # wrong
    BookingJob(session)  # wrong
    session.logistics.book_frieght  # wrong
    session.prepare  # wrong
"""
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
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", done.stdout)}


def pyright(file: Path) -> set[int]:
    """The lines in which pyright finds errors."""
    (file.parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportUnusedExpression": false}')
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
