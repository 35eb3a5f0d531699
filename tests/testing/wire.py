"""A client of a few lines, so that the fake vendor is tested without the package's own client."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import attrs

from pandapon_async.testing import FakeVendor
from pandapon_async.testing._operations import Catalogue
from pandapon_async.testing._schema import Shape

BOOK = "/open/pp/logistics/orderBookingFreight"
PREVIEW = "/open/pp/logistics/orderRenderFreight"
ESTIMATE = "/open/pp/logistics/itemLogisticsPrice"
UPDATE = "/open/pp/logistics/updateLogisticInfo"
ADDRESS = "/open/address/addOrUpdate"
BOOKING_ID = "logistics.order.book_freight"

EXAMPLES = {(kind, op.path): op.example_request for kind, op in Catalogue()}
EXAMPLE = EXAMPLES["pandapon", BOOK]


@attrs.define
class Signed:
    """The system parameters of one call; a test spoils them as it likes."""

    headers: dict[str, str]
    query: dict[str, str]


@attrs.frozen
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def sign(
    vendor: FakeVendor,
    kind: str = "pandapon",
    *,
    timestamp: str | None = None,
    nonce: str | None = None,
    secret: str | None = None,
) -> Signed:
    """Sign as the documentation says."""
    account = next(a for a in vendor.accounts if a.kind == kind)
    timestamp = timestamp or str(int(time.time()))
    nonce = nonce or secrets.token_hex(16)
    base = account.access_key + timestamp + nonce + (secret or account.access_secret)
    signature = hashlib.md5(base.encode()).hexdigest().upper()
    headers = {
        "access-key": account.access_key,
        "timestamp": timestamp,
        "nonce-str": nonce,
        "signature": signature,
        "Content-Type": "application/json",
    }
    if account.user_id is not None:
        headers["user-id"] = account.user_id
    return Signed(headers, {"timestamp": timestamp, "sign": signature})


def smallest(shape: Shape) -> Any:
    """The least that fits a schema."""
    if dict in shape.types or shape.members:
        return {name: smallest(shape.members[name]) for name in shape.required}
    if list in shape.types:
        return []
    return next((least for kind, least in ((str, "1"), (int, 1), (bool, True)) if kind in shape.types), None)


def booking(reference: str) -> dict[str, Any]:
    return {**EXAMPLE, "renderId": reference}


async def call(
    vendor: FakeVendor,
    path: str = BOOK,
    body: Any = EXAMPLE,
    *,
    signed: Signed | None = None,
    method: str = "POST",
    session: aiohttp.ClientSession | None = None,
) -> Got:
    """One call; ``body`` may be bytes, to be sent as they are, or None."""
    if session is None:
        async with aiohttp.ClientSession() as own:
            return await call(vendor, path, body, signed=signed, method=method, session=own)
    signed = signed or sign(vendor, "xportcn_ka" if path.startswith("/api/") else "pandapon")
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sending = session.request(
        method, vendor.url + path, params=signed.query, headers=signed.headers, data=data, allow_redirects=False
    )
    async with sending as response:
        return Got(response.status, response.headers, await response.read())


def request_bytes(vendor: FakeVendor, path: str = BOOK, body: Any = EXAMPLE, *, close: bool = True) -> bytes:
    """A signed call as it goes over the wire."""
    signed = sign(vendor)
    data = json.dumps(body).encode()
    query = "&".join(f"{name}={value}" for name, value in signed.query.items())
    headers = {**signed.headers, "Host": "fake", "Content-Length": str(len(data))}
    if close:
        headers["Connection"] = "close"
    lines = [f"POST {path}?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + data


async def seen_bytes(vendor: FakeVendor, body: Any = EXAMPLE) -> bytes:
    """Everything that one signed booking gets back until the connection ends, however it ends."""
    reader, writer = await connect(vendor)
    writer.write(request_bytes(vendor, body=body))
    try:
        return await read_all(reader)
    finally:
        await hang_up(writer)


async def connect(vendor: FakeVendor) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = vendor.url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def read_all(reader: asyncio.StreamReader) -> bytes:
    got = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(1 << 16):
            got += chunk
    return got


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def arrived(vendor: FakeVendor) -> None:
    """Until the vendor has noted a request."""
    while not vendor.ledger.requests:  # noqa: ASYNC110  the vendor has no event for it, and needs none
        await asyncio.sleep(0)
