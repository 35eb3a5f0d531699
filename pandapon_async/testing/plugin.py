"""The pytest plugin: the fixture ``pandapon_vendor``. Loads nothing else of the package until a test uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pandapon_async.testing._vendor import FakeVendor


@pytest.fixture
def pandapon_vendor() -> Iterator[FakeVendor]:
    """A fake vendor in its own thread, for one test."""
    from pandapon_async.testing._vendor import FakeVendor

    with FakeVendor() as vendor:
        yield vendor
