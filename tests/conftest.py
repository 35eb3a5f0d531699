"""What all tests share: the contract's facts, a fake vendor, sessions at it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pandapon_async import PandaPonSession, RetryPolicy, SessionManager
from pandapon_async.testing import FakeVendor

# A loaded machine is slow, not wrong.
settings.register_profile("pandapon", deadline=None)
settings.load_profile("pandapon")

CONTRACT = Path(__file__).parent / "contract"


def contract(subject: str) -> dict[str, dict[str, Any]]:
    """The vendor facts of a subject, by operation id."""
    entries = json.loads((CONTRACT / f"{subject}.json").read_text(encoding="utf-8"))
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="session")
def logistics() -> dict[str, dict[str, Any]]:
    """The facts of logistics and addresses."""
    return contract("logistics")


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    """A fake vendor on the test's own loop."""
    async with FakeVendor() as vendor:
        yield vendor


@pytest.fixture
async def panda(vendor: FakeVendor) -> AsyncIterator[PandaPonSession]:
    """A PandaPon session at the fake vendor whose waits between attempts are of no length."""
    async with SessionManager([vendor.profile("pandapon", retry=RetryPolicy(base=0))]) as vendors:
        yield vendors.pandapon
