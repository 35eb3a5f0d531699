"""How memory grows with the number of bookings: few against 25 times as many, both from a generator."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Spread, orjson_is_there

TITLE = "Most memory held, few bookings against 25 times as many (MB: median [least-most] over the rounds)"

_MEGA = 1 << 20


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant: the peak of a fresh process for each number, and the difference."""
    few, many = max(1, lab.options.bookings // 5), lab.options.bookings * 5
    jobs = [
        Job("bare aiohttp, ready bytes", "contestants", "bare_aiohttp"),
        Job("stream, model built", "contestants", "stream_built", speed=orjson_is_there()),
        Job("job, journaled", "contestants", "job_journaled", speed=orjson_is_there()),
        Job("sweep of quotes, two accounts", "contestants", "sweep", speed=orjson_is_there()),
    ]
    return [_row(lab, job, few, many) for job in jobs]


def _row(lab: Lab, job: Job, few: int, many: int) -> dict[str, Any]:
    peaks = [(_peak(lab, job, few), _peak(lab, job, many)) for _ in range(lab.options.rounds)]
    return {
        "contestant": job.name,
        f"{few:,} bookings": Spread.of([small for small, _ in peaks]),
        f"{many:,} bookings": Spread.of([large for _, large in peaks]),
        "growth": Spread.of([large - small for small, large in peaks]),
    }


def _peak(lab: Lab, job: Job, bookings: int) -> float:
    with lab.client(job) as client, lab.all_counted(bookings):
        return client.book(bookings).peak / _MEGA
