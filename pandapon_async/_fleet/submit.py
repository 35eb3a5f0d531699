"""Bookings taken into the journal and queued: of an input with mistakes nothing is, and of each account all in one transaction."""

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
        agree: called once all is taken in, and before anything of it counts; may raise.

    Returns:
        How many of its bookings are in each state.

    Raises:
        InputError: the input has mistakes; nothing was taken, nothing is queued.
        JournalError: the journal isn't in PostgreSQL, or can't be used.
    """
    place = place_of(journal)
    if not isinstance(place, PostgresUrl):
        raise JournalError(f"{place}: workers need a journal in PostgreSQL: postgresql://..., env:NAME or file:PATH")
    counts: Counter[State] = Counter()
    async with contextlib.AsyncExitStack() as stack:
        taken = [
            await stack.enter_async_context(
                _job(share, journal).run(share.requests, about=about).taken_in(share.left_out)
            )
            for share in shares
        ]
        agree()
        await asyncio.to_thread(make_queue, place)
        for share, count_in in zip(shares, taken, strict=True):
            queue = functools.partial(enqueue_run, entrypoint=entrypoint_of(share.session.profile), job=job)
            counts.update(await count_in(queue))
    return counts


def _job(share: Share, journal: str) -> BookingJob:
    return BookingJob(share.session, journal=journal, allow_same_parcel=share.allow_same_parcel)
