"""The signatures of requests and of vendor messages, as functions on text and bytes.

``MD5(access_key + timestamp + nonce + access_secret)``, upper-case hex. Which parameters are signed is in the vendors'
manuals; the order and the digest are from a public client (the manuals' section that spells them out could not be read), and
every sample on the vendors' pages has this shape. The body isn't signed: TLS is its only protection.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any, Protocol

from .errors import ConfigError
from .jsonio import member_as_received
from .operation import Operation

NONCE_LENGTH = 32
"""Characters of a nonce (vendors' manual)."""
CLOCK_WINDOW = 600
"""Seconds by which a timestamp may differ from the vendor's clock (vendors' manual)."""

Signed = tuple[Mapping[str, str], Mapping[str, str]]
"""Headers and query parameters that authenticate one attempt."""


class Signer(Protocol):
    """A signing scheme: what authenticates one attempt of an operation."""

    def __call__(
        self, access_key: str, access_secret: str, timestamp: str, nonce: str, operation: Operation[Any], /
    ) -> Signed:
        """Headers and query parameters; the header ``user-id`` and the profile's switch for the query are not its concern."""
        ...


def new_nonce() -> str:
    """A fresh nonce: 32 characters from a secure source."""
    return os.urandom(NONCE_LENGTH // 2).hex().upper()


def sign(access_key: str, access_secret: str, timestamp: str, nonce: str) -> str:
    """The signature: upper-case hex, 32 characters."""
    text = f"{access_key}{timestamp}{nonce}{access_secret}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def documented_signer(
    access_key: str, access_secret: str, timestamp: str, nonce: str, operation: Operation[Any], /
) -> Signed:
    """The scheme of both vendors' manuals: four headers, and for the logistics pages the same two values in the query."""
    signature = sign(access_key, access_secret, timestamp, nonce)
    headers = {"access-key": access_key, "timestamp": timestamp, "nonce-str": nonce, "signature": signature}
    query = {"timestamp": timestamp, "sign": signature} if operation.signed_query else {}
    return headers, query


# --- vendor messages ---------------------------------------------------------------------------------------------------

PUSH_BASES = ("body", "message_body")
"""What a message's signature may be made of, after the access key: the whole body, or the value of ``messageBody``."""


def push_signature(access_key: str, access_secret: str, body: bytes, base: str = "body") -> str:
    """The signature of a vendor message, as it stands in the header ``Authorization``: lower-case hex, 64 characters.

    ``HEX(HMAC-SHA256(base, access_secret))`` is seen in PandaPon's manual. What the base is was lost in its copy: the access key
    and the body, and lower case, are inferred from another platform's manual with the same formula, header and wording. Xportcn's
    manual is cut off before its signature; the same rule is inferred.

    Args:
        access_key: the account's key.
        access_secret: its secret.
        body: the body, byte for byte as it goes over the wire.
        base: one of `PUSH_BASES`.

    Raises:
        ConfigError: there is no key or no secret, or the base is unknown.
        ValueError: the base is ``"message_body"``, and the body holds none.
    """
    if not access_key or not access_secret:
        raise ConfigError("a vendor message can't be signed or verified without access_key and access_secret")
    if base not in PUSH_BASES:
        raise ConfigError(f"push_base: must be one of {list(PUSH_BASES)}, not {base!r}")
    signed = body if base == "body" else member_as_received(body, "messageBody")
    if signed is None:
        raise ValueError("the body is no JSON object with a messageBody")
    return hmac.new(access_secret.encode(), access_key.encode() + signed, hashlib.sha256).hexdigest()


def is_push_signature(given: str, access_key: str, access_secret: str, body: bytes, base: str = "body") -> bool:
    """Whether a message's signature fits, in constant time; upper and lower case hex are the same.

    Raises:
        ConfigError: as `push_signature`.
    """
    try:
        expected = push_signature(access_key, access_secret, body, base)
    except ConfigError:
        raise
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), given.strip().encode("utf-8", "replace").lower())
