"""One contestant in a process of its own: ``python -m benchmarks.client ORDER``, where ORDER is JSON from `lab.Client`.

For each number on a line of standard input it makes that many bookings and prints one JSON object: the CPU and wall seconds
they took, and the most memory held so far.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
from typing import Any

from .process import Meter, peak_memory, pin


async def _serve(order: dict[str, Any]) -> None:
    module = importlib.import_module(f"benchmarks.{order['module']}")
    contestant = getattr(module, order["contestant"])
    async with contestant(order["url"], order["concurrency"]) as book:
        for line in sys.stdin:  # blocks the loop while other contestants are measured, which is what is wanted
            gc.collect()
            with Meter() as meter:
                await book(int(line))
            print(json.dumps({"cpu": meter.cpu, "wall": meter.wall, "peak": peak_memory()}), flush=True)


def main(order: dict[str, Any]) -> None:
    """Run one contestant until standard input ends."""
    pin(order["cpu"])
    if not order["speed"]:
        sys.modules["orjson"] = None  # type: ignore[assignment]  # importing it fails, as where it isn't installed
    asyncio.run(_serve(order))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
