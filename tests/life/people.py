"""What the people around a shop do: look things up at the vendor, correct, withdraw, change keys and names, feed damaged files."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from pandapon_async import InputError, RequestError
from pandapon_async.api.logistics import FreightBookingRequest
from tests.life.plans import KILLS, QUIET
from tests.life.shop import DAY, KEYS, URLS, Shop
from tests.life.worlds import Kill


class People(Shop):
    """A shop, and people's acts."""

    @rule(which=st.sets(st.integers(0, 9)), kill=KILLS)
    @precondition(lambda self: self._in("unknown"))
    def resolve(self, which: set[int], kill: Kill | None) -> None:
        """Somebody looks up at the vendor, some hours later, what is in doubt."""
        self._hours_pass()
        doubts = [reference for number, reference in enumerate(self._in("unknown")) if number in which]
        with self._by_hand(kill) as journal:
            journal.resolve_all(self._resolutions(doubts), by="ann", note="looked up")

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self._in("refused"))
    def correct(self, which: int) -> None:
        """What was refused gets another quote."""
        refused = self._in("refused")
        self._order(refused[which % len(refused)]).edition += 1

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
        with self._by_hand(None) as journal:
            self._give_back(journal, done[which % len(done)], Decimal(cents) / 100, "late")

    @rule(kill=KILLS)
    @precondition(lambda self: any(self.rows[done].fee is None for done in self._in("done")))
    def enter_the_fees(self, kill: Kill | None) -> None:
        """Somebody looks up at the vendor what the replies have not said."""
        unpriced = [done for done in self._in("done") if self.rows[done].fee is None]
        with self._by_hand(kill) as journal:
            journal.resolve_all(self._resolutions(unpriced), by="ann", note="on the bill")

    @rule(which=st.integers(0, 9))
    @precondition(lambda self: self._in("done"))
    def cancel(self, which: int) -> None:
        """The customer doesn't want one that is booked, and the vendor agrees."""
        done = self._in("done")
        reference = done[which % len(done)]
        with self._by_hand(None) as journal:
            journal.resolve(reference, "void", by="ann", note="cancelled")
        self.voided.add(reference)

    @rule()
    @precondition(lambda self: self._in("done", "unknown") and self._key_is_known)
    def rename(self) -> None:
        """The account gets another name: under it nothing begins until the bookings stand under it."""
        old, self.name = self.name, f"shop-{len(self.told)}-{self.world.main.number}"

        async def refused() -> None:
            async with self._session() as session:
                await self._refused(self._job(session, QUIET))

        self.loop.run_until_complete(refused())
        with self._by_hand(None) as journal:
            journal.rename(old, self.name, by="ann", note="a clearer name")

    @rule(
        kind=st.sampled_from(("other body", "same quote", "same parcel", "bad reference", "no request", "cut off")),
        which=st.integers(0, 9),
    )
    @precondition(lambda self: self._in("done", "unknown") and self._key_is_known)
    def feed_damaged(self, kind: str, which: int) -> None:
        """The file is fed with a mistake in it: none of it is taken."""
        ended = self._in("done", "unknown")
        order = self._order(ended[which % len(ended)])
        if order in self.others and not kind.startswith("same"):
            return  # its reference is free at this account
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

    @rule(forget=st.booleans())
    @precondition(lambda self: self.rows)
    def look_after_the_journal(self, forget: bool) -> None:
        """Somebody checks it, or erases what isn't needed any more."""
        self.forgotten |= forget
        with self._by_hand(None) as journal:
            if forget:
                journal.forget_before(datetime.fromtimestamp(self.loop.now() - DAY, timezone.utc))
            else:
                journal.check()

    @rule(hours=st.integers(-30, 40 * 24))
    def set_the_clock(self, hours: int) -> None:
        """Time passes; or somebody sets the clock back."""
        if hours < 0:
            self.loop.set_wall(hours * 3600.0)
        else:
            self.loop.advance(hours * 3600.0)
