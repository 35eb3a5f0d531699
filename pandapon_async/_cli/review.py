"""``pandapon journal PATH --review``: the unclear bookings one by one, each with what helps a person to find it at the vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from .._errors import JournalError, RequestError
from .._files.resolutions import contact_of, money_of
from .._journal.journal import Journal, neighbours
from .._models.jsonio import dumps, is_array, is_object
from .day_report import reason_of
from .shared import labelled, say, tell
from .words import Words

if TYPE_CHECKING:
    from .._journal.rows import JournalRow, State
    from .._models.money import Money

_LONGEST_REPLY: Final = 2_000
_ANSWERS: Final = {
    "b": "booked",
    "booked": "booked",
    "n": "not booked",
    "not booked": "not booked",
    "s": "skip",
    "skip": "skip",
    "": "skip",
    "q": "quit",
    "quit": "quit",
}


class _QuitError(Exception):
    """The person has had enough."""


@attrs.frozen(kw_only=True)
class Review:
    """A person goes through what is unclear; each answer is written before the next is asked.

    ``zone``: of the times that are shown; ``vendor_zones``: by account, where the vendor's console shows another; ``note``: why, if
    it is the same for all.
    """

    journal: Journal
    by: str
    note: str | None
    zone: tzinfo
    vendor_zones: Mapping[str, tzinfo]
    words: Words

    def run(self) -> None:
        """Ask about every booking that is unclear now."""
        rows = list(self.journal.rows(state="unknown"))
        answered = 0
        try:
            for number, row in enumerate(rows, start=1):
                say("\n" + self.words("review.number", number=f"{number:,}", total=f"{len(rows):,}"))
                answered += self._one(row)
        except (_QuitError, click.Abort, EOFError):
            say("")
        left = self.journal.counts()["unknown"]
        counts = {"answered": f"{answered:,}", "left": f"{left:,}"}
        say(self.words("review.left", **counts) if rows else self.words("review.none"))

    def _one(self, row: JournalRow) -> bool:
        """Whether it is resolved."""
        for label, text in self._lines(row):
            labelled(label, text)
        while True:
            answer = self._ask("review.ask", self._answer)
            if answer == "quit":
                raise _QuitError
            if answer == "skip":
                return False
            try:
                self._resolve(row, answer)
            except JournalError as error:
                tell(self.words("review.unchanged", why=error.message))
                if self._state_of(row) != "unknown":
                    return False
            else:
                return True

    def _resolve(self, row: JournalRow, answer: str) -> None:
        state: State = "pending" if answer == "not booked" else "done"
        order_id: str | None = None
        fee: Money | None = None
        if state == "done":
            order_id = self._ask("review.ask_order", str.strip) or None
            fee = self._ask("review.ask_fee", self._fee)
        self.journal.resolve(
            row.reference,
            state,
            by=self.by,
            note=self.note or f"reviewed: {answer}",
            order_id=order_id,
            fee=fee,
            shipment=row.shipment,
            account=row.account,
            operation=row.operation,
        )
        code = "review.will_be_sent" if state == "pending" else "review.is_booked"
        say(self.words(code, reference=row.reference))

    def _state_of(self, row: JournalRow) -> State:
        return self.journal.get(
            row.reference, shipment=row.shipment, account=row.account, operation=row.operation
        ).state

    # --- what is shown ---

    def _lines(self, row: JournalRow) -> Iterator[tuple[str, str]]:
        words, body = self.words, row.body or {}
        shipment = "" if row.shipment == 1 else words("review.shipment", number=row.shipment)
        order = words("review.order_line", reference=row.reference, shipment=shipment, account=row.account)
        yield words("review.order"), order
        yield words("review.receiver"), ", ".join(filter(None, contact_of(body))) or words("review.no_receiver")
        for index, item in enumerate(_items(body)):
            yield "" if index else words("review.items"), item
        yield words("review.preview"), str(body.get("renderId") or words("review.no_preview"))
        yield words("review.sent"), self._when(row)
        yield words("review.why"), words.said(reason_of(row))
        if row.reply is not None:
            yield words("review.reply"), _short(row.reply)
        beside = [f"{one.reference}: {one.order_id}" for one in neighbours(self.journal, row)]
        yield words("review.beside"), ", ".join(beside) or words("review.nothing_beside")

    def _when(self, row: JournalRow) -> str:
        if row.sent_at is None:
            return self.words("review.not_known")
        here = _time(row.sent_at.astimezone(self.zone))
        there = self.vendor_zones.get(row.account)
        if there is None:
            return here
        return self.words("review.at_vendor", here=here, there=_time(row.sent_at.astimezone(there)))

    # --- asking ---

    def _ask(self, code: str, read: Callable[[str], Any]) -> Any:
        return click.prompt(self.words(code), default="", show_default=False, value_proc=read)

    def _answer(self, text: str) -> str:
        answer = _ANSWERS.get(" ".join(text.lower().split()))
        if answer is None:
            raise click.UsageError(self.words("review.answer"))
        return answer

    def _fee(self, text: str) -> Money | None:
        if not text.strip():
            return None
        amount, _, currency = text.strip().partition(" ")
        try:
            return money_of(amount, currency.strip())
        except RequestError as error:
            raise click.UsageError(self.words("review.bad_fee", why=error.message)) from None


def _items(body: Mapping[str, Any]) -> Iterator[str]:
    items = body.get("lineItems")
    for item in items if is_array(items) else ():
        if is_object(item):
            names = " ".join(str(item[name]) for name in ("itemId", "skuId", "title") if item.get(name))
            yield f"{item.get('quantity', '?')} x {names}"


def _short(reply: Any) -> str:
    text = reply if isinstance(reply, str) else dumps(reply).decode()
    return text if len(text) <= _LONGEST_REPLY else f"{text[:_LONGEST_REPLY]} ..."


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzinfo}"
