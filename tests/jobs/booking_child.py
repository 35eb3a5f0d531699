"""Books a fixed set over a journal, until it is done or killed: run by test_kill.py as a process of its own."""

from __future__ import annotations

import asyncio
import sys

from pandapon_async import PANDAPON, BookingJob, Credentials, Journal, RetryPolicy, SessionManager, Stop
from pandapon_async.api.logistics import FreightBookingRequest


async def main(url: str, key: str, secret: str, user: str, journal: str, number: int) -> None:
    credentials = Credentials(access_key=key, access_secret=secret, user_id=user)
    retry = RetryPolicy(base=0.01, budget=10_000, attempts=8)
    profile = PANDAPON.evolve(base_url=url, credentials=credentials, retry=retry)
    async with SessionManager([profile]) as vendors:
        stop = Stop(in_a_row=10**6)
        job = BookingJob(vendors.pandapon, journal=journal, concurrency=16, stop=stop)
        async with job.run((f"order-{n}", FreightBookingRequest(render_id=f"R{n}")) for n in range(number)) as outcomes:
            print("started", flush=True)
            async for outcome in outcomes:
                if outcome.index % 16 == 0:  # a look from inside, which drops no lock and removes no -wal
                    with Journal.open(journal) as opened:
                        opened.counts()
        if job.report.stopped:
            print("stopped:", job.report.stopped)


if __name__ == "__main__":
    if len(sys.argv) > 7:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[7]), resource.RLIM_INFINITY))
    asyncio.run(main(*sys.argv[1:6], int(sys.argv[6])))  # type: ignore[arg-type]
