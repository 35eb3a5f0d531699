"""The ``data`` of each operation's reply.

A booking whose body equals the documented example gets the documented reply. Everything else here is INVENTED, in the
documented shape where there is one: the values of other bookings, and the whole ``data`` of previews and estimates,
whose replies no page shows; `_pricing` determines their prices.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import count
from types import MappingProxyType
from typing import Any, Final, cast

from pandapon_async.testing._envelopes import success
from pandapon_async.testing._ledger import Ledger
from pandapon_async.testing._operations import ApiOperation, VendorKind
from pandapon_async.testing._pricing import SERVICES, Service, by_id, price

BOOK: Final = "logistics.order.book_freight"
PREVIEW: Final = "logistics.order.render_freight"
ESTIMATE: Final = "logistics.item_price.estimate"

_TRACKING_URL: Final = "https://www.far800.com/logistics/result?key="  # the host of the documented example
_QUOTED: Final = re.compile(r"FF(\d{8})\d{10}")
"""A render id from a preview, which encodes its price in cents, so that no state is needed."""
_MIN_CENTS: Final = 2_000
_MAX_CENTS: Final = 99_999_999


def booking_reference(body: Any) -> str:
    """A booking's reference in the ledger: its ``renderId``, else the SHA-256 of the canonical body."""
    if isinstance(body, dict):
        render_id = cast("dict[str, Any]", body).get("renderId")
        if isinstance(render_id, str) and render_id:
            return render_id
    return sha256(canonical(body)).hexdigest()


def canonical(body: Any) -> bytes:
    """The body as JSON with sorted members and no whitespace."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")


class Replier:
    """Carries out operations: records bookings in the ledger and builds the replies.

    Args:
        ledger: records the bookings.
        seed: varies the invented values.
    """

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._seed = seed
        self._previews = count(1)
        self._special: Mapping[str, Callable[[VendorKind, ApiOperation, Any, int], Any]] = MappingProxyType(
            {BOOK: self._book, PREVIEW: self._preview, ESTIMATE: self._estimate}
        )

    def reply(self, kind: VendorKind, operation: ApiOperation, body: Any, request_id: str, percent: int = 0) -> Any:
        """Carry out ``operation`` and return the whole reply; what it costs is so many percent dearer."""
        if operation.routed:
            return operation.example_reply
        special = self._special.get(operation.contract_id)
        if special is not None:
            return success(operation.family, special(kind, operation, body, percent), request_id)
        if operation.example_reply is not None:
            return _page_of(operation.example_reply, body)
        return success(operation.family, None, request_id)

    def _book(self, _: VendorKind, operation: ApiOperation, body: Any, percent: int) -> Mapping[str, Any]:
        reference = booking_reference(body)
        if operation.example_request is not None and body == operation.example_request:
            data: dict[str, Any] = copy.deepcopy(operation.example_reply["data"])
        else:
            data = self._booking(reference, self._ledger.count(reference), body, percent)
        self._ledger.add_booking(reference, data, body)
        return data

    def _booking(self, reference: str, earlier: int, body: Any, percent: int) -> dict[str, Any]:
        """A booking with a new order id and tracking numbers; the fee depends only on the reference."""
        digest = self._digest(f"booking {reference} {earlier}")
        lines: list[Any] = cast("dict[str, Any]", body).get("lineItems") or []
        return {
            "orderId": str(10**17 + int.from_bytes(digest[:8], "big") % (9 * 10**17)),
            "orderFee": self._fee(reference, percent),
            "subOrders": [_sub_order(line, digest, index) for index, line in enumerate(lines)],
        }

    def _preview(self, kind: VendorKind, _: ApiOperation, body: Any, percent: int) -> dict[str, Any]:
        """A new quote each time, even for the same body, priced by the items' services. Booking it costs the same."""
        order = cast("dict[str, Any]", body)
        country = _country(order)
        items: list[dict[str, Any]] = order.get("renderItems") or []
        cents = _raised(sum(self._item_cents(kind, country, item) for item in items), percent)
        digest = self._digest(f"preview {canonical(body).decode()}")
        number = int.from_bytes(digest[:4], "big") % 10_000
        render_id = f"FF{min(cents or _MIN_CENTS, _MAX_CENTS):08d}{number:04d}{next(self._previews):06d}"
        return {"renderId": render_id, "orderFee": self._fee(render_id)}

    def _item_cents(self, kind: VendorKind, country: Any, item: dict[str, Any]) -> int:
        chosen: dict[str, Any] = item.get("freightInfo") or {}
        service = by_id(chosen.get("serviceId"))
        return price(kind, service, country, item.get("itemId"), item.get("quantity"), self._seed)

    def _estimate(self, kind: VendorKind, _: ApiOperation, body: Any, percent: int) -> list[dict[str, Any]]:
        """Every service and its price, from `_pricing`."""
        item = cast("dict[str, Any]", body)
        return [
            {
                "serviceId": service.service_id,
                "companyName": service.company,
                "serviceCategory": service.category,
                "fee": _money(_raised(self._item_price(kind, service, item), percent)),
            }
            for service in SERVICES
        ]

    def _item_price(self, kind: VendorKind, service: Service, item: dict[str, Any]) -> int:
        return price(kind, service, _country(item), item.get("itemId"), item.get("quantity"), self._seed)

    def _fee(self, reference: str, percent: int = 0) -> dict[str, str]:
        quoted = _QUOTED.fullmatch(reference)
        cents = int(quoted[1]) if quoted else 2_000 + self._number(f"fee {reference}") % 40_000
        return _money(_raised(cents, percent))

    def _number(self, text: str) -> int:
        return int.from_bytes(self._digest(text)[:8], "big")

    def _digest(self, text: str) -> bytes:
        return sha256(f"{self._seed} {text}".encode("utf-8", "replace")).digest()


def _country(body: dict[str, Any]) -> Any:
    address: dict[str, Any] = body.get("receiverAddress") or {}
    return address.get("country")


def _page_of(example: dict[str, Any], body: Any) -> dict[str, Any]:
    """A documented reply. If it is a page of a list, any page but the first is INVENTED, and empty."""
    data: Any = example.get("data")
    if not (isinstance(body, dict) and isinstance(data, dict) and "data" in data):
        return example
    request, data = cast("dict[str, Any]", body), cast("dict[str, Any]", data)
    number = request.get("beginPage") or request.get("pageNo") or 1
    return example if number == 1 else {**example, "data": {**data, "data": []}}


def _sub_order(line: Any, digest: bytes, index: int) -> dict[str, Any]:
    item = cast("dict[str, Any]", line)
    number = f"FARJP{(int.from_bytes(digest[8:16], 'big') + index) % 10**13:013d}YQ"
    return {
        "itemInfos": [{name: item.get(name) for name in ("itemId", "skuId", "quantity", "title")}],
        "internationalLogisticInfos": {
            "logisticNumer": number,
            "logisticCompanyName": "UCS",
            "trackingUrl": _TRACKING_URL + number,
            "logisticType": "UCS",
        },
    }


def _raised(cents: int, percent: int) -> int:
    return cents * (100 + percent) // 100


def _money(cents: int) -> dict[str, str]:
    return {"amount": f"{cents // 100}.{cents % 100:02d}", "currency": "USD"}
