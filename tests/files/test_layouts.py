"""The columns of any request class: what a sheet says is what its request has on the wire."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async import Effect
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.columns import Column, Layout
from pandapon_async._files.headers import known_names
from pandapon_async._files.reading import Reading
from pandapon_async._models.converters import to_wire
from pandapon_async._models.jsonio import loads
from pandapon_async.api import VendorRequest, catalogue

WRITES = [one for one in catalogue() if one.operation.effect is Effect.WRITE]
SHEETS = [one for one in WRITES if not Layout.of(one).is_open]
CELLS = {"id": "4711", "text": "word", "lines": "1 Test St", "whole": "3", "decimal": "2.50"}


def cell_of(column: Column) -> str:
    if column.kind == "json":
        return {"updateTime.mutable": "true", "domesticLogisticInfo": '[{"logisticNumer":"D1"}]'}.get(
            column.name, '["12","13"]'
        )
    return {"receiverAddress.country": "US", "receiverAddress.zip": "90001"}.get(column.name, CELLS[column.kind])


def read(path: Path, layout: Layout, rows: list[dict[str, str]]) -> list[Any]:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["reference", *layout.columns])
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return list(BookingFile(path, reading=Reading(layout=layout)))


@pytest.mark.parametrize("request_type", WRITES)
def test_only_a_freight_booking_has_a_preview_beside_it(request_type: type[VendorRequest[Any]], tmp_path: Path):
    layout = Layout.of(request_type)
    assert ("previewedfee" in known_names(layout)) == layout.is_freight
    path = tmp_path / "work.jsonl"
    path.write_text('{"reference": "o-1", "previewedFee": 1}\n')
    (one,) = BookingFile(path, reading=Reading(layout=layout))
    assert one.previewed is None
    if layout.is_open:
        assert to_wire(one.pair()[1]) == {"previewedFee": 1}
    else:
        assert one.is_wrong


def value_at(wire: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        wire = loads(wire.encode())[name] if isinstance(wire, str) else wire[name]
    return loads(wire.encode()) if isinstance(wire, str) and wire[:1] in "[{" else wire


def as_text(value: Any) -> Any:
    """A value without the difference between a number and its text."""
    if isinstance(value, list):
        return [as_text(one) for one in value]
    if isinstance(value, dict):
        return {name: as_text(one) for name, one in value.items()}
    return format(value, "g") if isinstance(value, float) else str(value).lower().removesuffix("0")


@pytest.mark.parametrize("request_type", SHEETS, ids=lambda one: one.operation.contract_id)
def test_every_column_of_every_write_comes_on_the_wire_where_the_model_has_it(
    tmp_path: Path, request_type: type[VendorRequest[Any]]
):
    layout = Layout.of(request_type)
    cells = {name: cell_of(column) for name, column in layout.columns.items()}
    (booking,) = read(tmp_path / "work.csv", layout, [{"reference": "o-1", **cells}])
    assert booking.findings == ()
    wire = to_wire(booking.request)
    for name, column in layout.columns.items():
        where: Any = wire
        if column.of_item:
            (where,) = value_at(wire, (layout.list_name or "",))
        expected = loads(cells[name].encode()) if column.kind == "json" else cells[name]
        assert as_text(value_at(where, column.path)) == as_text(expected), name


@pytest.mark.parametrize("request_type", WRITES, ids=lambda one: one.operation.contract_id)
def test_no_name_of_a_column_is_taken_for_another(request_type: type[VendorRequest[Any]]):
    layout = Layout.of(request_type)
    known = known_names(layout)
    assert {name for name in known.values() if name in layout.columns} == {*layout.columns}


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=5), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rows_of_a_reference_are_the_entries_of_its_list_wherever_they_stand(
    tmp_path: Path, counts: list[int], shuffle: Any
):
    layout = Layout.of(next(one for one in SHEETS if one.operation.contract_id == "ka.order.create"))
    entries = [
        {"reference": f"o-{order}", "flow": "general", "offerId": f"{order + 1}{line}", "quantity": "1"}
        for order, count in enumerate(counts)
        for line in range(count)
    ]
    shuffle.shuffle(entries)
    found = {one.reference: one.request for one in read(tmp_path / "work.csv", layout, entries)}
    for order in range(len(counts)):
        expected = [int(one["offerId"]) for one in entries if one["reference"] == f"o-{order}"]
        assert [line["offerId"] for line in to_wire(found[f"o-{order}"])["cargoParamList"]] == expected


@pytest.mark.parametrize(
    "request_type", [one for one in WRITES if Layout.of(one).is_open], ids=lambda one: one.operation.contract_id
)
def test_undocumented_members_come_on_the_wire_as_they_stand_in_the_json(
    tmp_path: Path, request_type: type[VendorRequest[Any]]
):
    path = tmp_path / "work.jsonl"
    path.write_text('{"reference": "o-1", "orderId": "12", "images": ["a"]}\n')
    (booking,) = BookingFile(path, reading=Reading(layout=Layout.of(request_type)))
    assert (booking.reference, to_wire(booking.request)) == ("o-1", {"orderId": "12", "images": ["a"]})
