"""A shop as a state machine: each of its rules is an act of ordinary life, and after each the vendor's books decide."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Generator
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

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
    Stop,
)
from pandapon_async._journal.places import place_of
from pandapon_async._journal.resolving import Resolution
from pandapon_async._models.converters import decode
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest, Money
from pandapon_async.testing._verification import Account
from tests.life.ledger import Order, Told, check, check_report, check_settled, reference_of
from tests.life.plans import PLANS, QUIET, Caller, Plan
from tests.life.simulation import LATE, SimulatedVendor, VirtualLoop
from tests.life.worlds import Kill, World

OTHERS = 1_000
"""The number of the other account's first order."""
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
OTHER = Account(kind="pandapon", access_key="other-key", access_secret="other-secret", user_id="1000000000002")
HIGHEST_FEE = Money(amount=Decimal(420), currency="USD")


@contextlib.contextmanager
def _overtaken(callers: list[Caller]) -> Generator[None, None, None]:
    """What somebody brings may be refused since others have brought it at the same moment, or another quote for it."""
    try:
        yield
    except InputError as error:
        corrects = any(caller.corrects for caller in callers)
        codes = {"taken in", "moved", "other body"} if corrects else {"taken in"} if callers else set[str]()
        if {problem.code for problem in error.problems} - codes:
            raise


class Shop(RuleBasedStateMachine):
    """One shop and its journal. Each rule is an act; after each, the vendor's books decide."""

    days = 0

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.loop = VirtualLoop(START)
        self.stack.callback(self.loop.close)
        self.world: Any = self._made_world()
        self.stack.callback(self.world.close)
        self.stack.enter_context(self.world.simulated())
        self.vendor = SimulatedVendor(self.loop, [*ACCOUNTS, OTHER], self.world)
        self.orders: list[Order] = []
        self.told: list[Told] = []
        self.rows: dict[str, JournalRow] = {}
        self.key = self.url = 0
        self.known_keys = {0}
        self.withdrawn: set[str] = set()
        self.forgotten = False
        self.credited: Counter[str] = Counter()
        self.voided: set[str] = set()
        self.others: list[Order] = []
        self.name = "pandapon"
        self.daily: int | None = None
        self.told_today: list[tuple[str, Told]] = []
        self.looked_around: set[str] = set()
        self.asking = "found"
        self.others_book = False

    # --- what is particular to where the journal is ---

    def _made_world(self) -> World:
        raise NotImplementedError

    def _may_end_by(self, plan: Plan) -> tuple[type[Exception], ...]:
        """What a day may end by, that isn't a mistake."""
        return (JournalError,) if plan.full else ()

    def _beside(self, plan: Plan) -> list[asyncio.Task[None]]:
        """Others who work beside the job; they aren't killed with it."""
        return []

    async def _around_here(self, plan: Plan) -> None:
        """What happens while the outcomes of a run are read."""

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
        self.looked_around.clear()
        self.asking, self.others_book = plan.asking, bool(plan.callers)
        spent, began = self._spent(), self._midnight()
        spent_today, self.daily = self._spent_since(began), plan.daily
        task: asyncio.Task[None] | None = None

        def at_kill() -> None:
            if task is not None:
                self.loop.call_soon(task.cancel)

        with self.world.process(plan.kill if plan.end == "killed" else None, at_kill) as process:
            process.full, process.cut, process.patience = plan.full, plan.cut, plan.patience
            beside = self._beside(plan)
            task = self.loop.create_task(self._booked(plan))
            cancelling = self._cancel_all if plan.end == "all cancelled" and not beside else task.cancel
            timer = self.loop.call_later(plan.after, cancelling)
            if plan.end not in ("interrupted", "all cancelled"):
                timer.cancel()
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    self.loop.run_until_complete(task)
            finally:
                timer.cancel()
                for other in beside:
                    self.loop.run_until_complete(other)
                self._end_tasks()
        self.vendor.receive_all()
        is_known = plan.preview == "fixed" or (plan.preview == "all" and plan.feed != "unfinished")
        above = 0 if is_known else HIGHEST_FEE.amount * (1 + len(plan.faults))  # what nobody knew
        if plan.limit is not None and not plan.callers and plan.feed not in ("unfinished", "copied", "some"):
            assert self._spent() <= max(spent, plan.limit + above), f"more than {plan.limit} was spent"
        if plan.daily is not None and self._midnight() == began:
            assert self._spent_since(began) <= max(spent_today, plan.daily + above), f"more than {plan.daily} a day"
        self.daily = None

    async def _booked(self, plan: Plan) -> None:
        async with self._session() as session:
            job = self._job(session, plan if plan.feed != "copied" else attrs.evolve(plan, streamed=True))
            if not self._key_is_known:
                await self._refused(job)
                return
            with contextlib.suppress(*self._may_end_by(plan)):
                await self._worked(job, plan)

    async def _worked(self, job: BookingJob, plan: Plan) -> None:
        async with job:
            callers = [asyncio.create_task(self._call(job, caller, plan.callers)) for caller in plan.callers]
            # Again without the copy: it is held no more if the first was withdrawn or refused meanwhile.
            again = plan if plan.feed != "copied" else attrs.evolve(plan, feed="all")
            for one in (plan, again) if "again" in plan.around else (plan,):
                with _overtaken(plan.callers):
                    await self._run(job, one)
            await asyncio.gather(*callers)
        given_up = any(caller.patience for caller in plan.callers)  # counted, perhaps, and never told
        if not self.world.is_dead() and not given_up:
            whole = not plan.callers and not plan.streamed and "again" not in plan.around
            whole &= plan.feed not in ("unfinished", "twice", "copied", "some")
            check_report(job.report, self.told_today, self.vendor.deeds, len(self.orders) if whole else None)
            if whole and plan.end == "through":
                told = sum(state == "pending" for state, _ in self.told_today)
                assert job.report.stopped or job.report.pending == told, f"ended in silence: {job.report}"

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
        await self._around_here(plan)
        for once in ("other account", "edit", "by hand"):
            if once in plan.around and once not in self.looked_around and not self.world.is_dead():
                self.looked_around.add(once)
                if once == "other account":
                    await self._other_account(plan)
                else:
                    self._edit() if once == "edit" else self._decide()

    async def _other_account(self, plan: Plan) -> None:
        """Another account books its own orders into the same journal."""
        if plan.new:
            self.others.append(Order(OTHERS + len(self.others)))
        async with self._session(OTHER) as session:
            job = BookingJob(session, journal=self.world.journal, concurrency=2, stop=Stop(in_a_row=10**6))
            async with job.run([(order.reference, order.request()) for order in self.others]) as outcomes:
                async for outcome in outcomes:
                    self._tell(outcome, today=False)

    def _edit(self) -> None:
        """Somebody enters what came back for one that is done, while the run goes on, and whatever becomes of that."""
        if done := self._in("done"):
            with self.world.by_another(), self._journal() as journal:
                self._give_back(journal, done[0], Decimal(1), "seen on the bill")

    def _decide(self) -> None:
        """Somebody withdraws and resolves what can be, while the run goes on."""
        with self.world.by_another(), self._journal() as journal:
            found = {state: next(journal.rows(state=state), None) for state in ("pending", "unknown", "refused")}  # type: ignore[arg-type]
            for state, row in found.items():
                if row is None:
                    continue
                (resolution,) = self._resolutions([row.reference])
                if state == "pending":
                    resolution = attrs.evolve(resolution, state="void", order_id=None, fee=None)
                with contextlib.suppress(JournalError):  # it has gone on, or it is too soon
                    journal.resolve_all([resolution], by="ann", note="while it runs")
                    if state == "pending":
                        self.withdrawn.add(row.reference)

    def _give_back(self, journal: Journal, reference: str, most: Decimal, note: str) -> None:
        """Enter what came back, which is no more than what is left of the fee."""
        fee = journal.get(reference).fee
        if fee is None:
            with pytest.raises(JournalError, match="enter the fee"):
                journal.credit(reference, Money(amount=most, currency="USD"), by="bob", note=note)
            return
        amount = min(most, fee.amount - self.credited[reference])
        if amount:
            journal.credit(reference, Money(amount=amount, currency="USD"), by="bob", note=note)
            self.credited[reference] += amount  # type: ignore[assignment]

    def _spent(self) -> Decimal:
        """What the orders of the shop have cost so far."""
        mine = {order.reference for order in self.orders}
        fees = sum((deed.fee for deed in self.vendor.deeds if deed.reference in mine), Decimal(0))
        return fees - sum(
            (Decimal(amount) for reference, amount in self.credited.items() if reference in mine), Decimal(0)
        )

    def _midnight(self) -> float:
        return self.loop.now() // DAY * DAY

    def _spent_since(self, began: float) -> Decimal:
        """What the orders of the shop have cost since then; what was made just then may have been sent before."""
        since = [deed for deed in self.vendor.deeds if deed.at >= began + 2 * LATE]
        return sum((deed.fee for deed in since if self._is_mine(deed.reference)), Decimal(0))

    def _is_mine(self, reference: str) -> bool:
        return int(reference.partition("-")[2]) < OTHERS

    def _job(self, session: PandaPonSession, plan: Plan) -> BookingJob:
        return BookingJob(
            session,
            journal=self.world.journal,
            concurrency=plan.concurrency,
            check="stream" if plan.streamed else "all",
            drain=plan.drain,
            stop=Stop(in_a_row=10**6),
            retry_refused="retry refused" in plan.around,
            adopt_account="adopt" in plan.around,
            spend_limit=None if plan.limit is None else Money(amount=Decimal(plan.limit), currency="USD"),
            highest_fee=None if plan.limit is None and plan.daily is None else self._highest_fee(plan.preview),
            reconcile=self._reconcile if "reconcile" in plan.around else None,
        )

    def _highest_fee(self, preview: str) -> Any:
        def told(reference: str, request: Any) -> Money | None:
            if preview == "some" and reference.endswith(("1", "3")):
                return None
            return HIGHEST_FEE * 0 if preview == "free" else HIGHEST_FEE

        return HIGHEST_FEE if preview == "fixed" else told

    def _input(self, feed: str) -> list[tuple[str, FreightBookingRequest]] | None:
        pairs = [(order.reference, order.request()) for order in self.orders]
        if feed == "copied" and pairs and self.orders[0].reference not in self._in("refused", "void"):
            pairs.append(("copy-of-1", self.orders[0].request()))  # held: it is never sent
        if feed == "blanks":
            pairs = [(f"\u3000{reference} ", request) for reference, request in pairs]
        return (
            None
            if feed == "unfinished"
            else {"twice": pairs * 2, "shuffled": pairs[::-1], "some": pairs[::2]}.get(feed, pairs)
        )

    async def _call(self, job: BookingJob, caller: Caller, callers: list[Caller]) -> None:
        await asyncio.sleep(caller.at)
        if not self.orders:
            return
        order = self.orders[-1 - caller.which % len(self.orders)]
        request = attrs.evolve(order, edition=order.edition + caller.corrects).request()
        with _overtaken(callers), contextlib.suppress(asyncio.TimeoutError):
            self._tell(await asyncio.wait_for(job.book(request, order.reference), caller.patience or None))

    async def _refused(self, job: BookingJob) -> None:
        """It may not begin, and sends nothing."""
        seen = sum(self.vendor.ledger.seen.values())
        with pytest.raises(JournalError):
            async with job.run(self._input("all")):
                pass
        assert sum(self.vendor.ledger.seen.values()) == seen

    async def _reconcile(self, session: PandaPonSession, request: FreightBookingRequest) -> Any:
        """What the vendor's list of orders says, though a booking that isn't there yet may still come; if anything can be said."""
        await asyncio.sleep({"late": 100, "hangs": 3_000}.get(self.asking, 0))
        if self.asking == "raises":
            raise ValueError
        if self.asking == "cancels":
            raise asyncio.CancelledError
        if self.asking in ("none", "hangs"):
            return None
        reference = reference_of(request.render_id or "")
        for deed in self.vendor.deeds:
            if deed.reference == reference:
                return decode(FreightBooking, deed.data)[0]
        return NOT_BOOKED

    # --- what must be so ---

    @invariant()
    def the_books_agree(self) -> None:
        credited = sum(map(Decimal, self.credited.values()), Decimal(0))
        self.rows = check(
            self.world.journal,
            self.vendor.deeds,
            self.told,
            credited=credited,
            voided=self.voided,
            without_fee=self.vendor.without_fee,
        )
        for row in self.rows.values():  # whoever has corrected an order has told the others
            if row.body is not None and row.state not in ("pending", "refused"):
                self._order(row.reference).edition = int(row.body["renderId"].partition(".")[2] or 0)

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
        self.day(plan=attrs.evolve(QUIET, around=frozenset({"other account"})))
        self.the_books_agree()
        while left := self._in("unknown", "refused"):
            self._hours_pass()
            with self._by_hand(None) as journal:
                journal.resolve_all(self._resolutions(self._in("unknown")), by="ann", note="looked up")
            for reference in self._in("refused"):
                self._order(reference).edition += 1
            self.day(plan=attrs.evolve(QUIET, around=frozenset({"other account"})))
            self.the_books_agree()
            assert not {*left} & {*self._in("unknown", "refused")}, f"on a quiet day: {self.rows}"
        check_settled(
            self.rows, self.vendor.deeds, [*self.orders, *self.others], self.withdrawn | self.voided, self.voided
        )

    # --- helpers ---

    @property
    def _key_is_known(self) -> bool:
        return self.key in self.known_keys

    @contextlib.contextmanager
    def _by_hand(self, kill: Kill | None) -> Any:
        """What a person does with the journal; killed, it may count or not, but never by half."""
        with self.world.process(kill), self._journal() as journal:
            yield journal

    def _hours_pass(self) -> None:
        """Some hours after the last sending, also by a clock that was set back meanwhile."""
        sent = (row.sent_at.timestamp() for row in self.rows.values() if row.sent_at is not None)
        self.loop.advance(max(0.0, max(sent, default=0.0) - self.loop.now()) + DAY / 4)

    def _resolutions(self, references: list[str]) -> list[Resolution]:
        made = {deed.reference: deed for deed in self.vendor.deeds}
        found = []
        for reference in references:
            deed = made.get(reference)
            fee = None if deed is None else Money(amount=deed.fee, currency="USD")
            state: Any = "pending" if deed is None else "done"
            found.append(Resolution(reference, state, order_id=deed and deed.order_id, fee=fee))
        return found

    def _tell(self, outcome: Any, *, today: bool = True) -> None:
        if self.world.is_dead():
            return  # its process was dead by then
        fee = None if outcome.fee is None else outcome.fee.amount
        told = Told(outcome.reference, outcome.recorded, outcome.order_id, fee)
        if today:
            self.told_today.append((outcome.state, told))
        self.told.append(told)
        if told.recorded == "refused" or (
            told.recorded == "pending" and not self.others_book
        ):  # who may make it meanwhile
            assert told.reference not in {deed.reference for deed in self.vendor.deeds}, f"told as not made: {told}"

    def _end_tasks(self) -> None:
        """What is still at work ends with its process, as `asyncio.run` has it."""
        tasks = self._cancel_all()
        self.loop.run_until_complete(asyncio.wait(tasks) if tasks else asyncio.sleep(0))

    def _cancel_all(self) -> set[asyncio.Task[Any]]:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        return tasks

    def _in(self, *states: str) -> list[str]:
        return [reference for reference, row in self.rows.items() if row.state in states]

    def _order(self, reference: str) -> Order:
        number = int(reference.partition("-")[2])
        return self.orders[number - 1] if number < OTHERS else self.others[number - OTHERS]

    def _row(self, reference: str) -> JournalRow:
        with self._journal() as journal:
            return journal.get(reference)

    def _journal(self) -> Journal:
        return Journal(place_of(self.world.journal), self.loop)

    def _profile(self, account: Account | None = None) -> Any:
        name = self.name if account is None else "other"
        account = account or ACCOUNTS[self.key]
        credentials = Credentials(
            access_key=account.access_key, access_secret=account.access_secret, user_id=account.user_id
        )
        limit = None if self.daily is None or name == "other" else f"{self.daily} USD"
        return PANDAPON.evolve(name=name, base_url=URLS[self.url], credentials=credentials, daily_spend_limit=limit)

    @contextlib.asynccontextmanager
    async def _session(self, account: Account | None = None) -> AsyncIterator[PandaPonSession]:
        session = self.vendor.session(self._profile(account))
        try:
            yield session
        finally:
            await session.close()
