"""The contract's sample booking: what is sent, and what is answered."""

from __future__ import annotations

import json
from typing import Any

from pandapon_async.testing._operations import load_facts


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


_BOOKING = next(fact for fact in load_facts("logistics") if fact.id == "logistics.order.book_freight")
PATH = str(_BOOKING.path)
REQUEST = _compact(_BOOKING.example_request)
REPLY = _compact(_BOOKING.example_response)
