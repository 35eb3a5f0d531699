"""The measure: ``ClientSession`` posts ready bytes and reads the reply's; nothing else."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp

from .setting import IDLE_SECONDS, Book, Setting, pooled


@asynccontextmanager
async def client_session(setting: Setting) -> AsyncGenerator[Book, None]:
    """A pool as large as the concurrency; everything else is aiohttp's default."""
    url, body = setting.url, setting.request
    connector = aiohttp.TCPConnector(limit=setting.concurrency, keepalive_timeout=IDLE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as client:

        async def one() -> None:
            async with client.post(url, data=body) as response:
                await response.read()
                assert response.status == 200, response.status

        yield pooled(setting, one)
