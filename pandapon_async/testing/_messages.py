"""Composes, signs and delivers vendor messages, with the vendors' retry rule.

Like the checks, the signature is implemented from the documentation, independently of the package's own code.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from contextlib import nullcontext
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

import aiohttp
import attrs

from pandapon_async._clock import Clock
from pandapon_async.testing._ledger import MessageAttempt, SentMessage
from pandapon_async.testing._verification import Account

if TYPE_CHECKING:
    from pandapon_async.testing._operations import VendorKind

ACKNOWLEDGED: Final = 200
"""The only status that acknowledges a message (both vendors' manuals)."""
TIMEOUT: Final = 1.0
"""Seconds that a vendor waits for the acknowledgement (both manuals)."""
RETRY_AFTER: Final = 1800.0
"""Seconds until a message is sent again (both manuals)."""
RETRIES: Final = 5
"""How often a message is sent again, at most (both manuals)."""

SignatureBase = Literal["body", "message_body"]


class MessageOptions(TypedDict, total=False):
    """The options of `FakeVendor.sign_message`."""

    platform: int
    timestamp: int
    base: SignatureBase
    secret: str


@attrs.frozen(kw_only=True)
class SignedMessage:
    """A message as posted: headers, and the body's bytes."""

    headers: Mapping[str, str]
    content: bytes


@attrs.frozen(kw_only=True)
class MessageDraft:
    """A message before it is signed. ``timestamp`` is in milliseconds, as in Xportcn's example; PandaPon's isn't known."""

    type: str
    body: Any
    platform: int
    timestamp: int

    def signed(self, account: Account, *, base: SignatureBase, secret: str | None) -> SignedMessage:
        """The message in its vendor's form: Xportcn KA sends the body as JSON inside a string, PandaPon as an object."""
        inner = _json(self.body)
        members = {
            "messageType": self.type,
            "messageBody": inner if account.kind == "xportcn_ka" else self.body,
            "messagePlatform": self.platform,
            "timestamp": str(self.timestamp),
        }
        content = _json(members).encode()
        signed = account.access_key.encode() + (content if base == "body" else inner.encode())
        digest = hmac.new((account.access_secret if secret is None else secret).encode(), signed, sha256)
        headers = {"Content-Type": "application/json", "Authorization": digest.hexdigest()}
        return SignedMessage(headers=headers, content=content)


@attrs.frozen(kw_only=True)
class MessageSender:
    """Posts a message to a callback until it is acknowledged or the retries are used up.

    Retries have the same bytes; whether the vendors' retries do is not documented.
    """

    clock: Clock
    retries: int
    timeout: float
    session: aiohttp.ClientSession | None

    async def deliver(self, kind: VendorKind, draft: MessageDraft, message: SignedMessage, url: str) -> SentMessage:
        """Deliver one message. Waits between attempts use ``clock``; the time-out of an attempt is real time."""
        attempts: list[MessageAttempt] = []
        async with aiohttp.ClientSession() if self.session is None else nullcontext(self.session) as session:
            while True:
                attempts.append(await self._try(session, message, url))
                if attempts[-1].status == ACKNOWLEDGED or len(attempts) > self.retries:
                    break
                await self.clock.sleep(RETRY_AFTER)
        return SentMessage(
            vendor=kind,
            type=draft.type,
            digest=sha256(message.content).hexdigest(),
            url=url,
            attempts=tuple(attempts),
        )

    async def _try(self, session: aiohttp.ClientSession, message: SignedMessage, url: str) -> MessageAttempt:
        at, began, status = self.clock.now(), monotonic(), 0
        try:
            async with session.post(
                url,
                data=message.content,
                headers=message.headers,
                timeout=aiohttp.ClientTimeout(total=self.timeout),
                allow_redirects=False,
            ) as response:
                await response.read()
                status = response.status
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):  # not the builtin TimeoutError before Python 3.11
            pass
        return MessageAttempt(at=at, status=status, elapsed=monotonic() - began)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
