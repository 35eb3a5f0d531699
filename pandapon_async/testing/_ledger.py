"""The ledger: the requests that the fake vendor received, and what it carried out."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from pandapon_async.testing._operations import VendorKind


@attrs.frozen(kw_only=True)
class RequestRecord:
    """One request as the vendor saw it, without its body or any personal data.

    ``operation`` is the contract id, ``""`` if path or method is unknown. ``received_at`` is Unix time by the vendor's clock.
    ``fault`` names the step that altered the call, None if it was answered normally. ``status`` is the HTTP status sent, 0 if
    none was. ``reference`` is set for bookings only.
    """

    operation: str
    vendor: VendorKind
    method: str
    path: str
    reference: str | None
    received_at: float
    nonce: str | None
    timestamp: str | None
    done: bool
    fault: str | None
    problems: tuple[str, ...]
    status: int


@attrs.frozen(kw_only=True)
class MessageAttempt:
    """One attempt to deliver a message: ``at`` is its Unix time by the sender's clock, ``status`` the answer's (0 if none), and
    ``elapsed`` its duration in seconds."""

    at: float
    status: int
    elapsed: float


@attrs.frozen(kw_only=True)
class SentMessage:
    """A sent message and its delivery attempts. ``digest`` is the SHA-256 of its bytes, in hex."""

    vendor: VendorKind
    type: str
    digest: str
    url: str
    attempts: tuple[MessageAttempt, ...]

    @property
    def acknowledged_at(self) -> float | None:
        """The time of the acknowledged attempt; None if there is none."""
        return self.attempts[-1].at if self.acknowledged else None

    @property
    def acknowledged(self) -> bool:
        """Whether the receiver answered 200 in time."""
        return bool(self.attempts) and self.attempts[-1].status == 200


class Ledger:
    """Counts requests and bookings. Safe to read from any thread: every property returns a copy.

    Args:
        keep_replies: keep the reply to each booking; memory then grows with the bookings.
        keep_requests: how many of the latest requests, and of the latest messages, to keep.
    """

    def __init__(self, *, keep_replies: bool = True, keep_requests: int = 10_000) -> None:
        self._lock = threading.RLock()
        self._keep_replies = keep_replies
        self._bookings: dict[str, int] = {}
        self._fees: dict[str, Decimal] = {}
        self._replies: dict[str, Any] = {}
        self._bodies: list[Any] | None = None  # what was booked, in full: for our own tests, which set a list
        self._requests: deque[RequestRecord] = deque(maxlen=keep_requests)
        self._messages: deque[SentMessage] = deque(maxlen=keep_requests)
        self._seen: Counter[str] = Counter()
        self._done: Counter[str] = Counter()

    @property
    def bookings(self) -> Mapping[str, int]:
        """How often each reference was booked: the ``renderId``, else the body's SHA-256."""
        with self._lock:
            return dict(self._bookings)

    @property
    def doubled(self) -> dict[str, int]:
        """The references booked more than once."""
        with self._lock:
            return {reference: count for reference, count in self._bookings.items() if count > 1}

    @property
    def fees(self) -> Mapping[str, Decimal]:
        """The total fees per currency; a double booking counts twice."""
        with self._lock:
            return dict(self._fees)

    @property
    def replies(self) -> Mapping[str, Any]:
        """The ``data`` of the latest booking of each reference."""
        with self._lock:
            return dict(self._replies)

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._requests)

    @property
    def messages(self) -> tuple[SentMessage, ...]:
        """The latest messages whose delivery has ended, acknowledged or not, in the order in which they ended."""
        with self._lock:
            return tuple(self._messages)

    @property
    def seen(self) -> Counter[str]:
        """Requests received completely, per contract id."""
        with self._lock:
            return Counter(self._seen)

    @property
    def done(self) -> Counter[str]:
        """Requests carried out, per contract id, whether or not the answer arrived."""
        with self._lock:
            return Counter(self._done)

    def count(self, reference: str) -> int:
        """How often ``reference`` was booked."""
        with self._lock:
            return self._bookings.get(reference, 0)

    def clear(self) -> None:
        """Forget all requests, bookings and messages."""
        with self._lock:
            for part in (self._bookings, self._fees, self._replies, self._requests, self._messages):
                part.clear()
            if self._bodies is not None:
                self._bodies.clear()
            for counts in (self._seen, self._done):
                counts.clear()

    def add_request(self, record: RequestRecord, *, whole: bool = True) -> None:
        """Record a request; an incomplete one is listed, but not counted as seen."""
        with self._lock:
            self._requests.append(record)
            if whole:
                self._seen[record.operation] += 1
            if record.done:
                self._done[record.operation] += 1

    def add_message(self, message: SentMessage) -> None:
        """Record a message that was acknowledged or given up."""
        with self._lock:
            self._messages.append(message)

    def add_booking(self, reference: str, data: Mapping[str, Any], body: Any = None) -> None:
        """Record a booking of ``reference`` with the reply ``data``; ``body`` is what was booked."""
        fee = data["orderFee"]
        with self._lock:
            self._bookings[reference] = self._bookings.get(reference, 0) + 1
            self._fees[fee["currency"]] = self._fees.get(fee["currency"], Decimal(0)) + Decimal(fee["amount"])
            if self._keep_replies:
                self._replies[reference] = data
            if self._bodies is not None:
                self._bodies.append(body)
