"""A shop as a state machine: each of its rules is an act of ordinary life, and after each the vendor's books decide."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pandapon_async import (
    NOT_BOOKED,
    PANDAPON,
    BookingJob,
    Credentials,
    InputError,
    Journal,
    JournalError,
    JournalRow,
    PandaPonSession,
    RequestError,
    Stop,
)
from pandapon_async._journal.resolving import Resolution
from pandapon_async._models.converters import decode
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest, Money
from pandapon_async.testing._verification import Account
from tests.life.ledger import Order, Told, check, check_report, check_settled, reference_of
from tests.life.simulation import FAULTS, Disk, Kill, SimulatedVendor, VirtualLoop, simulated

START = 1_790_000_000.0
DAY = 86_400.0
KEYS = 4
URLS = (
    "https://vendor.example", "https://VENDOR.example/", "https://vendor.example:443", "https://vendor.example./", "https://vendor.example//",
)  # fmt: skip
ACCOUNTS = [
    Account(kind="pandapon", access_key=f"key-{n}", access_secret=f"secret-{n}", user_id="1000000000001")
    for n in range(KEYS)
]


@attrs.frozen
class Caller:
    """One who books one order by itself, beside the run.

    ``which``: counted from the latest; ``patience``: seconds after which it gives up.
    """

    which: int
    at: float
    patience: float


@attrs.frozen
class Plan:
    """A day: what is fed, what the vendor does, who else is there, how it ends."""

    new: int
    feed: str
    faults: list[str]
    concurrency: int
    streamed: bool
    drain: float
    end: str
    after: float
    kill: Kill | None
    callers: list[Caller]
    around: frozenset[str]


FEEDS = ("all", "all", "shuffled", "twice", "blanks", "unfinished", "copied")
ENDS = ("through", "through", "left", "interrupted", "interrupted", "killed", "killed", "killed")
AROUND = ("look", "second start", "backup", "reconcile", "retry refused")
KILLS = st.none() | st.builds(Kill, st.integers(1, 12), st.booleans())


def _drawn(number: int) -> Plan:
    """A day by a seed of its own: hypothesis would have most days be quiet ones, and seldom two things in one."""
    dice = random.Random(number)
    faults = [dice.choice(("ok", "ok", *FAULTS)) for _ in range(dice.randrange(9))]
    moment = lambda: dice.randrange(40) / 200  # noqa: E731
    return Plan(
        new=dice.randrange(5), feed=dice.choice(FEEDS), faults=faults, concurrency=dice.randrange(1, 5),
        streamed=dice.random() < 0.5, drain=dice.choice((30.0, 0.0)), end=dice.choice(ENDS), after=moment(),
        kill=Kill(dice.randrange(1, 31), dice.random() < 0.5),
        callers=[Caller(dice.randrange(5), moment(), moment()) for _ in range(dice.choice((0, 0, 1, 2)))],
        around=frozenset(dice.sample(AROUND, dice.choice((0, 1, 2)))),
    )  # fmt: skip


PLANS = st.integers(0, 2**32).map(_drawn)
QUIET = Plan(0, "all", [], 4, False, 30.0, "through", 0, None, [], frozenset())


class Life(RuleBasedStateMachine):
    """One shop and its journal. Each rule is an act; after each, the vendor's books decide."""

    days = 0
    known = True
    """Whether to look away from what `test_found` shows."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        base = (
            "/dev/shm" if os.path.isdir("/dev/shm") else None
        )  # a kill is no power cut: memory keeps what was written
        root = tempfile.mkdtemp(dir=base)
        self.stack.callback(shutil.rmtree, root, ignore_errors=True)
        self.disk = Disk(Path(root))
        self.loop = VirtualLoop(START)
        self.stack.callback(self.loop.close)
        self.stack.enter_context(simulated(self.disk))
        self.vendor = SimulatedVendor(self.loop, ACCOUNTS)
        self.orders: list[Order] = []
        self.told: list[Told] = []
        self.rows: dict[str, JournalRow] = {}
        self.key = self.url = 0
        self.known_keys = {0}
        self.withdrawn: set[str] = set()
        self.forgotten = False
        self.credited = Decimal(0)
        self.told_today: list[tuple[str, Told]] = []

    # --- the job ---

    @rule(plan=PLANS)
    def day(self, plan: Plan) -> None:
        """Feed the file and book, whatever comes between."""
        type(self).days += 1
        for _ in range(plan.new):
            self.orders.append(Order(len(self.orders) + 1))
        self.told_today.clear()
        self.vendor.faults.clear()
        self.vendor.faults.extend(plan.faults)
        task: asyncio.Task[None] | None = None

        def at_kill() -> None:
            self.vendor.cut = True
            if task is not None:
                self.loop.call_soon(task.cancel)

        with self.disk.process(plan.kill if plan.end == "killed" else None, at_kill):
            task = self.loop.create_task(self._booked(plan))
            if plan.end == "interrupted":
                self.loop.call_later(plan.after, task.cancel)
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    self.loop.run_until_complete(task)
            finally:
                self._end_tasks()
        self.vendor.receive_all()
        self.vendor.cut = False

    async def _booked(self, plan: Plan) -> None:
        async with self._session() as session:
            job = self._job(session, plan if plan.feed != "copied" else attrs.evolve(plan, streamed=True))
            if not self._key_is_known:
                await self._refused(job)
                return
            async with job:
                callers = [asyncio.create_task(self._call(job, caller)) for caller in plan.callers]
                await self._run(job, plan)
                await asyncio.gather(*callers)
            strays = {"stray", "stray_refused"} & {*plan.faults}
            given_up = any(caller.patience for caller in plan.callers)  # counted, perhaps, and never told
            if not self.vendor.cut and not given_up and not (self.known and strays):  # KNOWN: see test_found
                whole = not plan.callers and not plan.streamed and plan.feed not in ("unfinished", "twice", "copied")
                whole = whole and plan.end == "through"  # KNOWN: see test_found
                check_report(job.report, self.told_today, self.vendor.deeds, len(self.orders) if whole else None)

    async def _run(self, job: BookingJob, plan: Plan) -> None:
        outcomes = job.run(self._input(plan.feed))
        seen = 0
        try:
            async with outcomes:
                async for outcome in outcomes:
                    self._tell(outcome)
                    seen += 1
                    await self._around(job, plan)
                    if plan.end == "left" and seen > plan.after * 25:
                        break
        finally:
            for outcome in outcomes.undelivered:
                self._tell(outcome)

    async def _around(self, job: BookingJob, plan: Plan) -> None:
        if "look" in plan.around:
            with self._journal() as journal:
                journal.counts()
        if "second start" in plan.around:
            async with self._session() as session:
                await self._refused(self._job(session, QUIET))
        if "backup" in plan.around and not (target := self.disk.folder / "backup.db").exists():
            with self._journal() as journal:
                journal.backup(target)

    def _job(self, session: PandaPonSession, plan: Plan) -> BookingJob:
        return BookingJob(
            session,
            journal=self.disk.journal,
            concurrency=plan.concurrency,
            check="stream" if plan.streamed else "all",
            drain=plan.drain,
            stop=Stop(in_a_row=10**6),
            retry_refused="retry refused" in plan.around,
            adopt_account="adopt" in plan.around,
            reconcile=self._reconcile if "reconcile" in plan.around else None,
        )

    def _input(self, feed: str) -> list[tuple[str, FreightBookingRequest]] | None:
        pairs = [(order.reference, order.request()) for order in self.orders]
        if feed == "copied" and pairs and self.orders[0].reference not in self._in("refused", "void"):
            pairs.append(("copy-of-1", self.orders[0].request()))  # held: it is never sent
        if feed == "blanks":
            pairs = [(f"\u3000{reference} ", request) for reference, request in pairs]
        return None if feed == "unfinished" else {"twice": pairs * 2, "shuffled": pairs[::-1]}.get(feed, pairs)

    async def _call(self, job: BookingJob, caller: Caller) -> None:
        await asyncio.sleep(caller.at)
        if not self.orders:
            return
        order = self.orders[-1 - caller.which % len(self.orders)]
        try:
            outcome = await asyncio.wait_for(job.book(order.request(), order.reference), caller.patience or None)
        except asyncio.TimeoutError:
            return
        except InputError as error:
            if [problem.code for problem in error.problems] != ["taken in"]:
                raise
            return
        self._tell(outcome)

    async def _refused(self, job: BookingJob) -> None:
        """It may not begin, and sends nothing."""
        seen = sum(self.vendor.ledger.seen.values())
        with pytest.raises(JournalError):
            async with job.run(self._input("all")):
                pass
        assert sum(self.vendor.ledger.seen.values()) == seen

    async def _reconcile(self, session: PandaPonSession, request: FreightBookingRequest) -> Any:
        """What the vendor's list of orders says, though a booking that isn't there yet may still come."""
        reference = reference_of(request.render_id or "")
        for deed in self.vendor.deeds:
            if deed.reference == reference:
                return decode(FreightBooking, deed.data)[0]
        return NOT_BOOKED

    # --- the people around it ---

    @rule(which=st.sets(st.integers(0, 9)), kill=KILLS)
    @precondition(lambda self: self._in("unknown"))
    def resolve(self, which: set[int], kill: Kill | None) -> None:
        """Somebody looks up at the vendor, some hours later, what is in doubt."""
        self.loop.advance(DAY / 4)
        doubts = [reference for number, reference in enumerate(self._in("unknown")) if number in which]
        with self._by_hand(kill) as journal:
            journal.resolve_all(self._resolutions(doubts), by="ann", note="looked up")

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self._in("refused"))
    def correct(self, which: int) -> None:
        """What was refused gets another quote."""
        refused = self._in("refused")
        number = int(refused[which % len(refused)].partition("-")[2])
        self.orders[number - 1].edition += 1

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self._in("pending"))
    def withdraw(self, which: int) -> None:
        """The customer doesn't want it any more."""
        waiting = self._in("pending")
        reference = waiting[which % len(waiting)]
        with self._by_hand(None) as journal:
            journal.resolve(reference, "void", by="ann", note="withdrawn")
        self.withdrawn.add(reference)

    @rule(which=st.integers(0, 9), cents=st.integers(1, 999))
    @precondition(lambda self: self._in("done"))
    def credit(self, which: int, cents: int) -> None:
        """The vendor gives something back."""
        done = self._in("done")
        amount = Decimal(cents) / 100
        with self._by_hand(None) as journal:
            journal.credit(done[which % len(done)], Money(amount=amount, currency="USD"), by="ann", note="late")
        self.credited += amount

    @rule(
        kind=st.sampled_from(("other body", "same quote", "same parcel", "bad reference", "no request", "cut off")),
        which=st.integers(0, 9),
    )
    @precondition(lambda self: self._in("done", "unknown") and self._key_is_known)
    def feed_damaged(self, kind: str, which: int) -> None:
        """The file is fed with a mistake in it: none of it is taken."""
        ended = self._in("done", "unknown")
        order = self.orders[int(ended[which % len(ended)].partition("-")[2]) - 1]
        bad: Any = {
            "other body": (order.reference, order.request(remark="another")),
            "same quote": (f"copy-of-{order.number}", order.request()),
            "same parcel": (f"copy-of-{order.number}", order.request(render_id="another")),
            "bad reference": ("order\x00", order.request()),
            "no request": 42,
            "cut off": (order.reference, FreightBookingRequest(render_id=order.render_id[:-1] or "R")),
        }[kind]
        sent_at = self.rows[order.reference].sent_at
        if kind == "same parcel" and (
            self.forgotten or not sent_at or sent_at.timestamp() < self.loop.now() - 29 * DAY
        ):
            return  # nobody remembers
        seen = sum(self.vendor.ledger.seen.values())

        async def fed() -> None:
            async with self._session() as session:
                with pytest.raises((InputError, RequestError)):
                    async with self._job(session, QUIET).run([*(self._input("all") or ()), bad]):
                        pass

        self.loop.run_until_complete(fed())
        assert sum(self.vendor.ledger.seen.values()) == seen

    @rule()
    @precondition(lambda self: self.rows)
    def rotate_the_key(self) -> None:
        """The vendor gives another key; the old one ends."""
        self.key = (self.key + 1) % KEYS

    @rule(kill=KILLS, by_job=st.booleans())
    @precondition(lambda self: not self._key_is_known)
    def adopt(self, kill: Kill | None, by_job: bool = False) -> None:
        """Somebody says that it is the same account, by hand or to the job; killed meanwhile, they say it again."""
        for once in () if by_job else (kill, None):
            with self._by_hand(once) as journal:
                journal.adopt(self._profile(), FreightBookingRequest.operation, by="ann", note="a new key")
        self.known_keys.add(self.key)
        if by_job:
            self.day(plan=attrs.evolve(QUIET, around=frozenset({"adopt"})))

    @rule(url=st.integers(0, len(URLS) - 1))
    def respell_the_url(self, url: int) -> None:
        self.url = url

    @rule(hours=st.integers(-30, 40 * 24))
    def set_the_clock(self, hours: int) -> None:
        """Time passes; or somebody sets the clock back."""
        if hours < 0:
            self.loop.set_wall(hours * 3600.0)
        else:
            self.loop.advance(hours * 3600.0)

    # --- its files ---

    @rule(how=st.sampled_from(("copy", "move", "forget", "check")))
    @precondition(lambda self: self.rows)
    def handle_the_file(self, how: str) -> None:
        if how == "copy":
            folder = self.disk.new_folder()
            shutil.copytree(self.disk.folder, folder)
            self.disk.move_to(folder)
        elif how == "move":
            folder = self.disk.new_folder()
            self.disk.folder.rename(folder)
            self.disk.move_to(folder)
        else:
            self.forgotten |= how == "forget"
            with self._by_hand(None) as journal:
                journal.check() if how == "check" else journal.forget_before(
                    datetime.fromtimestamp(self.loop.now() - DAY, timezone.utc)
                )

    @rule()
    @precondition(lambda self: self.rows and self._key_is_known)
    def copy_without_its_wal(self) -> None:
        """Such a copy is refused, unless nothing is missing in it."""
        folder = self.disk.new_folder()
        folder.mkdir()
        copy = folder / "bookings.db"
        shutil.copyfile(self.disk.journal, copy)
        with contextlib.suppress(JournalError), Journal.open(copy) as journal:
            found = {row.reference: (row.state, row.version) for row in journal.rows()}
            assert found == {row.reference: (row.state, row.version) for row in self.rows.values()}
        shutil.rmtree(folder)

    @rule(restored=st.booleans())
    @precondition(lambda self: self.rows and self._key_is_known)
    def go_on_with_a_backup(self, restored: bool) -> None:
        """A backup is refused until somebody says that nothing was booked since."""
        folder = self.disk.new_folder()
        folder.mkdir()
        with self._journal() as journal:
            journal.backup(folder / "bookings.db")
        original, self.disk.folder = self.disk.folder, folder

        async def refused() -> None:
            async with self._session() as session:
                await self._refused(self._job(session, QUIET))

        self.loop.run_until_complete(refused())
        if restored:
            with self._by_hand(None) as journal:
                journal.restore(by="ann", note="the old disk is broken")
        self.disk.folder = original
        if restored:
            self.disk.move_to(folder)

    # --- what must be so ---

    @invariant()
    def the_books_agree(self) -> None:
        self.rows = check(self.disk.journal, self.vendor.deeds, self.told, credited=self.credited)

    def teardown(self) -> None:
        try:
            self._end()
        finally:
            self.stack.close()

    def _end(self) -> None:
        """Quiet days, on which people do what is to be done: then every order is booked once."""
        if not self.rows:
            return
        if not self._key_is_known:
            self.adopt(kill=None)
        self.day(plan=QUIET)
        self.the_books_agree()
        while left := self._in("unknown", "refused"):
            self.loop.advance(DAY)
            with self._by_hand(None) as journal:
                journal.resolve_all(self._resolutions(self._in("unknown")), by="ann", note="looked up")
            for reference in self._in("refused"):
                self.orders[int(reference.partition("-")[2]) - 1].edition += 1
            self.day(plan=QUIET)
            self.the_books_agree()
            assert not {*left} & {*self._in("unknown", "refused")}, f"on a quiet day: {self.rows}"
        check_settled(self.rows, self.vendor.deeds, self.orders, self.withdrawn)

    # --- helpers ---

    @property
    def _key_is_known(self) -> bool:
        return self.key in self.known_keys

    @contextlib.contextmanager
    def _by_hand(self, kill: Kill | None) -> Any:
        """What a person does with the journal; killed, it may count or not, but never by half."""
        with self.disk.process(kill, lambda: None), self._journal() as journal:
            yield journal

    def _resolutions(self, references: list[str]) -> list[Resolution]:
        made = {deed.reference: deed for deed in self.vendor.deeds}
        found = []
        for reference in references:
            deed = made.get(reference)
            fee = None if deed is None else Money(amount=deed.fee, currency="USD")
            state: Any = "pending" if deed is None else "done"
            found.append(Resolution(reference, state, order_id=deed and deed.order_id, fee=fee))
        return found

    def _tell(self, outcome: Any) -> None:
        if self.vendor.cut:
            return  # its process was dead by then
        fee = None if outcome.fee is None else outcome.fee.amount
        fee = None if outcome.fee is None else outcome.fee.amount
        told = Told(outcome.reference, outcome.recorded, outcome.order_id, fee)
        self.told_today.append((outcome.state, told))
        if self.known and outcome.recorded == "done" and outcome.order_id is None:
            return  # KNOWN: see test_found
        told = Told(outcome.reference, outcome.recorded, outcome.order_id, fee)
        self.told.append(told)
        if told.recorded in ("refused", "pending"):
            assert told.reference not in {deed.reference for deed in self.vendor.deeds}, f"told as not made: {told}"

    def _end_tasks(self) -> None:
        """What is still at work ends with its process, as `asyncio.run` has it."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.wait(tasks) if tasks else asyncio.sleep(0))

    def _in(self, *states: str) -> list[str]:
        return [reference for reference, row in self.rows.items() if row.state in states]

    def _row(self, reference: str) -> JournalRow:
        with self._journal() as journal:
            return journal.get(reference)

    def _journal(self) -> Journal:
        return Journal(self.disk.journal, self.loop)

    def _profile(self) -> Any:
        account = ACCOUNTS[self.key]
        credentials = Credentials(
            access_key=account.access_key, access_secret=account.access_secret, user_id=account.user_id
        )
        return PANDAPON.evolve(base_url=URLS[self.url], credentials=credentials)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[PandaPonSession]:
        session = self.vendor.session(self._profile())
        try:
            yield session
        finally:
            await session.close()
