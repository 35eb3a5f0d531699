"""One contestant in a process of its own: ``python -m benchmarks.client ORDER``, where ORDER is JSON from `lab.Client`.

For each number on a line of standard input it makes that many bookings and prints a `lab.Sample`'s arguments as one JSON object.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
from typing import Any

from .contestants.setting import Setting
from .process import Meter, peak_memory, pin


async def _serve(order: dict[str, Any]) -> None:
    module, _, name = order["contestant"].partition(".")
    contestant = getattr(importlib.import_module(f"benchmarks.contestants.{module}"), name)
    meter = Meter(timed=order["timed"])
    setting = Setting(order["base_url"], order["path"], order["request"].encode(), order["concurrency"], meter)
    async with contestant(setting) as book:
        # Reading blocks the loop while other contestants are measured, which is what is wanted.
        for turn, line in enumerate(sys.stdin):
            if turn:  # not in a cold start
                gc.collect()
            meter.start()
            await book(int(line))
            print(json.dumps({**meter.figures(), "peak": peak_memory()}), flush=True)


def main(order: dict[str, Any]) -> None:
    """Run one contestant until standard input ends."""
    pin(order["cpu"])
    if not order["speed"]:
        sys.modules["orjson"] = None  # type: ignore[assignment]  # importing it fails, as where it isn't installed
    library = importlib.import_module("uvloop" if order["uvloop"] else "asyncio")
    loop: asyncio.AbstractEventLoop = library.new_event_loop()
    try:
        loop.run_until_complete(_serve(order))
    finally:
        loop.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
