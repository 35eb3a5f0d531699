"""What `doctor` asks of a vendor: its certificate, and one signed READ in every variation of the open questions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import aiohttp
import attrs

from .._clock import http_date
from .._config.profiles import RetryPolicy, Timeouts, VendorProfile
from .._errors import ApiError, AuthError, PandaponError
from .._manager import SessionManager
from ..api.logistics import FreightEstimateRequest, ReceiverAddress

QUESTION = FreightEstimateRequest(
    item_id="2048232789087639", sku_id="4970432383383", quantity=1, receiver_address=ReceiverAddress(country="US")
)
"""A READ of an invented item; the ids are those of the vendors' own example."""


# --- TLS ---------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Certificate:
    """The certificate that a host presents, accepted by this machine; ``expires`` in Unix seconds."""

    subject: str
    issuer: str
    expires: float
    protocol: str


async def certificate(host: str, port: int, context: ssl.SSLContext, seconds: float) -> Certificate | str:
    """Connect and look; what went wrong, in words, if it isn't accepted or there is no connection."""
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
    """The common name of a certificate's subject or issuer; else its organisation, else its first DNS name."""
    names = {name: value for group in facts.get(part, ()) for name, value in group}
    if part == "subject":
        names |= {f"alternative {kind}": value for kind, value in reversed(facts.get("subjectAltName", ()))}
    order = ("commonName", "alternative DNS", "alternative IP Address", "organizationName")
    return next((names[name] for name in order if name in names), "unnamed")


# --- the signed READ ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Variation:
    """The account with some settings changed; ``lines`` are the changes, as TOML."""

    lines: tuple[str, ...]
    profile: VendorProfile


@attrs.frozen
class ProbeReply:
    """How the vendor answered one READ.

    Attributes:
        error: None if it was accepted.
        clock: seconds that the vendor's clock is ahead, by its ``Date``; 0 if the difference can't be told from none; None
            if it sent no date.
    """

    error: PandaponError | None
    clock: float | None

    @property
    def refused(self) -> bool:
        """Whether the vendor understood and said no, so that another variation may do better."""
        return isinstance(self.error, (AuthError, ApiError))


def variations(profile: VendorProfile) -> Iterator[Variation]:
    """The account with one open question answered otherwise, then two, then all three."""
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


async def ask(profile: VendorProfile) -> ProbeReply:
    """Send the signed READ once; twice if the vendor's own date shows that ours is off, or it is broken for a moment."""
    watch = _Watch()
    patient = profile.evolve(
        retry=RetryPolicy(attempts=2),
        timeouts=attrs.evolve(profile.timeouts, total=min(profile.timeouts.total, Timeouts().read)),
    )
    error: PandaponError | None = None
    async with SessionManager([patient], trace_configs=[watch.config()]) as vendors:
        try:
            await vendors[profile.name].call(QUESTION)
        except PandaponError as refused:
            error = refused
    return ProbeReply(error, watch.clock)


class _Watch:
    """Reads the vendor's clock from the head of whatever it answers."""

    def __init__(self) -> None:
        self.clock: float | None = None
        self._sent = 0.0

    def config(self) -> aiohttp.TraceConfig:
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._start)
        config.on_request_end.append(self._end)
        return config

    async def _start(self, *_: object) -> None:
        self._sent = time.time()

    async def _end(self, _: object, __: object, parameters: aiohttp.TraceRequestEndParams) -> None:
        date, received = http_date(parameters.response.headers.get("Date")), time.time()
        if date is not None:
            agrees = self._sent - 1 <= date <= received + 1
            self.clock = 0.0 if agrees else date - (self._sent + received) / 2
