"""What one booking costs, counted instead of timed: function calls, and the memory blocks that its reply keeps."""

from __future__ import annotations

import asyncio
import copy
import gc
import itertools
import sys
import types
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import pytest

import pandapon_async
from pandapon_async import PandaPonSession
from pandapon_async._models import jsonio
from tests.conftest import contract
from tests.support import BOOK, RawRequest, RawServer, booking, http_reply, local_profile, session_at

HOME = Path(pandapon_async.__file__).parent
MARGIN = 0.05
CALLS = 65
"""The package's own functions that one booking on a kept connection calls, or goes on with; generated ones are among them."""
BLOCKS = 63
"""Blocks of memory that the reply to one booking keeps."""

pytestmark = pytest.mark.skipif(jsonio.orjson is None, reason="the figures are those of the extra `speed`")


@pytest.fixture
async def panda() -> AsyncIterator[PandaPonSession]:
    """A session with a kept connection to a vendor that gives the contract's sample reply, each time another order id."""
    numbers, date = itertools.count(10**11), formatdate(usegmt=True)
    body = copy.deepcopy(contract("logistics")[BOOK].example_response)

    async def answer(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        server.requests.clear()
        body["data"]["orderId"] = str(next(numbers))
        writer.write(http_reply(body=body, headers={"Date": date, "Content-Type": "application/json;charset=UTF-8"}))

    server = RawServer(answer)
    async with server, session_at(local_profile(server.port)) as session:
        for _ in range(20):
            await session.logistics.book_freight(booking())
        yield session


def is_own(code: types.CodeType) -> bool:
    """Whether a function is the package's; comprehensions aren't counted, since newer Pythons have no functions for them."""
    if code.co_name.startswith("<"):
        return False
    name = code.co_filename
    return name in ("<string>", "") or "pandapon_async." in name or Path(name).is_relative_to(HOME)


def assert_near(found: float, name: str, expected: float) -> None:
    assert abs(found - expected) <= expected * MARGIN, (
        f"{found:g}, not {expected:g} as it was: if that is meant, set {name} in {Path(__file__).name}"
    )


async def test_one_booking_calls_as_few_functions_as_it_did(panda: PandaPonSession):
    request, calls = booking(), 0

    def count(frame: types.FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and is_own(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        await panda.logistics.book_freight(request)
    finally:
        sys.setprofile(before)
    assert_near(calls, "CALLS", CALLS)


async def test_the_reply_to_one_booking_keeps_as_little_as_it_did(panda: PandaPonSession):
    number = 200
    kept: list[object] = [None] * number
    gc.collect()
    before = sys.getallocatedblocks()
    for index in range(number):
        kept[index] = await panda.call(booking())
    gc.collect()
    assert_near((sys.getallocatedblocks() - before) / number, "BLOCKS", BLOCKS)
