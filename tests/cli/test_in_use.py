"""Two people at one journal: who is at it, and what the second one sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults

from .conftest import Pandapon, order, process

pytestmark = [pytest.mark.usefixtures("keys"), pytest.mark.skipif(os.name != "posix", reason="POSIX signals")]


def until(holds: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps(order(number)) + "\n" for number in range(6)))
    return str(path)


def booked(journal: str) -> int:
    if not Path(journal).exists():
        return 0
    try:
        with Journal.open(journal) as opened:
            return opened.counts()["done"]
    except Exception:
        return 0


def stopped_after_one(child: subprocess.Popen[str], journal: str) -> None:
    """Let it stand still in the middle of its work, however slow this machine is."""
    until(lambda: booked(journal) >= 1)
    child.send_signal(signal.SIGSTOP)


def test_a_second_book_says_who_is_at_it_since_when_and_how_far_and_then_goes_on(
    shop: FakeVendor, orders: str, tmp_path: Path
):
    journal = str(tmp_path / "bookings.db")
    shop.faults = Faults(latency=0.4)
    first = ("book", orders, "--journal", journal, "--concurrency", "1")
    with process(*first, environ={"LOGNAME": "jane"}) as one:
        stopped_after_one(one, journal)
        with process("book", orders, "--journal", journal, environ={"LOGNAME": "li"}) as two:
            assert two.stderr is not None
            said = two.stderr.readline()
            assert said.startswith("pandapon: jane (process ")
            assert f"process {one.pid} on " in said
            assert " has been booking orders.jsonl since 20" in said
            assert said.rstrip().endswith(" of 6")
            assert (
                two.stderr.readline() == "This goes on when that has ended. Ctrl-C ends the waiting: nothing was sent\n"
            )
            one.send_signal(signal.SIGCONT)
            out, _ = two.communicate(timeout=60)
            assert two.returncode == 0
            assert one.wait(timeout=60) == 0
    assert "6 of them by other runs" in out or "6, 6" in out
    assert sum(shop.ledger.bookings.values()) == 6


def test_ctrl_c_ends_the_waiting_and_nothing_was_sent(shop: FakeVendor, orders: str, tmp_path: Path):
    journal = str(tmp_path / "bookings.db")
    shop.faults = Faults(latency=0.4)
    with process("book", orders, "--journal", journal, "--concurrency", "1") as one:
        stopped_after_one(one, journal)
        with process("book", orders, "--journal", journal) as two:
            assert two.stderr is not None
            two.stderr.readline()
            two.stderr.readline()
            two.send_signal(signal.SIGINT)
            _, said = two.communicate(timeout=60)
            assert two.returncode == 130
            assert "nothing was sent" in said
        one.send_signal(signal.SIGCONT)
        assert one.wait(timeout=60) == 0
    assert sum(shop.ledger.bookings.values()) == 6


def test_what_waits_is_listed_by_file_and_person(
    pandapon: Pandapon, shop: FakeVendor, orders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    journal = str(tmp_path / "bookings.db")
    monkeypatch.setenv("LOGNAME", "jane")
    shop.script(*[{"status": 403}] * 6)
    assert pandapon("book", orders, "--journal", journal).exit_code == 4
    said = pandapon("book", "--journal", journal).stdout
    assert "6 of pandapon, the oldest for 0 min, from orders.jsonl, by jane" in said
