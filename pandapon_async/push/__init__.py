"""Vendor messages: verified and parsed for any framework, handled once, with a route for aiohttp.web.

Names are loaded on first use: code that only opens messages doesn't load aiohttp.web.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .._errors import MessageRejectedError as MessageRejectedError
    from .bodies import (
        AlibabaPriceChange as AlibabaPriceChange,
        MessageBody as MessageBody,
        OrderSummary as OrderSummary,
        PurchasePrice as PurchasePrice,
        RefundSummary as RefundSummary,
        TaobaoPriceChange as TaobaoPriceChange,
        TaobaoPriceLine as TaobaoPriceLine,
    )
    from .inbox import Acknowledgement as Acknowledgement, Inbox as Inbox
    from .message import (
        Message as Message,
        MessageType as MessageType,
        Platform as Platform,
        open_message as open_message,
    )
    from .route import MessageRoute as MessageRoute, message_route as message_route
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            ".._errors": "MessageRejectedError",
            ".bodies": "AlibabaPriceChange MessageBody OrderSummary PurchasePrice RefundSummary TaobaoPriceChange TaobaoPriceLine",
            ".inbox": "Acknowledgement Inbox",
            ".message": "Message MessageType Platform open_message",
            ".route": "MessageRoute message_route",
        },
    )
