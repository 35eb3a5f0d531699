"""Verifying and parsing one vendor message. Framework-independent.

The envelope, header and formula are seen in the vendors' message manuals; the signature's base is inferred (see
`push_signature`). There is no message id, and it isn't stated whether a message's time should be checked.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol, cast

import attrs

from .._config.profiles import VendorProfile
from .._errors import ConfigError, DecodeError, MessageRejectedError
from .._models.base import ReplyModel
from .._models.converters import decode
from .._models.fields import keys_only, optional
from .._models.jsonio import JsonError, is_object, loads
from ..api.platforms import Topic
from ._signature import is_push_signature
from .bodies import AlibabaPriceChange, MessageBody, OrderSummary, RefundSummary, TaobaoPriceChange

MAX_BYTES = 1024 * 1024
"""The default maximum size of a message; the vendors state no limit."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_MILLISECONDS = 10**11  # fewer digits are seconds, until the year 5138


class Platform(enum.IntEnum):
    """The platform of the order (KA's message manual)."""

    TAOBAO = 0
    ALIBABA_1688 = 1


class MessageType(str, enum.Enum):
    """The message types seen, without the platform's prefix; compare with `Message.event`. The vendors have more: `Topic` has likely
    ones."""

    ORDER_CREATE = "ORDER_CREATE"
    ORDER_CANCEL = "ORDER_CANCEL"
    ORDER_PAY_SUCCESS = "ORDER_PAY_SUCCESS"
    PRICE_CHANGED = "ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY"
    REFUND = "ORDER_BUYER_VIEW_ORDER_BUYER_REFUND"
    """The name may be longer: the manual's copy cuts it off, and 1688's goes on (`Topic.REFUND_IN_SALES`)."""


_PLATFORMS: Mapping[int, Platform] = {platform.value: platform for platform in Platform}
_PREFIXES: Mapping[str, Platform] = {"1688_": Platform.ALIBABA_1688, "TAOBAO_": Platform.TAOBAO}

_BODIES: Mapping[tuple[str, Platform], Mapping[str, type[MessageBody]]] = {
    ("xportcn_ka", Platform.ALIBABA_1688): {
        MessageType.ORDER_CREATE: OrderSummary,
        MessageType.ORDER_CANCEL: OrderSummary,
        MessageType.ORDER_PAY_SUCCESS: OrderSummary,
        MessageType.PRICE_CHANGED: OrderSummary,
        MessageType.REFUND: RefundSummary,
        Topic.REFUND_IN_SALES: RefundSummary,
    },
    ("pandapon", Platform.ALIBABA_1688): {MessageType.PRICE_CHANGED: AlibabaPriceChange},
    ("pandapon", Platform.TAOBAO): {MessageType.PRICE_CHANGED: TaobaoPriceChange},
}
"""The known bodies, by vendor and platform, then event."""


class _Pairs(Protocol):
    """Framework headers that aren't a `Mapping`, such as Werkzeug's."""

    def items(self) -> Iterable[tuple[str | bytes, str | bytes]]: ...


Headers = Mapping[str, str] | _Pairs | Iterable[tuple[str | bytes, str | bytes]]
"""A request's headers: any mapping, case-insensitive, or pairs of text or bytes, as in ASGI."""


@attrs.frozen(kw_only=True)
class Message:
    """One vendor message, as trustworthy as its signature.

    Messages arrive in any order and may arrive twice: fetch the current object through the API, and make the handler
    idempotent. A handler that writes to a database can store `digest` under a unique key in the same transaction.

    Attributes:
        type: the message type as received; any text.
        platform: the order's platform; an unknown number as received; None if missing.
        time: when it was pushed, in UTC; None if missing or invalid.
        body: the content: a `MessageBody` if its type is known, else plain JSON. Either way an object can be read by wire name:
            ``message.body["orderId"]``. None if missing.
        raw: the whole message as plain JSON; its ``messageBody`` is text at Xportcn and an object at PandaPon.
        digest: SHA-256 of the bytes as received, in hex; identifies the message, since there is no id.
        vendor: the account's name.
        problems: JSON paths that don't fit, and why; left out of the attributes, but still in ``raw``.
    """

    type: str
    platform: Platform | int | None
    time: datetime | None
    body: Any = attrs.field(hash=False, repr=lambda body: _repr_of_body(body))
    raw: Mapping[str, Any] = attrs.field(hash=False, repr=False)
    digest: str
    vendor: str
    problems: tuple[str, ...] = ()

    @property
    def event(self) -> str:
        """The type without ``1688_`` or ``TAOBAO_``: PandaPon's pages print the prefix, Xportcn's don't; what is pushed is unknown."""
        for prefix in _PREFIXES:
            if self.type.startswith(prefix):
                return self.type.removeprefix(prefix)
        return self.type


def _repr_of_body(body: Any) -> str:
    if isinstance(body, MessageBody):
        return repr(body)
    return keys_only(body) if is_object(body) else "None" if body is None else "***"


@attrs.frozen(kw_only=True)
class _Envelope(ReplyModel):
    message_type: str | None = optional()
    message_platform: int | None = optional()
    timestamp: str | None = optional()


def open_message(
    profile: VendorProfile, headers: Headers, body: bytes | bytearray | memoryview, *, max_bytes: int = MAX_BYTES
) -> Message:
    """Verify and parse a vendor message, for any web framework.

    Args:
        profile: the account; its ``credentials`` and ``push_base`` determine the signature.
        headers: the request's headers, in any case; the signature is in ``Authorization``.
        body: the exact bytes of the request's body as received.
        max_bytes: longer bodies are rejected.

    Raises:
        MessageRejectedError: the signature is missing or doesn't match; answer 401.
        DecodeError: the message is malformed; answer 400.
        ConfigError: the profile has no credentials.
        TypeError: the body is text, which is no longer what was signed.
    """
    if not isinstance(body, (bytes, bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"body: must be the bytes as received, not {type(body).__name__}")
    check_length(profile, len(body), max_bytes)
    content = bytes(body)
    _verify(profile, headers, content)
    return _parsed(profile, content)


class MessageTooLongError(DecodeError):
    """A message exceeds the maximum size."""


def check_length(profile: VendorProfile, length: int, limit: int) -> None:
    """Reject a message longer than ``limit`` bytes, before or while it is read.

    Raises:
        MessageTooLongError: it is longer.
    """
    if length > limit:
        error = MessageTooLongError(f"the message is longer than {limit} bytes", vendor=profile.name)
        error.advice = "Raise max_bytes if the vendor's messages are that long"
        raise error


# --- the signature -----------------------------------------------------------------------------------------------------


def _verify(profile: VendorProfile, headers: Headers, body: bytes) -> None:
    keys = profile.credentials
    if keys is None:
        raise ConfigError("a message can't be verified: the profile has no credentials", vendor=profile.name)
    given = _authorizations(headers)
    if len(given) != 1:
        many = "more than one" if given else "no"
        raise MessageRejectedError(f"the message has {many} Authorization header", vendor=profile.name)
    if not is_push_signature(given[0], keys.access_key, keys.access_secret, body, profile.push_base):
        raise MessageRejectedError("the message's signature doesn't match", vendor=profile.name)


def _authorizations(headers: Headers) -> list[str]:
    pairs = cast("_Pairs", headers).items() if hasattr(headers, "items") else cast("Iterable[Any]", headers)
    return [_text(value) for name, value in pairs if _text(name).lower() == "authorization"]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


# --- the content -------------------------------------------------------------------------------------------------------


def _parsed(profile: VendorProfile, content: bytes) -> Message:
    raw = _json(profile, content, "$")
    if not is_object(raw):
        raise _malformed(profile, "it isn't a JSON object", "$: expected an object")
    envelope, problems = decode(_Envelope, raw, "$")
    assert envelope is not None  # every member is optional
    if not envelope.message_type:
        raise _malformed(profile, "it has no messageType", "$.messageType: is missing")
    time, time_problems = _time(envelope.timestamp)
    message = Message(
        type=envelope.message_type,
        platform=_platform(envelope),
        time=time,
        body=_plain_body(profile, raw.get("messageBody")),
        raw=raw,
        digest=hashlib.sha256(content).hexdigest(),
        vendor=profile.name,
        problems=(*problems, *time_problems),
    )
    return _typed(message, profile.kind)


def _json(profile: VendorProfile, content: bytes, path: str) -> Any:
    try:
        return loads(content, unique_keys=True)
    except JsonError as error:
        reason = str(error)
    raise _malformed(profile, f"{path}: {reason}", f"{path}: {reason}")


def _plain_body(profile: VendorProfile, value: Any) -> Any:
    """The body as JSON: Xportcn sends it as JSON inside a string, PandaPon as an object."""
    if not isinstance(value, str):
        return value
    return _json(profile, value.encode(), "$.messageBody") if value.strip() else None


def _platform(envelope: _Envelope) -> Platform | int | None:
    number = envelope.message_platform
    return None if number is None else _PLATFORMS.get(number, number)


def _time(text: str | None) -> tuple[datetime | None, tuple[str, ...]]:
    """The time from a timestamp: 13 digits are milliseconds (Xportcn's example), fewer are seconds."""
    if text is None:
        return None, ()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None, ("$.timestamp: not a Unix time",)
    number = int(text)
    try:
        return _EPOCH + timedelta(milliseconds=number if number >= _FIRST_MILLISECONDS else number * 1000), ()
    except OverflowError:
        return None, ("$.timestamp: out of range",)


def _typed(message: Message, kind: str) -> Message:
    if not is_object(message.body):
        return message
    platform = message.platform
    for prefix, named in _PREFIXES.items():
        platform = named if message.type.startswith(prefix) else platform
    if not isinstance(platform, Platform):
        return message
    model = _BODIES.get((kind, platform), {}).get(message.event)
    if model is None:
        return message
    body, problems = decode(model, message.body, "$.messageBody")
    return attrs.evolve(message, body=body, problems=(*message.problems, *problems))


def _malformed(profile: VendorProfile, reason: str, *problems: str) -> DecodeError:
    error = DecodeError(f"malformed message: {reason}", vendor=profile.name, problems=problems)
    error.advice = "Answer it with HTTP 400: it isn't a message as the vendor documents it"
    return error
