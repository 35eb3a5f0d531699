"""A world in one thread: time that jumps, and a vendor without sockets; what keeps the journal is in `worlds`.

The journal, the job and the client are the real ones. In their place stand the event loop's clock, the transport's `Way`, and the
thread of the journal's writer, whose work the loop does in turn: so a day depends on nothing but its plan.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qsl

import attrs
from multidict import CIMultiDict

from pandapon_async import PandaPonSession, VendorProfile
from pandapon_async._calls.direct_transport import fixed_headers, sign
from pandapon_async._calls.exchange import BrokenExchangeError, Call, Exchange
from pandapon_async._calls.transport import Transport
from pandapon_async._config.profiles import Timeouts
from pandapon_async._errors import Stage
from pandapon_async._session import client_of
from pandapon_async.testing._faults import FaultDice, Faults
from pandapon_async.testing._handler import PlannedReply, RequestHandler, Rules
from pandapon_async.testing._ledger import Ledger
from pandapon_async.testing._steps import ScriptStep, parse_step
from pandapon_async.testing._verification import Account
from tests.life.ledger import deeds_of

LATENCY = 0.01
"""Seconds of one way to the vendor."""
LATE = 60.0
"""Seconds after which the vendor carries out what it had taken from a connection that was cut."""

FAULTS: dict[str, ScriptStep] = {
    "ok": "ok", "refuse": "refuse", "drop_before": "drop_before", "drop_after": "drop_after", "half_body": "half_body",
    "html": "html", "empty": "empty", "null": "null_envelope", "stall": "stall", "429": 429, "502": 502, "503": 503, "403": 403,
    "unreachable": "ok", "late": "ok", "stray": "ok", "stray_refused": "refuse",
    "no_fee": "ok",
}  # fmt: skip
"""What can happen to an attempt, and what the vendor does then. ``stray``: it is answered with the reply to an earlier one."""


# --- time --------------------------------------------------------------------------------------------------------------


class _Timeless(selectors.SelectSelector):
    """Waits for nothing: the loop's time is moved on instead."""

    advance: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits for something that nobody does"
        self.advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no time; also a `Clock`."""

    def __init__(self, start: float) -> None:
        self._start, self._elapsed = start, 0.0
        selector = _Timeless()
        selector.advance = self.advance
        super().__init__(selector)
        # After some hundred days a float has no room for a nanosecond: a timer that is due would never count as due.
        self._clock_resolution = 1e-6

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds

    def time(self) -> float:
        return self._elapsed

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self._start += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# --- the vendor --------------------------------------------------------------------------------------------------------


class Sending(Protocol):
    """The process that would send."""

    def is_dead(self) -> bool:
        """Whether it was killed: nothing of it reaches the vendor."""
        ...

    def stalled(self) -> float:
        """For how many seconds it does nothing."""
        ...


class SimulatedVendor:
    """The fake vendor's rules and books, without its socket.

    Attributes:
        faults: what happens to the next attempts.
        without_fee: the order ids whose reply has not said what they cost.
        sending: the process whose calls come.
    """

    def __init__(self, clock: VirtualLoop, accounts: list[Account], sending: Sending) -> None:
        self.ledger = Ledger()
        self.deeds = deeds_of(self.ledger, clock.now)
        self.without_fee: set[str] = set()
        self.faults: deque[str] = deque()
        self.sending = sending
        self._clock = clock
        self._handler = RequestHandler(Rules(accounts=accounts, now=clock.now), self.ledger, FaultDice(Faults(), 0))
        self._handler.url = "https://vendor.example"
        self._on_the_way: list[Callable[[], None]] = []

    def session(self, profile: VendorProfile) -> PandaPonSession:
        """A session whose calls come here."""
        session = PandaPonSession(profile, clock=self._clock)
        client_of(session).state.transport = _Transport(profile, self._clock, self)
        return session

    def send(self, request: tuple[Any, ...], step: ScriptStep, delay: float) -> asyncio.Future[PlannedReply]:
        """Let a request leave: it arrives, whatever becomes of its sender meanwhile."""
        reply: asyncio.Future[PlannedReply] = self._clock.create_future()

        def arrive() -> None:
            if arrive in self._on_the_way:
                self._on_the_way.remove(arrive)
                self._handler.script.append(parse_step(step))
                answer = self._handler.answer(*request)
                if not reply.done():
                    reply.set_result(answer)

        self._on_the_way.append(arrive)
        self._clock.call_later(delay, arrive)
        return reply

    def stripped(self, body: bytes) -> bytes:
        """A reply without what the booking cost."""
        reply = json.loads(body)
        if reply.get("data"):
            self.without_fee.add(reply["data"]["orderId"])
            del reply["data"]["orderFee"]
        return json.dumps(reply).encode()

    def receive_all(self) -> None:
        """Let everything arrive that is still on its way."""
        for arrive in list(self._on_the_way):
            arrive()


class _Way:
    """One process's way to the vendor, in place of the connections."""

    def __init__(self, profile: VendorProfile, clock: VirtualLoop, vendor: SimulatedVendor) -> None:
        self._profile, self._clock, self._vendor = profile, clock, vendor
        self._last: PlannedReply | None = None

    async def attempt(self, call: Call, offset: float, timeouts: Timeouts, seconds: float) -> Exchange:
        call.written = False
        vendor = self._vendor
        fault = vendor.faults.popleft() if vendor.faults else "ok"
        signature = sign(self._profile, self._clock, offset, call.operation)
        await asyncio.sleep(LATENCY)
        await asyncio.sleep(vendor.sending.stalled())
        if fault == "unreachable" or vendor.sending.is_dead():
            raise BrokenExchangeError(Stage.NOT_SENT, "the connection was refused")
        if call.guard is not None and (why := call.guard()) is not None:
            raise BrokenExchangeError(Stage.NOT_SENT, why)
        call.written = True
        fields = {**fixed_headers(self._profile), **signature.headers, "content-type": "application/json"}
        path, query = call.url.raw_path, dict(parse_qsl(signature.query))
        request = (call.operation.method, path, CIMultiDict(fields), query, call.body)
        if fault == "late":
            vendor.send(request, FAULTS[fault], LATE)
            raise BrokenExchangeError(Stage.UNKNOWN, "the connection was reset")
        answer = await vendor.send(request, FAULTS[fault], LATENCY)
        if answer.step.manner == "stall":
            await asyncio.sleep(min(timeouts.read, seconds))
        await asyncio.sleep(LATENCY)
        if answer.step.manner != "plain":
            raise BrokenExchangeError(Stage.UNKNOWN, "the connection was closed")
        if fault.startswith("stray"):
            answer = self._last or answer
        elif fault == "ok":
            self._last = answer
        elif fault == "no_fee":
            answer = attrs.evolve(answer, body=vendor.stripped(answer.body))
        now = self._clock.now()
        return Exchange(
            answer.status, CIMultiDict(answer.headers), answer.body, now - LATENCY, now, signature.signed_at, True, signature.values,
        )  # fmt: skip

    def is_usable(self) -> bool:
        return True

    def close(self) -> None:
        pass


class _Transport(Transport):
    """A transport whose way needs no connections."""

    def __init__(self, profile: VendorProfile, clock: VirtualLoop, vendor: SimulatedVendor) -> None:
        super().__init__(profile, clock)
        self._simulated = _Way(profile, clock, vendor)

    async def _make(self) -> None:
        self.way = self._simulated
