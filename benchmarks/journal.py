"""What a journal costs: a booking job against the same bookings in a stream, which forgets."""

from __future__ import annotations

from typing import Any

from .lab import Job, Lab, Sample, Spread, orjson_is_there

TITLE = "A job over a journal against the same stream without (ratios of the same round: median [least-most])"

_SLICES = (
    5  # a job has a beginning (the whole input is checked) and an end: many short ones would be measured as little else
)
_LATENCIES = (0, 20)
"""Milliseconds: a vendor that answers at once, so that all that is seen is the client's work; and one that is near."""


def run(lab: Lab) -> list[dict[str, Any]]:
    """Two rows a latency: throughput as a share of the stream's in the same round; more is better."""
    return [row for latency in _LATENCIES for row in _rows(lab, latency)]


def _rows(lab: Lab, latency: int) -> list[dict[str, Any]]:
    speed, answers = orjson_is_there(), f"after {latency} ms" if latency else "at once"
    stream, journaled = (
        Job(f"{name}, answered {answers}", "contestants", contestant, speed=speed, pinned=False, latency=latency)
        for name, contestant in (("stream, model reused", "stream_reused"), ("job, journaled", "job_journaled"))
    )
    rounds = lab.interleaved([stream, journaled], _SLICES)
    return [_row(job, stream, rounds, lab.options.bookings) for job in (stream, journaled)]


def _row(job: Job, stream: Job, rounds: list[dict[str, Sample]], bookings: int) -> dict[str, Any]:
    return {
        "contestant": job.name,
        "throughput ratio": Spread.of([samples[stream.name].wall / samples[job.name].wall for samples in rounds]),
        "CPU us": Spread.of([samples[job.name].cpu / bookings * 1e6 for samples in rounds]),
        "bookings/s": Spread.of([bookings / samples[job.name].wall for samples in rounds]),
    }
