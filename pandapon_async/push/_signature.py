"""The signature of a vendor message."""

from __future__ import annotations

import hashlib
import hmac

from .._config.signing import PUSH_BASES
from .._errors import ConfigError
from .._models.jsonio import member_as_received


def push_signature(access_key: str, access_secret: str, body: bytes, base: str = "body") -> str:
    """The signature of a vendor message, as in the header ``Authorization``: lower-case hex, 64 characters.

    ``HEX(HMAC-SHA256(base, access_secret))`` is seen in PandaPon's manual. Its copy lost the definition of the base: access key
    plus body, and lower case, are inferred from another platform's manual with the same formula, header and wording. Xportcn's
    manual is cut off before the signature; the same rule is inferred.

    Args:
        access_key: the account's key.
        access_secret: its secret.
        body: the exact bytes of the body as sent.
        base: one of `PUSH_BASES`.

    Raises:
        ConfigError: the key or the secret is missing, or the base is unknown.
        ValueError: the base is ``"message_body"``, but the body has no ``messageBody``.
    """
    if not access_key or not access_secret:
        raise ConfigError("a vendor message can't be signed or verified without access_key and access_secret")
    if base not in PUSH_BASES:
        raise ConfigError(f"push_base: must be one of {list(PUSH_BASES)}, not {base!r}")
    signed = body if base == "body" else member_as_received(body, "messageBody")
    if signed is None:
        raise ValueError("the body isn't a JSON object with a messageBody")
    return hmac.new(access_secret.encode(), access_key.encode() + signed, hashlib.sha256).hexdigest()


def is_push_signature(given: str, access_key: str, access_secret: str, body: bytes, base: str = "body") -> bool:
    """Whether a message's signature matches; compares in constant time and ignores the case of the hex digits.

    Raises:
        ConfigError: as for `push_signature`.
    """
    try:
        expected = push_signature(access_key, access_secret, body, base)
    except ConfigError:
        raise
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), given.strip().encode("utf-8", "replace").lower())
