"""What a session needs to know of an account: where the vendor is, the keys, the limits, the waits."""

from __future__ import annotations

import enum
import hashlib
import ipaddress
import math
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import timezone, tzinfo
from typing import Any, NoReturn, cast
from urllib.parse import SplitResult
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from .._errors import ConfigError, RequestError, suggestion
from .._models.fields import masked
from .._models.money import Money
from .._models.operation import Operation, Route
from .price_paths import parsed_paths
from .signing import PUSH_BASES, Signer, documented_signer
from .texts import KINDS
from .urls import normalised_url, parsed_url


class CodeMeaning(str, enum.Enum):
    """What a vendor's code says about the call that got it."""

    PASSING = "passing"
    """Refused for now: sent again."""
    REFUSED = "refused"
    """Refused: not sent again."""
    IN_DOUBT = "in_doubt"
    """A WRITE may have been made all the same."""
    STOP = "stop"
    """Refused, and not because of this one call (keys, balance, clock): a job ends."""


def _above(low: float, *, including: bool = False) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, member: attrs.Attribute[Any], value: Any) -> None:
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value < low or (value == low and not including):
            wanted = f"of at least {low}" if including else f"above {low}"
            raise ConfigError(f"{member.name}: must be a number {wanted}")

    return check


def _count(_: Any, member: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{member.name}: must be a whole number of at least 1")


def _of(cls: type) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, member: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, cls):
            raise ConfigError(f"{member.name}: must be {KINDS.get(cls) or f'a {cls.__name__}'}")

    return check


def _table_of_texts(_: Any, member: attrs.Attribute[Any], value: Any) -> None:
    table = cast("Mapping[Any, Any]", value)
    if not (isinstance(value, Mapping) and all(isinstance(text, str) for pair in table.items() for text in pair)):
        raise ConfigError(f"{member.name}: must be a table of texts")


def _callable(_: Any, member: attrs.Attribute[Any], value: Any) -> None:
    if not callable(value):
        raise ConfigError(f"{member.name}: must be callable, not {type(value).__name__}")


_optional = attrs.validators.optional


@attrs.frozen(kw_only=True)
class Limits:
    """How much of the vendor one account takes.

    Attributes:
        concurrency: calls at the same time.
        rate: attempts a second, evenly spaced; None: no limit (neither vendor publishes one).
        burst: attempts that may go at once after a rest, with ``rate`` set.
        max_wait: seconds that a single call waits for its permit before `LimitExceededError`; streams and jobs wait on.
    """

    concurrency: int = attrs.field(default=64, validator=_count)
    rate: float | None = attrs.field(default=None, validator=_optional(_above(0)))
    burst: int = attrs.field(default=1, validator=_count)
    max_wait: float = attrs.field(default=30.0, validator=_above(0, including=True))


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long a call waits for what.

    Attributes:
        connect: seconds for making a connection.
        read: seconds of silence on a connection.
        total: seconds for the whole call, from the moment it has its permit; waiting for that, or in a pause that the vendor
            asked for, doesn't count.
    """

    connect: float = attrs.field(default=5.0, validator=_above(0))
    read: float = attrs.field(default=20.0, validator=_above(0))
    total: float = attrs.field(default=60.0, validator=_above(0))


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a failure that may be repeated is repeated.

    Attributes:
        attempts: attempts in all; 1 repeats nothing.
        base: seconds that the first wait is at most; it doubles from attempt to attempt, with full jitter.
        cap: seconds that no wait of ours exceeds.
        retry_after_cap: seconds of the vendor's ``Retry-After`` beyond which the call fails instead of waiting.
        budget: repeats that may be saved up by a session and its copies (one that is given another number has its own);
            successes earn them back, one in ten. When it is used up, failures are raised at once, so that a storm dies down by
            itself. A pause after a 429 takes none.
    """

    attempts: int = attrs.field(default=4, validator=_count)
    base: float = attrs.field(default=0.5, validator=_above(0, including=True))
    cap: float = attrs.field(default=20.0, validator=_above(0, including=True))
    retry_after_cap: float = attrs.field(default=120.0, validator=_above(0, including=True))
    budget: int = attrs.field(default=100, validator=_above(0, including=True))


@attrs.frozen(kw_only=True, repr=False)
class Credentials:
    """One account's keys, from the vendor's console. They are in no repr, and can't be pickled.

    Attributes:
        access_key: the key.
        access_secret: the secret that belongs to it; a reset in the console kills the old one at once.
        user_id: the sub-account, sent as header ``user-id``; None: no such header (whether the vendors insist on it is open).
    """

    access_key: str
    access_secret: str
    user_id: str | None = None

    def __attrs_post_init__(self) -> None:
        for member in attrs.fields(Credentials):
            value: object = getattr(self, member.name)
            if member.name == "user_id" and value is None:
                continue
            if not isinstance(value, str):
                raise ConfigError(f"{member.name}: must be {KINDS[str]}")
            if not value:
                raise ConfigError(f"{member.name}: must not be empty")
            if not (value.isascii() and value.isprintable()) or value != value.strip():
                raise ConfigError(f"{member.name}: must be printable ASCII without spaces around it")

    @property
    def fingerprint(self) -> str:
        """Tells one access key from another without showing it."""
        return hashlib.sha256(self.access_key.encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"Credentials(access_key='***', access_secret='***', user_id={masked(self.user_id)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Credentials can't be pickled; give the other process its own, from its environment or a file")

    def __copy__(self) -> Credentials:
        return self

    def __deepcopy__(self, memo: object) -> Credentials:
        return self


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _code_table(table: Mapping[Any, Any]) -> dict[int | str, CodeMeaning]:
    meanings: dict[int | str, CodeMeaning] = {}
    if not isinstance(table, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError("codes: must be a table of codes and meanings")
    for code, given in table.items():
        if not _is_code(code):
            raise ConfigError(f"codes: {code!r} is no code: a whole number, or text without spaces around it")
        try:
            meaning = CodeMeaning(given)
        except ValueError:
            known = [choice.value for choice in CodeMeaning]
            raise ConfigError(f"codes: {given!r} is not one of {known}{suggestion(str(given), known)}") from None
        if meanings.setdefault(normal_code(code), meaning) is not meaning:
            raise ConfigError(f"codes: {code!r} is given twice, with different meanings")
    return meanings


def _is_code(code: object) -> bool:
    if isinstance(code, str):
        return code != "" and code == code.strip()
    return isinstance(code, int) and not isinstance(code, bool)


def normal_code(code: int | str) -> int | str:
    """A vendor's code in one spelling: ``"200"`` is 200."""
    if isinstance(code, str) and code.isascii() and code.removeprefix("-").isdigit() and len(code) < 19:
        return int(code)
    return code


def spend_limit(name: str, given: Money | str) -> Money:
    """An amount that bounds what is spent, from `Money` or ``"500 USD"``.

    Raises:
        ConfigError: it is none above zero, in a currency of three capital letters.
    """
    money: object = given
    if isinstance(given, str):
        amount, _, currency = given.strip().partition(" ")
        try:
            money = Money(amount=amount, currency=currency.strip())
        except RequestError:
            money = None
    if isinstance(money, Money) and money.amount > 0 and re.fullmatch("[A-Z]{3}", money.currency):
        return money
    raise ConfigError(f"{name}: must be an amount above zero and its currency, such as 500 USD")


def _daily_limit(given: Money | str | None) -> Money | None:
    return None if given is None else spend_limit("daily_spend_limit", given)


def zone_of(name: str) -> tzinfo:
    """A time zone by its name.

    Raises:
        ConfigError: this machine knows none of that name.
    """
    if name == "UTC":  # known everywhere
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (ValueError, TypeError, OSError, ZoneInfoNotFoundError):
        raise ConfigError(
            f"time_zone: {name!r} is no time zone that this machine knows (the package tzdata brings them all)"
        ) from None


def _checked_url(url: object, field: str, vendor: str) -> SplitResult:
    """An absolute http or https URL, taken apart; the error doesn't show it, since it may hold a password."""
    if (parts := parsed_url(url)) is None:
        raise ConfigError(
            f"{field}: must be http:// or https:// and name a host (in ASCII, without spaces)", vendor=vendor
        )
    return parts


def without_userinfo(url: str) -> str:
    """A URL without the user and password in it."""
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", r"\1***@", url, flags=re.DOTALL)


def _hide_userinfo(url: str | None) -> str:
    return "None" if url is None else repr(without_userinfo(url))


@attrs.frozen(kw_only=True)
class VendorProfile:
    """One account at one vendor. Take a preset and change it: ``PANDAPON.evolve(credentials=...)``.

    Attributes:
        kind: which vendor: ``"pandapon"`` or ``"xportcn_ka"``.
        name: the account's name in a manager; the kind, unless given.
        base_url: where the API is; a path (Xportcn's ``/api``) is kept. ``http://`` is refused unless the host is loopback.
        credentials: the keys.
        limits, timeouts, retry: see there.
        signer: the signing scheme; the documented one unless given.
        timestamp_unit: ``"s"`` or ``"ms"`` (clients send seconds, PandaPon's endpoint pages show milliseconds).
        signed_query: whether the logistics operations also get ``?timestamp=&sign=`` (their pages list them).
        push_base: what a vendor message's signature is made of, after the access key: ``"body"``, the whole body (inferred), or
            ``"message_body"``, the value of ``messageBody`` (the other candidate).
        paths: per operation name or contract id, a path that replaces the known one or supplies a missing one; ``{name}`` in
            it stands for the request's member of that wire name. One for an operation that doesn't exist is refused when a
            session or a manager is made of the profile.
        codes: per vendor code, what it means (the vendors' error tables could not be read, so it starts empty).
        price_paths: where the price stands in a quote's reply, such as ``data.options[].cost(CNY)``; looked at before the
            places that are known, since no page shows those replies.
        strict: raise `DecodeError` for a READ's reply of which a member doesn't fit, instead of leaving that member out.
        retry_after_503_refuses: whether a 503 with ``Retry-After`` is known to mean that nothing was done.
        allow_insecure: allow ``http://`` to any host: the body is not signed, so whoever is in between can change it.
        proxy: URL of an HTTP proxy; environment variables are not read.
        ssl_context: the TLS context to use; None: the system's trust store.
        max_reply_bytes: replies larger than this, decompressed, are refused.
        idle_timeout: seconds that an idle connection is kept; less where the vendor's ``Keep-Alive`` says so (Node closes at 5).
        lists_by_own_number: whether the vendor's list of 1688 orders is known to pass the filter ``outOrderId`` on, so that a job may
            look up there what became of an order in doubt.
        fresh_connections: whether each WRITE has a connection of its own, on which no reply can be another call's. It costs a
            handshake each.
        daily_spend_limit: what booking jobs may spend in a day, all together, by what their journal says; as `Money`, or text such
            as ``"500 USD"``. What isn't booked by a job doesn't count, and what comes back that day leaves no more room.
        time_zone: whose day that is, such as ``"Asia/Shanghai"``.
    """

    kind: str
    name: str = attrs.field(default=attrs.Factory(lambda self: self.kind, takes_self=True))
    base_url: str = attrs.field(repr=_hide_userinfo)
    credentials: Credentials | None = attrs.field(default=None, validator=_optional(_of(Credentials)))
    limits: Limits = attrs.field(default=Limits(), validator=_of(Limits))
    timeouts: Timeouts = attrs.field(default=Timeouts(), validator=_of(Timeouts))
    retry: RetryPolicy = attrs.field(default=RetryPolicy(), validator=_of(RetryPolicy))
    signer: Signer = attrs.field(default=documented_signer, validator=_callable)
    timestamp_unit: str = attrs.field(default="s")
    signed_query: bool = attrs.field(default=True, validator=_of(bool))
    push_base: str = attrs.field(default="body")
    paths: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False, validator=_table_of_texts)
    codes: Mapping[int | str, CodeMeaning] = attrs.field(factory=dict[Any, Any], converter=_code_table, hash=False)
    price_paths: tuple[str, ...] = attrs.field(default=(), converter=parsed_paths)
    strict: bool = attrs.field(default=False, validator=_of(bool))
    retry_after_503_refuses: bool = attrs.field(default=False, validator=_of(bool))
    allow_insecure: bool = attrs.field(default=False, validator=_of(bool))
    proxy: str | None = attrs.field(default=None, repr=_hide_userinfo)
    ssl_context: ssl.SSLContext | None = attrs.field(default=None, validator=_optional(_of(ssl.SSLContext)))
    max_reply_bytes: int = attrs.field(default=32 * 1024 * 1024, validator=_count)
    idle_timeout: float = attrs.field(default=4.0, validator=_above(0))
    lists_by_own_number: bool = attrs.field(default=False, validator=_of(bool))
    fresh_connections: bool = attrs.field(default=False, validator=_of(bool))
    daily_spend_limit: Money | None = attrs.field(default=None, converter=_daily_limit)
    time_zone: str = attrs.field(default="UTC")

    def __attrs_post_init__(self) -> None:
        zone_of(self.time_zone)
        if self.timestamp_unit not in ("s", "ms"):
            raise ConfigError(f"timestamp_unit: must be 's' or 'ms', not {self.timestamp_unit!r}", vendor=self.name)
        if self.push_base not in PUSH_BASES:
            raise ConfigError(f"push_base: must be one of {list(PUSH_BASES)}, not {self.push_base!r}", vendor=self.name)
        for operation, path in self.paths.items():
            if not path.startswith("/") or "?" in path:
                raise ConfigError(f"paths[{operation!r}]: must start with a slash and hold no query", vendor=self.name)
        self._check_base_url()
        if self.proxy is not None:
            _checked_url(self.proxy, "proxy", self.name)

    def _check_base_url(self) -> None:
        url = _checked_url(self.base_url, "base_url", self.name)
        if url.username or url.password or url.query or url.fragment:
            raise ConfigError("base_url: must hold no user, password, query or fragment", vendor=self.name)
        if url.scheme == "http" and not self.allow_insecure and not is_loopback(url.hostname or ""):
            raise ConfigError(
                "base_url: http:// is refused, since the body isn't signed and TLS is its only protection "
                "(allow_insecure=True overrides)",
                vendor=self.name,
            )
        object.__setattr__(self, "base_url", normalised_url(self.base_url))

    def evolve(self, **changes: Any) -> VendorProfile:
        """A copy with some fields changed.

        Raises:
            ConfigError: an unknown field, or a value that can't work.
        """
        refuse_unknown(changes, field_names(VendorProfile), "VendorProfile")
        if "kind" in changes and "name" not in changes and self.name == self.kind:
            changes["name"] = changes["kind"]
        return attrs.evolve(self, **changes)

    def route(self, operation: Operation[Any], declared: Route) -> Route:
        """The operation's path for this account: the profile's own, by name or contract id, else the declared one."""
        path = self.paths.get(operation.name) or self.paths.get(operation.contract_id)
        return declared if path is None else attrs.evolve(declared, path=path)


def field_names(cls: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    """The names of an attrs class's fields."""
    return tuple(member.name for member in attrs.fields(cls))


def refuse_unknown(given: Iterable[str], known: Iterable[str], owner: str) -> None:
    """Raise a `ConfigError` for the first name that isn't known."""
    names = tuple(known)
    for name in given:
        if name not in names:
            raise ConfigError(f"{owner} has no field {name!r}{suggestion(name, names)}")


PANDAPON = VendorProfile(kind="pandapon", base_url="https://api.pandapon.com")
"""PandaPon OpenAPI; base address from the vendor's manual."""

XPORTCN_KA = VendorProfile(kind="xportcn_ka", base_url="https://www.xportcn.com/api")
"""Xportcn, KA client; base address from the samples on its endpoint pages (the manual prints it without ``/api``)."""

PRESETS: Mapping[str, VendorProfile] = {profile.kind: profile for profile in (PANDAPON, XPORTCN_KA)}
"""The presets by kind."""
