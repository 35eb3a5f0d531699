"""The vendors guide's way to add an operation: its lines in one file of the package, and everything knows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pandapon_async

from ..guides.pages import block

USE_IT = """
import asyncio
import sys
from pandapon_async import BookingJob, RequestError, SessionManager, WriteJob, from_wire, to_wire
from pandapon_async.api import catalogue
from pandapon_async.api.logistics import ParcelHoldRequest
from pandapon_async._cli.app import app
from pandapon_async.testing import FakeVendor
from click.testing import CliRunner

async def main():
    request = from_wire(ParcelHoldRequest, {"parcelId": "p/1", "holdDays": 3})
    assert to_wire(request) == {"parcelId": "p/1", "holdDays": 3}
    assert ParcelHoldRequest in catalogue()
    async with FakeVendor() as vendor, SessionManager([vendor.profile("pandapon")]) as vendors:
        panda = vendors.pandapon
        held = await panda.logistics.hold_parcel(request)
        vendor.script({"json": {"code": 200, "data": {"heldUntil": "2026-01-01"}}})
        held = await panda.logistics.hold_parcel(request)
        assert held.held_until == "2026-01-01"
        job = WriteJob(panda, ParcelHoldRequest, journal=sys.argv[1])
        assert (await job.book(request, reference="A")).state == "done"
        assert {row.path for row in vendor.ledger.requests} == {"/open/pp/logistics/p%2F1/hold"}
        assert vendor.ledger.done == {"logistics.parcel.hold": 2}

asyncio.run(main())
listed = CliRunner().invoke(app, ["operations", "--vendor", "pandapon"]).stdout
assert "logistics.hold_parcel" in listed
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, to be changed."""
    assert pandapon_async.__file__
    source = Path(pandapon_async.__file__).parent
    shutil.copytree(source, tmp_path / "pandapon_async", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_an_operation_that_is_added_by_the_guides_lines_works_everywhere(copy: Path):
    pytest.importorskip("click")
    classes, _, method = block("vendors", "class ParcelHeld").partition("async def hold_parcel")
    subject = copy / "pandapon_async" / "api" / "logistics.py"
    text = subject.read_text(encoding="utf-8")
    before, service, after = text.partition("class LogisticsService(Service):\n")
    indented = re.sub(r"^(?=.)", "    ", f"async def hold_parcel{method}", flags=re.MULTILINE)
    subject.write_text(f"{before}{classes}\n{service}{after}\n{indented}", encoding="utf-8")
    facts = copy / "pandapon_async" / "testing" / "contract" / "logistics.json"
    entry = json.loads(block("vendors", "logistics.parcel.hold", "json"))
    facts.write_text(json.dumps([*json.loads(facts.read_text(encoding="utf-8")), entry]), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", USE_IT, str(copy / "held.db")],
        env={**os.environ, "PYTHONPATH": str(copy)},
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
