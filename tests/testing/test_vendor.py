"""Starting, stopping, threads, profiles, and what importing costs."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import pytest

from pandapon_async.testing import FakeVendor, Faults, RequestRecord, __all__ as exported
from pandapon_async.testing._operations import Catalogue

from .wire import BOOK, EXAMPLE, arrived, call, connect, hang_up, read_all, request_bytes, sign


def book_synchronously(vendor: FakeVendor) -> int:
    host, _, port = vendor.url.removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port))
    signed = sign(vendor)
    query = "&".join(f"{name}={value}" for name, value in signed.query.items())
    try:
        connection.request("POST", f"{BOOK}?{query}", json.dumps(EXAMPLE), signed.headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def test_synchronous_code_can_use_it_and_nothing_is_left() -> None:
    before = threading.active_count()
    with FakeVendor() as vendor:
        assert book_synchronously(vendor) == 200
        assert vendor.ledger.bookings == {EXAMPLE["renderId"]: 1}
    assert not vendor.serving
    assert threading.active_count() == before
    with pytest.raises(OSError):
        book_synchronously(vendor)


def test_faults_and_script_can_be_set_from_another_thread() -> None:
    with FakeVendor() as vendor:
        vendor.script(502)
        assert book_synchronously(vendor) == 502
        vendor.faults = Faults(status={503: 1.0})
        assert book_synchronously(vendor) == 503
        vendor.faults = Faults()
        vendor.clock_offset = 1000.0
        assert book_synchronously(vendor) == 401


def test_it_can_be_entered_again_and_remembers() -> None:
    vendor = FakeVendor()
    with vendor:
        url = vendor.url
        book_synchronously(vendor)
    with vendor:
        assert vendor.url == url
        book_synchronously(vendor)
    assert vendor.ledger.doubled == {EXAMPLE["renderId"]: 2}


async def test_a_thread_of_its_own_works_beside_a_running_loop() -> None:
    with FakeVendor() as vendor:
        assert (await call(vendor)).status == 200


async def test_a_killed_vendor_cuts_its_connections_and_comes_back_on_its_port() -> None:
    vendor = FakeVendor()
    await vendor.start()
    url = vendor.url
    reader, writer = await connect(vendor)
    assert (await call(vendor)).status == 200
    await vendor.stop()
    assert await read_all(reader) == b""
    await hang_up(writer)
    with pytest.raises(OSError):
        await connect(vendor)
    async with vendor:
        assert vendor.url == url
        assert (await call(vendor)).status == 200
    assert sum(vendor.ledger.bookings.values()) == 2


async def test_another_object_can_take_the_port_that_became_free() -> None:
    async with FakeVendor() as first:
        url = first.url
        await call(first)
    async with FakeVendor(port=int(url.rpartition(":")[2])) as second:
        assert second.url == url
        assert (await call(second)).status == 200


async def test_no_task_is_left() -> None:
    before = asyncio.all_tasks()
    async with FakeVendor() as vendor:
        reader, writer = await connect(vendor)
        vendor.script("stall")
        writer.write(request_bytes(vendor))
        await arrived(vendor)
    assert asyncio.all_tasks() == before
    assert await read_all(reader) == b""
    await hang_up(writer)


def test_a_taken_port_is_an_error_in_the_caller() -> None:
    before = threading.active_count()
    with FakeVendor() as vendor:
        other = FakeVendor(port=int(vendor.url.rpartition(":")[2]))
        with pytest.raises(OSError):
            other.start_thread()
        assert not other.serving
    assert threading.active_count() == before


async def test_it_can_not_be_started_twice(vendor: FakeVendor) -> None:
    with pytest.raises(RuntimeError):
        await vendor.start()
    with pytest.raises(RuntimeError):
        vendor.start_thread()


async def test_stopping_what_does_not_serve_is_harmless() -> None:
    vendor = FakeVendor()
    await vendor.stop()
    vendor.stop_thread()
    with pytest.raises(RuntimeError):
        _ = vendor.url


async def test_profiles_fit_the_vendor(vendor: FakeVendor) -> None:
    panda, xportcn = vendor.profile("pandapon"), vendor.profile("xportcn_ka")
    assert (panda.kind, panda.base_url) == ("pandapon", vendor.url)
    assert (xportcn.kind, xportcn.base_url) == ("xportcn_ka", f"{vendor.url}/api")
    assert panda.credentials is not None
    assert panda.credentials.access_secret == vendor.accounts[0].access_secret
    assert vendor.profile("pandapon", name="shop-a").name == "shop-a"


async def test_a_profile_needs_a_known_kind_and_an_account(vendor: FakeVendor) -> None:
    with pytest.raises(ValueError, match="pandapon, xportcn_ka"):
        vendor.profile("other")  # type: ignore[arg-type]
    async with FakeVendor(accounts=vendor.accounts[:1]) as half:
        with pytest.raises(ValueError, match="no account"):
            half.profile("xportcn_ka")


async def test_accounts_can_be_given() -> None:
    account = attrs.evolve(FakeVendor().accounts[0], access_key="mine", user_id=None)
    async with FakeVendor(accounts=[account]) as vendor:
        assert (await call(vendor)).status == 200


def test_the_names_are_exported_lazily() -> None:
    import pandapon_async.testing as testing

    assert RequestRecord is testing.RequestRecord
    assert set(exported) <= set(dir(testing))
    assert all(hasattr(testing, name) for name in exported)
    with pytest.raises(AttributeError):
        _ = testing.Nothing


def test_importing_the_plugin_loads_no_vendor() -> None:
    code = (
        "import sys, pandapon_async.testing, pandapon_async.testing.plugin;"
        "print([n for n in sys.modules if n.startswith('pandapon_async.testing.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['pandapon_async.testing.plugin']"


def test_the_contract_is_not_made_of_the_package_that_it_checks() -> None:
    """Every import of `pandapon_async.api` fails, and the vendor has its operations all the same."""
    code = (
        "import sys; sys.modules['pandapon_async.api'] = None;"
        "from pandapon_async.testing import FakeVendor;"
        "catalogue = FakeVendor()._handler.catalogue;"
        "print(len(list(catalogue)), catalogue.methods('pandapon', '/open/nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(list(Catalogue()))), "{}"]


def test_the_fixture_serves_a_test(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text("def test_it(pandapon_vendor):\n    assert pandapon_vendor.serving\n", encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "pandapon_async.testing.plugin"]
    # Without other plugins and without this project's settings; installed, the entry point loads the plugin by itself.
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-c", os.devnull, str(test)],
        capture_output=True,
        text=True,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
