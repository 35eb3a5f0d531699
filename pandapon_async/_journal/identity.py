"""What makes a booking the same booking: its account, its reference, its parcel.

People write one thing in many ways: a blank behind an order number, ``HTTP://Host/``, another spelling of an ``é``. These rules
say when two spellings are one. They are functions of values, so every store and every reader of a journal shares them.
"""

from __future__ import annotations

import ipaddress
import posixpath
import socket
import string
import struct
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import attrs

from .._config.profiles import is_loopback
from .._errors import JournalError, RequestError
from .._models.jsonio import is_array, is_object
from ..api.logistics import FreightBookingRequest

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.operation import Operation

# --- references --------------------------------------------------------------------------------------------------------

_BLANK_LETTERS: Final = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""What Unicode counts as a letter or a symbol and nobody can see."""
_ZERO_WIDTH_MARKS: Final = ((0x034F, 0x034F), (0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Marks that change nothing that can be seen; all else of no width is in a category that `str.isprintable` refuses."""


def normal_reference(reference: object) -> str:
    """A reference as the journal knows it: NFC, without blanks at its ends.

    Raises:
        RequestError: it isn't text, is empty, or holds what can't be seen (control and zero-width characters, odd blanks).
    """
    if not isinstance(reference, str):
        raise RequestError(f"a reference must be text, not {type(reference).__name__}")
    if reference.isascii():
        text = reference.strip()
    else:
        text = unicodedata.normalize("NFC", reference)
        while text and _is_blank(text[0]):
            text = text[1:]
        while text and _is_blank(text[-1]):
            text = text[:-1]
    if not text:
        raise RequestError("a reference must not be empty")
    if not text.isprintable() or (not text.isascii() and any(map(_is_invisible, text))):
        raise RequestError("a reference must hold printable characters only")
    return text


def _is_blank(char: str) -> bool:
    return char.isspace() or char in _BLANK_LETTERS


def _is_invisible(char: str) -> bool:
    return char in _BLANK_LETTERS or any(first <= ord(char) <= last for first, last in _ZERO_WIDTH_MARKS)


_read_key: Final = struct.Struct(">q").unpack


def key_of(kind: str, *parts: str) -> int:
    """The 8-byte digest that an index holds instead of texts; a release never changes it."""
    text = "\x00".join((kind, *parts)).encode("utf-8", "surrogatepass")
    key: int = _read_key(blake2b(text, digest_size=8).digest())[0]
    return key


# --- the parcel --------------------------------------------------------------------------------------------------------

_PARCEL_OPERATION: Final = FreightBookingRequest.operation.name
_RECEIVER: Final = ("name", "address", "zip", "country", "phone")
_INVISIBLE_ASCII: Final = dict.fromkeys((*range(33), 127))
_INVISIBLE_BUT_ONE: Final = bytes(code for code in _INVISIBLE_ASCII if code != 1)
_LOWER: Final = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())


class ParcelKeys(NamedTuple):
    """By what the same parcel is found under another reference; None: the booking doesn't say.

    ``render``: the quote's render id, within one kind of vendor; ``tmall``: the shop's order; ``parcel``: receiver and items.
    """

    render: int | None = None
    tmall: int | None = None
    parcel: int | None = None


NO_PARCEL: Final = ParcelKeys()


def parcel_keys(vendor: str, operation: str, body: Mapping[str, Any]) -> ParcelKeys:
    """The keys of a booking's wire JSON; operations other than the freight booking have none."""
    if operation != _PARCEL_OPERATION:
        return NO_PARCEL
    receiver, lines = _object(body, "receiverAddress"), body.get("lineItems")
    items = [item for item in lines if is_object(item)] if is_array(lines) else []
    values = [body.get("renderId"), _object(body, "tmallOrderInfo").get("tmallOrderId"), *map(receiver.get, _RECEIVER)]
    for item in items:
        values += item.get("itemId"), item.get("skuId")
    render, tmall, *rest = _folded_all(values)
    return ParcelKeys(
        key_of("render", vendor, render) if render else None,
        key_of("tmall", tmall) if tmall else None,
        _parcel(rest[: len(_RECEIVER)], rest[len(_RECEIVER) :], items),
    )


def destination_of(body: Mapping[str, Any]) -> str | None:
    """The receiver's country, by which bookings are summed up even when the receiver is forgotten."""
    country = _object(body, "receiverAddress").get("country")
    return country.strip().upper() or None if isinstance(country, str) else None


def _parcel(who: list[str], what: list[str], items: list[dict[str, Any]]) -> int | None:
    pieces: dict[str, int] = {}
    for name, sku, item in zip(what[::2], what[1::2], items, strict=True):
        if name or sku:
            thing = f"{name}\x01{sku}"
            pieces[thing] = pieces.get(thing, 0) + _quantity(item.get("quantity"))
    if not pieces or not any(who):
        return None
    return key_of("parcel", *who, *[f"{thing}\x01{count}" for thing, count in sorted(pieces.items())])


def _folded_all(values: list[Any]) -> list[str]:
    """The same as `folded` of each; of the usual ones in one step, since every booking of an input of millions needs it."""
    text = "\x01".join([value if isinstance(value, str) else folded(value) for value in values])
    if not text.isascii() or text.count("\x01") >= len(values):
        return [folded(value) for value in values]
    return text.encode().translate(_LOWER, _INVISIBLE_BUT_ONE).decode().split("\x01")


def _quantity(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 1  # none given: one piece


def folded(value: object) -> str:
    """A text without what people write differently and mean alike: case, width, blanks."""
    if value is None or isinstance(value, bool):
        return ""
    text = str(value)
    if text.isascii():
        return text.lower().translate(_INVISIBLE_ASCII)
    last = None
    while text != last:  # what is left out may let its neighbours combine
        last, text = text, unicodedata.normalize("NFKC", text).casefold()
        text = "".join(char for char in text if char.isprintable() and not _is_blank(char) and not _is_invisible(char))
    return text


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if is_object(value) else {}


# --- the account -------------------------------------------------------------------------------------------------------

Fact = tuple[str, str]
"""What is known of an account beside its name: ``("host", ...)``, ``("key", ...)``, ``("user id", ...)``."""
_LOOPBACK: Final = "127.0.0.1"


@attrs.frozen
class AccountKey:
    """Whose rows they are: the kind of vendor and the account's name, which its owner chose; and one operation of it.

    ``host``, ``key`` and ``user_id`` are facts noted beside it: they don't tell accounts apart, but one that is new is refused
    until somebody has said that it is the same account.
    """

    vendor: str
    name: str
    operation: str
    host: str
    key: str
    user_id: str

    @classmethod
    def of(cls, profile: VendorProfile, operation: Operation[Any]) -> AccountKey:
        """The key of an account's bookings by one operation."""
        keys = profile.credentials
        assert keys is not None  # a session has them
        host = normal_host(profile.base_url)
        return cls(profile.kind, profile.name, operation.name, host, keys.fingerprint, keys.user_id or "")

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is noted beside the account."""
        return ("host", self.host), ("key", self.key), ("user id", self.user_id)


@attrs.frozen
class KnownAccount:
    """An account that a journal has, with all the facts ever accepted of it."""

    vendor: str
    name: str
    facts: frozenset[Fact]

    def values(self, kind: str) -> set[str]:
        """Its facts of one kind."""
        return {value for fact, value in self.facts if fact == kind}


def new_facts(account: AccountKey, known: Iterable[KnownAccount], adopted: Collection[str]) -> tuple[Fact, ...]:
    """The facts to be noted of an account before it books; nothing if all are known.

    Args:
        account: who is about to book.
        known: every account of the journal.
        adopted: the kinds of fact of which a new one is accepted.

    Raises:
        JournalError: it may be another account than the name says, or another name of one that is there.
    """
    mine: KnownAccount | None = None
    for other in known:
        for host in other.values("host"):
            if _is_local(host) != _is_local(account.host):
                where = "loopback" if _is_local(host) else "the real vendor"
                raise JournalError(
                    f"the journal has bookings of {where} ({other.name}), this is {account.host}: take another journal",
                    vendor=account.name,
                )
        if (other.vendor, other.name) == (account.vendor, account.name):
            mine = other
        elif other.vendor == account.vendor and _is_same(account, other):
            raise JournalError(
                f"the journal has this account's bookings under the name {other.name!r}: use that name, or rename it "
                f"(pandapon journal PATH --rename {other.name}={account.name})",
                vendor=account.name,
            )
    if mine is None:
        return account.facts
    unknown = tuple(fact for fact in account.facts if fact not in mine.facts)
    refused = [
        f"another {kind}: {value or 'none'} (known: {', '.join(sorted(one or 'none' for one in mine.values(kind)))})"
        for kind, value in unknown
        if kind not in adopted
    ]
    if refused:
        raise JournalError(
            f"the journal has bookings of {account.name!r} with {', '.join(refused)}: "
            f"adopt it if it is the same account (pandapon journal PATH --adopt {account.name}), else give this one another name",
            vendor=account.name,
        )
    return unknown


def _is_same(account: AccountKey, other: KnownAccount) -> bool:
    """Whether another name may stand for the same account: a user id that isn't told may be any."""
    users = other.values("user id")
    same_user = not account.user_id or "" in users or account.user_id in users
    return same_user and account.host in other.values("host") and account.key in other.values("key")


def normal_host(url: str) -> str:
    """Where a base URL leads, in one spelling; the scheme doesn't matter, nor does a port of this machine."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    path = posixpath.normpath("/" + unquote(parts.path).lstrip("/")).rstrip("/")
    if _is_this_machine(host):
        return _LOOPBACK + path
    usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    return _ascii(host) + ("" if usual else f":{parts.port}") + path


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _is_this_machine(host: str) -> bool:
    address: Any = None
    for read in (ipaddress.ip_address, _short_address):
        try:
            address = read(host)
            break
        except (ValueError, OSError):
            continue
    if address is None:
        return is_loopback(host)
    address = getattr(address, "ipv4_mapped", None) or address
    return bool(address.is_loopback or address.is_unspecified)


def _short_address(host: str) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(socket.inet_aton(host))  # as the system reads 127.1 and 0x7f000001


def _is_local(host: str) -> bool:
    return host == _LOOPBACK or host.startswith(f"{_LOOPBACK}/")
