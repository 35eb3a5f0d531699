"""CPU and wall time of a whole booking, as multiples of a bare ``ClientSession``'s."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Sample, over

TITLE = "A whole booking against bare ClientSession (ratios of the same round: median [least-most] over the rounds)"

FLOOR = Job("bare ClientSession, ready bytes", "bare.client_session")
_SPEED = ("orjson",)
_JOBS = (
    FLOOR,
    Job("raw asyncio protocol, ready bytes", "raw.protocol"),
    Job("by hand, orjson", "by_hand.client", needs=_SPEED),
    Job("by hand, json", "by_hand.client", speed=False),
    Job("httpx, ready bytes", "by_httpx.async_client", every=10, needs=("httpx",)),
    Job("book_freight", "package.book_freight", needs=_SPEED),
    Job("stream", "package.stream", needs=_SPEED),
    Job("stream, models built", "package.stream_built", needs=_SPEED),
    Job("job, journaled", "package.job", needs=_SPEED),
    Job("book_freight, no orjson", "package.book_freight", speed=False),
    Job("stream, no orjson", "package.stream", speed=False),
    Job("bare ClientSession on uvloop", "bare.client_session", uvloop=True),
    Job("by hand, orjson, on uvloop", "by_hand.client", uvloop=True, needs=_SPEED),
    Job("book_freight on uvloop", "package.book_freight", uvloop=True, needs=_SPEED),
    Job("stream on uvloop", "package.stream", uvloop=True, needs=_SPEED),
)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant: ratios to the floor of the same round, and plain figures a booking."""
    jobs = [job for job in _JOBS if job.can_run]
    rounds = lab.interleaved(jobs)
    return [
        {
            "contestant": job.name,
            "CPU ratio": over(rounds, job, lambda sample: sample.cpu_us, FLOOR),
            "wall ratio": over(rounds, job, lambda sample: sample.wall_us, FLOOR),
            "CPU us": over(rounds, job, lambda sample: sample.cpu_us),
            "bookings/s": over(rounds, job, lambda sample: sample.bookings / sample.wall),
            "server busy %": over(rounds, job, _server_busy),
        }
        for job in jobs
    ]


def _server_busy(sample: Sample) -> float:
    return 100 * sample.server / sample.wall
