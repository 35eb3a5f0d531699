"""What the tests of quotes share: destinations, sweeps at a fake vendor, quotes without one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pandapon_async import Quote, QuoteSweep, SessionManager, VendorSession
from pandapon_async.api.logistics import FreightInfo, FreightPreviewRequest, Money, ReceiverAddress, RenderItem
from pandapon_async.testing import FakeVendor
from tests.support import AT_ONCE, estimate

PLACES = (
    ("US", "California", "Springfield", "90000"),
    ("VN", "Thành phố Hồ Chí Minh", "Quận 1, Phường Bến Nghé", "700000"),
    ("CN", "广东省", "深圳市", "518000"),
    ("TW", "臺灣", "高雄市", "800"),
    ("JP", "東京都", "千代田区", "100-0001"),
    ("KR", "서울특별시", "종로구", "03000"),
    ("DE", "Bayern", "München", "80331"),
    ("BR", "São Paulo", "São Paulo", "01000-000"),
    ("GB", "Example Shire", "Sampleton", "EX4 9LE"),
    ("AU", "New South Wales", "Sydney", "2000"),
)


def places(number: int) -> list[ReceiverAddress]:
    """So many different destinations."""
    made: list[ReceiverAddress] = []
    for index in range(number):
        country, state, city, zip_code = PLACES[index % len(PLACES)]
        round_ = index // len(PLACES)
        made.append(
            ReceiverAddress(country=country, state=state, city=f"{city} {round_}" if round_ else city, zip=zip_code)
        )
    return made


def preview(*services: str, country: str = "US", **changes: Any) -> FreightPreviewRequest:
    """An order of one item for each service."""
    items = [
        RenderItem(item_id=str(n), sku_id="2", quantity=1, freight_info=FreightInfo(service_id=service))
        for n, service in enumerate(services or ("1",))
    ]
    members = {"receiver_address": ReceiverAddress(country=country), "render_items": tuple(items)}
    return FreightPreviewRequest(**{**members, **changes})


def quote(price: str | None = None, **changes: Any) -> Quote:
    """A quote as a sweep makes them; the price as in ``"12.50 USD"``."""
    members: dict[str, Any] = {"index": 0, "vendor": "pandapon", "service_id": "1", "raw": {}, "request": estimate()}
    if price is not None:
        amount, currency = price.split()
        members["price"] = Money(amount=amount, currency=currency)  # type: ignore[arg-type]
    return Quote(**{**members, **changes})


@contextlib.asynccontextmanager
async def sessions(*vendors: tuple[FakeVendor, Any], **options: Any) -> AsyncIterator[list[VendorSession]]:
    """A session at each, whose waits between attempts are of no length unless told."""
    options = {"retry": AT_ONCE, **options}
    clock = options.pop("clock", None)
    profiles = [vendor.profile(kind, **options) for vendor, kind in vendors]
    async with SessionManager(profiles, clock=clock) as manager:
        yield [manager[profile.name] for profile in profiles]


@contextlib.asynccontextmanager
async def sweeping(vendor: FakeVendor, *kinds: Any, options: Any = None, **arguments: Any) -> AsyncIterator[QuoteSweep]:
    """A sweep of both vendors (or those kinds) at one fake vendor."""
    chosen = kinds or ("pandapon", "xportcn_ka")
    async with sessions(*((vendor, kind) for kind in chosen), **(options or {})) as found:
        yield QuoteSweep(found, **arguments)
