"""One vendor message: verified, then parsed. Knows no web framework.

The envelope, header and formula are seen in the vendors' message manuals; what the signature's base is, is inferred (see
`push_signature`). There is no message id, and nothing says whether the time of a message is to be checked.
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
from ._signature import is_push_signature
from .bodies import AlibabaPriceChange, MessageBody, OrderSummary, RefundSummary, TaobaoPriceChange

MAX_BYTES = 1024 * 1024
"""Bytes of a message beyond which it is refused, unless told otherwise; the vendors name no limit."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_MILLISECONDS = 10**11  # fewer digits are seconds, until the year 5138


class Platform(enum.IntEnum):
    """Where the order is from (KA's message manual)."""

    TAOBAO = 0
    ALIBABA_1688 = 1


class MessageType(str, enum.Enum):
    """The message types that were seen, without the platform's prefix; the vendors have more, compare with `Message.event`."""

    ORDER_CREATE = "ORDER_CREATE"
    ORDER_CANCEL = "ORDER_CANCEL"
    ORDER_PAY_SUCCESS = "ORDER_PAY_SUCCESS"
    PRICE_CHANGED = "ORDER_BUYER_VIEW_ORDER_PRICE_MODIFY"
    REFUND = "ORDER_BUYER_VIEW_ORDER_BUYER_REFUND"
    """The name may be longer: it is cut off in the manual's copy."""


_PLATFORMS: Mapping[int, Platform] = {platform.value: platform for platform in Platform}
_PREFIXES: Mapping[str, Platform] = {"1688_": Platform.ALIBABA_1688, "TAOBAO_": Platform.TAOBAO}

_BODIES: Mapping[tuple[str, Platform], Mapping[str, type[MessageBody]]] = {
    ("xportcn_ka", Platform.ALIBABA_1688): {
        MessageType.ORDER_CREATE: OrderSummary,
        MessageType.ORDER_CANCEL: OrderSummary,
        MessageType.ORDER_PAY_SUCCESS: OrderSummary,
        MessageType.PRICE_CHANGED: OrderSummary,
        MessageType.REFUND: RefundSummary,
    },
    ("pandapon", Platform.ALIBABA_1688): {MessageType.PRICE_CHANGED: AlibabaPriceChange},
    ("pandapon", Platform.TAOBAO): {MessageType.PRICE_CHANGED: TaobaoPriceChange},
}
"""The bodies that are known, per vendor and platform, by event."""


class _Pairs(Protocol):
    """Headers of a framework that aren't a `Mapping`, such as Werkzeug's."""

    def items(self) -> Iterable[tuple[str | bytes, str | bytes]]: ...


Headers = Mapping[str, str] | _Pairs | Iterable[tuple[str | bytes, str | bytes]]
"""A request's headers: any mapping, in any case, or pairs of text or bytes, as ASGI has them."""


@attrs.frozen(kw_only=True)
class Message:
    """One message of a vendor, as true as its signature.

    Messages come in any order and may come twice: read the object anew through the API, and make the handler repeatable. A
    handler that writes to a database can store `digest` under a unique key in the same transaction.

    Attributes:
        type: the message type as it came; any text.
        platform: where the order is from; a number that isn't known as it came; None if there was none.
        time: when it was pushed, in UTC; None if there was none that can be read.
        body: what it says: a `MessageBody` where that is known, else plain JSON. Either way a body that is an object can be read
            by wire names: ``message.body["orderId"]``. None if there was none.
        raw: the whole message as plain JSON; its ``messageBody`` is text at Xportcn and an object at PandaPon.
        digest: SHA-256 of the bytes as received, in hex: what tells one message from another, since they have no id.
        vendor: the account's name.
        problems: JSON paths that don't fit, and why; they are left out of the attributes, and stand in ``raw``.
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
        """The type without ``1688_`` or ``TAOBAO_``: PandaPon's pages print them, Xportcn's don't, and whether they are pushed is open."""
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
    """Verify a vendor's message and parse it; for any web framework.

    Args:
        profile: the account; its ``credentials`` and ``push_base`` decide what signature fits.
        headers: the request's headers, whatever their case; the signature is in ``Authorization``.
        body: the request's body as it was received, byte for byte.
        max_bytes: a longer body is refused.

    Raises:
        MessageRejectedError: the signature is missing or doesn't fit; answer 401.
        DecodeError: the message makes no sense; answer 400.
        ConfigError: the profile has no credentials.
        TypeError: the body is text: it is no longer what was signed.
    """
    if not isinstance(body, (bytes, bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"body: give the bytes as they were received, not {type(body).__name__}")
    check_length(profile, len(body), max_bytes)
    content = bytes(body)
    _verify(profile, headers, content)
    return _parsed(profile, content)


class MessageTooLongError(DecodeError):
    """A message is longer than is read."""


def check_length(profile: VendorProfile, length: int, most: int) -> None:
    """Refuse a message of more than ``most`` bytes, before or while it is read.

    Raises:
        MessageTooLongError: it is.
    """
    if length > most:
        error = MessageTooLongError(f"the message is longer than {most} bytes", vendor=profile.name)
        error.advice = "Raise max_bytes if the vendor's messages are that long"
        raise error


# --- the signature -----------------------------------------------------------------------------------------------------


def _verify(profile: VendorProfile, headers: Headers, body: bytes) -> None:
    keys = profile.credentials
    if keys is None:
        raise ConfigError("a message can't be verified: the profile has no credentials", vendor=profile.name)
    given = _authorizations(headers)
    if len(given) != 1:
        many = "more than one header" if given else "no header"
        raise MessageRejectedError(f"the message has {many} Authorization", vendor=profile.name)
    if not is_push_signature(given[0], keys.access_key, keys.access_secret, body, profile.push_base):
        raise MessageRejectedError("the message's signature doesn't fit", vendor=profile.name)


def _authorizations(headers: Headers) -> list[str]:
    pairs = cast("_Pairs", headers).items() if hasattr(headers, "items") else cast("Iterable[Any]", headers)
    return [_text(value) for name, value in pairs if _text(name).lower() == "authorization"]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


# --- what it says ------------------------------------------------------------------------------------------------------


def _parsed(profile: VendorProfile, content: bytes) -> Message:
    raw = _json(profile, content, "$")
    if not is_object(raw):
        raise _senseless(profile, "it is no JSON object", "$: expected an object")
    envelope, problems = decode(_Envelope, raw, "$")
    assert envelope is not None  # every member may be left out
    if not envelope.message_type:
        raise _senseless(profile, "it has no messageType", "$.messageType: is missing")
    time, untimely = _time(envelope.timestamp)
    message = Message(
        type=envelope.message_type,
        platform=_platform(envelope),
        time=time,
        body=_plain_body(profile, raw.get("messageBody")),
        raw=raw,
        digest=hashlib.sha256(content).hexdigest(),
        vendor=profile.name,
        problems=(*problems, *untimely),
    )
    return _typed(message, profile.kind)


def _json(profile: VendorProfile, content: bytes, path: str) -> Any:
    try:
        return loads(content, unique_keys=True)
    except JsonError as error:
        reason = str(error)
    raise _senseless(profile, f"{path}: {reason}", f"{path}: {reason}")


def _plain_body(profile: VendorProfile, value: Any) -> Any:
    """The body as JSON: Xportcn sends it as JSON inside a text, PandaPon as it is."""
    if not isinstance(value, str):
        return value
    return _json(profile, value.encode(), "$.messageBody") if value.strip() else None


def _platform(envelope: _Envelope) -> Platform | int | None:
    number = envelope.message_platform
    return None if number is None else _PLATFORMS.get(number, number)


def _time(text: str | None) -> tuple[datetime | None, tuple[str, ...]]:
    """13 digits are milliseconds (Xportcn's example); fewer are seconds."""
    if text is None:
        return None, ()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None, ("$.timestamp: not a Unix time",)
    number = int(text)
    try:
        return _EPOCH + timedelta(milliseconds=number if number >= _FIRST_MILLISECONDS else number * 1000), ()
    except OverflowError:
        return None, ("$.timestamp: no time of this age",)


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


def _senseless(profile: VendorProfile, reason: str, *problems: str) -> DecodeError:
    error = DecodeError(f"the message makes no sense: {reason}", vendor=profile.name, problems=problems)
    error.advice = "Answer it with HTTP 400: it is not the message that the vendor documents"
    return error
