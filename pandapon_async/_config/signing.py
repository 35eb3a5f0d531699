"""The signatures of requests and of vendor messages, as functions on text and bytes.

``MD5(access_key + timestamp + nonce + access_secret)``, upper-case hex. The vendors' manuals list the signed parameters; the
order and the digest are from a public client (the section of the manuals that defines them could not be read), and every
sample on the vendors' pages has this form. The body isn't signed: TLS is its only protection.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any, Protocol

from .._models.operation import Operation

NONCE_LENGTH = 32
"""Characters of a nonce (vendors' manual)."""


CLOCK_WINDOW = 600
"""How many seconds a timestamp may differ from the vendor's clock (vendors' manual)."""


Signed = tuple[Mapping[str, str], Mapping[str, str]]
"""Headers and query parameters that authenticate one attempt."""


class Signer(Protocol):
    """A signing scheme: authenticates one attempt of an operation."""

    def __call__(
        self, access_key: str, access_secret: str, timestamp: str, nonce: str, operation: Operation[Any], /
    ) -> Signed:
        """Headers and query parameters. The client adds ``user-id`` and applies the profile's ``signed_query``."""
        ...


def new_nonce() -> str:
    """A new nonce: 32 characters from a secure source."""
    return os.urandom(NONCE_LENGTH // 2).hex().upper()


def sign(access_key: str, access_secret: str, timestamp: str, nonce: str) -> str:
    """The signature: upper-case hex, 32 characters."""
    text = f"{access_key}{timestamp}{nonce}{access_secret}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def documented_signer(
    access_key: str, access_secret: str, timestamp: str, nonce: str, operation: Operation[Any], /
) -> Signed:
    """The scheme in both vendors' manuals: four headers; on the logistics pages also ``timestamp`` and ``sign`` in the query."""
    signature = sign(access_key, access_secret, timestamp, nonce)
    headers = {"access-key": access_key, "timestamp": timestamp, "nonce-str": nonce, "signature": signature}
    query = {"timestamp": timestamp, "sign": signature} if operation.signed_query else {}
    return headers, query


PUSH_BASES = ("body", "message_body")
"""What a message's signature may cover after the access key: the whole body, or the value of ``messageBody``."""
