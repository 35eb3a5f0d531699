"""``pandapon quote``: a file in, the cheapest out, and the truth about what is missing."""

from __future__ import annotations

import csv
import io
import json
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pandapon_async.testing import FakeVendor

from .conftest import SECRETS, Pandapon, environment, process

HEAD = "item_id,sku_id,quantity,price,currency,country,state,city,zip\n"
LINES = HEAD + "2048,4970,1,5.00,USD,US,California,Springfield,90000\n2048,4970,2,,,CN,广东省,深圳市,518000\n"
UNREAD = {"errorCode": 200, "success": True, "data": {"list": [{"cost": "12.5"}]}}
PATH, KA_PATH = "/v2/open/pp/logistics/itemLogisticsPrice", "/open/pp/logistics/itemLogisticsPrice"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "quotes.csv"
    path.write_text(LINES, encoding="utf-8")
    return str(path)


def test_the_cheapest_for_each_line_is_printed(pandapon: Pandapon, both: None, file: str) -> None:
    result = pandapon("quote", file)
    assert result.exit_code == 0
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["destination", "goods", "account", "service", "price", "currency", "of", "highest"]
    assert len(lines) == 2
    assert "US California Springfield 90000" in lines[0]
    assert "CN 广东省 深圳市 518000" in lines[1]
    assert "2 x 2048/4970" in lines[1]
    assert all(line.split()[-3] == "6" and line.endswith(" x") for line in lines)
    assert "\x1b" not in result.stdout


def test_only_the_named_accounts_are_asked(pandapon: Pandapon, both: None, shop: FakeVendor, file: str) -> None:
    result = pandapon("quote", file, "--vendor", "xportcn_ka", "--vendor", "xportcn_ka")
    assert result.exit_code == 0
    assert {request.vendor for request in shop.ledger.requests} == {"xportcn_ka"}
    assert len(shop.ledger.requests) == 2


def test_references_are_shown_if_there_are_any(pandapon: Pandapon, keys: None, tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text("reference,item_id,sku_id,country\norder-7,1,2,US\n,1,2,VN\n")
    lines = pandapon("quote", str(path)).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["reference", "order-7", "-"]


def test_json_is_one_object_a_quote(pandapon: Pandapon, both: None, file: str) -> None:
    result = pandapon("quote", file, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 12
    assert (rows[0]["vendor"], rows[0]["country"], rows[0]["currency"]) == ("pandapon", "US", "USD")
    assert isinstance(rows[0]["price"], str)
    assert "raw" not in rows[0]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_all_quotes_are_written(pandapon: Pandapon, both: None, file: str, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    assert pandapon("quote", file, "--out", str(out)).exit_code == 0
    text = out.read_text(encoding="utf-8-sig")
    rows = (
        list(csv.DictReader(io.StringIO(text))) if ending == "csv" else [json.loads(line) for line in text.splitlines()]
    )
    assert len(rows) == 12
    assert rows[6]["city"] == "深圳市"


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_chart_is_drawn(pandapon: Pandapon, keys: None, file: str, tmp_path: Path, ending: str) -> None:
    chart = tmp_path / f"chart.{ending}"
    result = pandapon("quote", file, "--chart", str(chart))
    assert (result.exit_code, result.stderr) == (0, "")
    assert chart.read_bytes().startswith(b"<?xml" if ending == "svg" else b"\x89PNG")


def test_currencies_are_compared_by_a_rate_only(pandapon: Pandapon, both: None, shop: FakeVendor, file: str) -> None:
    data = [{"serviceId": "9", "fee": {"amount": "7.00", "currency": "CNY"}}]
    shop.route("POST", KA_PATH, {"errorCode": 200, "success": True, "data": data})
    apart = pandapon("quote", file).stdout.splitlines()[1:]
    assert [line.split()[-4] for line in apart] == ["USD", "CNY"] * 2
    together = pandapon("quote", file, "--fx", "USD/CNY=7.1").stdout.splitlines()[1:]
    assert [line.split()[-4] for line in together] == ["CNY"] * 2


def test_no_recognised_price_shows_what_a_reply_holds(
    pandapon: Pandapon, keys: None, shop: FakeVendor, file: str
) -> None:
    shop.route("POST", PATH, UNREAD)
    result = pandapon("quote", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no price was recognised in any reply of pandapon" in result.stderr
    assert "  data.list[].cost\n" in result.stderr
    assert "price_paths" in result.stderr
    assert "12.5" not in result.stderr


def test_one_account_whose_prices_are_not_recognised_is_told(
    pandapon: Pandapon, both: None, shop: FakeVendor, file: str
) -> None:
    shop.route("POST", PATH, UNREAD)
    result = pandapon("quote", file)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 3
    assert "any reply of pandapon" in result.stderr


def test_price_paths_of_the_file_of_accounts_are_obeyed(
    pandapon: Pandapon, shop: FakeVendor, file: str, tmp_path: Path
) -> None:
    shop.route("POST", PATH, UNREAD)
    profile = shop.profile("pandapon")
    assert profile.credentials is not None
    config = tmp_path / "vendors.toml"
    config.write_text(
        f'[vendors.pandapon]\nbase_url = "{profile.base_url}"\naccess_key = "{profile.credentials.access_key}"\n'
        f'access_secret = "{profile.credentials.access_secret}"\nprice_paths = ["data.list[].cost(CNY)"]\n'
    )
    result = pandapon("quote", file, "--config", str(config))
    assert result.exit_code == 0
    assert "12.5  CNY" in result.stdout
    shown = pandapon("doctor", "--config", str(config)).stdout
    assert "data.list[].cost(CNY)" in shown


def test_failures_are_told_by_account_and_reason(pandapon: Pandapon, both: None, shop: FakeVendor, file: str) -> None:
    shop.route("POST", KA_PATH, {"errorCode": 900, "errorMsg": "no such service", "success": False, "data": None})
    result = pandapon("quote", file)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 3
    assert "xportcn_ka: 2 failed: ApiError: " in result.stderr
    assert "2 requests failed, 0 got no price from any account" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{file}", "--fx", "USD=7"], "'USD' isn't a currency pair such as USD/CNY"),
        (["{file}", "--vendor", "pandpon"], "(did you mean 'pandapon'?)"),
        (["{file}", "--out", "quotes.txt"], "must end in .csv or .jsonl"),
        (["{file}", "--chart", "chart.gif"], "must end in .svg or .png"),
        (["{file}", "--out", "no/such/folder/out.csv"], "there is no folder"),
        (["no-such.csv"], "does not exist"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_asked(
    pandapon: Pandapon, both: None, shop: FakeVendor, file: str, arguments: list[str], told: str
) -> None:
    result = pandapon("quote", *[argument.format(file=file) for argument in arguments])
    assert result.exit_code == 2
    assert told in result.stderr
    assert not shop.ledger.requests


def test_a_line_that_cannot_be_read_is_named_and_nothing_is_asked(
    pandapon: Pandapon, both: None, shop: FakeVendor, tmp_path: Path
) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(LINES + "2.04E+15,4970,1,,,US,,,\n2048,4970,none,,,US,,,\n", encoding="utf-8")
    result = pandapon("quote", str(path))
    assert result.exit_code == 2
    assert "line 4, column item_id: was altered by a spreadsheet" in result.stderr
    assert "line 5, column quantity: expected a whole number" in result.stderr
    assert not shop.ledger.requests


def test_without_matplotlib_a_chart_is_refused_at_once(
    pandapon: Pandapon, both: None, shop: FakeVendor, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = pandapon("quote", file, "--chart", "chart.svg")
    assert result.exit_code == 2
    assert "pip install 'pandapon-async[charts]'" in result.stderr
    assert not shop.ledger.requests


def test_no_secret_is_shown(pandapon: Pandapon, both: None, shop: FakeVendor, file: str) -> None:
    shop.script("refuse", 503)
    result = pandapon("quote", file, "--json")
    assert not any(secret in result.output + result.stderr for secret in SECRETS)


def test_the_progress_bar_counts_requests(
    pandapon: Pandapon, both: None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    shown = Console(file=screen, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr("pandapon_async._cli.progress.console", lambda *, stderr: shown)
    assert pandapon("quote", file).exit_code == 0
    assert "quoting" in screen.getvalue()
    assert "/4 " in screen.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupted_it_shows_what_had_come(shop: FakeVendor, tmp_path: Path) -> None:
    path, out = tmp_path / "quotes.csv", tmp_path / "out.csv"
    path.write_text(HEAD + "2048,4970,1,,,US,,,\n" + "".join(f"2048,4970,{n},,,US,,,\n" for n in range(2, 40)))
    shop.script("ok", {"status": 200, "delay": 60})
    arguments = ("quote", str(path), "--concurrency", "1", "--out", str(out))
    with process(*arguments, environ=environment(shop, "pandapon")) as child:
        while len(shop.ledger.requests) < 2:
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        stdout, stderr = child.communicate(timeout=30)
    assert child.returncode == 130
    assert len(stdout.splitlines()) == 2
    assert "Interrupted." in stderr
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 1 + 3
