"""The best that a user would write: aiohttp, attrs, cattrs with strict hooks, backoff, the same signing; orjson if it is there."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
import backoff
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from yarl import URL

from .setting import IDLE_SECONDS, Book, Setting, pooled


def _json() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    try:
        import orjson
    except ImportError:
        return json.loads, lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return orjson.loads, orjson.dumps


loads, dumps = _json()
_KEY, _SECRET, _USER = "bench-key-0001", "bench-secret-0001", "1000000000001"


@attrs.frozen
class Freight:
    service_id: str
    company_name: str
    service_category: str


@attrs.frozen
class Line:
    item_id: str
    sku_id: str
    quantity: int
    title: str
    image_url: str
    freight_info: Freight


@attrs.frozen
class Address:
    country: str
    state: str
    city: str
    zip: str
    address: str
    name: str
    phone: str
    mobile_phone: str
    email: str


@attrs.frozen
class Tmall:
    tmall_order_id: str


@attrs.frozen
class Request:
    render_id: str
    tmall_order_info: Tmall
    receiver_address: Address
    line_items: list[Line]


@attrs.frozen
class Fee:
    amount: str | None = None
    currency: str | None = None


@attrs.frozen
class Item:
    item_id: str | None = None
    sku_id: str | None = None
    quantity: int | None = None
    title: str | None = None


@attrs.frozen
class Parcel:
    logistic_numer: str | None = None  # the vendor's spelling
    logistic_company_name: str | None = None
    tracking_url: str | None = None
    logistic_type: str | None = None


@attrs.frozen
class SubOrder:
    item_infos: list[Item]
    international_logistic_infos: Parcel | None = None


@attrs.frozen
class Booking:
    sub_orders: list[SubOrder]
    order_id: str | None = None
    order_fee: Fee | None = None


@attrs.frozen
class Reply:
    error_code: int | None = None
    error_msg: str | None = None
    success: bool | None = None
    data: Booking | None = None


def _converter() -> Converter:
    converter = Converter()

    def decoder(cls: Any) -> Callable[[Any, Any], Any]:
        return make_dict_structure_fn(cls, converter, **_renamed(cls))

    def encoder(cls: Any) -> Callable[[Any], Any]:
        return make_dict_unstructure_fn(cls, converter, **_renamed(cls))

    converter.register_structure_hook_factory(attrs.has, decoder)
    converter.register_unstructure_hook_factory(attrs.has, encoder)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _strict(kind, optional=False))
        converter.register_structure_hook(kind | None, _strict(kind, optional=True))
    return converter


def _renamed(cls: Any) -> dict[str, Any]:
    return {field.name: override(rename=_camel(field.name)) for field in attrs.fields(cls)}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _strict(kind: type, *, optional: bool) -> Callable[[Any, Any], Any]:
    """Else cattrs makes True of ``"false"``."""

    def structure(value: Any, _: Any) -> Any:
        if type(value) is kind or (optional and value is None):
            return value
        raise TypeError(f"not {kind.__name__}: {type(value).__name__}")

    return structure


def _signed() -> tuple[dict[str, str], str]:
    timestamp, nonce = str(int(time.time())), os.urandom(16).hex().upper()
    text = f"{_KEY}{timestamp}{nonce}{_SECRET}"
    signature = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
    headers = {
        "Content-Type": "application/json",
        "access-key": _KEY,
        "timestamp": timestamp,
        "nonce-str": nonce,
        "signature": signature,
        "user-id": _USER,
    }
    return headers, f"timestamp={timestamp}&sign={signature}"


@asynccontextmanager
async def client(setting: Setting) -> AsyncGenerator[Book, None]:
    """Encoded, signed, sent (again if there was no connection), checked and decoded; one model is sent again and again."""
    converter = _converter()
    request = converter.structure(loads(setting.request), Request)
    connector = aiohttp.TCPConnector(limit=setting.concurrency, keepalive_timeout=IDLE_SECONDS)
    timeout = aiohttp.ClientTimeout(total=60, connect=5, sock_connect=5, sock_read=20)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        @backoff.on_exception(backoff.expo, aiohttp.ClientConnectorError, max_tries=4, max_value=10, logger=None)
        async def attempt(body: bytes) -> bytes:
            headers, query = _signed()
            target = URL(f"{setting.url}?{query}", encoded=True)
            async with session.post(target, data=body, headers=headers, allow_redirects=False) as response:
                reply = await response.read()
                if response.status != 200:
                    raise RuntimeError(f"HTTP {response.status}")
                return reply

        async def one() -> None:
            reply = converter.structure(loads(await attempt(dumps(converter.unstructure(request)))), Reply)
            if not reply.success or reply.data is None or reply.data.order_id is None:
                raise RuntimeError(f"{reply.error_code}: {reply.error_msg}")

        yield pooled(setting, one)
