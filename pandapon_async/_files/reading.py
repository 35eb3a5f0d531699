"""How a file is to be read: what its maker, or the settings, say about it beforehand."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ..api.logistics import FreightBookingRequest
from .columns import Layout


@attrs.frozen(kw_only=True)
class Reading:
    """How a file is to be read; by default, as it is written.

    Columns of the file are named as in its header; columns of ours are dotted wire names, ``reference``, ``account`` or ``sku``.

    Attributes:
        layout: what its rows are: freight bookings, unless it says otherwise.
        encoding: of a text file; None: UTF-8 or UTF-16, and anything else is refused with a guess.
        decimal: the decimal sign of its numbers, ``"."`` or ``","``.
        columns: the file's columns by name, to ours (``--map THEIRS=OURS``).
        keep: the file's columns that are kept beside each booking and never sent.
        ignore_unknown: pass over all other columns that aren't known.
        text: columns, theirs or ours, in which a text that looks like damage is meant.
        constants: a value for each booking or item whose cell is empty, by our column.
        by_country: the same, by the receiver's country: ``{"US": {"freightInfo.serviceId": "3"}}``.
        skus: the shop's SKU to the vendor's item id and SKU id; its column is ``sku``.
        sheet: the worksheet of a workbook; None: the only one that isn't empty.
        corrects: it is a problems file of which each row is judged by what it is now, changed or not: it takes the place of its
            file's, or is previewed again.
    """

    layout: Layout = attrs.field(factory=lambda: Layout.of(FreightBookingRequest))
    encoding: str | None = None
    decimal: str = "."
    columns: Mapping[str, str] = attrs.field(factory=dict[str, str])
    keep: tuple[str, ...] = ()
    ignore_unknown: bool = False
    text: tuple[str, ...] = ()
    constants: Mapping[str, str] = attrs.field(factory=dict[str, str])
    by_country: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict[str, Mapping[str, str]])
    skus: Mapping[str, tuple[str, str]] = attrs.field(factory=dict[str, tuple[str, str]])
    sheet: str | None = None
    corrects: bool = False
