"""The checks that the fake vendor makes before carrying out a call.

Deliberately independent of the package's own signing code: written from the documentation a second time, so that client and
fake vendor can't share a mistake.
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
"""Seconds that a timestamp may differ from the vendor's clock, in either direction."""
NONCE_LENGTH: Final = 32
TimestampUnit = Literal["s", "ms"]


@attrs.frozen(kw_only=True)
class Account:
    """A developer's account at one of the two vendors; ``user_id`` is None if it has no sub-accounts."""

    kind: VendorKind
    access_key: str
    access_secret: str = attrs.field(repr=False)
    user_id: str | None = None


@attrs.frozen(kw_only=True)
class Finding:
    """One reason to refuse a call: an INVENTED code, the HTTP status, and a text without values."""

    code: Code
    status: int
    text: str


@attrs.frozen(kw_only=True)
class ReceivedCall:
    """A complete request. ``now`` is the vendor's clock in seconds, ``monotonic`` a monotonic clock."""

    kind: VendorKind
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: float
    monotonic: float


class NonceMemory:
    """The nonces of the last ``keep`` seconds; older ones are outside the time window anyway."""

    def __init__(self, keep: float = 2 * WINDOW) -> None:
        self._keep = keep
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def first_time(self, access_key: str, nonce: str, now: float) -> bool:
        """Store ``nonce`` at ``now`` (monotonic seconds); return False if it was already stored."""
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

    Accounts are identified by vendor and access key. ``require_user_id``: the manual says that the header is required, but
    the main account may or may not be allowed to omit it, so by default it is.
    """

    accounts: Sequence[Account]
    timestamp_unit: TimestampUnit = "s"
    require_user_id: bool = False
    require_signed_query: bool = True
    nonces: NonceMemory = attrs.field(factory=NonceMemory)

    def check(self, call: ReceivedCall, *, signed_query: bool) -> list[Finding]:
        """Every reason to refuse ``call``, most serious first; stores the nonce if the signature is valid."""
        headers = call.headers
        found = [
            _unauthorized(Code.SIGNATURE, f"{name}: header is missing")
            for name in ("access-key", "timestamp", "nonce-str", "signature")
            if not headers.get(name)
        ]
        key, nonce = headers.get("access-key", ""), headers.get("nonce-str", "")
        account = self._account(call.kind, key)
        if key and account is None:
            found.append(_unauthorized(Code.SIGNATURE, "access-key: unknown at this vendor"))
        elif account is not None:
            found += self._check_signature(call, account, incomplete=bool(found))
        found += self._check_timestamp(call)
        if nonce and len(nonce) != NONCE_LENGTH:
            found.append(_unauthorized(Code.NONCE, f"nonce-str: must have {NONCE_LENGTH} characters, not {len(nonce)}"))
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
            yield _unauthorized(Code.SIGNATURE, "signature: does not match")

    def _check_timestamp(self, call: ReceivedCall) -> Iterable[Finding]:
        text = call.headers.get("timestamp", "")
        if not text:
            return
        if not (text.isascii() and text.isdigit() and len(text) <= NONCE_LENGTH):
            yield _unauthorized(Code.TIMESTAMP, "timestamp: must be digits")
            return
        sent = int(text) / (1000 if self.timestamp_unit == "ms" else 1)
        off = sent - call.now
        if abs(off) > WINDOW:
            unit = "milliseconds" if self.timestamp_unit == "ms" else "seconds"
            text = f"timestamp: {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the vendor's clock"
            yield _unauthorized(Code.TIMESTAMP, f"{text}, at most {WINDOW:.0f} s are allowed (expected in {unit})")

    def _check_user(self, call: ReceivedCall, account: Account) -> Iterable[Finding]:
        given = call.headers.get("user-id")
        if given is None:
            if self.require_user_id:
                yield _unauthorized(Code.USER_ID, "user-id: header is missing")
        elif account.user_id is not None and given != account.user_id:
            yield _unauthorized(Code.USER_ID, "user-id: does not belong to this account")

    def _check_query(self, call: ReceivedCall, *, listed: bool) -> Iterable[Finding]:
        for name, header in (("timestamp", "timestamp"), ("sign", "signature")) if listed else ():
            given = call.query.get(name)
            if given is None:
                if self.require_signed_query:
                    yield _unauthorized(Code.SIGNED_QUERY, f"query {name}: is missing")
            elif given != call.headers.get(header):
                yield _unauthorized(Code.SIGNED_QUERY, f"query {name}: differs from the header {header}")

    def _check_nonce(self, call: ReceivedCall, key: str, nonce: str) -> Iterable[Finding]:
        if not self.nonces.first_time(key, nonce, call.monotonic):
            yield _unauthorized(Code.NONCE, "nonce-str: was used before")


def check_content(call: ReceivedCall, operation: ApiOperation) -> tuple[Any, list[Finding]]:
    """The parsed body (None without one), and problems with the business parameters."""
    found = [_invalid(f"query {name}: is required") for name in operation.required_query if name not in call.query]
    if call.method == "GET" or (operation.body is None and not call.body):
        return None, found + ([_invalid("body: a GET has none")] if call.body else [])
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        found.append(_invalid("content-type: must be application/json"))
    try:
        body = _DECODER.decode(call.body.decode())
    except (ValueError, RecursionError):
        found.append(_invalid("body: is not JSON"))
        return None, found
    if operation.body is not None:
        found += [_invalid(f"body: {problem}") for problem in find_problems(body, operation.body)]
    return body, found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _unauthorized(code: Code, text: str) -> Finding:
    return Finding(code=code, status=401, text=text)


def _invalid(text: str) -> Finding:
    return Finding(code=Code.BODY, status=200, text=text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
