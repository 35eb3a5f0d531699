"""The pytest plugin: the fixture ``pandapon_vendor``. Nothing of the package is loaded before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pandapon_async.testing._vendor import FakeVendor


@pytest.fixture
def pandapon_vendor() -> Iterator[FakeVendor]:
    """A fake vendor in a thread of its own, for one test."""
    from pandapon_async.testing._vendor import FakeVendor

    with FakeVendor() as vendor:
        yield vendor
