"""What the guides' recipes do when they are used: services under requests, settings that are read, a notebook in its kernel."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from pandapon_async._cli.app import app
from pandapon_async._config.loading import profiles_from_toml
from pandapon_async.testing import FakeVendor

from ..cli.conftest import environment
from .pages import GUIDES, ROOT, block


def recipe(page: str, containing: str) -> dict[str, Any]:
    """The names that a fence defines."""
    namespace: dict[str, Any] = {"__name__": "page"}
    exec(compile(block(page, containing), page, "exec"), namespace)
    return namespace


@pytest.fixture
def keys(pandapon_vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeVendor:
    """A fake vendor that the environment's keys lead to, and an empty folder."""
    for name, value in environment(pandapon_vendor, "pandapon", "xportcn_ka").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return pandapon_vendor


async def asgi(
    app: Any, path: str, body: bytes, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> tuple[int, bytes]:
    """One request to an ASGI application, without a server."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    around = {"content-type": "application/json", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in around.items()],
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_fastapi_books_an_order_once_and_says_what_became_of_it(keys: FakeVendor) -> None:
    service = recipe("services", "FastAPI(lifespan=lifespan)")

    async def book(number: str, body: dict[str, Any]) -> tuple[int, Any]:
        status, answer = await asgi(service["app"], f"/orders/{number}/freight", json.dumps(body).encode())
        return status, json.loads(answer)

    async def scenario() -> None:
        async with service["lifespan"](service["app"]):
            status, first = await book("4711", {"renderId": "FF1"})
            assert status == 200
            assert await book("4711", {"renderId": "FF1"}) == (200, first)
            status, answer = await book("4712", {"renderID": "FF2"})
            assert (status, "renderId" in answer["detail"]) == (422, True)
            status, answer = await book("4713", {"renderId": "FF1"})
            assert (status, "4711" in answer["detail"]) == (422, True)
            keys.script("drop_after")
            for _ in range(2):
                status, answer = await book("4714", {"renderId": "FF3"})
                assert (status, "4714" in answer["detail"]) == (502, True)

    asyncio.run(scenario())
    assert keys.ledger.bookings == {"FF1": 1, "FF3": 1}


def test_fastapi_takes_messages_beside_bookings(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    service = recipe("services", "FastAPI(lifespan=lifespan)")
    good = keys.sign_message("pandapon", "ORDER_CREATE", {"orderId": "1"})
    forged = keys.sign_message("pandapon", "ORDER_CREATE", {"orderId": "1"}, secret="no")

    async def scenario() -> list[int]:
        app = service["app"]
        async with service["lifespan"](app):
            posts = [await asgi(app, "/vendor", sent.content, sent.headers) for sent in (good, good, forged)]
        return [status for status, _ in posts]

    assert asyncio.run(scenario()) == [200, 200, 401]
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_messages_with_aiohttp(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    service = recipe("messages", "message_route(profile, handle)")

    async def scenario() -> None:
        runner = web.AppRunner(service["app"])
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


def test_messages_with_fastapi(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    service = recipe("messages", "FastAPI(lifespan=receiving)")
    good = keys.sign_message("xportcn_ka", "ORDER_CREATE", {"orderId": "1"}, timestamp=0)
    forged = keys.sign_message("xportcn_ka", "ORDER_CREATE", {"orderId": "1"}, secret="no")

    async def scenario() -> list[int]:
        app = service["app"]
        async with service["receiving"](app):
            posts = [await asgi(app, "/vendor", sent.content, sent.headers) for sent in (good, good, forged)]
            check = await asgi(app, "/vendor", b"", method="GET")
        return [status for status, _ in (*posts, check)]

    assert asyncio.run(scenario()) == [200, 200, 401, 200]
    assert capsys.readouterr().out == "ORDER_CREATE 1970-01-01 00:00:00+00:00 1\n"


@pytest.mark.parametrize("page", ["configuration", "windows"])
def test_the_settings_that_a_guide_shows_are_read(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_A_KEY", "a-key")
    (tmp_path / "shop-a.secret").write_text("a-secret\n")
    (tmp_path / "vendors.toml").write_text(block(page, "[vendors.shop-a]", "toml"))
    (profile,) = profiles_from_toml(tmp_path / "vendors.toml")
    assert profile.name == "shop-a"
    assert profile.credentials is not None
    assert profile.credentials.access_secret == "a-secret"
    assert profile.limits.rate in (5, 50)


def test_what_is_dragged_onto_the_windows_script_is_booked_into_the_desks_journal(
    keys: FakeVendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, dragged, journal = tmp_path / "own" / "pandapon", tmp_path / "今天 orders.csv", tmp_path / "bookings.db"
    own.mkdir(parents=True)
    settings = block("windows", "journal =", "toml")
    (own / "pandapon.toml").write_text(settings.replace(r"C:\Freight\bookings.db", str(journal)))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own.parent))
    (tmp_path / "vendors.toml").write_text(
        f'[vendors.pandapon]\naccess_key = "env:PANDAPON_ACCESS_KEY"\nbase_url = "{keys.url}"\n'
        'access_secret = "env:PANDAPON_ACCESS_SECRET"\nuser_id = "env:PANDAPON_USER_ID"\n'
    )
    dragged.write_text("order no,preview no,country,item id,quantity\n1,FF1,US,2048020617114736,1\n", encoding="utf-8")
    (line,) = [line for line in block("windows", "pandapon.exe", "bat").splitlines() if "pandapon.exe" in line]
    _, *arguments = shlex.split(line.replace("\\", "/"))
    named = {"%~1": str(dragged), "C:/Freight/vendors.toml": str(tmp_path / "vendors.toml")}
    result = CliRunner().invoke(app, [named.get(one, one) for one in (*arguments, "--new-journal")])
    assert result.exit_code == 0, result.output
    assert keys.ledger.bookings == {"FF1": 1}
    assert journal.exists()


# The kernel's own ways: a Windows-only remark of zmq's, and sockets that the client's end leaves to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_notebook_runs_in_a_kernel_from_top_to_bottom(keys: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(GUIDES / "sweep.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "kept without its outputs"
    nbclient.NotebookClient(notebook, timeout=120).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in shown if output["output_type"] == "error"]
    assert "US 90000" in json.dumps(shown)
    assert any("image/svg+xml" in output.get("data", {}) for output in shown)
    assert keys.ledger.bookings == {}


def test_the_readmes_booking_says_when_it_is_in_doubt(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    keys.script("drop_after")
    recipe("README", "in doubt, look it up before you try again")
    assert capsys.readouterr().out.startswith(
        "in doubt, look it up before you try again: pandapon logistics.book_freight"
    )
    assert keys.ledger.bookings == {"FF2024080200007": 1}


def test_the_readmes_stream_tells_what_is_not_booked(keys: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    keys.script("ok", "drop_after", "refuse")
    recipe("README", "vendors.pandapon.stream(orders()")
    printed = capsys.readouterr().out
    assert (printed.count("IN DOUBT"), printed.count("not booked"), printed.count("\n")) == (1, 1, 2)
    assert len(keys.ledger.bookings) == 99
