"""One logical call, what came back of one attempt, or why nothing did: values, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
from yarl import URL

from .._errors import Stage
from .._models.operation import Operation


@attrs.define(repr=False)
class Call:
    """One logical call, encoded once: what every attempt of it sends.

    ``request`` is the request, or a function that gives it; it serves only to mask what it holds of persons.
    ``seconds`` is how long the call may take, None: the profile's ``Timeouts.total``.
    ``guard`` is asked right before the first byte; what it answers is why nothing may leave any more.
    ``written`` tells whether a byte of the attempt that is under way may have left.
    """

    operation: Operation[Any]
    request: Any
    reference: str | None
    url: URL
    query: str
    body: bytes | None
    seconds: float | None = None
    guard: Callable[[], str | None] | None = None
    written: bool = False
    began: float = 0.0


class TellsOrders(Protocol):
    """A connection that remembers which order ids it has told."""

    def first_told(self, operation: str, order_id: str, reference: str | None, /) -> str | None:
        """Note an order id; if another booking was told it before, who."""
        ...

    def close(self) -> None:
        """Never use the connection again."""
        ...


@attrs.define(repr=False)
class Exchange:
    """A whole reply.

    Attributes:
        status, headers, body: the reply; the body is decompressed.
        sent, received: our wall clock.
        signed_at: the time that was signed, in Unix seconds.
        authentic: nobody in between can have made it up (TLS, or this machine).
        signed: the values that authenticated the attempt, which must not be shown.
        early: it came before the request had left whole, so that it can't be an answer to all of it.
        peer: the connection that it came by, if it is one that is used for more than one call.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: float
    received: float
    signed_at: float
    authentic: bool
    signed: tuple[str, ...]
    early: bool = False
    peer: TellsOrders | None = None


class BrokenExchangeError(Exception):
    """No whole reply: at which stage, and why, in words that can be shown.

    ``hopeless``: it can't get better by itself (a bad certificate). ``deadline``: our own time was up.
    """

    def __init__(self, stage: Stage, reason: str, *, hopeless: bool = False, deadline: bool = False) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason
        self.hopeless = hopeless
        self.deadline = deadline
