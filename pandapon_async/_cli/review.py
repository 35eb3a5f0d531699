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

    def run(self) -> None:
        """Ask about every booking that is unclear now."""
        rows = list(self.journal.rows(state="unknown"))
        answered = 0
        try:
            for number, row in enumerate(rows, start=1):
                say(f"\n{number:,} of {len(rows):,}")
                answered += self._one(row)
        except (_QuitError, click.Abort, EOFError):
            say("")
        left = self.journal.counts()["unknown"]
        say(f"{answered:,} resolved, {left:,} unclear" if rows else "Nothing is unclear")

    def _one(self, row: JournalRow) -> bool:
        """Whether it is resolved."""
        for label, text in self._lines(row):
            labelled(label, text)
        while True:
            answer = _ask("Is it booked at the vendor? [b]ooked, [n]ot booked, [s]kip, [q]uit", _answer)
            if answer == "quit":
                raise _QuitError
            if answer == "skip":
                return False
            try:
                self._resolve(row, answer)
            except JournalError as error:
                tell(f"Nothing was changed: {error.message}")
                if self._state_of(row) != "unknown":
                    return False
            else:
                return True

    def _resolve(self, row: JournalRow, answer: str) -> None:
        state: State = "pending" if answer == "not booked" else "done"
        order_id: str | None = None
        fee: Money | None = None
        if state == "done":
            order_id = _ask("Vendor's order no. (Enter: not known)", str.strip) or None
            fee = _ask("Fee, such as 12.50 USD (Enter: not known)", _fee)
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
        say(f"{row.reference}: {'waiting, it will be sent again' if state == 'pending' else 'booked'}")

    def _state_of(self, row: JournalRow) -> State:
        return self.journal.get(
            row.reference, shipment=row.shipment, account=row.account, operation=row.operation
        ).state

    # --- what is shown ---

    def _lines(self, row: JournalRow) -> Iterator[tuple[str, str]]:
        shipment = "" if row.shipment == 1 else f", shipment {row.shipment}"
        yield "Order", f"{row.reference}{shipment}, account {row.account}"
        body = row.body or {}
        yield "Receiver", ", ".join(filter(None, contact_of(body))) or "none, or erased"
        for index, item in enumerate(_items(body)):
            yield "" if index else "Items", item
        yield "Preview no.", str(body.get("renderId") or "none")
        yield "Sent", self._when(row)
        yield "Why", reason_of(row)
        if row.reply is not None:
            yield "Vendor said", _short(row.reply)
        beside = [f"{one.reference}: {one.order_id}" for one in neighbours(self.journal, row)]
        yield "Beside it", ", ".join(beside) or "nothing that is booked"

    def _when(self, row: JournalRow) -> str:
        if row.sent_at is None:
            return "not known"
        here = _time(row.sent_at.astimezone(self.zone))
        there = self.vendor_zones.get(row.account)
        return here if there is None else f"{here}, {_time(row.sent_at.astimezone(there))} at the vendor"


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


# --- asking ---


def _ask(question: str, read: Callable[[str], Any]) -> Any:
    return click.prompt(question, default="", show_default=False, value_proc=read)


def _answer(text: str) -> str:
    answer = _ANSWERS.get(" ".join(text.lower().split()))
    if answer is None:
        raise click.UsageError("Answer b, n, s or q")
    return answer


def _fee(text: str) -> Money | None:
    if not text.strip():
        return None
    amount, _, currency = text.strip().partition(" ")
    try:
        return money_of(amount, currency.strip())
    except RequestError as error:
        raise click.UsageError(f"{error.message}: an amount and a currency, such as 12.50 USD") from None
