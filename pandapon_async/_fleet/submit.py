"""Bookings taken into the journal and queued: of an input with mistakes nothing is, else all of it in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from .._errors import JournalError
from .._jobs.job import BookingJob
from .._jobs.run import count_in, refuse
from .._jobs.settings import Allowance
from .._journal.places import place_of
from .._journal.postgres.url import PostgresUrl
from .._journal.rows import State
from .._journal.store import Problem
from .._session import VendorSession
from .queue import enqueue_run, entrypoint_of, make_queue


@attrs.frozen
class Share:
    """One account's part of an input.

    ``allow_same_parcel``: as in `WriteJob`; ``left_out``: where what can't be taken goes; None: then nothing is taken.
    """

    session: VendorSession
    requests: Iterable[Any]
    allow_same_parcel: Allowance = ()
    left_out: list[Problem] | None = None


async def submit(
    shares: Sequence[Share],
    journal: str,
    job: str,
    *,
    about: Mapping[str, Any] | None = None,
    agree: Callable[[], object] = lambda: None,
) -> Counter[State]:
    """Take an input into a journal and queue what is pending of it; again: what isn't queued or ended any more.

    Args:
        shares: the input, by account.
        journal: its URL.
        job: what it is called.
        about: as in `WriteJob.run`.
        agree: called once all is taken in, and before anything of it counts, and again if something is in the way of that; may raise.

    Returns:
        How many of its bookings are in each state.

    Raises:
        InputError: the input has mistakes; nothing was taken, nothing is queued.
        JournalError: the journal isn't in PostgreSQL, or can't be used.
    """
    place = place_of(journal)
    if not isinstance(place, PostgresUrl):
        raise JournalError(f"{place}: workers need a journal in PostgreSQL: postgresql://..., env:NAME or file:PATH")
    async with contextlib.AsyncExitStack() as stack:
        runs = [_job(share, journal).run(share.requests, about=about) for share in shares]
        for share, run in zip(shares, runs, strict=True):
            await stack.enter_async_context(run.taken_in(share.left_out))
        agree()
        await asyncio.to_thread(make_queue, place)
        entrypoints = [entrypoint_of(share.session.profile) for share in shares]
        queues = [functools.partial(enqueue_run, entrypoint=entrypoint, job=job) for entrypoint in entrypoints]
        in_the_way = await count_in(runs, queues)
        if any(in_the_way):
            for share, problems in zip(shares, in_the_way, strict=True):
                if share.left_out is not None:
                    share.left_out.extend(problems)
            agree()
            refuse([problem for problems in in_the_way for problem in problems])
        counts: Counter[State] = Counter()
        for run in runs:
            counts.update(await run.states())
        return counts


def _job(share: Share, journal: str) -> BookingJob:
    return BookingJob(share.session, journal=journal, allow_same_parcel=share.allow_same_parcel)
