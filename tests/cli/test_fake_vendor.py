"""`pandapon fake-vendor`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from pandapon_async._cli import fake_vendor, running
from pandapon_async._cli.shared import Interrupted
from pandapon_async.testing import FakeVendor, Faults

from .conftest import BOOKING, ESTIMATE, Pandapon, process


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The program, and the environment that it prints."""
    with process("fake-vendor", *arguments) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stderr.readline().startswith("Serving until Ctrl-C")
        lines = [child.stdout.readline() for _ in range(2)]
        yield child, dict(re.findall(r'(\w+)="?([^";\s]*)', "".join(lines)))


def test_it_prints_an_environment_that_works(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as (_, environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        for kind in ("pandapon", "xportcn_ka"):
            result = pandapon("call", "logistics.book_freight", BOOKING, "--vendor", kind)
            assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_stops_it_and_it_says_what_it_did(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    with serving() as (child, environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        pandapon("call", "logistics.book_freight", BOOKING, "--vendor", "pandapon")
        child.send_signal(number)
        _, err = child.communicate()
    assert child.returncode == status
    assert err.splitlines()[0] == "The fake vendor has stopped: 1 requests, 1 bookings."


def test_at_its_end_it_tells_what_was_booked_under_a_fault(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("--fault", "drop_after=1") as (child, environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert pandapon("call", "logistics.book_freight", BOOKING, "--vendor", "pandapon").exit_code == 3
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate()
    assert re.fullmatch(r"Booked under drop_after: FF1, order \d{18}, [\d.]+ USD", err.splitlines()[1])


@pytest.mark.parametrize(("system", "line"), [("posix", "export X_A=1 X_B=2"), ("nt", '$env:X_A="1"; $env:X_B="2"')])
def test_its_lines_are_those_of_the_shell_that_people_have(
    system: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "name", system)
    assert fake_vendor._setting("X_", A="1", B="2") == line


def test_a_port_that_is_taken_is_bad_input(pandapon: Pandapon, shop: FakeVendor) -> None:
    result = pandapon("fake-vendor", "--port", shop.url.rpartition(":")[2])
    assert result.exit_code == 2
    assert result.stderr == "Error: the fake vendor can't listen there: Address already in use\n"


def test_a_host_that_is_not_known_is_bad_input(pandapon: Pandapon) -> None:
    result = pandapon("fake-vendor", "--host", "no.such.host.invalid")
    assert result.exit_code == 2
    assert "unknown address" in result.stderr


class Started:
    """The vendor that the command made, and what it was asked."""

    def __init__(self) -> None:
        self.vendor: FakeVendor | None = None


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Stops the command as soon as it serves, as SIGTERM would, and keeps the vendor."""
    found = Started()

    class Kept(FakeVendor):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            found.vendor = self

    async def stopped(work: Any) -> None:
        task = asyncio.ensure_future(work)
        while not (task.done() or (found.vendor is not None and found.vendor.serving)):  # noqa: ASYNC110 - a test's own wait
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr("pandapon_async.testing.FakeVendor", Kept)
    monkeypatch.setattr(running, "run", lambda work, *_: asyncio.run(stopped(work)))
    return found


def faults(pandapon: Pandapon, started: Started, *arguments: str) -> Faults:
    result = pandapon("fake-vendor", *arguments)
    assert result.exit_code == 0, result.stderr
    assert started.vendor is not None
    assert not started.vendor.serving
    return started.vendor.faults


def test_it_fails_in_nothing_unless_asked(pandapon: Pandapon, started: Started) -> None:
    assert not faults(pandapon, started).odds()


def test_faults_fail_in_every_way(pandapon: Pandapon, started: Started) -> None:
    names = {step.name for step, _ in faults(pandapon, started, "--faults").odds()}
    assert {"drop_before", "drop_after", "half_body", "garbage", "status_502", "status_429"} <= names


def test_a_fault_is_chosen_by_name(pandapon: Pandapon, started: Started) -> None:
    chosen = faults(pandapon, started, "--fault", "drop_after=0.25", "--fault", "503=0.5", "--fault", "retry_after=3")
    assert chosen == Faults(drop_after=0.25, status={503: 0.5}, retry_after=3.0)


def test_a_chosen_fault_goes_before_the_mixture(pandapon: Pandapon, started: Started) -> None:
    chosen = faults(pandapon, started, "--faults", "--fault", "drop_after=0", "--fault", "429=0", "--seed", "5")
    assert (chosen.drop_after, chosen.status[429], chosen.seed) == (0.0, 0.0, 5)
    assert chosen.drop_before > 0


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("drop_aftr=0.1", "no fault is named 'drop_aftr' (did you mean 'drop_after'?)"),
        ("xyz=0.1", "there are latency, jitter"),
        ("drop_after", "is not NAME=NUMBER"),
        ("drop_after=much", "is not NAME=NUMBER"),
        ("drop_after=2", "from 0 to 1"),
        ("999=0.1", "from 200 to 599"),
        ("status=0.1", "no fault is named 'status'"),
    ],
)
def test_a_wrong_fault_is_bad_usage(pandapon: Pandapon, fault: str, told: str) -> None:
    result = pandapon("fake-vendor", "--fault", fault)
    assert result.exit_code == 2
    assert told in result.stderr


def test_its_rules_can_be_set(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("--timestamp-unit", "ms", "--require-user-id", "--clock-offset", "60") as (_, environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        result = pandapon("call", "logistics.estimate_freight", ESTIMATE, "--vendor", "pandapon")
    assert result.exit_code == 1
    assert "expected in milliseconds" in result.stderr


def test_the_query_need_not_be_signed(pandapon: Pandapon, accounts: Any) -> None:
    with serving("--no-signed-query") as (_, environ):
        config = accounts(
            f"[vendors.pandapon]\nbase_url = '{environ['PANDAPON_BASE_URL']}'\nsigned_query = false\n"
            "access_key = 'fake-pandapon-key'\naccess_secret = 'fake-pandapon-secret'\n"
        )
        result = pandapon("call", "logistics.estimate_freight", ESTIMATE, "--config", config)
    assert result.exit_code == 0
    assert json.loads(result.stdout)
