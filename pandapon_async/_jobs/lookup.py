"""What became of a 1688 order in doubt: looked up in the vendor's list of orders by the caller's own number.

1688's list takes the filter ``outOrderId``. Whether a vendor passes it on is for its customer to find out; the profile says so
(``lists_by_own_number``). An answer is believed only if it shows by itself that the filter was: each order in it has the number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._config.profiles import VendorProfile
from .._errors import ConfigError
from .._models.operation import VendorRequest
from ..api.shared.alibaba_orders import CreatedOrder, TradeInfo
from ..api.xportcn_ka.orders import OrderCreated, OrderCreateRequest, OrderService
from .sender import NOT_BOOKED
from .settings import Reconcile

if TYPE_CHECKING:
    from .._session import VendorSession

_LIST = "ka.order.list"
_PAGE_SIZE = 20


def packaged_reconcile(profile: VendorProfile, request_type: type[VendorRequest[Any]]) -> Reconcile | None:
    """The package's own way to ask what became of a request in doubt, if there is one and the profile allows it.

    Raises:
        ConfigError: the profile allows it and gives no path to ask at.
    """
    if not (profile.lists_by_own_number and issubclass(request_type, OrderCreateRequest)):
        return None
    if not profile.paths.keys() & {_LIST, "alibaba.orders.list"}:
        raise ConfigError(
            "lists_by_own_number: the path of the order list isn't known; give it in the profile as "
            'paths = {"alibaba.orders.list" = "/..."}',
            vendor=profile.name,
        )
    return order_by_own_number


async def order_by_own_number(session: VendorSession, request: OrderCreateRequest) -> Any:
    """The order that was created under the request's ``out_order_id``; `NOT_BOOKED` if there is none; None if that can't be told."""
    number = request.out_order_id
    if not number:
        return None
    page = await OrderService(session).list({"outOrderId": number, "page": 1, "pageSize": _PAGE_SIZE})
    if not page.result:
        return NOT_BOOKED if page.total_record == 0 else None
    if page.total_record not in (None, len(page.result)):
        return None
    ids = {_order_id(order, number) for order in page.result}
    order_id = ids.pop()
    return None if ids or order_id is None else OrderCreated(order_id=order_id)


def _order_id(order: TradeInfo, number: str) -> str | None:
    """The id of an order that has the number."""
    base = order.base_info
    return None if base is None or base.out_order_id != number else base.id_of_str or base.id


def made_order(data: Any) -> str | None:
    """The id of the one order that a reply says was made."""
    return data.order_id if isinstance(data, CreatedOrder) else None
