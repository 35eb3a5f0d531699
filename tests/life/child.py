"""A program of somebody's own over the journal: a run, callers beside it that give up, a look from inside, left early."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from pandapon_async import BookingJob, Journal, SessionManager, Stop
from pandapon_async._config.loading import profiles_from_env
from pandapon_async._models.converters import from_wire
from pandapon_async.api.logistics import FreightBookingRequest


def tell(outcome: Any) -> None:
    fee = None if outcome.fee is None else {"amount": str(outcome.fee.amount), "currency": outcome.fee.currency}
    told = {
        "reference": outcome.reference,
        "state": outcome.state,
        "recorded": outcome.recorded,
        "order_id": outcome.order_id,
    }
    print(json.dumps({**told, "fee": fee}), flush=True)


def pairs_of(file: str) -> list[tuple[str, FreightBookingRequest]]:
    orders = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    return [(order.pop("reference"), from_wire(FreightBookingRequest, order)) for order in orders]


async def main(
    pairs: list[tuple[str, FreightBookingRequest]], journal: str, callers: int, patience: float, leave_after: int
) -> None:
    async def book(job: BookingJob, reference: str, request: FreightBookingRequest) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            tell(await asyncio.wait_for(job.book(request, reference), patience))

    async with SessionManager(profiles_from_env()) as vendors:
        job = BookingJob(vendors.pandapon, journal=journal, concurrency=8, stop=Stop(in_a_row=10**6), drain=2)
        async with job, job.run(pairs) as outcomes:
            beside = [asyncio.create_task(book(job, *pair)) for pair in pairs[-callers:]]
            seen = 0
            async for outcome in outcomes:
                tell(outcome)
                seen += 1
                with Journal.open(journal) as opened:
                    opened.counts()
                if seen == leave_after:
                    break
            await asyncio.gather(*beside)
        for outcome in outcomes.undelivered:
            tell(outcome)


if __name__ == "__main__":
    asyncio.run(main(pairs_of(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
