"""Workers that lose their lease while they live: their network stalls, they are stopped, PostgreSQL dies in their commit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import select
import signal
import subprocess
from collections.abc import Callable, Iterator

import psutil
import psycopg
import pytest

from pandapon_async import Journal, JournalError
from pandapon_async.testing import FakeVendor, Faults
from tests.jobs.test_kill import FAULTS
from tests.postgres import PostgresServer

from .proxy import StallingProxy, stalling
from .test_workers import counts, has_ended, judged, submitted, until, worker

LEASE = float(os.environ.get("PANDAPON_TEST_FLEET_LEASE", "3"))
"""Seconds of a worker's lease; in use it is 30. Each stall, and each stop, lasts until it is lost."""
BOOKINGS = int(os.environ.get("PANDAPON_TEST_FLEET_BOOKINGS", "100"))
MORE = 5
TROUBLES = int(os.environ.get("PANDAPON_TEST_FLEET_TROUBLES", "4"))
LIVING = (
    "SELECT COUNT(*) FROM pandapon.workers WHERE ended IS NULL AND lease_end > extract(epoch FROM clock_timestamp())"
)

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh()


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor(faults=Faults(latency=0.02)) as vendor:
        yield vendor


@pytest.fixture
def start(vendor: FakeVendor) -> Iterator[Start]:
    """Starts a worker with short leases; the test's end kills it."""
    running: list[subprocess.Popen[str]] = []

    def begin(url: str, seam: str = "") -> subprocess.Popen[str]:
        running.append(worker(vendor, url, LEASE=str(LEASE), SEAM=seam))
        return running[-1]

    yield begin
    for one in running:
        one.kill()
        one.communicate()


@pytest.fixture
def network(url: str) -> Iterator[StallingProxy]:
    with stalling(url) as proxy:
        yield proxy


def asked(postgres: PostgresServer, query: str, *values: object) -> int:
    """A number; none while PostgreSQL is away."""
    with contextlib.suppress(psycopg.Error):
        return int(postgres.run("postgres", query, values)[0][0])
    return -1


def leases(postgres: PostgresServer, one: subprocess.Popen[str], *, lost: bool) -> bool:
    """Whether a process has lost a lease, or has one."""
    test = "SELECT COUNT(*) FROM pandapon.workers WHERE lost" if lost else LIVING
    return asked(postgres, f"{test} AND pid = %s", one.pid) > 0


def is_stopped(one: subprocess.Popen[str]) -> bool:
    assert one.poll() is None
    return psutil.Process(one.pid).status() == psutil.STATUS_STOPPED


def reads(vendor: FakeVendor) -> int:
    """How many requests the vendor has read."""
    return len(vendor.ledger.requests)


def at_commit(one: subprocess.Popen[str]) -> None:
    """It is about to commit a row as sent, and waits."""
    assert one.stdout is not None
    assert select.select([one.stdout], [], [], 120)[0], "it doesn't come to that"
    assert one.stdout.readline() == "commit\n"


def go_on(one: subprocess.Popen[str]) -> None:
    assert one.stdin is not None
    one.stdin.write("\n")
    one.stdin.flush()


def has_sent_rows(url: str) -> bool:
    return counts(url).get("sent", 0) > 0


def works_on_without(other: subprocess.Popen[str], vendor: FakeVendor, url: str) -> None:
    """Whoever else is there books more."""
    other.kill()
    other.wait()
    asyncio.run(submitted(vendor, url, BOOKINGS + MORE))
    until(lambda: has_ended(url))


# --- a stop ------------------------------------------------------------------------------------------------------------


def test_a_worker_that_is_stopped_before_the_first_byte_sends_nothing_once_its_lease_is_lost(
    url: str, postgres: PostgresServer, vendor: FakeVendor, start: Start
):
    asyncio.run(submitted(vendor, url, BOOKINGS))
    stopped = start(url, "sent")
    until(lambda: is_stopped(stopped))
    other = start(url)
    until(lambda: leases(postgres, stopped, lost=True) and has_ended(url))
    in_doubt = counts(url)["unknown"]
    assert in_doubt > 0
    stopped.send_signal(signal.SIGCONT)
    works_on_without(other, vendor, url)
    assert judged(vendor, url, BOOKINGS + MORE)["unknown"] == in_doubt
    assert reads(vendor) == len(vendor.ledger.bookings) == BOOKINGS + MORE - in_doubt


def test_what_leaves_after_all_is_booked_once_since_nobody_may_say_meanwhile_that_it_was_not(
    url: str, postgres: PostgresServer, vendor: FakeVendor, start: Start
):
    """Nothing can stop a process from being stopped between its last look and the first byte."""
    asyncio.run(submitted(vendor, url, BOOKINGS))
    stopped = start(url, "looked")
    until(lambda: is_stopped(stopped))
    start(url)
    until(lambda: leases(postgres, stopped, lost=True) and has_ended(url))
    assert reads(vendor) < BOOKINGS
    with Journal.open(url) as journal:
        for row in list(journal.rows(state="unknown")):
            with pytest.raises(JournalError, match="counts from"):
                journal.resolve(row.reference, "pending", by="Jane", note="not there")
    seen = reads(vendor)
    stopped.send_signal(signal.SIGCONT)
    until(lambda: reads(vendor) > seen)
    until(lambda: counts(url).get("done") == len(vendor.ledger.bookings))  # it brings the reply after all
    judged(vendor, url, BOOKINGS)


# --- a stall -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stalls", ["before the commit", "after the commit", "while all is under way"])
def test_a_worker_whose_network_stalls_sends_nothing_once_its_lease_is_lost(
    url: str, postgres: PostgresServer, vendor: FakeVendor, start: Start, network: StallingProxy, stalls: str
):
    asyncio.run(submitted(vendor, url, BOOKINGS))
    stalled = start(network.url, "" if stalls.startswith("while") else "commit")
    if stalls.startswith("while"):
        until(lambda: has_sent_rows(url))
        network.hold()
    else:
        at_commit(stalled)
        (network.hold if stalls.startswith("before") else network.hold_replies)()
        go_on(stalled)
    if stalls.startswith("after"):
        until(lambda: has_sent_rows(url))
    other = start(url)
    until(lambda: leases(postgres, stalled, lost=True) and has_ended(url))
    assert (counts(url)["unknown"] > 0) is not stalls.startswith("before")
    network.release()
    works_on_without(other, vendor, url)
    until(lambda: counts(url).get("done") == len(vendor.ledger.bookings))  # it brings the replies that it had
    in_doubt = judged(vendor, url, BOOKINGS + MORE)["unknown"]
    assert reads(vendor) == BOOKINGS + MORE - in_doubt


@pytest.mark.parametrize("is_committed", [True, False])
def test_postgresql_dies_in_the_commit_of_what_is_to_be_sent(
    url: str, postgres: PostgresServer, vendor: FakeVendor, start: Start, network: StallingProxy, is_committed: bool
):
    asyncio.run(submitted(vendor, url, BOOKINGS))
    one = start(network.url, "commit")
    at_commit(one)
    (network.hold_replies if is_committed else network.hold)()
    go_on(one)
    if is_committed:
        until(lambda: has_sent_rows(url))
    postgres.kill()
    postgres.start()
    assert has_sent_rows(url) is is_committed
    network.release()
    until(lambda: has_ended(url))
    judged(vendor, url, BOOKINGS)


def test_workers_that_stall_and_are_stopped_at_any_moment_book_nothing_twice_and_lose_nothing(
    url: str, postgres: PostgresServer, start: Start, vendor: FakeVendor
):
    moments = random.Random(7)
    vendor.faults = FAULTS
    asyncio.run(submitted(vendor, url, 3 * BOOKINGS))
    with contextlib.ExitStack() as stack:
        networks = [stack.enter_context(stalling(url)) for _ in range(3)]
        running = [start(network.url) for network in networks]
        start(url)
        until(lambda: counts(url).get("done", 0) > 0)
        for trouble in range(TROUBLES):
            victim = moments.randrange(len(running))
            until_a_lease_is_lost(
                postgres, running[victim], None if trouble % 2 else networks[victim], lambda: has_ended(url)
            )
        until(lambda: has_ended(url))
    print(f"{3 * BOOKINGS} bookings, {TROUBLES} stalls and stops of {LEASE:g} s: {judged(vendor, url, 3 * BOOKINGS)}")


def until_a_lease_is_lost(
    postgres: PostgresServer,
    one: subprocess.Popen[str],
    network: StallingProxy | None,
    is_over: Callable[[], bool],
) -> None:
    """Its network stalls so long, or it is stopped; unless all has ended before, when nobody need look at leases."""
    until(lambda: is_over() or leases(postgres, one, lost=False))
    query = "SELECT COUNT(*) FROM pandapon.workers WHERE lost AND pid = %s"
    before = asked(postgres, query, one.pid)
    if network is None:
        one.send_signal(signal.SIGSTOP)
    else:
        network.hold()
    until(lambda: is_over() or asked(postgres, query, one.pid) > before)
    if network is None:
        one.send_signal(signal.SIGCONT)
    else:
        network.release()
