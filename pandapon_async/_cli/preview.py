"""``pandapon book --preview``: preview each booking of a file; nothing is booked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._config.profiles import VendorProfile
from .._errors import RequestError
from .._files.bookings import BookingFile
from .._manager import SessionManager
from .._models.base import members_of
from .._models.converters import from_wire, to_wire
from .._models.fields import wire_name
from .._models.operation import VendorRequest
from ..api.logistics import FreightPreviewRequest, RenderItem
from .shared import FAILED, json_text, write_out

_ITEM = frozenset(wire_name(member) for member, _ in members_of(RenderItem))


async def preview(profile: VendorProfile, source: BookingFile, concurrency: int) -> int:
    """Print one JSON object per booking with the vendor's whole, undocumented reply; return the exit status.

    A booking whose items lack data that a preview needs gets an ``error`` instead.
    """
    failed = 0

    def report(reference: str | None, answer: Any, error: str | None) -> None:
        nonlocal failed
        failed += error is not None
        write_out(json_text({"reference": reference, "preview": answer, "error": error}))

    def requests() -> Iterator[tuple[str, FreightPreviewRequest]]:
        for booking in source:
            if booking.findings:
                continue
            reference, request = booking.pair()
            try:
                yield reference, _preview_of(request)
            except RequestError as error:
                report(reference, None, f"a preview needs more than a booking: {error.message}")

    async with SessionManager([profile]) as vendors:
        stream = vendors[profile.name].stream(requests(), concurrency=concurrency, ordered=True)
        async with stream as outcomes:
            async for outcome in outcomes:
                raw: Any = outcome.reply.raw if outcome.reply is not None else {}
                report(outcome.reference, raw.get("data"), None if outcome.error is None else str(outcome.error))
    return FAILED if failed else 0


def _preview_of(request: VendorRequest[Any]) -> FreightPreviewRequest:
    wire = to_wire(request)
    items = [{name: value for name, value in item.items() if name in _ITEM} for item in wire.get("lineItems", ())]
    members = {"renderItems": items, "receiverAddress": wire.get("receiverAddress")}
    return from_wire(FreightPreviewRequest, {name: value for name, value in members.items() if value})
