"""Offers: what each service of each account asks for a whole order, and which of them is taken by the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs

from .._config.settings import QuoteRules
from .._errors import in_short
from .._models.base import members_of
from .._models.converters import from_wire, to_wire
from .._models.fields import wire_name
from .._models.money import Money
from ..api.logistics import FreightBookingRequest, FreightEstimateRequest
from .quote import Quote
from .rates import Rates
from .requests import SweepRequest

_ESTIMATE: Final = frozenset(wire_name(member) for member, _ in members_of(FreightEstimateRequest))


@attrs.frozen
class QuotedOrder:
    """An order to be quoted. ``account``: the only one that is asked; None: all. ``requests``: one for each item."""

    reference: str
    account: str | None
    country: str
    destination: str
    goods: str
    requests: tuple[SweepRequest, ...] = attrs.field(repr=False)

    @classmethod
    def of(cls, reference: str, account: str | None, request: FreightBookingRequest) -> QuotedOrder:
        """The order of a booking.

        Raises:
            RequestError: an item lacks what an estimate needs.
        """
        wire = to_wire(request)
        receiver: dict[str, Any] = wire.get("receiverAddress") or {}
        items: list[dict[str, Any]] = wire.get("lineItems") or []
        requests: list[SweepRequest] = []
        for item in items:
            members = {name: value for name, value in item.items() if name in _ESTIMATE}
            estimate = from_wire(FreightEstimateRequest, {**members, "receiverAddress": receiver})
            vendors = None if account is None else (account,)
            requests.append(SweepRequest(request=estimate, reference=reference, vendors=vendors))
        goods = ", ".join(f"{item.get('quantity')} x {item.get('itemId')}/{item.get('skuId')}" for item in items)
        places = (receiver.get(name) for name in ("country", "state", "city", "zip"))
        destination = " ".join(part.strip() for part in places if part)
        return cls(reference, account, receiver.get("country") or "", destination, goods, tuple(requests))


@attrs.frozen(kw_only=True)
class Offer:
    """What one service of one account asks for a whole order.

    ``price``: None if it isn't known for every item; ``note``: why the rules don't allow it, or why there is no price.
    """

    order: QuotedOrder
    account: str
    service_id: str | None = None
    company: str | None = None
    category: str | None = None
    price: Money | None = None
    note: str = ""
    is_taken: bool = False

    @property
    def is_allowed(self) -> bool:
        """Whether the rules allow that it is taken."""
        return self.price is not None and not self.note

    @property
    def names(self) -> frozenset[str]:
        """What its service goes by."""
        whole = " ".join(filter(None, (self.company, self.category)))
        return frozenset(name.casefold() for name in (self.service_id, self.company, self.category, whole) if name)


def offers_of(orders: Sequence[QuotedOrder], quotes: Iterable[Quote], rules: QuoteRules, rates: Rates) -> list[Offer]:
    """The offers of all orders, in their order, what is taken first; ``quotes``: of their requests, one after the other."""
    owners = [number for number, order in enumerate(orders) for _ in order.requests]
    by_order: list[list[Quote]] = [[] for _ in orders]
    for quote in quotes:
        by_order[owners[quote.index]].append(quote)
    chooser = _Chooser(rules, rates)
    return [
        offer
        for order, found in zip(orders, by_order, strict=True)
        for offer in chooser.chosen(order, list(_offers(order, found)))
    ]


def unmatched(rules: QuoteRules, offers: Sequence[Offer], accounts: Iterable[str]) -> list[str]:
    """The names in the rules that are no account's or no service's: a rule with a typing error rules nothing."""
    services = {name for offer in offers for name in offer.names}
    known = {name.casefold() for name in accounts}
    lists: Mapping[str, tuple[str, ...]] = attrs.asdict(rules)
    return [
        f"{rule}: {name}"
        for rule, names in lists.items()
        if rule != "highest_price"
        for name in names
        if name.casefold() not in (known if rule.endswith("accounts") else services)
    ]


def _offers(order: QuotedOrder, quotes: Sequence[Quote]) -> Iterator[Offer]:
    """One for each service of each account; one for an account that has none."""
    accounts: dict[str, list[Quote]] = {}
    for quote in quotes:
        accounts.setdefault(quote.vendor, []).append(quote)
    for account, found in accounts.items():
        error = next((quote.error for quote in found if quote.error is not None), None)
        services: dict[Any, list[Quote]] = {}
        for quote in found:
            if quote.price is not None:
                services.setdefault((quote.service_id, quote.company, quote.category), []).append(quote)
        if not services or error is not None:
            note = "no price was recognised in the reply" if error is None else in_short(error)
            yield Offer(order=order, account=account, note=note)
            continue
        for (service_id, company, category), parts in services.items():
            offer = Offer(order=order, account=account, service_id=service_id, company=company, category=category)
            yield _priced(offer, parts)


def _priced(offer: Offer, parts: Sequence[Quote]) -> Offer:
    """An offer with the price of all items, if each has just one, and all are in one currency."""
    prices = [part.price for part in parts if part.price is not None]
    count = Counter(part.index for part in parts)
    if len(count) < len(offer.order.requests):
        return attrs.evolve(offer, note="not offered for every item")
    if max(count.values()) > 1:
        return attrs.evolve(offer, note="offered at several prices")
    if len({price.currency for price in prices}) > 1:
        return attrs.evolve(offer, note="its items are priced in several currencies")
    total = sum(price.amount for price in prices)
    return attrs.evolve(offer, price=Money(amount=total, currency=prices[0].currency))


@attrs.frozen
class _Chooser:
    rules: QuoteRules
    rates: Rates

    def chosen(self, order: QuotedOrder, offers: list[Offer]) -> list[Offer]:
        """The offers with what the rules say of them; at most one is taken, and comes first."""
        judged = [attrs.evolve(one, note=one.note or self._why_not(order, one)) for one in offers]
        allowed = [one for one in judged if one.is_allowed]
        best = min((self._preference(one) for one in allowed), default=None)
        preferred = [one for one in allowed if self._preference(one) == best]
        if len({self._measured(one)[0] for one in preferred}) > 1:
            note = "in several currencies: compare them by --fx"
            return [attrs.evolve(one, note=note) if one in preferred else one for one in judged]
        ranked = sorted(judged, key=self._rank)
        if ranked and ranked[0].is_allowed:
            ranked[0] = attrs.evolve(ranked[0], is_taken=True)
        return ranked

    def _measured(self, offer: Offer) -> tuple[str, Fraction]:
        assert offer.price is not None
        return self.rates.measure(offer.price)

    def _rank(self, offer: Offer) -> Any:
        price = (1, Fraction(0)) if offer.price is None else (0, self._measured(offer)[1])
        return (not offer.is_allowed, self._preference(offer) if offer.is_allowed else (), price)

    def _preference(self, offer: Offer) -> tuple[int, int]:
        accounts = [name.casefold() for name in self.rules.prefer_accounts]
        services = [name.casefold() for name in self.rules.prefer_services]
        account = offer.account.casefold()
        return (
            accounts.index(account) if account in accounts else len(accounts),
            min((services.index(name) for name in offer.names if name in services), default=len(services)),
        )

    def _why_not(self, order: QuotedOrder, offer: Offer) -> str:
        rules, account = self.rules, frozenset((offer.account.casefold(),))
        for what, names, allowed, excluded in (
            ("account", account, rules.allow_accounts, rules.exclude_accounts),
            ("service", offer.names, rules.allow_services, rules.exclude_services),
        ):
            if allowed and not names & {name.casefold() for name in allowed}:
                return f"not an allowed {what}"
            if names & {name.casefold() for name in excluded}:
                return f"an excluded {what}"
        most = rules.highest_price.get(order.country.upper(), rules.highest_price.get("*"))
        if most is None or offer.price is None:
            return ""
        (currency, amount), (limit_currency, limit) = self._measured(offer), self.rates.measure(most)
        if currency != limit_currency:
            return f"can't be compared with the highest price, {most}, without --fx"
        return f"above the highest price, {most}" if amount > limit else ""
