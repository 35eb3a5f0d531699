"""The network checks of `doctor`: the certificate, and one signed READ with each variation of the undocumented settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import attrs

from .._clock import http_date
from .._config.profiles import RetryPolicy, Timeouts, VendorProfile
from .._errors import ApiError, AuthError, PandaponError
from .._manager import SessionManager
from .._models.operation import Operation
from ..api.logistics import FreightEstimateRequest, ReceiverAddress

PROBE = FreightEstimateRequest(
    item_id="2048232789087639", sku_id="4970432383383", quantity=1, receiver_address=ReceiverAddress(country="US")
)
"""A READ for an invented item; the ids are from the vendors' own example."""


# --- TLS ---------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Certificate:
    """A host's certificate, as accepted by this machine; ``expires`` is in Unix seconds."""

    subject: str
    issuer: str
    expires: float
    protocol: str


async def certificate(host: str, port: int, context: ssl.SSLContext, seconds: float) -> Certificate | str:
    """Connect and return the certificate; a description of the failure if it isn't accepted or the connection fails."""
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=context, server_hostname=host), seconds
        )
    except ssl.SSLCertVerificationError as error:
        return f"the certificate is not accepted: {error.verify_message}"
    except ssl.SSLError as error:
        return f"no TLS: {error.reason or 'the handshake failed'}"
    except socket.gaierror:
        return f"the name {host} can't be resolved"
    except asyncio.TimeoutError:
        return f"no connection within {seconds:g} s"
    except OSError as error:
        return f"no connection: {os.strerror(error.errno) if error.errno else 'refused'}"
    try:
        presented = writer.get_extra_info("ssl_object")
        facts = presented.getpeercert()
        return Certificate(
            subject=_common_name(facts, "subject"),
            issuer=_common_name(facts, "issuer"),
            expires=float(ssl.cert_time_to_seconds(facts["notAfter"])),
            protocol=presented.version(),
        )
    finally:
        writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), seconds)


def _common_name(facts: Any, part: str) -> str:
    """The common name of a certificate's subject or issuer, or else another of its names."""
    names = {name: value for group in facts.get(part, ()) for name, value in group}
    if part == "subject":
        names |= {f"alternative {kind}": value for kind, value in reversed(facts.get("subjectAltName", ()))}
    order = ("commonName", "alternative DNS", "alternative IP Address", "organizationName")
    return next((names[name] for name in order if name in names), "unnamed")


# --- the signed READ ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Variation:
    """The account with some settings changed; ``lines`` are the changes as TOML."""

    lines: tuple[str, ...]
    profile: VendorProfile


@attrs.frozen
class ProbeReply:
    """The vendor's response to one READ.

    Attributes:
        error: None if it was accepted.
        clock: seconds that the vendor's clock is ahead, from its ``Date``; 0 if within the measurement error; None if it sent
            no date.
    """

    error: PandaponError | None
    clock: float | None

    @property
    def refused(self) -> bool:
        """Whether the vendor rejected the request, so that another variation may work."""
        return isinstance(self.error, (AuthError, ApiError))


def variations(profile: VendorProfile) -> Iterator[Variation]:
    """The account with one of the undocumented settings flipped, then two, then all three."""
    unit = "s" if profile.timestamp_unit == "ms" else "ms"
    query = not profile.signed_query
    flips: list[tuple[str, dict[str, Any]]] = [
        (f'timestamp_unit = "{unit}"', {"timestamp_unit": unit}),
        (f"signed_query = {str(query).lower()}", {"signed_query": query}),
    ]
    keys = profile.credentials
    if keys is not None and keys.user_id is not None:
        flips.append(("# without user_id", {"credentials": attrs.evolve(keys, user_id=None)}))
    for size in range(1, len(flips) + 1):
        for chosen in combinations(flips, size):
            changes = {name: value for _, change in chosen for name, value in change.items()}
            yield Variation(tuple(line for line, _ in chosen), profile.evolve(**changes))


async def probe(profile: VendorProfile) -> ProbeReply:
    """Send the signed READ; retry once after a temporary failure, or if the vendor's date shows that our clock is off."""
    retrying = profile.evolve(
        retry=RetryPolicy(attempts=2),
        timeouts=attrs.evolve(profile.timeouts, total=min(profile.timeouts.total, Timeouts().read)),
    )
    error: PandaponError | None = None
    sent: list[float] = []

    def note(_reference: str | None, _operation: Operation[Any]) -> None:
        sent.append(time.time())

    async with SessionManager([retrying], on_start=note) as vendors:
        try:
            headers: Mapping[str, str] = (await vendors[profile.name].call(PROBE)).headers
        except PandaponError as refused:
            error = refused
            headers = refused.headers or {}
    return ProbeReply(error, _ahead(headers.get("Date"), sent[-1] if sent else 0.0, time.time()))


def _ahead(text: str | None, sent: float, received: float) -> float | None:
    """How many seconds the vendor's clock is ahead of ours, from the date of its reply; see `ProbeReply`."""
    date = http_date(text)
    if date is None:
        return None
    return 0.0 if sent - 1 <= date <= received + 1 else date - (sent + received) / 2
