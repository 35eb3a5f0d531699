"""Previews that are kept in a file beside the one that is booked, so that what is fresh isn't asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.filled import PREVIEW, check_filled, filled
from .._files.previewed import Previewed
from .._models.converters import to_wire
from .._models.digest import digest_of
from ..api.logistics import FreightBookingRequest

Key = tuple[str, str | None, str]
"""An account, the reference that was given, and a digest of all else but the render id."""


@attrs.define
class SavedPreviews:
    """The previews of a file's bookings, in a file of its form with the columns of `PREVIEW`.

    Args:
        path: where.
        source: what is previewed.
        kept: other files that must not be replaced.

    Raises:
        FileError: something else is there.
    """

    path: Path
    source: BookingFile
    kept: Sequence[Path]
    _known: dict[Key, tuple[str, Previewed]] = attrs.field(factory=dict[Key, "tuple[str, Previewed]"])

    def __attrs_post_init__(self) -> None:
        check_filled(self.path, self.source, PREVIEW, self.kept)
        if not self.path.is_file() or not self.path.stat().st_size:
            return
        reading = attrs.evolve(self.source.reading, sheet=None)
        for booking in BookingFile(self.path, reading=reading):
            request, previewed = booking.request, booking.previewed
            if isinstance(request, FreightBookingRequest) and previewed is not None and request.render_id:
                self._known[_key(booking.account or "", booking)] = request.render_id, previewed

    def of(self, account: str, booking: Booking) -> tuple[str, Previewed] | None:
        """The render id of a booking's preview, and what it said; None: it has none that is newer than its own."""
        found = self._known.get(_key(account, booking))
        is_older = found is not None and booking.previewed is not None and found[1].at <= booking.previewed.at
        return None if is_older else found

    def save(self, previewed: Iterable[tuple[str, Booking, Booking]]) -> None:
        """Write the file anew: by account, each booking as it was read, and with its preview."""
        sign = "." if self.source.format == "json" else self.source.reading.decimal
        with filled(self.path, self.source, PREVIEW, self.kept) as writer:
            for account, read, booking in previewed:
                request = booking.request
                assert isinstance(request, FreightBookingRequest)
                assert booking.previewed is not None
                cells: Mapping[str, str] = booking.previewed.cells(sign)
                writer.add(read, {"account": account, "renderId": request.render_id or "", **cells})


def without_render(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body without its render id."""
    return {name: value for name, value in body.items() if name != "renderId"}


def _key(account: str, booking: Booking) -> Key:
    assert booking.request is not None
    return account, booking.reference, digest_of(without_render(to_wire(booking.request)))
