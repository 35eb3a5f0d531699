"""A job that is killed at any moment and started again books nothing twice and loses nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults

KILLS = int(os.environ.get("PANDAPON_TEST_KILLS", "12"))
BOOKINGS = 300
FAULTS = Faults(
    latency=0.02, jitter=0.03, drop_before=0.01, drop_after=0.02, half_body=0.01, refuse=0.01, status={429: 0.03, 502: 0.01},
    retry_after=0, seed=7,
)  # fmt: skip


def child(vendor: FakeVendor, journal: Path) -> subprocess.Popen[str]:
    profile = vendor.profile("pandapon")
    keys = profile.credentials
    assert keys is not None
    command = [sys.executable, "-m", "tests.bulk.booking_child", profile.base_url]
    command += [keys.access_key, keys.access_secret, keys.user_id or "", str(journal), str(BOOKINGS)]
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
            for _ in range(6):
                if not killed_after(child(vendor, journal), moments.uniform(0, 0.25)):
                    break
                kills += 1
            finished(child(vendor, journal))
            assert_consistent(vendor, journal)


def assert_consistent(vendor: FakeVendor, path: Path) -> None:
    booked = {f"order-{key[1:]}": reply for key, reply in vendor.ledger.replies.items()}
    assert vendor.ledger.doubled == {}
    with Journal.open(path) as journal:
        rows = {row.reference: row for row in journal.rows()}
    assert sorted(rows) == sorted(f"order-{n}" for n in range(BOOKINGS))
    assert {row.state for row in rows.values()} <= {"done", "unknown", "refused"}
    for reference, reply in booked.items():
        assert rows[reference].state in ("done", "unknown")
        if rows[reference].state == "done":
            assert rows[reference].reply["data"] == reply
    assert {reference for reference, row in rows.items() if row.state == "done"} <= booked.keys()
