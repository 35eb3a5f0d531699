"""Why there is no whole reply, in words that a person can act on: no text of anybody else's, since that may hold the URL."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from .._errors import Stage
from .exchange import BrokenExchangeError
from .timeouts import TimedOutError

_ERRNO = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection was reset",
    errno.EPIPE: "the connection was reset",
    errno.EHOSTUNREACH: "there is no route to the host",
    errno.ENETUNREACH: "there is no route to the host",
    errno.ENETDOWN: "the network is down",
    errno.EADDRNOTAVAIL: "no local port is left",
    errno.EMFILE: "no file descriptors are left (see `ulimit -n`)",
    errno.ENFILE: "no file descriptors are left on this machine",
    errno.ETIMEDOUT: "the host didn't answer",
    errno.EACCES: "the system doesn't allow it",
    errno.EPERM: "the system doesn't allow it",
}
# OpenSSL's X509_V_ERR codes.
_CERTIFICATE = {
    9: "the vendor's certificate isn't valid yet",
    10: "the vendor's certificate has expired",
    62: "the vendor's certificate is another host's",
    63: "the vendor's certificate is another host's",
    64: "the vendor's certificate is another host's",
    **dict.fromkeys(
        (2, 18, 19, 20, 21), "the vendor's certificate isn't signed by an authority that this machine trusts"
    ),
}
_TIMED_OUT = {"connect": "no connection within Timeouts.connect", "silence": "nothing came within Timeouts.read"}


class AttemptError(Exception):
    """Why an attempt can't go on, found by this package itself: its text can be shown."""


def broken(error: BaseException, *, written: bool) -> BrokenExchangeError:
    """What an attempt ended with, as this package tells it.

    Args:
        error: whatever was raised.
        written: whether a byte may have left: that alone decides whether it was sent.
    """
    if isinstance(error, TimedOutError):
        late = str(error)
        stage = Stage.UNKNOWN if written else Stage.NOT_SENT
        return BrokenExchangeError(stage, _TIMED_OUT.get(late, "the deadline passed"), deadline=late == "deadline")
    if written:
        return BrokenExchangeError(Stage.UNKNOWN, _why_lost(error))
    reason, hopeless = _why_not_sent(error)
    return BrokenExchangeError(Stage.NOT_SENT, reason, hopeless=hopeless)


def _why_lost(error: BaseException) -> str:
    if isinstance(error, AttemptError):
        return str(error)
    if isinstance(error, LineTooLong):
        return "a line of the reply's head is too long"
    if isinstance(error, HttpProcessingError):
        return "the reply isn't HTTP"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the reply's body was cut, or can't be decompressed"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed"
    return _of_system(error) or f"the connection was lost, {type(error).__name__}"


def _why_not_sent(error: BaseException) -> tuple[str, bool]:
    """In words, and whether it can't get better by itself."""
    if isinstance(error, AttemptError):
        return str(error), False
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status}", False
    if isinstance(error, aiohttp.ServerFingerprintMismatch):
        return "the vendor's certificate has another fingerprint", True
    for cause in _causes(error):
        if isinstance(cause, (socket.gaierror, aiohttp.ClientConnectorDNSError)):
            return "the host's name can't be resolved", False
        if isinstance(cause, aiohttp.ClientError):
            continue  # it inherits the system's errors without what they tell
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(cause.verify_code, "the vendor's certificate is not accepted"), True
        if isinstance(cause, ssl.SSLError):
            return f"no TLS could be agreed on ({cause.reason or 'the handshake failed'})", False
    to_proxy = "to the proxy: " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed while it was being made", False
    return to_proxy + (_of_system(error) or f"no connection could be made, {type(error).__name__}"), False


def _of_system(error: BaseException) -> str | None:
    for cause in _causes(error):
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno is not None:
            return _ERRNO.get(cause.errno) or f"the system said {errno.errorcode.get(cause.errno, cause.errno)}"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it stands for."""
    seen: list[Any] = [error]
    for one in seen:
        yield one
        more = (getattr(one, "os_error", None), getattr(one, "certificate_error", None), one.__cause__)
        seen += [cause for cause in more if isinstance(cause, BaseException) and cause not in seen]
