"""One booking as a unit that any task queue can call, any number of times.

Task queues deliver a task again when a worker dies, so what they call must be idempotent; vendors offer nothing for that, the
journal does. The guide `fleet` has Procrastinate, Celery, Temporal and DBOS around it, each in a few lines.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, TypeVar

from .._calls.client import Closable
from .._models.operation import VendorRequest
from .._session import VendorSession, client_of
from ..api.logistics import FreightBookingRequest
from .job import BookingJob, WriteJob, join
from .outcome import JobOutcome
from .settings import Allowance, Reconcile

R = TypeVar("R")


async def book_once(
    session: VendorSession,
    request: VendorRequest[R],
    *,
    reference: str,
    journal: str | os.PathLike[str],
    shipment: int = 1,
    reconcile: Reconcile | None = None,
    allow_same_parcel: bool = False,
) -> JobOutcome[R]:
    """Make one request of a WRITE operation over a journal; again with its reference: what became of it.

    Call it as often as you like, from as many processes as the journal bears: a file bears one an account, PostgreSQL any number.
    The outcome's ``recorded`` is the state that the journal has: ``done`` and ``refused`` have ended; ``pending``: nothing was done,
    call again; ``sent``: another worker has it under way, call again later; ``unknown``: it may have been made, and only
    ``reconcile`` or a person can tell; None: it is held, since another booking has its parcel.

    The journal stays open until the session is closed. What bounds the spending is the profile's ``daily_spend_limit``.

    Args:
        session: the account.
        request: what to send.
        reference: your own number of it.
        journal: path or URL of the journal; see `Journal.open`. It is made if it isn't there.
        shipment: which of the reference's shipments.
        reconcile: finds out what became of one in doubt; see `WriteJob`.
        allow_same_parcel: it may be made though another booking has its parcel.

    Raises:
        InputError: the journal has another body under the reference, or the request can't be sent.
        JournalError: the journal can't be used; call again.
        ConfigError: the session is closed, or belongs to another event loop or process.
    """
    await client_of(session).state.transport.open()
    job: WriteJob[Any] = _job(session, type(request), journal, reconcile, allow_same_parcel=allow_same_parcel)
    await _held_open(session, job, (session, type(request), os.fspath(journal)))
    return await job.book(request, reference, shipment)


def _job(
    session: VendorSession,
    request_type: type[VendorRequest[Any]],
    journal: str | os.PathLike[str],
    reconcile: Reconcile | None,
    *,
    allow_same_parcel: bool,
) -> WriteJob[Any]:
    allow: Allowance = (lambda _reference, _request: True) if allow_same_parcel else ()
    if request_type is FreightBookingRequest:
        return BookingJob(session, journal=journal, reconcile=reconcile, allow_same_parcel=allow)
    return WriteJob(session, request_type, journal=journal, reconcile=reconcile, allow_same_parcel=allow)


class _HeldOpen(Closable):
    """A job whose journal stays open as long as its session."""

    def __init__(self, job: WriteJob[Any], key: tuple[Any, ...]) -> None:
        self.job = job
        self.key = key
        self._is_open = False
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        async with self._lock:
            if not self._is_open:
                await self.job.__aenter__()
                self._is_open = True

    async def aclose(self) -> None:
        async with self._lock:
            if self._is_open:
                self._is_open = False
                await self.job.__aexit__(None, None, None)


async def _held_open(session: VendorSession, job: WriteJob[Any], key: tuple[Any, ...]) -> None:
    """Open the journal of a job until the session is closed; or let it join the one that is open."""
    streams = client_of(session).state.open_streams
    held = next((found for found in streams if isinstance(found, _HeldOpen) and found.key == key), None)
    if held is None:
        held = _HeldOpen(job, key)
        streams.add(held)
    await held.open()
    join(job, held.job)
