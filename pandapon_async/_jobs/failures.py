"""How a booking that failed stands in the journal."""

from __future__ import annotations

from typing import Literal

from .._config.profiles import CodeMeaning
from .._errors import (
    ApiError,
    AuthError,
    HttpStatusError,
    OutcomeUnknownError,
    PandaponError,
    RateLimitedError,
    RequestError,
    in_short,
)
from .._journal.rows import State
from .._journal.store import Ending
from .._models.jsonio import dumps
from .._streams.workers import WorkerState


def ending_of(state: State, error: Exception) -> Ending:
    """How a booking ended that failed; the vendor's reply is kept for whoever looks it up, but not for one that will be sent again."""
    if not isinstance(error, PandaponError):
        return Ending(state=state, error=in_short(error))
    said = (error.text or None) if error.raw is None else error.raw
    reply = None if state == "pending" or said is None else dumps(said).decode()
    return Ending(state=state, error=in_short(error), request_id=error.request_id, reply=reply)


def state_after(error: Exception, worker: WorkerState) -> Literal["refused", "unknown", "pending"]:
    """The state in which a failure leaves a row that was written as sent."""
    if isinstance(error, OutcomeUnknownError):
        return "unknown"
    if isinstance(error, ApiError):
        return "refused" if error.meaning == CodeMeaning.REFUSED else "pending"
    if isinstance(error, HttpStatusError) and not isinstance(error, (AuthError, RateLimitedError)):
        return "refused" if error.status < 500 else "pending"
    if isinstance(error, RequestError):
        return "refused"
    # What isn't ours (a hook, a signer) may have been raised at any moment.
    return "unknown" if not isinstance(error, PandaponError) and worker.must_end else "pending"
