"""One logical call, what came back of one attempt, or why nothing did: values, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from yarl import URL

from .._errors import Stage
from .._models.operation import Operation


@attrs.define(repr=False)
class Call:
    """One logical call, encoded once: what every attempt of it sends.

    ``request`` is the request, or a function that gives it; it serves only to mask what it holds of persons.
    ``seconds`` is how long the call may take, None: the profile's ``Timeouts.total``.
    ``written`` tells whether a byte of the attempt that is under way may have left.
    """

    operation: Operation[Any]
    request: Any
    reference: str | None
    url: URL
    query: str
    body: bytes | None
    seconds: float | None = None
    written: bool = False
    began: float = 0.0


@attrs.define(repr=False)
class Exchange:
    """A whole reply.

    ``sent`` and ``received`` are our wall clock; ``signed_at`` is the time that was signed, in Unix seconds;
    ``authentic`` tells that nobody in between can have made it up (TLS, or this machine); ``signed`` are the values that
    authenticated the attempt, which must not be shown.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: float
    received: float
    signed_at: float
    authentic: bool
    signed: tuple[str, ...]


class BrokenExchangeError(Exception):
    """No whole reply: at which stage, and why (a type name, for the attempt's record).

    ``hopeless``: it can't get better by itself (a bad certificate). ``deadline``: our own time was up.
    """

    def __init__(self, stage: Stage, reason: str, *, hopeless: bool = False, deadline: bool = False) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason
        self.hopeless = hopeless
        self.deadline = deadline
