"""Which item of an order went into which parcel, as the vendor's reply to its booking says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import attrs

from .._calls.envelope import read_envelope
from .._models.converters import decode
from ..api.logistics import FreightBooking

if TYPE_CHECKING:
    from .._journal.rows import JournalRow


class ItemKey(NamedTuple):
    """By what an item of an order and one of a parcel are the same."""

    item_id: str
    sku_id: str


@attrs.frozen
class Parcel:
    """One parcel: its carrier, its tracking number, and where it is followed; empty: the vendor said nothing."""

    carrier: str = ""
    number: str = ""
    link: str = ""


@attrs.frozen
class Piece:
    """Some of an item, in one parcel; ``quantity`` None: the vendor didn't say how many."""

    key: ItemKey
    quantity: int | None
    parcel: Parcel


_Fits = Callable[[ItemKey, ItemKey], bool]


def pieces_of(row: JournalRow) -> list[Piece]:
    """What a booking's parcels hold. Of one that a person entered only the tracking numbers are known: a piece each, of no item."""
    envelope = read_envelope(row.reply)
    booking = None if envelope is None else decode(FreightBooking, envelope.data)[0]
    found: list[Piece] = []
    for sub_order in () if booking is None else booking.sub_orders:
        sent = sub_order.international_logistic_infos
        parcel = Parcel() if sent is None else Parcel(
            sent.logistic_company_name or "", sent.logistic_number or "", sent.tracking_url or ""
        )  # fmt: skip
        items = [
            Piece(ItemKey(item.item_id or "", item.sku_id or ""), item.quantity, parcel)
            for item in sub_order.item_infos
        ]
        found += items or [Piece(ItemKey("", ""), None, parcel)]
    known = {piece.parcel.number for piece in found}
    return found + [
        Piece(ItemKey("", ""), None, Parcel(number=number)) for number in row.tracking if number not in known
    ]


def allotted(
    items: Sequence[tuple[ItemKey, int | None]], pieces: Sequence[Piece]
) -> tuple[list[list[Piece]], list[Piece]]:
    """Give each item of an order its pieces, in order, and what is left over.

    An item that fits by its SKU id alone, or a single item, takes what names no other: vendors leave ids out. Every piece is given
    once, to an item or to the rest; one that is more than an item ordered is split.
    """
    rest = list(pieces)
    given: list[list[Piece]] = [[] for _ in items]
    for fits in (_same, _same_sku):
        for mine, (key, quantity) in zip(given, items, strict=True):
            open_quantity = None if quantity is None else quantity - sum(piece.quantity or 0 for piece in mine)
            if mine and (open_quantity is None or open_quantity <= 0):
                continue
            taken, rest = _taken(key, open_quantity, rest, fits)
            mine += taken
    if len(items) == 1:
        given[0] += rest
        return given, []
    return given, rest


def _same(one: ItemKey, other: ItemKey) -> bool:
    return one == other and one != ("", "")


def _same_sku(one: ItemKey, other: ItemKey) -> bool:
    return bool(one.sku_id) and one.sku_id == other.sku_id and not (one.item_id and other.item_id)


def _taken(key: ItemKey, quantity: int | None, pieces: list[Piece], fits: _Fits) -> tuple[list[Piece], list[Piece]]:
    """The pieces for so many of an item, and the others."""
    taken: list[Piece] = []
    left: list[Piece] = []
    for piece in pieces:
        if not fits(key, piece.key) or (quantity is not None and quantity <= 0):
            left.append(piece)
        elif quantity is None or piece.quantity is None or piece.quantity <= quantity:
            taken.append(piece)
            quantity = None if quantity is None else quantity - (piece.quantity or quantity)
        else:
            taken.append(attrs.evolve(piece, quantity=quantity))
            left.append(attrs.evolve(piece, quantity=piece.quantity - quantity))
            quantity = 0
    return taken, left
