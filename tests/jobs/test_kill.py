"""A job that is killed at any moment and started again books nothing twice and loses nothing."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from yarl import URL

from pandapon_async import Journal, JournalError
from pandapon_async.testing import FakeVendor, Faults
from pandapon_async.testing._ledger import Ledger

KILLS = int(os.environ.get("PANDAPON_TEST_KILLS", "12"))
BOOKINGS = int(os.environ.get("PANDAPON_TEST_KILLED_BOOKINGS", "300"))
FAULTS = Faults(
    latency=0.02, jitter=0.03, drop_before=0.01, drop_after=0.02, half_body=0.01, refuse=0.01, status={429: 0.03, 502: 0.01},
    retry_after=0, seed=7,
)  # fmt: skip


def child(vendor: FakeVendor, journal: Path | str, *, largest_file: int | None = None) -> subprocess.Popen[str]:
    """A process that books; ``largest_file``: bytes after which its disk is full."""
    profile = vendor.profile("pandapon")
    keys = profile.credentials
    assert keys is not None
    command = [sys.executable, "-m", "tests.jobs.booking_child", profile.base_url]
    command += [keys.access_key, keys.access_secret, keys.user_id or "", str(journal), str(BOOKINGS)]
    if largest_file is not None:
        command += [str(largest_file)]
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill it so long after it has started to book; False: it had ended before."""
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def finished(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def test_a_killed_job_books_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    moments = random.Random(11)
    kills = rounds = 0
    with FakeVendor(faults=FAULTS) as vendor:
        while kills < KILLS:
            rounds += 1
            journal = tmp_path / f"{rounds}.db"
            vendor.ledger.clear()
            with looks_from_outside(journal):
                for _ in range(KILLS - kills):
                    if not killed_after(child(vendor, journal), moments.uniform(0, 0.25)):
                        break
                    kills += 1
                    if (
                        kills % 3 == 0
                    ):  # what somebody else's program does: it folds the -wal into the file, and removes it
                        with contextlib.closing(sqlite3.connect(journal)) as theirs:
                            theirs.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
                finished(child(vendor, journal))
            assert_consistent([vendor.ledger], journal)


@contextlib.contextmanager
def looks_from_outside(journal: Path) -> Iterator[None]:
    """Somebody looks all the time."""
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(0.002):
            with contextlib.suppress(JournalError), Journal.open(journal) as opened:  # there may be none yet
                opened.counts()
                next(opened.rows(), None)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_a_vendor_that_is_killed_and_started_again_gets_nothing_twice(tmp_path: Path) -> None:
    journal = tmp_path / "bookings.db"
    ledgers: list[Ledger] = []
    process: subprocess.Popen[str] | None = None
    port = 0
    for most in (BOOKINGS // 8, BOOKINGS // 4, None):
        with FakeVendor(faults=FAULTS, port=port) as vendor:
            port = URL(vendor.profile("pandapon").base_url).port or 0
            ledgers.append(vendor.ledger)
            process = process or child(vendor, journal)
            if most is None:
                finished(process)
                finished(child(vendor, journal))  # what it has given up meanwhile
            while most is not None and process.poll() is None and len(vendor.ledger.bookings) < most:
                time.sleep(0.005)
    assert len([ledger for ledger in ledgers if ledger.bookings]) >= 2
    assert_consistent(ledgers, journal)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of a file's size")
def test_a_full_disk_ends_the_job_and_the_next_one_finishes(tmp_path: Path) -> None:
    journal = tmp_path / "bookings.db"
    with FakeVendor(faults=FAULTS) as vendor:
        finished(child(vendor, journal))
        size = journal.stat().st_size
        other = tmp_path / "other.db"
        vendor.ledger.clear()
        out, errors = child(vendor, other, largest_file=size // 2).communicate(timeout=120)
        assert "JournalError" in errors or "stopped" in out
        assert len(vendor.ledger.bookings) < BOOKINGS
        finished(child(vendor, other))
        assert_consistent([vendor.ledger], other)


def assert_consistent(ledgers: list[Ledger], path: Path | str) -> None:
    made = sum((Counter(ledger.bookings) for ledger in ledgers), Counter[str]())
    assert {reference: count for reference, count in made.items() if count > 1} == {}
    booked = {f"order-{key[1:]}": reply for ledger in ledgers for key, reply in ledger.replies.items()}
    with Journal.open(path) as journal:
        rows = {row.reference: row for row in journal.rows()}
    assert sorted(rows) == sorted(f"order-{n}" for n in range(BOOKINGS))
    assert {row.state for row in rows.values()} <= {"done", "unknown", "refused"}
    for reference, reply in booked.items():
        assert rows[reference].state in ("done", "unknown")
        if rows[reference].state == "done":
            assert rows[reference].reply["data"] == reply
    assert {reference for reference, row in rows.items() if row.state == "done"} <= booked.keys()
