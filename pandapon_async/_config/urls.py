"""Base URLs: one spelling for all that mean the same, so that one server isn't taken for two."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


def parsed_url(url: object) -> SplitResult | None:
    """An absolute http or https URL, taken apart; None if it is none, or its host isn't written in ASCII."""
    # urlsplit takes line ends, tabs and spaces out without a word: what was mangled on its way must be told.
    if not isinstance(url, str) or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in _DEFAULT_PORTS or parts.port == 0:
            return None
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not _HOST_NAME.fullmatch(host):
            return None
    except ValueError:  # a port that is no number, brackets that don't match
        return None
    return parts


def normalised_url(url: str) -> str:
    """A base URL in one spelling, for connecting and for showing.

    Scheme and host are in lower case, an IPv6 address is in its shortest form; a default port, dot segments and slashes at the end
    are gone. Whatever the path holds besides is as it was.

    Raises:
        ValueError: it is no absolute http or https URL.
    """
    parts = _parsed(url)
    return _spelled(parts, _host(parts))


def url_identity(url: str) -> str:
    """A base URL as what tells one server from another: normalised, ``localhost`` is 127.0.0.1, and no dot ends the host.

    Raises:
        ValueError: it is no absolute http or https URL.
    """
    parts = _parsed(url)
    host = _host(parts).rstrip(".")
    return _spelled(parts, "127.0.0.1" if host == "localhost" else host)


def _parsed(url: str) -> SplitResult:
    parts = parsed_url(url)
    if parts is None:
        raise ValueError("no absolute http or https URL")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""  # in lower case
    return f"[{ipaddress.IPv6Address(host).compressed}]" if ":" in host else host


def _spelled(parts: SplitResult, host: str) -> str:
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    kept: list[str] = []
    for segment in parts.path.split("/")[1:]:
        dots = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
    return f"{parts.scheme}://{host}{port}" + "".join(f"/{segment}" for segment in kept).rstrip("/")
