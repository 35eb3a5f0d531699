"""CPU and wall time of a whole booking, as multiples of bare aiohttp's."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Sample, Spread, orjson_is_there

TITLE = "A whole booking against bare aiohttp (ratios of the same round: median [least-most] over the rounds)"

_FLOOR = Job("bare aiohttp, ready bytes", "contestants", "bare_aiohttp")
_SIGNED = Job("aiohttp, signed by hand", "contestants", "signed_aiohttp")
_WITH = (
    Job("stream, speed, model reused", "contestants", "stream_reused"),
    Job("stream, speed, model built", "contestants", "stream_built"),
)
_WITHOUT = (
    Job("stream, no orjson, model reused", "contestants", "stream_reused", speed=False),
    Job("stream, no orjson, model built", "contestants", "stream_built", speed=False),
)


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a contestant: ratios to the floor of the same round, and plain figures a booking."""
    jobs = [_FLOOR, _SIGNED, *(_WITH if orjson_is_there() else ()), *_WITHOUT]
    rounds = lab.interleaved(jobs)
    return [_row(job, rounds, lab.options.bookings) for job in jobs]


def _row(job: Job, rounds: list[dict[str, Sample]], bookings: int) -> dict[str, Any]:
    pairs = [(samples[job.name], samples[_FLOOR.name]) for samples in rounds]
    return {
        "contestant": job.name,
        "CPU ratio": Spread.of([own.cpu / floor.cpu for own, floor in pairs]),
        "wall ratio": Spread.of([own.wall / floor.wall for own, floor in pairs]),
        "CPU us": Spread.of([own.cpu / bookings * 1e6 for own, _ in pairs]),
        "bookings/s": Spread.of([bookings / own.wall for own, _ in pairs]),
    }
