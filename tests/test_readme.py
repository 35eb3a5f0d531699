"""The README's code runs as it stands there."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pandapon_async._config.loading import profiles_from_toml
from pandapon_async.testing import FakeVendor
from tests.contract import menu
from tests.journal.support import hours_later

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def block(containing: str, language: str = "python") -> str:
    (found,) = [code for code in blocks(language) if containing in code]
    return found


def namespace_of(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), namespace)
    return namespace


@pytest.fixture
def keys(pandapon_vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> FakeVendor:
    """A fake vendor that the environment's keys lead to."""
    profile = pandapon_vendor.profile("pandapon")
    assert profile.credentials is not None
    monkeypatch.setenv("PANDAPON_BASE_URL", profile.base_url)
    monkeypatch.setenv("PANDAPON_ACCESS_KEY", profile.credentials.access_key)
    monkeypatch.setenv("PANDAPON_ACCESS_SECRET", profile.credentials.access_secret)
    return pandapon_vendor


def test_the_two_commands_are_the_first_shell_blocks_of_one_line_each() -> None:
    demo, tests = blocks("sh")[:2]
    assert "pandapon demo --bookings 1000" in demo
    assert "pytest" in tests
    assert demo.count("\n") == tests.count("\n") == 1


def test_one_booking(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    namespace_of(block("may have been booked, ask"))
    assert keys.ledger.bookings == {"FF2024080200007": 1}
    assert "USD" in capsys.readouterr().out


def test_one_booking_in_doubt(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    keys.script("drop_after")
    namespace_of(block("may have been booked, ask"))
    assert "may have been booked" in capsys.readouterr().out


def test_many_bookings(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    keys.script("ok", "drop_after", "refuse")
    namespace_of(block("vendors.pandapon.stream(orders()"))
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 100
    assert printed.count("IN DOUBT") == 1
    assert printed.count("not booked") == 1
    assert len(keys.ledger.bookings) == 99


def test_a_booking_job(
    keys: FakeVendor, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys.script("ok", "drop_after", "refuse")
    code = block("journal.rows(state=")
    namespace_of(code)
    assert capsys.readouterr().out.count("look it up at the vendor: order-") == 1
    namespace_of(code)
    assert "skipped=100" in capsys.readouterr().out
    assert set(keys.ledger.bookings.values()) == {1}


@pytest.fixture
def both_keys(keys: FakeVendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeVendor:
    """Keys of both vendors; files are written elsewhere."""
    profile = keys.profile("xportcn_ka")
    assert profile.credentials is not None
    monkeypatch.setenv("XPORTCN_KA_BASE_URL", profile.base_url)
    monkeypatch.setenv("XPORTCN_KA_ACCESS_KEY", profile.credentials.access_key)
    monkeypatch.setenv("XPORTCN_KA_ACCESS_SECRET", profile.credentials.access_secret)
    monkeypatch.chdir(tmp_path)
    return keys


def test_a_sweep_of_quotes(both_keys: FakeVendor, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    namespace_of(block("await sweep.run(requests)"))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 6
    assert all(line.endswith(" USD") for line in printed)
    assert both_keys.ledger.seen == {"logistics.item_price.estimate": 12}
    assert len((tmp_path / "quotes.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + 12 * 3
    assert "深圳市" in (tmp_path / "quotes.svg").read_text(encoding="utf-8")


def test_quote_choose_book(both_keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    code = block("goods_of_orders()")
    namespace_of(code)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("order-4711 ")
    assert " done " in line
    ((render_id, count),) = both_keys.ledger.bookings.items()
    assert (render_id[:2], count) == ("FF", 1)
    namespace_of(code)  # once more: nothing is booked twice
    assert capsys.readouterr().out == ""
    assert both_keys.ledger.bookings == {render_id: 1}


def test_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_A_KEY", "a-key")
    (tmp_path / "shop-a.secret").write_text("a-secret\n")
    (tmp_path / "vendors.toml").write_text(blocks("toml")[0])
    (profile,) = profiles_from_toml(tmp_path / "vendors.toml")
    assert profile.name == "shop-a"
    assert profile.credentials is not None
    assert profile.credentials.access_secret == "a-secret"
    assert profile.limits.concurrency == 32


async def asgi(app: Any, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """One POST of JSON to an ASGI application, without a server."""
    status, answer = await asgi_post(app, path, {"content-type": "application/json"}, json.dumps(body).encode())
    return status, json.loads(answer)


async def asgi_post(
    app: Any, path: str, around: Mapping[str, str], body: bytes, method: str = "POST"
) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in around.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_the_other_operations(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    namespace_of(block("panda.v2.alibaba.products.search"))
    product, page, unknown = capsys.readouterr().out.splitlines()
    assert product.endswith("https://cbu01.alicdn.com/img/ibank/O1CN01example-0-cib.jpg")
    assert page == "page 1 has 1 of 2000"
    assert "the path of 'Get user address information' isn't known" in unknown
    assert keys.ledger.done == {"alibaba1688_v2.product.search_keyword": 3}


def test_the_table_of_operations_is_the_catalogue() -> None:
    assert menu.in_readme() == menu.table(), "write it anew: python -m tests.contract.menu"


def test_fastapi(keys: FakeVendor) -> None:
    recipe = namespace_of(block("FastAPI(lifespan=lifespan)"))

    async def scenario() -> None:
        app = recipe["app"]
        async with recipe["lifespan"](app):
            status, answer = await asgi(app, "/orders/4711/freight", {"renderId": "FF1"})
            assert status == 200
            assert answer["order"]
            status, answer = await asgi(app, "/orders/4712/freight", {"renderID": "FF2"})
            assert status == 422
            assert "renderId" in answer["detail"]
            keys.script("drop_after")
            status, answer = await asgi(app, "/orders/4713/freight", {"renderId": "FF3"})
            assert status == 502
            assert "4713" in answer["detail"]

    asyncio.run(scenario())
    assert keys.ledger.bookings == {"FF1": 1, "FF3": 1}


def test_messages_with_aiohttp(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = namespace_of(block("message_route(profile, handle)"))

    async def scenario() -> None:
        runner = web.AppRunner(recipe["app"])
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/vendor"
        for _ in range(2):
            sent = await keys.send_message("pandapon", url, "1688_ORDER_CREATE", {"salesOrderId": "1"}, timestamp=0)
            assert sent.acknowledged
        forged = await keys.send_message("pandapon", url, "ORDER_CREATE", {"salesOrderId": "1"}, secret="no", retries=0)
        assert [attempt.status for attempt in forged.attempts] == [401]
        await runner.cleanup()

    asyncio.run(scenario())
    assert capsys.readouterr().out == "ORDER_CREATE 1970-01-01 00:00:00+00:00 1\n"


def test_messages_with_fastapi(
    keys: FakeVendor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = next(account for account in keys.accounts if account.kind == "xportcn_ka")
    monkeypatch.setenv("XPORTCN_KA_ACCESS_KEY", account.access_key)
    monkeypatch.setenv("XPORTCN_KA_ACCESS_SECRET", account.access_secret)
    recipe = namespace_of(block("FastAPI(lifespan=receiving)"))
    good = keys.sign_message("xportcn_ka", "ORDER_CREATE", {"orderId": "1"}, timestamp=0)
    forged = keys.sign_message("xportcn_ka", "ORDER_CREATE", {"orderId": "1"}, secret="no")

    async def scenario() -> list[int]:
        app = recipe["app"]
        async with recipe["receiving"](app):
            posts = [await asgi_post(app, "/vendor", sent.headers, sent.content) for sent in (good, good, forged)]
            check = await asgi_post(app, "/vendor", {}, b"", "GET")
        return [status for status, _ in (*posts, check)]

    assert asyncio.run(scenario()) == [200, 200, 401, 200]
    assert capsys.readouterr().out == "ORDER_CREATE 1970-01-01 00:00:00+00:00 1\n"


def test_a_synchronous_worker(keys: FakeVendor) -> None:
    assert namespace_of(block("run_coroutine_threadsafe"))["booking"].order_id
    assert keys.ledger.bookings == {"FF2024080200007": 1}


def test_a_notebook(keys: FakeVendor) -> None:
    code = compile(block("preview.render_id, preview.value"), "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    namespace: dict[str, Any] = {}
    cell: Coroutine[Any, Any, None] = eval(code, namespace)
    asyncio.run(cell)
    assert namespace["preview"].render_id


def test_tests_of_ones_own_code(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(block("def test_a_booking_whose_reply_is_lost"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


def test_the_commands_of_bulk_booking_and_the_morning_after(
    keys: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("click")
    from click.testing import CliRunner

    from pandapon_async._cli.app import app

    monkeypatch.chdir(tmp_path)
    (orders,) = blocks("csv")
    lines = [
        line.removeprefix("$ pandapon ").partition("#")[0] for text in blocks("console") for line in text.splitlines()
    ]
    chosen = [shlex.split(line) for line in lines if line.startswith(("book", "journal"))]
    assert len(chosen) >= 12
    for arguments in chosen:
        if ">" in arguments:
            arguments = arguments[: arguments.index(">")]
        (tmp_path / "orders.csv").write_text(orders)
        if {"--export", "--mark"} & {*arguments}:
            hours_later(tmp_path / "bookings.db")
        if "--resolve" in arguments:
            edit_doubt(tmp_path / "doubt.csv")
        if "--mark" in arguments:
            number, step, status = ("7", "drop_after", 3) if "order-7=done" in arguments else ("8", {"status": 401}, 4)
            keys.script(step)
            body = json.dumps(
                {
                    "reference": f"order-{number}",
                    "renderId": f"FF{number}",
                    "receiverAddress": {"name": "Jane Example", "country": "US"},
                    "lineItems": [{"itemId": number, "quantity": 1}],
                }
            )
            assert CliRunner().invoke(app, ["book", "-", "--journal", "bookings.db"], input=body).exit_code == status
        if "--whole" in arguments:
            shutil.copyfile("bookings.db", "lost.db")
        is_first = arguments[:2] == ["book", "orders.csv"] and "--journal" in arguments and "--adopt" not in arguments
        if is_first and "--spend-limit" in arguments:
            keys.script("drop_before", "drop_before")
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == (3 if is_first else 0), result.output
    assert keys.ledger.doubled == {}


def edit_doubt(path: Path) -> None:
    """What a person does with the export: here nothing of it was booked after all."""
    path.write_text(path.read_text("utf-8").replace(",unknown,", ",pending,"), "utf-8")
