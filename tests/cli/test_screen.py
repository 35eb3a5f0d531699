"""What is shown while a file is booked, on a real terminal, narrow and wide."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pandapon_async.testing import FakeVendor, Faults

from .conftest import environment, order

pytestmark = [
    pytest.mark.usefixtures("keys"),
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals"),
    pytest.mark.parametrize("width", [60, 120]),
]

if os.name == "posix":
    from .terminal import Terminal, terminal

Write = Callable[..., str]
DRAWN = re.compile(r"^[|/\\-] ")


@pytest.fixture
def orders(tmp_path: Path) -> Write:
    def write(count: int) -> str:
        path = tmp_path / "orders.jsonl"
        path.write_text("\n".join(json.dumps(order(number)) for number in range(count)), encoding="utf-8")
        return str(path)

    return write


def drawn(screen: Terminal) -> list[str]:
    """The lines of the screen itself, with what stood below them."""
    return [line for line in screen.lines() if DRAWN.match(line) or line.startswith("  ")]


def book(shop: FakeVendor, width: int, *arguments: str, **environ: str):
    return terminal("book", *arguments, width=width, environ={**environment(shop, "pandapon"), **environ})


def test_it_tells_how_far_it_is(shop: FakeVendor, orders: Write, width: int):
    shop.faults = Faults(latency=0.05)
    with book(shop, width, orders(300), "--concurrency", "8") as screen:
        screen.until(r"sending .*[1-9]\d*/300 +\d+/s")
        status, seen = screen.end()
    assert status == 0
    assert "checking" in seen
    assert all(len(line) <= width for line in drawn(screen))


def test_something_moves_while_nothing_is_done(shop: FakeVendor, orders: Write, width: int):
    shop.faults = Faults(latency=30)
    with book(shop, width, orders(3)) as screen:
        screen.until("sending")
        before = len(set(drawn(screen)))
        give_up = time.monotonic() + 30
        while len(set(drawn(screen))) < before + 4:
            assert time.monotonic() < give_up
            assert screen.read()


def test_a_signal_is_shown_as_the_end_of_what_is_under_way(shop: FakeVendor, orders: Write, width: int):
    shop.faults = Faults(latency=1.0)
    with book(shop, width, orders(40), "--concurrency", "8") as screen:
        screen.until("sending")
        while len(shop.ledger.requests) < 8:
            screen.read(0.05)
        screen.child.send_signal(signal.SIGINT)
        screen.until(r"Interrupted: 8 under way, up to 30 s; again: they\s+stay unclear")
        screen.until("finishing")
        status, seen = screen.end()
    assert status == 130
    assert re.search(r"Waiting +32", seen)


def test_a_vendor_that_is_away_is_waited_for_and_that_is_told(
    shop: FakeVendor, orders: Write, width: int, tmp_path: Path
):
    with socket.socket() as taken:  # a port at which nobody listens
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with book(shop, width, orders(60), "--concurrency", "8", PANDAPON_BASE_URL=away) as screen:
            screen.until(r"the vendor can't be reached for \d+ s")
            screen.until(r"next try in \d+ s")
            screen.child.send_signal(signal.SIGINT)
            status, seen = screen.end()
    assert status == 130
    assert re.search(r"Waiting +60", seen)
    assert "the vendor can't be reached" in seen.split("Waiting")[-1]
    assert all(len(line) <= width for line in drawn(screen) if DRAWN.match(line))


def test_a_pause_that_the_vendor_asks_for_is_told(shop: FakeVendor, orders: Write, width: int):
    shop.script({"status": 429, "headers": {"Retry-After": "3"}})
    with book(shop, width, orders(5), "--concurrency", "1") as screen:
        screen.until(r"slowed down: the vendor asked for a pause of \d+ s")
        assert screen.end()[0] == 0
    assert len(shop.ledger.bookings) == 5


def test_chinese_fits_too(shop: FakeVendor, orders: Write, width: int):
    shop.faults = Faults(latency=0.05)
    with book(shop, width, orders(100), "--concurrency", "8", LC_ALL="zh_CN.UTF-8") as screen:
        screen.until("发送中")
        status, seen = screen.end()
    assert (status, "已下单" in seen) == (0, True)


def test_json_beside_it_is_in_one_shape(shop: FakeVendor, orders: Write, width: int):
    shop.script("refuse", "drop_after")
    with book(shop, width, orders(4), "--concurrency", "1", "--json") as screen:
        status, _ = screen.end()
    told = [json.loads(line) for line in screen.lines() if line.startswith("{")]
    keys = ["reference", "account", "state", "recorded", "order_id", "fee", "tracking", "code", "error"]
    assert status == 3
    assert [list(one) for one in told] == [keys] * 4
    assert sorted(one["state"] for one in told) == ["done", "done", "refused", "unknown"]
