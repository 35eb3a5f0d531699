"""httpx, posting ready bytes and reading the reply's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from .setting import IDLE_SECONDS, Book, Setting, pooled


@asynccontextmanager
async def async_client(setting: Setting) -> AsyncGenerator[Book, None]:
    """A pool as large as the concurrency, and no time-out that its own queue would run into."""
    size = setting.concurrency
    limits = httpx.Limits(max_connections=size, max_keepalive_connections=size, keepalive_expiry=IDLE_SECONDS)
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False, headers=headers) as client:

        async def one() -> None:
            response = await client.post(setting.url, content=setting.request)
            assert response.status_code == 200, response.status_code

        yield pooled(setting, one)
