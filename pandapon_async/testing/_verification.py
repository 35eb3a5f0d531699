"""What the fake vendor verifies before it does anything.

This module is independent of the package's own signing code on purpose: it is written from the documentation a second
time, so that the client and the fake can't share a mistake.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import md5
from typing import Any, Final, Literal

import attrs

from pandapon_async.testing._envelopes import Code
from pandapon_async.testing._operations import ApiOperation, VendorKind
from pandapon_async.testing._schema import find_problems

WINDOW: Final = 600.0
"""Seconds that a timestamp may differ from the vendor's clock, both ways."""
NONCE_LENGTH: Final = 32
TimestampUnit = Literal["s", "ms"]


@attrs.frozen(kw_only=True)
class Account:
    """A developer's account at one of the two vendors. ``user_id`` None: the account has no sub-accounts."""

    kind: VendorKind
    access_key: str
    access_secret: str = attrs.field(repr=False)
    user_id: str | None = None


@attrs.frozen(kw_only=True)
class Finding:
    """One reason to refuse a call: an INVENTED code, the HTTP status of the refusal, and a text without values."""

    code: Code
    status: int
    text: str


@attrs.frozen(kw_only=True)
class ReceivedCall:
    """A whole request, taken apart. ``now`` is the vendor's clock in seconds, ``monotonic`` never goes back."""

    kind: VendorKind
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: float
    monotonic: float


class NonceMemory:
    """The nonces of the last ``keep`` seconds; older ones have left the window anyway."""

    def __init__(self, keep: float = 2 * WINDOW) -> None:
        self._keep = keep
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def first_time(self, access_key: str, nonce: str, now: float) -> bool:
        """Remember ``nonce`` at ``now`` (monotonic seconds); False if it was there already."""
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - self._keep:
                self._seen.popitem(last=False)
            if (access_key, nonce) in self._seen:
                return False
            self._seen[access_key, nonce] = now
            return True


@attrs.frozen(kw_only=True)
class HeaderCheck:
    """Checks the system headers of a call.

    Each account is known by vendor and access key. ``require_user_id``: the manual says that the header is required,
    yet whether the main account may leave it out is open, so by default it may.
    """

    accounts: Sequence[Account]
    timestamp_unit: TimestampUnit = "s"
    require_user_id: bool = False
    require_signed_query: bool = True
    nonces: NonceMemory = attrs.field(factory=NonceMemory)

    def check(self, call: ReceivedCall, *, signed_query: bool) -> list[Finding]:
        """Every reason to refuse ``call``, the gravest first; the nonce is remembered if the signature is good."""
        headers = call.headers
        found = [
            _unsigned(Code.SIGNATURE, f"{name}: header is missing")
            for name in ("access-key", "timestamp", "nonce-str", "signature")
            if not headers.get(name)
        ]
        key, nonce = headers.get("access-key", ""), headers.get("nonce-str", "")
        account = self._account(call.kind, key)
        if key and account is None:
            found.append(_unsigned(Code.SIGNATURE, "access-key: not known at this vendor"))
        elif account is not None:
            found += self._check_signature(call, account, incomplete=bool(found))
        found += self._check_timestamp(call)
        if nonce and len(nonce) != NONCE_LENGTH:
            found.append(_unsigned(Code.NONCE, f"nonce-str: must have {NONCE_LENGTH} characters, not {len(nonce)}"))
        if account is not None:
            found += self._check_user(call, account)
        found += self._check_query(call, listed=signed_query)
        if account is not None and nonce and not any(f.code is Code.SIGNATURE for f in found):
            found += self._check_nonce(call, key, nonce)
        return found

    def _account(self, kind: VendorKind, key: str) -> Account | None:
        return next((a for a in self.accounts if a.access_key == key and a.kind == kind), None)

    def _check_signature(self, call: ReceivedCall, account: Account, *, incomplete: bool) -> Iterable[Finding]:
        if incomplete:
            return
        headers = call.headers
        base = account.access_key + headers["timestamp"] + headers["nonce-str"] + account.access_secret
        expected = md5(_octets(base)).hexdigest().upper()  # the vendors' scheme
        if not hmac.compare_digest(_octets(expected), _octets(headers["signature"])):
            yield _unsigned(Code.SIGNATURE, "signature: does not match")

    def _check_timestamp(self, call: ReceivedCall) -> Iterable[Finding]:
        text = call.headers.get("timestamp", "")
        if not text:
            return
        if not (text.isascii() and text.isdigit() and len(text) <= NONCE_LENGTH):
            yield _unsigned(Code.TIMESTAMP, "timestamp: must be digits")
            return
        sent = int(text) / (1000 if self.timestamp_unit == "ms" else 1)
        off = sent - call.now
        if abs(off) > WINDOW:
            unit = "milliseconds" if self.timestamp_unit == "ms" else "seconds"
            text = f"timestamp: {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the vendor's clock"
            yield _unsigned(Code.TIMESTAMP, f"{text}, allowed are {WINDOW:.0f} s (expected in {unit})")

    def _check_user(self, call: ReceivedCall, account: Account) -> Iterable[Finding]:
        given = call.headers.get("user-id")
        if given is None:
            if self.require_user_id:
                yield _unsigned(Code.USER_ID, "user-id: header is missing")
        elif account.user_id is not None and given != account.user_id:
            yield _unsigned(Code.USER_ID, "user-id: does not belong to this account")

    def _check_query(self, call: ReceivedCall, *, listed: bool) -> Iterable[Finding]:
        for name, header in (("timestamp", "timestamp"), ("sign", "signature")) if listed else ():
            given = call.query.get(name)
            if given is None:
                if self.require_signed_query:
                    yield _unsigned(Code.SIGNED_QUERY, f"query {name}: is missing")
            elif given != call.headers.get(header):
                yield _unsigned(Code.SIGNED_QUERY, f"query {name}: differs from the header {header}")

    def _check_nonce(self, call: ReceivedCall, key: str, nonce: str) -> Iterable[Finding]:
        if not self.nonces.first_time(key, nonce, call.monotonic):
            yield _unsigned(Code.NONCE, "nonce-str: was used before")


def check_content(call: ReceivedCall, operation: ApiOperation) -> tuple[Any, list[Finding]]:
    """The parsed body (None without one) and what is wrong with the business parameters."""
    found = [_unfit(f"query {name}: is required") for name in operation.required_query if name not in call.query]
    if call.method == "GET" or (operation.body is None and not call.body):
        return None, found + ([_unfit("body: a GET has none")] if call.body else [])
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        found.append(_unfit("content-type: must be application/json"))
    try:
        body = _DECODER.decode(call.body.decode())
    except (ValueError, RecursionError):
        found.append(_unfit("body: is not JSON"))
        return None, found
    if operation.body is not None:
        found += [_unfit(f"body: {problem}") for problem in find_problems(body, operation.body)]
    return body, found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _unsigned(code: Code, text: str) -> Finding:
    return Finding(code=code, status=401, text=text)


def _unfit(text: str) -> Finding:
    return Finding(code=Code.BODY, status=200, text=text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
