"""The contract's sample booking: what is sent, and what is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_CONTRACT = Path(__file__).parent.parent / "tests" / "contract" / "logistics.json"


def _booking() -> dict[str, Any]:
    entries = json.loads(_CONTRACT.read_text(encoding="utf-8"))
    found: dict[str, Any] = next(entry for entry in entries if entry["id"] == "logistics.order.book_freight")
    return found


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


BOOKING = _booking()
PATH: str = BOOKING["path"]
REQUEST = _compact(BOOKING["example_request"])
REPLY = _compact(BOOKING["example_response"])
