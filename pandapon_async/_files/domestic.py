"""Domestic parcels by files: of which order, which item, which carrier, which number; all else is known from the journal.

What a file says of an order becomes one update, which has all of the order's domestic parcels: those that were reported before,
and the file's. So it is right whether the vendor takes an update as an addition or as the whole.

The updates of an order are shipments 1, 2, ... of its reference under the operation of the update. Which one a file's rows are
follows from the journal alone: the first that has all of these parcels already, else the last one if it was never made, else a new
one. So a file that is fed again finds its own update, and a later file with more parcels is no contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

import attrs

from .._journal.journal import Journal, shipments_of
from .._journal.rows import JournalRow
from .._models.converters import from_wire
from .._models.fields import many, optional
from .._models.operation import Operation, VendorRequest
from .._models.requests import RequestModel
from ..api.logistics import (
    DomesticParcel,
    DomesticShipmentUpdate,
    DomesticShipmentUpdated,
    FreightBookingRequest,
    ShipmentInfo,
    ShippedItem,
)
from .booking import Booking
from .columns import REFERENCE
from .findings import Finding
from .parcels import ItemKey, Piece, pieces_of

_BOOKING: Final = FreightBookingRequest.operation.name
_UPDATE: Final = DomesticShipmentUpdate.operation.name
_LIST: Final = "parcels"


@attrs.frozen(kw_only=True)
class ParcelRow(RequestModel):
    """One row of a file of domestic parcels."""

    item_id: str | None = optional()
    sku_id: str | None = optional()
    carrier: str
    number: str
    international_number: str | None = optional()
    rts_time: str | None = optional()


@attrs.frozen(kw_only=True)
class ParcelRows(VendorRequest[DomesticShipmentUpdated]):
    """What a file says of one order; it is never sent, `DomesticUpdates` makes the update of it."""

    operation: ClassVar[Operation[DomesticShipmentUpdated]] = DomesticShipmentUpdate.operation

    parcels: tuple[ParcelRow, ...] = many()


@attrs.frozen
class _Place:
    """Into which parcel abroad a row's goods go: the booking, its piece, and the international number."""

    row: JournalRow
    piece: Piece

    @property
    def number(self) -> str:
        return self.piece.parcel.number


class DomesticUpdates:
    """Makes the update of what a file says of an order; what can't be known is a finding of its row."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, booking: Booking) -> Booking:
        """The booking with its update, its account and the shipment that it is; or with what was found."""
        if booking.findings or not isinstance(booking.request, ParcelRows):
            return booking
        findings: list[Finding] = []
        made = self._made(booking, booking.request.parcels, findings)
        if made is None or findings:
            return attrs.evolve(booking, request=None, findings=tuple(findings))
        row, infos = made
        update = self._update(row, infos)
        if update is None:
            return attrs.evolve(booking, request=None, findings=(_at(booking, REFERENCE, "update-forgotten"),))
        shipment, request = update
        return attrs.evolve(booking, request=request, account=row.account, shipment=shipment)

    # --- the booking ---

    def _made(
        self, booking: Booking, parcels: Sequence[ParcelRow], findings: list[Finding]
    ) -> tuple[JournalRow, list[ShipmentInfo]] | None:
        rows = self._booked(booking, findings)
        if not parcels and not findings:
            findings.append(_at(booking, f"{_LIST}[0].number", "member", why="is missing"))
        if findings:
            return None
        places = [_Place(row, piece) for row in rows for piece in pieces_of(row)]
        found: list[tuple[_Place, ParcelRow]] = []
        for index, parcel in enumerate(parcels):
            place = _place_of(parcel, places)
            if isinstance(place, Finding):
                at = f"{_LIST}[{index}].{'internationalNumber' if place.code == 'several-parcels' else 'itemId'}"
                findings.append(_at(booking, at, place.code, **place.facts))
            else:
                found.append((place, parcel))
        orders = {place.row.order_id or "" for place, _ in found}
        if len(orders) > 1:
            findings.append(_at(booking, REFERENCE, "several-orders", orders=", ".join(sorted(orders))))
        return None if findings else (found[0][0].row, _infos(found))

    def _booked(self, booking: Booking, findings: list[Finding]) -> list[JournalRow]:
        """The rows of an order that are booked."""
        if booking.reference is None:
            findings.append(_at(booking, REFERENCE, "no-order"))
            return []
        rows = shipments_of(self._journal, booking.reference, _BOOKING, booking.account)
        booked = [row for row in rows if row.state == "done" and row.order_id]
        accounts = sorted({row.account for row in booked})
        if not rows:
            findings.append(_at(booking, REFERENCE, "not-in-journal"))
        elif not booked:
            findings.append(_at(booking, REFERENCE, "not-booked", state=rows[-1].state))
        elif len(accounts) > 1:
            findings.append(_at(booking, REFERENCE, "several-accounts", names=", ".join(accounts)))
        return booked

    # --- the update ---

    def _update(self, row: JournalRow, infos: list[ShipmentInfo]) -> tuple[int, DomesticShipmentUpdate] | None:
        """Which shipment of the reference it is, and what is sent; None: an earlier one was erased, so that nobody can tell."""
        known = shipments_of(self._journal, row.reference, _UPDATE, row.account)
        earlier = [_sent(one) for one in known]
        if any(one is None for one in earlier):
            return None
        updates = [
            (one, sent) for one, sent in zip(known, earlier, strict=True) if sent and sent.order_id == row.order_id
        ]
        mine = set(_parcels_of(infos))
        for one, sent in sorted(updates, key=lambda pair: pair[0].state == "refused"):
            if mine <= set(_parcels_of(sent.logistic_infos)):
                return one.shipment, sent
        reported = [sent.logistic_infos for one, sent in updates if one.state not in ("refused", "void")]
        all_infos = _merged([*(info for infos_before in reported for info in infos_before), *infos])
        request = DomesticShipmentUpdate(order_id=row.order_id, logistic_infos=tuple(all_infos))
        if not known:
            return 1, request
        return known[-1].shipment + (known[-1].state not in ("pending", "refused")), request


_Reported = tuple[str, ItemKey, str, str]
"""A domestic parcel as it was reported: the international number, the item, the number, the carrier."""


def _key(info: ShipmentInfo) -> tuple[str, ItemKey]:
    item = info.line_item
    return info.logistic_number or "", ItemKey("", "") if item is None else ItemKey(
        item.item_id or "", item.sku_id or ""
    )


def _parcels_of(infos: Sequence[ShipmentInfo]) -> Iterator[_Reported]:
    for info in infos:
        for parcel in info.domestic_logistic_info:
            yield *_key(info), parcel.logistic_number or "", parcel.logistic_company_name or ""


def _merged(infos: Sequence[ShipmentInfo]) -> list[ShipmentInfo]:
    """One entry for each item of a parcel abroad; what is said later of a domestic parcel counts."""
    entries: dict[tuple[str, ItemKey], ShipmentInfo] = {}
    for info in infos:
        first = entries.setdefault(_key(info), info)
        parcels = {one.logistic_number: one for one in (*first.domestic_logistic_info, *info.domestic_logistic_info)}
        entries[_key(info)] = attrs.evolve(first, domestic_logistic_info=tuple(parcels.values()))
    return list(entries.values())


def _infos(found: Sequence[tuple[_Place, ParcelRow]]) -> list[ShipmentInfo]:
    """What the rows say, as the vendor takes it."""
    return _merged(
        [
            ShipmentInfo(
                line_item=_item(place.row, place.piece),
                logistic_number=place.number,
                domestic_logistic_info=(
                    DomesticParcel(
                        logistic_number=parcel.number, logistic_company_name=parcel.carrier, rts_time=parcel.rts_time
                    ),
                ),
            )
            for place, parcel in found
        ]
    )


def _item(row: JournalRow, piece: Piece) -> ShippedItem | None:
    """An item as it was booked; None: the vendor didn't say which it is."""
    if piece.key == ("", ""):
        return None
    booked: dict[str, Any] = {}
    for line in (row.body or {}).get("lineItems") or ():
        if ItemKey(line.get("itemId") or "", line.get("skuId") or "") == piece.key:
            booked = line
    return ShippedItem(
        item_id=piece.key.item_id or None,
        sku_id=piece.key.sku_id or None,
        quantity=piece.quantity,
        title=booked.get("title"),
        image_url=booked.get("imageUrl"),
    )


def _place_of(parcel: ParcelRow, places: Sequence[_Place]) -> _Place | Finding:
    """Into which parcel abroad a row's goods go; a finding, without its place, if that can't be told."""
    fitting = [one for one in places if _is_of(parcel, one.piece.key)]
    if not fitting and len({one.number for one in places}) == 1 and places[0].piece.key == ("", ""):
        fitting = list(places)  # the vendor named no item
    if not fitting:
        return Finding.of("unknown-item", 0)
    if parcel.international_number:
        fitting = [one for one in fitting if one.number == parcel.international_number]
        if not fitting:
            return Finding.of("unknown-parcel", 0)
    if not all(one.number for one in fitting):
        return Finding.of("no-parcel", 0)
    first = fitting[0]
    if not (parcel.item_id or parcel.sku_id) and {(one.number, one.row.id) for one in fitting} == {
        (first.number, first.row.id)
    }:
        return attrs.evolve(first, piece=Piece(ItemKey("", ""), None, first.piece.parcel))  # all that is in it
    if len({(one.number, one.piece.key, one.row.id) for one in fitting}) > 1:
        return Finding.of("several-parcels", 0, numbers=", ".join(dict.fromkeys(one.number for one in fitting)))
    return first


def _is_of(parcel: ParcelRow, key: ItemKey) -> bool:
    """Whether a row may be about an item; what it leaves out may be any."""
    wanted = (parcel.item_id or "", parcel.sku_id or "")
    return all(not one or one == other for one, other in zip(wanted, key, strict=True))


def _sent(row: JournalRow) -> DomesticShipmentUpdate | None:
    return None if row.body is None else from_wire(DomesticShipmentUpdate, row.body)


def _at(booking: Booking, field: str, code: str, **facts: str) -> Finding:
    """A finding at the place of a wire path."""
    line, column = (booking.line, None) if booking.place is None else booking.place(field)
    return Finding.of(code, line, column, **facts)
