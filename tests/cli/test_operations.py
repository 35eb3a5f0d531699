"""`pandapon operations`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from pandapon_async.api import catalogue

from .conftest import Pandapon

BOOKING_PATH = "/open/pp/logistics/orderBookingFreight"
ESTIMATES = {
    "pandapon": "/v2/open/pp/logistics/itemLogisticsPrice",
    "xportcn_ka": "/open/pp/logistics/itemLogisticsPrice",
}


def rows(pandapon: Pandapon, *arguments: str) -> list[dict[str, str]]:
    result = pandapon("operations", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_has_a_line_for_each_vendor_that_offers_it(pandapon: Pandapon) -> None:
    listed = [(row["name"], row["vendor"]) for row in rows(pandapon)]
    offered = [(request.operation.name, kind) for request in catalogue() for kind in request.operation.vendors]
    assert listed == offered


def test_json_has_the_documented_keys(pandapon: Pandapon) -> None:
    booking = next(row for row in rows(pandapon) if row["name"] == "logistics.book_freight")
    assert booking == {
        "name": "logistics.book_freight",
        "contract_id": "logistics.order.book_freight",
        "vendor": "pandapon",
        "method": "POST",
        "path": BOOKING_PATH,
        "effect": "write",
        "evidence": "seen",
    }


def test_each_vendor_has_its_own_path_and_evidence(pandapon: Pandapon) -> None:
    found = {row["vendor"]: row for row in rows(pandapon) if row["name"] == "logistics.estimate_freight"}
    assert {vendor: row["path"] for vendor, row in found.items()} == ESTIMATES
    assert {vendor: row["evidence"] for vendor, row in found.items()} == {"pandapon": "seen", "xportcn_ka": "inferred"}


def test_a_kind_of_vendor_filters(pandapon: Pandapon) -> None:
    assert {row["vendor"] for row in rows(pandapon, "--vendor", "xportcn_ka")} == {"xportcn_ka"}


def test_an_account_shows_the_paths_of_its_profile(pandapon: Pandapon, accounts: Callable[[str], str]) -> None:
    config = accounts(
        "[vendors.shop]\nkind = 'pandapon'\naccess_key = 'k'\naccess_secret = 's'\n"
        "paths = {'logistics.book_freight' = '/v3/book'}\n"
    )
    found = {row["name"]: row for row in rows(pandapon, "--vendor", "shop", "--config", config)}
    assert found["logistics.book_freight"]["path"] == "/v3/book"
    assert found["logistics.estimate_freight"]["path"] == ESTIMATES["pandapon"]


def test_a_kind_works_beside_a_file_of_accounts(pandapon: Pandapon, accounts: Callable[[str], str]) -> None:
    config = accounts("[vendors.shop]\nkind = 'pandapon'\naccess_key = 'k'\naccess_secret = 's'\n")
    assert {row["vendor"] for row in rows(pandapon, "--vendor", "xportcn_ka", "--config", config)} == {"xportcn_ka"}


def test_an_unknown_vendor_gets_a_suggestion(pandapon: Pandapon) -> None:
    result = pandapon("operations", "--vendor", "pandpon")
    assert result.exit_code == 2
    assert "no vendor or account is named 'pandpon' (did you mean 'pandapon'?)" in result.stderr


def test_a_broken_file_of_accounts_is_told(pandapon: Pandapon, accounts: Callable[[str], str]) -> None:
    result = pandapon("operations", "--vendor", "shop", "--config", accounts("[vendors"))
    assert result.exit_code == 2
    assert "vendors.toml" in result.stderr


def test_in_a_pipe_it_is_a_table_with_whole_lines(pandapon: Pandapon) -> None:
    lines = pandapon("operations").stdout.splitlines()
    assert lines[0].split() == [
        *["name", "contract_id", "vendor", "method", "path", "effect", "evidence"],
        *["state", "missing"],
    ]
    assert len(lines) == 1 + len(rows(pandapon))
    assert any(line.split()[4] == ESTIMATES["pandapon"] for line in lines)


def test_the_table_says_what_can_be_used_and_what_is_missing(
    pandapon: Pandapon, accounts: Callable[[str], str]
) -> None:
    shown = {(cells[0], cells[2]): cells[7:] for cells in map(_cells, pandapon("operations").stdout.splitlines())}
    assert shown["logistics.book_freight", "pandapon"] == ["typed", "-"]
    assert shown["logistics.estimate_freight", "pandapon"] == ["typed", "reply"]
    assert shown["logistics.estimate_freight", "xportcn_ka"] == ["inferred", "reply"]
    assert shown["addresses.get", "pandapon"] == ["path unknown", "path, request, reply"]
    config = accounts(
        "[vendors.shop]\nkind = 'pandapon'\naccess_key = 'k'\naccess_secret = 's'\n"
        "paths = {'foundations.address.get' = '/open/address/get'}\n"
    )
    lines = pandapon("operations", "--vendor", "shop", "--config", config).stdout.splitlines()
    assert next(_cells(line) for line in lines if line.startswith("addresses.get"))[4:8] == [
        *["/open/address/get", "read", "missing", "path given"]
    ]


def _cells(line: str) -> list[str]:
    return [cell for cell in re.split(r"\s{2,}", line.strip()) if cell]


def test_on_a_narrow_terminal_it_is_a_list_that_fits(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pandapon_async._cli.operations.console", lambda: Console(width=60, highlight=False))
    shown = pandapon("operations").stdout
    assert max(map(len, shown.splitlines())) <= 60
    assert f"    {BOOKING_PATH}\n" in shown
