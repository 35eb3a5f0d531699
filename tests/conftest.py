"""What all tests share: the contract's facts, a fake vendor, sessions at it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from pandapon_async import PandaPonSession, RetryPolicy, SessionManager
from pandapon_async.testing import FakeVendor
from pandapon_async.testing._operations import Fact, load_facts
from tests.postgres import postgres

__all__ = ["postgres"]

# A loaded machine is slow, not wrong.
settings.register_profile("pandapon", deadline=None)
settings.load_profile("pandapon")

# The tests on another loop, as CI runs those that wait on sockets.
if os.environ.get("PANDAPON_TEST_LOOP") == "uvloop":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def contract(subject: str) -> dict[str, Fact]:
    """The vendor facts of a subject, by operation id."""
    return {fact.id: fact for fact in load_facts(subject)}


@pytest.fixture(scope="session")
def logistics() -> dict[str, Fact]:
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
