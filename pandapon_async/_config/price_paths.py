"""Paths to the price in replies of undocumented shape, and the prices they find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from .._errors import ConfigError, RequestError
from .._models.decimals import to_decimal
from .._models.jsonio import is_array, is_object

_NAMES = ("orderFee", "fee", "freightFee", "freight", "logisticsFee", "logisticsPrice")
_PLACES = ("data[].{}", "data.*[].{}", "data.{}", "data.*.{}")
KNOWN_PRICE_PATHS: tuple[str, ...] = tuple(place.format(name) for name in _NAMES for place in _PLACES)
"""Where to look, in this order, when a profile's own ``price_paths`` find nothing.

No page shows the reply to an estimate or a preview. ``orderFee`` is the fee in a booking's reply; the other names are
guesses at a freight fee, in a list of services or alone. Names that could also be the price of the goods (``price``,
``amount``, ``total``) are left out: an echo of the request must not pass for freight.
"""

_PATH = re.compile(r"(?P<steps>[^()]+?)\s*(?:\((?P<currency>[^()]+)\))?")
_STEP = re.compile(r"(?P<name>[^.\[\]()\s]+)(?P<lists>(?:\[\])*)")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_MAX_KEYS = 40


@attrs.frozen(kw_only=True)
class PricedService:
    """One service in a reply: the object that describes it, and its price (amount, currency), None if not recognised."""

    service: Mapping[str, Any]
    price: tuple[Decimal, str] | None


@attrs.frozen
class _Found:
    """A value at the end of a path, with the service it belongs to and the object that holds it."""

    service: Any
    holder: Mapping[str, Any]
    value: Any


@attrs.frozen
class PricePath:
    """A possible place of a price: ``data.options[].cost``, ``data.options[].cost(costCurrency)`` or ``...cost(CNY)``.

    Wire names from the top of the reply, joined by dots; ``*`` is any name, ``[]`` every element of a list. The last ``[]``
    separates the services. The price is an object of ``amount`` and ``currency``, or a number (as text or not) whose
    currency is its sibling ``currency``, the sibling named in the brackets, or the currency code in the brackets.
    """

    text: str
    steps: tuple[str, ...]
    currency: str | None

    @classmethod
    def parse(cls, text: object) -> PricePath:
        """Parse a path.

        Raises:
            ConfigError: it isn't one.
        """
        found = _PATH.fullmatch(text.strip()) if isinstance(text, str) else None
        parts = found["steps"].split(".") if found else []
        if not isinstance(text, str) or found is None or not all(_STEP.fullmatch(part) for part in parts):
            raise ConfigError(f"price_paths: {text!r} isn't a path such as 'data.options[].cost(CNY)'")
        steps: list[str] = []
        for part in parts:
            name, bracket, lists = part.partition("[")
            steps += [name, *["[]"] * (bracket + lists).count("[]")]
        if steps[-1] == "[]":
            raise ConfigError(f"price_paths: {text!r} must end with the name of the price")
        return cls(text, tuple(steps), found["currency"])

    def services(self, body: Any) -> list[PricedService]:
        """Every service that the path leads to."""
        return [
            PricedService(service=found.service if is_object(found.service) else {}, price=self._price(found))
            for found in _walk(body, self.steps, None, {})
        ]

    def _price(self, found: _Found) -> tuple[Decimal, str] | None:
        if is_object(found.value):
            return _money(found.value.get("amount"), found.value.get("currency"))
        if self.currency is None:
            return _money(found.value, found.holder.get("currency"))
        constant = self.currency if self.currency.isupper() and _CURRENCY.fullmatch(self.currency) else None
        return _money(found.value, constant or found.holder.get(self.currency))


def _walk(value: Any, steps: Sequence[str], service: Any, holder: Mapping[str, Any]) -> Iterator[_Found]:
    if not steps:
        yield _Found(holder if service is None else service, holder, value)
    elif steps[0] == "[]":
        for element in value if is_array(value) else ():
            yield from _walk(element, steps[1:], element, holder)
    elif is_object(value):
        members = value.values() if steps[0] == "*" else [value[steps[0]]] if steps[0] in value else []
        for member in members:
            yield from _walk(member, steps[1:], service, value)
        if not members and service is not None and "[]" not in steps:
            yield _Found(service, value, None)  # a service without a price, beside others that may have one


def _money(amount: Any, currency: Any) -> tuple[Decimal, str] | None:
    """A price; None for anything ambiguous."""
    if isinstance(amount, bool) or not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        return None
    text = repr(amount) if isinstance(amount, (int, float)) else amount
    if not isinstance(text, str) or not text.isascii() or "_" in text:
        return None
    try:
        number = to_decimal(text.strip(), "amount")
    except RequestError:
        return None
    return (number, currency.upper()) if number >= 0 else None


def parsed_paths(texts: Any) -> tuple[str, ...]:
    """A profile's own paths, validated.

    Raises:
        ConfigError: it isn't a list of paths.
    """
    if not is_array(texts):
        raise ConfigError("price_paths: must be a list of texts")
    return tuple(PricePath.parse(text).text for text in texts)


class PriceReader:
    """Finds prices in replies, by the first path that finds one: a profile's own paths, then the known ones."""

    def __init__(self, own: Sequence[str]) -> None:
        self._paths = [PricePath.parse(text) for text in (*own, *KNOWN_PRICE_PATHS)]

    def services(self, body: Any) -> list[PricedService]:
        """The services in a reply, including those without a price; empty if no path finds a price."""
        for path in self._paths:
            services = path.services(body)
            if any(service.price is not None for service in services):
                return services
        return []


def key_paths(body: Any) -> list[str]:
    """The path of every value in a reply, in price path notation; without the values, which may be personal."""
    found: dict[str, None] = {}
    _collect(body, "", found)
    places = list(found)
    return places if len(places) <= _MAX_KEYS else [*places[:_MAX_KEYS], f"... and {len(places) - _MAX_KEYS} more"]


def _collect(value: Any, path: str, found: dict[str, None]) -> None:
    if is_object(value) and value:
        for name, member in value.items():
            _collect(member, f"{path}.{name}" if path else name, found)
    elif is_array(value) and value:
        for element in value:
            _collect(element, f"{path}[]", found)
    else:
        found[path] = None
