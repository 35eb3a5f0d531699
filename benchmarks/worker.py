"""A worker of the benchmark fleet: ``python -m benchmarks.worker ORDER``; for each line of standard input it prints its CPU seconds.

It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from pandapon_async._fleet.worker import Worker

from .fleet import AT_ONCE, profile_at


async def _serve(vendor: str, rate: float | None, url: str) -> None:
    running = asyncio.ensure_future(Worker([profile_at(vendor, rate)], url, AT_ONCE).run())
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)
    running.cancel()
    await asyncio.wait([running])


if __name__ == "__main__":
    asyncio.run(_serve(*json.loads(sys.argv[1])))
