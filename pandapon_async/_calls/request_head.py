"""The head of a request: what is signed is what is sent, and nothing that came from outside can begin a line of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._clock import Clock
from .._config.profiles import VendorProfile
from .._config.signing import new_nonce
from .._errors import ConfigError
from .._models.operation import Operation
from .._version import __version__
from .endpoints import encoded_query

_HEADERS = {"Accept": "application/json", "User-Agent": f"pandapon-async/{__version__}"}

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"}
)
_BODILESS = ("GET", "HEAD", "OPTIONS", "TRACE")
_MOST_TEMPLATES = 64


def fixed_headers(profile: VendorProfile) -> dict[str, str]:
    """The headers that are the same in all requests of an account."""
    keys = profile.credentials
    return _HEADERS if keys is None or keys.user_id is None else {**_HEADERS, "user-id": keys.user_id}


class Signature:
    """What authenticates one attempt.

    Attributes:
        headers: those that are new with each attempt.
        query: more query, encoded; it may be empty.
        signed_at: the time that was signed, in Unix seconds.
        values: what must not be shown.
    """

    __slots__ = ("headers", "query", "signed_at", "values")

    def __init__(self, headers: Mapping[str, str], query: str, signed_at: float, values: tuple[str, ...]) -> None:
        self.headers = headers
        self.query = query
        self.signed_at = signed_at
        self.values = values


def sign(profile: VendorProfile, clock: Clock, offset: float, operation: Operation[Any]) -> Signature:
    """Sign an attempt, now.

    Args:
        profile: the account, with credentials.
        clock: where the time comes from.
        offset: how many seconds the vendor's clock is ahead of ours.
        operation: what is called.

    Raises:
        ConfigError: the profile's signer raised.
    """
    keys = profile.credentials
    assert keys is not None  # the session made sure of it
    signed_at = clock.now() + offset
    timestamp = str(int(signed_at * 1000 if profile.timestamp_unit == "ms" else signed_at))
    try:
        headers, query = profile.signer(keys.access_key, keys.access_secret, timestamp, new_nonce(), operation)
        values = (*headers.values(), *query.values())
        return Signature(headers, encoded_query(query) if query and profile.signed_query else "", signed_at, values)
    except Exception as error:  # noqa: BLE001 - the profile may hold anybody's signer; its error may quote the secret
        raise ConfigError(f"the profile's signer raised {type(error).__name__}", vendor=profile.name) from None


def joined_query(*queries: str) -> str:
    """Encoded queries as one, with its question mark; empty: there is none."""
    query = "&".join([query for query in queries if query])
    return f"?{query}" if query else ""


class HeadWriter:
    """Writes the heads of one account's requests; what is the same in all of them is put together once.

    Args:
        vendor: the account's name, for errors.
        fixed: headers that every request has.
    """

    def __init__(self, vendor: str, fixed: Mapping[str, str]) -> None:
        self._vendor = vendor
        self._fixed = fixed
        self._templates: dict[tuple[Any, ...], str] = {}

    def head(self, method: str, target: str, signature: Signature, length: int | None) -> bytes:
        """A request's head.

        Args:
            method: HTTP method.
            target: origin form, or absolute form for a proxy; encoded.
            signature: what authenticates it.
            length: of its body; None: it has none.

        Raises:
            ConfigError: a header can't be sent as it is.
        """
        headers = signature.headers
        key = (method, length is None, *headers)
        template = self._templates.get(key) or self._template(key, method, tuple(headers), bodiless=length is None)
        values = (target, *headers.values())
        text = template % (values if length is None else (*values, length))
        given = "".join(values)
        if not given.isascii() or _CONTROL.search(given) or " " in target:
            self._refuse_control(target, headers)
        return text.encode()

    def _template(self, key: tuple[Any, ...], method: str, names: tuple[str, ...], *, bodiless: bool) -> str:
        for token in (method, *names):
            if not _TOKEN.fullmatch(token):
                raise ConfigError("the profile's signer gave a header whose name is none", vendor=self._vendor)
        given = {name.lower() for name in names}
        if len(given) < len(names) or given & _FRAMING:
            raise ConfigError(
                "the profile's signer gave a header twice, or one that isn't its own", vendor=self._vendor
            )
        fixed = dict(self._fixed)
        if not bodiless:
            fixed["Content-Type"] = "application/json"
        lines = [f"{name}: {value}".replace("%", "%%") for name, value in fixed.items() if name.lower() not in given]
        lines += [f"{name}: %s".replace("%", "%%", name.count("%")) for name in names]
        if not bodiless:
            lines.append("Content-Length: %d")
        elif method not in _BODILESS:
            lines.append("Content-Length: 0")
        if len(self._templates) >= _MOST_TEMPLATES:  # a signer that makes up names is no reason to grow
            self._templates.clear()
        escaped = method.replace("%", "%%")
        template = self._templates[key] = "\r\n".join([f"{escaped} %s HTTP/1.1", *lines, "", ""])
        return template

    def _refuse_control(self, target: str, headers: Mapping[str, str]) -> None:
        if not (target.isascii() and target.isprintable()) or " " in target:
            raise ConfigError("the path can't be sent as it is", vendor=self._vendor)
        for name, value in headers.items():
            if _CONTROL.search(value):
                raise ConfigError(f"the header {name} holds a control character", vendor=self._vendor)
