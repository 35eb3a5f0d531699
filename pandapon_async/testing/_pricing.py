"""The fake vendor's freight prices. Every rule and number here is INVENTED: neither vendor publishes prices.

The price of a service for one item, in US cents, is

    (first piece + further pieces x (quantity - 1)) x zone x vendor x country x bulk

``zone`` and ``vendor`` come from the tables below; ``country`` is between 0.92 and 1.08, derived from the country code, and
``bulk`` one of three values, derived from the item id. So PandaPon is cheaper overseas and Xportcn KA nearby; express costs
more than economy everywhere; two pieces cost less than twice one. Requests have no weights, so none are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import attrs

from pandapon_async.testing._operations import VendorKind


@attrs.frozen
class Service:
    """A freight service: its names in a reply, and its cents for the first and each further piece."""

    service_id: str
    company: str
    category: str
    first: int
    further: int


SERVICES: Final = (
    Service("1", "UCS", "EXPRESS", 2600, 1500),
    Service("2", "UCS", "STANDARD", 1500, 800),
    Service("3", "FAR800", "ECONOMY", 900, 450),
)

_ZONES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "asia": ("CN", "HK", "ID", "JP", "KH", "KR", "LA", "MM", "MO", "MY", "PH", "SG", "TH", "TW", "VN"),
        "europe": (
            "AT",
            "BE",
            "CH",
            "CZ",
            "DE",
            "DK",
            "ES",
            "FI",
            "FR",
            "GB",
            "IE",
            "IT",
            "NL",
            "NO",
            "PL",
            "PT",
            "SE",
        ),
        "america": ("CA", "MX", "US"),
        "pacific": ("AU", "NZ"),
    }
)
_FACTORS: Final[Mapping[str, float]] = MappingProxyType(
    {"asia": 0.62, "europe": 1.18, "america": 1.0, "pacific": 1.1, "rest": 1.55}
)
_VENDORS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "pandapon": MappingProxyType({"EXPRESS": 1.0, "STANDARD": 1.0, "ECONOMY": 1.0}),
        "xportcn_ka": MappingProxyType({"EXPRESS": 0.94, "STANDARD": 1.06, "ECONOMY": 1.03}),
    }
)
_NEARBY: Final[Mapping[str, float]] = MappingProxyType({"pandapon": 1.0, "xportcn_ka": 0.88})
_BULK: Final = (1.0, 1.25, 1.7)


def price(kind: VendorKind, service: Service, country: Any, item_id: Any, quantity: Any, seed: int) -> int:
    """The price in cents of one item with one service; a missing country counts as remote, a missing quantity as 1."""
    zone = next((name for name, countries in _ZONES.items() if country in countries), "rest")
    pieces = max(quantity, 1) if isinstance(quantity, int) else 1
    vendor = _VENDORS[kind][service.category] * (_NEARBY[kind] if zone == "asia" else 1.0)
    nation = 0.92 + _number(f"country {kind} {country}", seed) % 17 / 100
    bulk = _BULK[_number(f"bulk {item_id}", seed) % len(_BULK)]
    return round((service.first + service.further * (pieces - 1)) * _FACTORS[zone] * vendor * nation * bulk)


def by_id(service_id: Any) -> Service:
    """The service with this id; the standard one if there is none."""
    return next((service for service in SERVICES if service.service_id == service_id), SERVICES[1])


def _number(text: str, seed: int) -> int:
    return int.from_bytes(sha256(f"{seed} {text}".encode("utf-8", "replace")).digest()[:8], "big")
