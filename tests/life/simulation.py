"""A world in one thread: time that jumps, a vendor without sockets, a journal on disk that can be left at any commit.

The journal, the job and the client are the real ones. In their place stand the event loop's clock, the transport's `Way`, and the
thread of the journal's writer, whose work the loop does in turn: so a day depends on nothing but its plan.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import selectors
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl

import attrs
from multidict import CIMultiDict

from pandapon_async import PandaPonSession, VendorProfile
from pandapon_async._calls.direct_transport import fixed_headers, sign
from pandapon_async._calls.exchange import BrokenExchangeError, Call, Exchange
from pandapon_async._calls.transport import Transport
from pandapon_async._config.profiles import Timeouts
from pandapon_async._errors import Stage
from pandapon_async._journal.sql import writer as writer_module
from pandapon_async._journal.sql.owners import Owner
from pandapon_async._journal.sqlite import store as store_module
from pandapon_async._journal.sqlite.writer import Writer
from pandapon_async._session import client_of
from pandapon_async.testing._faults import FaultDice, Faults
from pandapon_async.testing._handler import PlannedReply, RequestHandler, Rules
from pandapon_async.testing._ledger import Ledger
from pandapon_async.testing._steps import ScriptStep, parse_step
from pandapon_async.testing._verification import Account
from tests.life.ledger import deeds_of

LATENCY = 0.01
"""Seconds of one way to the vendor, and of a commit."""
DISK = 0.002
RETRY = 0.25
LATE = 60.0
"""Seconds after which the vendor carries out what it had taken from a connection that was cut."""

FAULTS: dict[str, ScriptStep] = {
    "ok": "ok", "refuse": "refuse", "drop_before": "drop_before", "drop_after": "drop_after", "half_body": "half_body",
    "html": "html", "empty": "empty", "null": "null_envelope", "stall": "stall", "429": 429, "502": 502, "503": 503, "403": 403,
    "unreachable": "ok", "late": "ok", "stray": "ok", "stray_refused": "refuse",
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


class SimulatedVendor:
    """The fake vendor's rules and books, without its socket.

    Attributes:
        faults: what happens to the next attempts.
        cut: nothing reaches it any more: who would send was killed.
    """

    def __init__(self, clock: VirtualLoop, accounts: list[Account]) -> None:
        self.ledger = Ledger()
        self.deeds = deeds_of(self.ledger)
        self.faults: deque[str] = deque()
        self.cut = False
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
        if fault == "unreachable" or vendor.cut:
            raise BrokenExchangeError(Stage.NOT_SENT, "the connection was refused")
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


# --- the disk ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class Kill:
    """Kill the process at its n-th commit: just ``before`` it, or just after."""

    commit: int
    before: bool


class Disk:
    """The folder of the journal. When the process is killed, what is in it then is what the next one finds.

    Attributes:
        full: at which group of writes the disk is full, counted in a process, and for how many groups.
        left: the folder that a killed process left; what it does after its death it does in the old one, and nobody sees it.
        life: the number of the process that lives now.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._number = 0
        self.folder = self.new_folder()
        self.folder.mkdir()
        self.left: Path | None = None
        self.life = 1
        self._commits = 0
        self._kill: Kill | None = None
        self._at_kill: Callable[[], None] = lambda: None
        self.full: tuple[int, int] | None = None
        self._groups = 0

    @property
    def journal(self) -> Path:
        return self.folder / "bookings.db"

    def new_folder(self) -> Path:
        self._number += 1
        return self._root / str(self._number)

    def move_to(self, folder: Path) -> None:
        """Go on there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = folder

    @contextlib.contextmanager
    def process(self, kill: Kill | None, at_kill: Callable[[], None]) -> Generator[None, None, None]:
        """A process's life: ``at_kill`` is called in the moment of its death, if it comes to that."""
        self._commits, self._kill, self._at_kill, self._groups = 0, kill, at_kill, 0
        try:
            yield
        finally:
            self.life += 1
            self._kill = self.full = None
            if self.left is not None:
                self.move_to(self.left)
                self.left = None

    @contextlib.contextmanager
    def by_another(self) -> Generator[None, None, None]:
        """What is done by a process that isn't the one that may be killed, nor fills the disk."""
        kill, self._kill = self._kill, None
        full, self.full = self.full, None
        try:
            yield
        finally:
            self._kill, self.full = kill, full

    def write_group(self) -> None:
        """A group is about to be committed: there may be no room for it."""
        self._groups += 1
        if self.full is not None and self.full[0] <= self._groups < sum(self.full):
            raise sqlite3.OperationalError("database or disk is full")

    @contextlib.contextmanager
    def commit(self) -> Generator[None, None, None]:
        """Something is made durable."""
        self._commits += 1
        if self._kill == Kill(self._commits, True):
            self._die()
        yield
        if self._kill == Kill(self._commits, False):
            self._die()

    def _die(self) -> None:
        self._kill = None
        self.left = self.new_folder()
        shutil.copytree(self.folder, self.left, ignore=shutil.ignore_patterns("*-shm"))
        self._at_kill()


def _watched(disk: Disk) -> type[sqlite3.Connection]:
    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
            if sql == "COMMIT":
                disk.write_group()
            durable = sql == "COMMIT" or sql.startswith("PRAGMA wal_checkpoint")
            with disk.commit() if durable else contextlib.nullcontext():
                return super().execute(sql, *values)

        def executescript(self, sql: str) -> sqlite3.Cursor:  # type: ignore[override]
            with disk.commit():
                return super().executescript(sql)

        def __exit__(self, *error: Any) -> Any:
            with disk.commit():
                return super().__exit__(*error)

    return Watched


class _SteppedWriter(Writer):
    """A journal's writer whose thread's work the loop does, a moment after it was asked for."""

    def _put(self, *work: Any, **how: Any) -> asyncio.Future[Any]:
        future = super()._put(*work, **how)
        asyncio.get_running_loop().call_later(DISK, self._step)
        return future

    def _step(self) -> None:
        if not self._items.empty() and (group := self._next_group()):
            self._write(group)
            if self._owed:
                asyncio.get_running_loop().call_later(RETRY, self._step_owed)

    def _step_owed(self) -> None:
        if self._owed and not self._closed:
            self._write([])
            asyncio.get_running_loop().call_later(RETRY, self._step_owed)

    def end(self) -> None:
        if not self._closed:
            super().end()
            self._run()

    async def close(self) -> None:
        self.end()


@contextlib.contextmanager
def simulated(disk: Disk) -> Generator[None, None, None]:
    """No thread is started meanwhile, and every commit is seen."""

    async def at_once(work: Callable[..., Any], *args: Any) -> Any:
        return work(*args)

    with contextlib.ExitStack() as patches:
        connect = functools.partial(sqlite3.connect, factory=_watched(disk))
        for target, name, value in (
            (asyncio, "to_thread", at_once),
            (sqlite3, "connect", connect),
            (time, "sleep", lambda seconds: None),
            (store_module, "Writer", _SteppedWriter),
            (writer_module, "threading", mock.Mock()),
            (Owner, "this_process", classmethod(lambda cls: cls("here", "boot", disk.life, "1"))),
            (Owner, "is_alive", lambda owner: owner.pid == disk.life),
        ):
            patches.enter_context(mock.patch.object(target, name, value))
        yield
