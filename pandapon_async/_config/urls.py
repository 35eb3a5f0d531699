"""Base URLs: one spelling for all equivalent URLs, so that one server isn't taken for two."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


def parsed_url(url: object) -> SplitResult | None:
    """The parts of an absolute http or https URL; None if it isn't one, or its host isn't ASCII."""
    # urlsplit silently removes line breaks, tabs and spaces, but a mangled URL must be reported.
    if not isinstance(url, str) or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in _DEFAULT_PORTS or parts.port == 0:
            return None
        if ":" in host or "[" in parts.netloc:  # Python 3.10 takes anything in brackets
            ipaddress.IPv6Address(host)
        elif not _HOST_NAME.fullmatch(host):
            return None
    except ValueError:  # an invalid port, or unmatched brackets
        return None
    return parts


def normalised_url(url: str) -> str:
    """A base URL in its normalised spelling, for connecting and display.

    Scheme and host in lower case, IPv6 addresses in their shortest form, without a default port, dot segments or trailing
    slashes. The rest of the path is unchanged.

    Raises:
        ValueError: it isn't an absolute http or https URL.
    """
    parts = _parsed(url)
    return _joined(parts, _host(parts))


def url_identity(url: str) -> str:
    """The identity of a server: the normalised base URL, with ``localhost`` as 127.0.0.1 and without a trailing dot.

    Raises:
        ValueError: it isn't an absolute http or https URL.
    """
    parts = _parsed(url)
    host = _host(parts).rstrip(".")
    return _joined(parts, "127.0.0.1" if host == "localhost" else host)


def _parsed(url: str) -> SplitResult:
    parts = parsed_url(url)
    if parts is None:
        raise ValueError("not an absolute http or https URL")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""  # already in lower case
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host)
    mapped = address.ipv4_mapped  # written as such by Python 3.13 only
    return f"[{address.compressed if mapped is None else f'::ffff:{mapped}'}]"


def _joined(parts: SplitResult, host: str) -> str:
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    kept: list[str] = []
    for segment in parts.path.split("/")[1:]:
        dots = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
    return f"{parts.scheme}://{host}{port}" + "".join(f"/{segment}" for segment in kept).rstrip("/")
