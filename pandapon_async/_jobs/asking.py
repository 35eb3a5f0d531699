"""What became of a booking in doubt, as the caller's own `reconcile` finds it out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import attrs

from .._errors import OutcomeUnknownError, PandaponError
from .outcome import JobOutcome

R = TypeVar("R")


class _CancelledItself(Exception):  # noqa: N818 - it is told as what it stands for
    pass


async def look_up(asked: Awaitable[Any]) -> Any:
    """What it answers. It has a task of its own, so that a cancel that it raises isn't taken for ours, which ends the worker."""
    looking = asyncio.ensure_future(asked)
    try:
        await asyncio.wait([looking])
    except asyncio.CancelledError:
        looking.cancel()
        await asyncio.wait([looking])
        _ = looking.cancelled() or looking.exception()
        raise
    if looking.cancelled():
        raise _CancelledItself
    return looking.result()


def name_of(failure: Exception) -> str:
    """What it has raised."""
    return "CancelledError" if isinstance(failure, _CancelledItself) else type(failure).__name__


def still_in_doubt(outcome: JobOutcome[R], text: str, cause: Exception | None = None) -> JobOutcome[R]:
    """The outcome of one in doubt that was asked for, and what came of that."""
    known = outcome.error.message if isinstance(outcome.error, PandaponError) else type(outcome.error).__name__
    error = OutcomeUnknownError(f"{known}; {text}", reference=outcome.reference)
    error.__cause__ = cause
    return attrs.evolve(outcome, error=error)
