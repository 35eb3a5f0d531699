"""``pandapon bulk``: any WRITE for each row of a file."""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults

from .conftest import Pandapon, environment, order, process

CANCEL = "alibaba.orders.cancel"
HEADER = "reference,orderId,webSite,cancelReason"


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "bookings.db")


@pytest.fixture
def bulk(pandapon: Pandapon, tmp_path: Path, journal: str, keys: None) -> Callable[..., Any]:
    """Writes a file of these lines and runs an operation on it."""

    def run(operation: str, *lines: str, name: str = "work.csv", options: tuple[str, ...] = ()) -> Any:
        file = tmp_path / name
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return pandapon("bulk", operation, str(file), "--journal", journal, *options)

    return run


def bodies(journal: str, operation: str = CANCEL) -> list[Any]:
    """The bodies of what was sent, as it was sent."""
    with Journal.open(journal) as opened:
        return [row.body for row in opened.rows(operation=operation) if row.sent_at is not None]


def received(shop: FakeVendor, path: str = "/alibaba/order/cancel") -> int:
    """How many of these requests came to the vendor."""
    return sum(one.path == path for one in shop.ledger.requests)


def rows_of(journal: str) -> dict[tuple[str, str], str]:
    with Journal.open(journal) as opened:
        return {(row.reference, row.operation): row.state for row in opened.rows()}


# --- what can't be sent ---


def test_a_read_is_refused(bulk: Callable[..., Any], shop: FakeVendor):
    result = bulk("logistics.estimate_freight", "itemId", "1")
    assert result.exit_code == 2
    assert "only reads" in result.stderr
    assert not shop.ledger.requests


def test_an_unknown_operation_is_named_with_a_suggestion(bulk: Callable[..., Any]):
    result = bulk("alibaba.orders.cancle", HEADER)
    assert result.exit_code == 2
    assert "alibaba.orders.cancel" in result.stderr


def test_an_operation_of_another_vendor_is_refused(bulk: Callable[..., Any], shop: FakeVendor):
    result = bulk("wms.package_inbound", "out_order_id", "o-1")
    assert result.exit_code == 2
    assert "wms.package_inbound is offered by xportcn_ka, not at pandapon" in result.stderr


def test_an_operation_whose_path_is_not_known_sends_nothing(bulk: Callable[..., Any], shop: FakeVendor):
    result = bulk("taobao.orders.cancel", '{"orderId": "1"}', name="work.jsonl")
    assert result.exit_code == 2
    assert "path" in result.stderr
    assert not shop.ledger.requests


def test_a_sheet_for_undocumented_members_is_refused(bulk: Callable[..., Any]):
    result = bulk("taobao.refunds.submit", "reference,orderId", "o-1,12")
    assert result.exit_code == 2
    assert "give JSON objects" in result.stderr


def test_what_is_wrong_is_named_by_line_and_column_and_nothing_is_sent(bulk: Callable[..., Any], shop: FakeVendor):
    result = bulk(CANCEL, HEADER, "o-1,11,1688,other", "o-2,1.2E+15,1688,other", "o-3,13,1688,")
    assert result.exit_code == 2
    assert "line 3, column orderId: was altered by a spreadsheet" in result.stderr
    assert "line 4, column cancelReason: is missing" in result.stderr
    assert received(shop) == 0


def test_an_unknown_column_gets_a_suggestion(bulk: Callable[..., Any]):
    result = bulk(CANCEL, f"{HEADER},remarc", "o-1,11,1688,other,x")
    assert result.exit_code == 2
    assert "remark" in result.stderr


def test_the_problems_file_has_what_is_wrong_and_is_fed_again(
    bulk: Callable[..., Any], pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path
):
    problems = tmp_path / "p.csv"
    result = bulk(CANCEL, HEADER, "o-1,11,1688,other", "o-2,12,1688,", options=("--problems", str(problems)))
    assert result.exit_code == 1
    with problems.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["reference"], row["code"].split()[0]) == ("o-2", "member")
    problems.write_text(problems.read_text(encoding="utf-8-sig").replace("12,1688,", "12,1688,other", 1))
    assert pandapon("bulk", CANCEL, str(problems), "--journal", journal).exit_code == 0
    assert sorted(body["orderId"] for body in bodies(journal)) == [11, 12]


def test_one_in_doubt_is_not_sent_again(bulk: Callable[..., Any], shop: FakeVendor, journal: str):
    shop.script("drop_after")
    assert bulk(CANCEL, HEADER, "o-1,11,1688,other").exit_code == 3
    assert bulk(CANCEL, HEADER, "o-1,11,1688,other").exit_code == 3
    assert received(shop) == 1
    assert rows_of(journal) == {("o-1", CANCEL): "unknown"}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_and_started_again_nothing_is_sent_twice_and_nothing_is_lost(
    bulk: Callable[..., Any], pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path
):
    count, file = 60, tmp_path / "work.csv"
    file.write_text("\n".join([HEADER, *(f"o-{number},{number + 1},1688,other" for number in range(count)), ""]))
    arguments = ("bulk", CANCEL, str(file), "--journal", journal, "--concurrency", "4")
    shop.faults = Faults(latency=0.05)
    with process(*arguments, environ=environment(shop, "pandapon")) as child:
        give_up = time.monotonic() + 30
        while received(shop) < 12:
            assert time.monotonic() < give_up
            time.sleep(0.005)
        child.kill()
    result = pandapon(*arguments)
    states = Counter(rows_of(journal).values())
    assert states["done"] + states["unknown"] == count
    assert states["unknown"] <= 4
    assert states["done"] <= received(shop) <= count
    assert result.exit_code == (3 if states["unknown"] else 0)


def test_another_content_under_the_same_reference_is_wrong(bulk: Callable[..., Any], shop: FakeVendor):
    assert bulk(CANCEL, HEADER, "o-1,11,1688,other").exit_code == 0
    result = bulk(CANCEL, HEADER, "o-1,12,1688,other")
    assert result.exit_code == 2
    assert "orderId" in result.stderr
    assert received(shop) == 1


def test_a_real_vendor_is_sent_nothing_before_somebody_has_said_yes(
    bulk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, journal: str
):
    monkeypatch.setenv("PANDAPON_BASE_URL", "https://vendor.example")
    result = bulk(CANCEL, HEADER, "o-1,11,1688,other", "o-2,12,1688,other")
    assert result.exit_code == 2
    assert f"Operation    {CANCEL}" in result.stderr
    assert "2 would be sent to vendor.example" in result.stderr
    assert not Path(journal).exists()


def test_a_dry_run_names_the_operation_and_makes_nothing(bulk: Callable[..., Any], shop: FakeVendor, journal: str):
    result = bulk(CANCEL, HEADER, "o-1,11,1688,other", options=("--dry-run",))
    assert result.exit_code == 0
    assert CANCEL in result.stdout
    assert received(shop) == 0
    assert not Path(journal).exists()


# --- what is sent ---


def test_a_cancellation_has_its_booking_s_reference_and_does_not_touch_it(
    bulk: Callable[..., Any], pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path
):
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps(order(1)))
    assert pandapon("book", str(file), "--journal", journal).exit_code == 0
    for _ in range(2):
        result = bulk(CANCEL, HEADER, "o-1,11,1688,other")
        assert result.exit_code == 0
    assert "Done               1, 1 of them by other runs" in result.stdout
    assert rows_of(journal) == {("o-1", "logistics.book_freight"): "done", ("o-1", CANCEL): "done"}
    assert received(shop) == 1


def test_export_and_states_show_the_operation_and_the_totals_count_no_fee_as_missing(
    bulk: Callable[..., Any], pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path
):
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps(order(1)))
    assert pandapon("book", str(file), "--journal", journal).exit_code == 0
    assert bulk(CANCEL, HEADER, "o-1,11,1688,other").exit_code == 0
    export = tmp_path / "all.csv"
    pandapon("journal", journal, "--export", str(export))
    with export.open(encoding="utf-8-sig", newline="") as opened:
        assert [row["operation"] for row in csv.DictReader(opened)] == ["logistics.book_freight", CANCEL]
    assert CANCEL in pandapon("journal", journal).stdout
    assert "without a fee" not in pandapon("journal", journal, "--totals").stdout


def test_the_request_s_own_number_is_the_reference_unless_one_is_given(bulk: Callable[..., Any], journal: str):
    assert bulk(CANCEL, "order id,web site,cancel reason", "11,1688,other").exit_code == 0
    assert rows_of(journal) == {("11", CANCEL): "done"}


def test_a_list_is_given_by_rows_and_another_as_a_cell_of_json(bulk: Callable[..., Any], journal: str):
    header = "reference,orderId,orderEntryIds,disputeRequest,applyPayment,applyCarriage,applyReasonId,description,goodsStatus,id,count"
    first = 'o-1,11,"[1,2]",refund,100,0,7,broken,refundBuyerReceived,1,1'
    assert bulk("alibaba.refunds.create", header, first, "o-1,,,,,,,,,2,3").exit_code == 0
    (body,) = bodies(journal, "alibaba.refunds.create")
    assert body["orderEntryIds"] == [1, 2]
    assert body["orderEntryCountList"] == [{"id": 1, "count": 1}, {"id": 2, "count": 3}]


def test_json_bodies_are_sent_as_they_are(bulk: Callable[..., Any], journal: str):
    body = {"orderId": 11, "webSite": "1688", "cancelReason": "other"}
    assert bulk("alibaba1688.order.cancel", json.dumps({"reference": "o-1", **body}), name="work.jsonl").exit_code == 0
    assert bodies(journal) == [body]


def test_the_account_decides_where_two_vendors_have_an_operation_of_that_name(
    pandapon: Pandapon, shop: FakeVendor, tmp_path: Path, journal: str, both: None
):
    file = tmp_path / "work.csv"
    file.write_text("reference,offerId,specId,quantity,addressParam.fullName\no-1,7,s,2,Jane Example\n")
    arguments = ("bulk", "alibaba.orders.create", str(file), "--journal", journal)
    assert pandapon(*arguments).exit_code == 2
    for _ in range(2):  # once sent, the reference is the caller's own number in its body
        assert pandapon(*arguments, "--vendor", "xportcn_ka").exit_code == 0
    (body,) = bodies(journal, "alibaba.orders.create")
    assert (body["outOrderId"], body["cargoParamList"]) == ("o-1", [{"offerId": 7, "specId": "s", "quantity": 2}])


def test_only_the_accounts_that_offer_it_are_chosen_from(
    pandapon: Pandapon, shop: FakeVendor, tmp_path: Path, journal: str, both: None
):
    file = tmp_path / "inbound.csv"
    file.write_text("reference,out_order_id,quality_inspection_info.weight\no-1,o-1,1.5\n")
    result = pandapon("bulk", "wms.package_inbound", str(file), "--journal", journal)
    assert result.exit_code == 0
    assert rows_of(journal) == {("o-1", "wms.package_inbound"): "done"}
