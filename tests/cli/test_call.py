"""`pandapon call`."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async._cli import call as call_module
from pandapon_async.api.logistics import FreightBookingRequest
from pandapon_async.testing import FakeVendor
from pandapon_async.testing._operations import Fact

from .conftest import BOOKING, ESTIMATE, SECRETS, Pandapon, environment, process

READ, WRITE = "logistics.estimate_freight", "logistics.book_freight"
SEEN_READ, SEEN_WRITE = "logistics.item_price.estimate", "logistics.order.book_freight"
REMOTE = (
    "[vendors.remote]\nkind = 'pandapon'\nbase_url = 'https://vendor.invalid'\naccess_key = 'k'\naccess_secret = 's'\n"
)


# --- what goes in, what comes out ---


@pytest.mark.usefixtures("keys")
def test_the_replys_data_is_json_on_stdout(pandapon: Pandapon) -> None:
    result = pandapon("call", READ, ESTIMATE)
    assert result.exit_code == 0
    assert [service["serviceId"] for service in json.loads(result.stdout)] == ["1", "2", "3"]
    assert result.stderr == ""


@pytest.mark.usefixtures("keys")
def test_the_contracts_sample_is_answered_as_documented(pandapon: Pandapon, logistics: dict[str, Fact]) -> None:
    sample = logistics[SEEN_WRITE]
    result = pandapon("call", WRITE, sample.example_request)
    assert json.loads(result.stdout) == sample.example_response["data"]


@pytest.mark.usefixtures("keys")
def test_a_contract_id_names_an_operation_as_well(pandapon: Pandapon, shop: FakeVendor) -> None:
    assert pandapon("call", SEEN_READ, ESTIMATE).exit_code == 0
    assert shop.ledger.seen[SEEN_READ] == 1


@pytest.mark.usefixtures("keys")
def test_members_go_into_path_and_query_as_the_operation_declares(pandapon: Pandapon, shop: FakeVendor) -> None:
    result = pandapon("call", "taobao.refunds.cancel", {"refundId": "110000235001"})
    assert json.loads(result.stdout)["cancelSuccess"] is True
    assert pandapon("call", "taobao.products.get", {"itemId": "672991141190"}).exit_code == 0
    assert [(row.method, row.path) for row in shop.ledger.requests] == [
        ("GET", "/open/order/refund/cancel/110000235001"),
        ("GET", "/open/product/get"),
    ]


@pytest.mark.parametrize(
    ("kind", "path"),
    [("pandapon", "/alibaba/order/create/preview"), ("xportcn_ka", "/api/alibaba/ka/order/create/preview")],
)
def test_of_two_operations_of_one_name_it_is_the_accounts(
    pandapon: Pandapon, shop: FakeVendor, both: None, kind: str, path: str
) -> None:
    assert pandapon("call", "alibaba.orders.preview", {}, "--vendor", kind).exit_code == 0
    assert [row.path for row in shop.ledger.requests] == [path]


@pytest.mark.usefixtures("keys")
def test_an_operation_without_a_path_says_how_to_give_it(pandapon: Pandapon, shop: FakeVendor) -> None:
    result = pandapon("call", "taobao.orders.list", {"pageNo": 1})
    assert result.exit_code == 2
    assert 'paths = {"taobao.orders.list" = "/..."}' in " ".join(result.stderr.split())
    assert not shop.ledger.requests


@pytest.mark.usefixtures("keys")
def test_raw_prints_the_envelope(pandapon: Pandapon) -> None:
    reply = json.loads(pandapon("call", READ, ESTIMATE, "--raw").stdout)
    assert (reply["errorCode"], reply["success"]) == (200, True)


@pytest.mark.usefixtures("keys")
def test_a_reply_without_data_prints_null(pandapon: Pandapon) -> None:
    assert json.loads(pandapon("call", "addresses.save", {"city": "Yiwu"}).stdout) is None


@pytest.mark.usefixtures("keys")
def test_the_body_is_read_from_stdin(pandapon: Pandapon) -> None:
    assert pandapon("call", READ, "-", stdin=json.dumps(ESTIMATE)).exit_code == 0


@pytest.mark.usefixtures("keys")
def test_the_body_is_read_from_a_file_with_a_byte_order_mark(pandapon: Pandapon, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(ESTIMATE), encoding="utf-8-sig")
    assert pandapon("call", READ, f"@{file}").exit_code == 0


@pytest.mark.usefixtures("keys")
def test_extra_members_are_sent_from_extra(pandapon: Pandapon) -> None:
    assert pandapon("call", READ, {**ESTIMATE, "extra": {"newMember": 1}}).exit_code == 0


@pytest.mark.usefixtures("keys")
def test_a_member_of_the_reply_that_does_not_fit_is_told_on_stderr(pandapon: Pandapon, shop: FakeVendor) -> None:
    shop.script({"json": {"errorCode": 200, "success": True, "data": {"orderId": "21", "orderFee": "much"}}})
    result = pandapon("call", WRITE, BOOKING)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"orderId": "21", "orderFee": "much"}
    assert "$.data.orderFee: expected an object, not text" in result.stderr


def test_a_path_that_is_inferred_is_told_on_stderr(
    pandapon: Pandapon, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(shop, "xportcn_ka").items():
        monkeypatch.setenv(name, value)
    result = pandapon("call", READ, ESTIMATE)
    assert "is inferred, not seen" in result.stderr
    json.loads(result.stdout)


# --- bad input: nothing is sent ---


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([READ, '{"itemId": "Jane",\n }'], "the body: not JSON: "),
        ([READ, "[1]"], "must be a JSON object"),
        ([READ, "NaN"], "not JSON"),
        ([READ, b"\xff".decode("utf-8", "surrogateescape")], "not JSON"),
        ([READ, "@no/such/file"], "no/such/file: can't be read: No such file"),
        ([READ, {**ESTIMATE, "itmId": "1"}], "no member 'itmId' (did you mean 'itemId'?)"),
        ([READ, {**ESTIMATE, "quantity": "2"}], "quantity: expected a whole number, not text"),
        ([READ], "itemId"),
        ([WRITE], "is a WRITE: give its body"),
        (["logistics.bok_freight", "{}"], "(did you mean 'logistics.book_freight'?)"),
        ([READ, ESTIMATE, "--vendor", "pandpon"], "(did you mean 'pandapon'?)"),
        ([READ, ESTIMATE, "--reference", ""], "a reference must be non-empty text"),
        ([READ, ESTIMATE, "--config", "no/such.toml"], "no/such.toml: can't be read"),
    ],
)
@pytest.mark.usefixtures("keys")
def test_bad_input_sends_nothing(pandapon: Pandapon, shop: FakeVendor, arguments: list[Any], told: str) -> None:
    result = pandapon("call", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""
    assert not shop.ledger.requests


@pytest.mark.usefixtures("keys")
def test_bad_json_is_located_and_not_quoted(pandapon: Pandapon) -> None:
    result = pandapon("call", READ, '{"receiverAddress": {"name": "Jane Example",\n}}')
    assert "at line 2, column 1" in result.stderr or "at line 1, column" in result.stderr
    assert "Jane" not in result.stderr


def test_without_keys_it_tells_which_variables_to_set(pandapon: Pandapon) -> None:
    result = pandapon("call", READ, ESTIMATE)
    assert result.exit_code == 2
    assert "PANDAPON_ACCESS_KEY and PANDAPON_ACCESS_SECRET" in result.stderr


def test_several_accounts_need_a_choice(pandapon: Pandapon, shop: FakeVendor, both: None) -> None:
    result = pandapon("call", WRITE, BOOKING)
    assert result.exit_code == 2
    assert "choose one of 'pandapon', 'xportcn_ka' with --vendor" in result.stderr
    assert not shop.ledger.requests


def test_the_chosen_account_is_used(pandapon: Pandapon, shop: FakeVendor, both: None) -> None:
    assert pandapon("call", WRITE, BOOKING, "--vendor", "xportcn_ka").exit_code == 0
    assert [request.vendor for request in shop.ledger.requests] == ["xportcn_ka"]


def test_accounts_come_from_a_file(pandapon: Pandapon, shop: FakeVendor, accounts: Callable[[str], str]) -> None:
    config = accounts(
        f"[vendors.shop-a]\nkind = 'pandapon'\nbase_url = '{shop.url}'\n"
        "access_key = 'fake-pandapon-key'\naccess_secret = 'fake-pandapon-secret'\n"
    )
    assert pandapon("call", WRITE, BOOKING, "--config", config).exit_code == 0
    assert shop.ledger.bookings == {"FF1": 1}


@pytest.mark.usefixtures("keys")
def test_an_operation_of_another_vendor_is_bad_input(
    pandapon: Pandapon, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import attrs

    class Elsewhere(FreightBookingRequest):
        operation = attrs.evolve(FreightBookingRequest.operation, vendors=("xportcn_ka",))

    monkeypatch.setattr("pandapon_async.api.catalogue", lambda: (Elsewhere,))
    result = pandapon("call", WRITE, {})
    assert result.exit_code == 2
    assert "not offered by pandapon, but by xportcn_ka" in result.stderr
    assert not shop.ledger.requests


# --- what the vendor does ---


@pytest.mark.usefixtures("keys")
def test_a_refusal_is_status_1(pandapon: Pandapon, shop: FakeVendor) -> None:
    shop.script("refuse")
    result = pandapon("call", WRITE, BOOKING)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the vendor refused it, code 99499" in result.stderr
    assert not shop.ledger.bookings


@pytest.mark.usefixtures("keys")
def test_keys_that_are_not_accepted_are_status_1(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDAPON_ACCESS_SECRET", "another-secret")
    result = pandapon("call", READ, ESTIMATE)
    assert result.exit_code == 1
    assert "`pandapon doctor` explains" in result.stderr


@pytest.mark.usefixtures("keys")
def test_a_write_in_doubt_is_status_3_and_names_its_reference(pandapon: Pandapon, shop: FakeVendor) -> None:
    shop.script("drop_after")
    result = pandapon("call", WRITE, BOOKING, "--reference", "order-4711")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "reference order-4711" in result.stderr
    assert "look it up at the vendor" in result.stderr
    assert shop.ledger.bookings == {"FF1": 1}


def test_a_vendor_that_is_not_there_is_status_1(
    pandapon: Pandapon, accounts: Callable[[str], str], unused_tcp_port: int
) -> None:
    config = accounts(
        f"[vendors.shop]\nkind = 'pandapon'\nbase_url = 'http://127.0.0.1:{unused_tcp_port}'\n"
        "access_key = 'k'\naccess_secret = 's'\nretry = {attempts = 1}\n"
    )
    result = pandapon("call", WRITE, BOOKING, "--config", config)
    assert result.exit_code == 1
    assert "Nothing was sent" in result.stderr


@pytest.mark.usefixtures("keys")
def test_no_secret_is_shown_even_if_the_vendor_says_it(pandapon: Pandapon, shop: FakeVendor) -> None:
    echo = f"wrong secret {SECRETS[0]} of Jane Example"
    shop.script({"json": {"errorCode": 7, "errorMsg": echo, "success": False}})
    result = pandapon("call", WRITE, BOOKING)
    assert "wrong secret *** of ***" in result.stderr


# --- a WRITE to another machine is confirmed ---


def test_a_write_to_another_host_needs_yes_where_nobody_can_be_asked(
    pandapon: Pandapon, accounts: Callable[[str], str]
) -> None:
    result = pandapon("call", WRITE, BOOKING, "--config", accounts(REMOTE))
    assert result.exit_code == 2
    assert "is a WRITE to vendor.invalid, as account 'remote': without a terminal it needs --yes" in result.stderr
    assert "Nothing was sent" in result.stderr


def test_a_read_of_another_host_is_not_asked_about(pandapon: Pandapon, accounts: Callable[[str], str]) -> None:
    result = pandapon("call", READ, ESTIMATE, "--config", accounts(f"{REMOTE}retry = {{attempts = 1}}\n"))
    assert result.exit_code == 1
    assert "it was not sent" in result.stderr


def test_yes_sends_it(pandapon: Pandapon, accounts: Callable[[str], str]) -> None:
    config = accounts(f"{REMOTE}retry = {{attempts = 1}}\n")
    result = pandapon("call", WRITE, BOOKING, "--config", config, "--yes")
    assert result.exit_code == 1
    assert "it was not sent" in result.stderr


@pytest.fixture
def far_away(shop: FakeVendor, accounts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with the fake vendor as if it were on another host, and a person at the terminal."""
    monkeypatch.setattr(call_module, "_is_interactive", lambda: True)
    monkeypatch.setattr("pandapon_async._config.profiles.is_loopback", lambda host: False)
    return accounts(
        f"[vendors.far]\nkind = 'pandapon'\nbase_url = '{shop.url}'\nallow_insecure = true\n"
        "access_key = 'fake-pandapon-key'\naccess_secret = 'fake-pandapon-secret'\n"
    )


def test_a_person_who_agrees_sends_it(pandapon: Pandapon, shop: FakeVendor, far_away: str) -> None:
    result = pandapon("call", WRITE, BOOKING, "--config", far_away, stdin="y\n")
    assert result.exit_code == 0
    assert "is a WRITE to 127.0.0.1, as account 'far'. Send it? [y/N]" in result.stderr
    assert shop.ledger.bookings == {"FF1": 1}


@pytest.mark.parametrize(("typed", "status"), [("n\n", 2), ("\n", 2), ("", 130)])
def test_a_person_who_does_not_agree_sends_nothing(
    pandapon: Pandapon, shop: FakeVendor, far_away: str, typed: str, status: int
) -> None:
    assert pandapon("call", WRITE, BOOKING, "--config", far_away, stdin=typed).exit_code == status
    assert not shop.ledger.requests


# --- interrupted, or unheard ---


@pytest.fixture
def interrupt(shop: FakeVendor) -> Iterator[Callable[[int], None]]:
    """Sends this process a signal once the vendor has seen a request."""
    threads: list[threading.Thread] = []
    over = threading.Event()

    def watch(number: int) -> None:
        while not over.wait(0.01):
            if shop.ledger.requests:
                os.kill(os.getpid(), number)
                return

    def start(number: int) -> None:
        threads.append(threading.Thread(target=watch, args=(number,)))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("keys")
def test_a_write_that_is_interrupted_after_it_was_sent_is_in_doubt(
    pandapon: Pandapon, shop: FakeVendor, interrupt: Callable[[int], None]
) -> None:
    shop.script("stall")
    interrupt(signal.SIGINT)
    result = pandapon("call", WRITE, BOOKING)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "interrupted after it was sent [reference FF1]. It may have been made" in result.stderr
    assert shop.ledger.bookings == {"FF1": 1}


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.usefixtures("keys")
def test_a_read_that_is_interrupted_is_nothing_but_interrupted(
    pandapon: Pandapon, shop: FakeVendor, interrupt: Callable[[int], None], number: int, expected: int
) -> None:
    shop.script("stall")
    interrupt(number)
    result = pandapon("call", READ, ESTIMATE)
    assert (result.exit_code, result.stdout, result.stderr) == (expected, "", "Interrupted.\n")


@pytest.mark.usefixtures("keys")
def test_a_reply_that_came_before_the_interruption_is_shown(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes while the connections are being closed."""
    from pandapon_async import SessionManager
    from pandapon_async._cli.shared import Interrupted

    close = SessionManager.close

    async def interrupted_close(self: SessionManager) -> None:
        await close(self)
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(SessionManager, "close", interrupted_close)
    result = pandapon("call", WRITE, BOOKING)
    assert result.exit_code == 130
    assert json.loads(result.stdout)["orderFee"]["currency"] == "USD"


@pytest.mark.parametrize(("operation", "body", "status"), [(WRITE, BOOKING, 3), (READ, ESTIMATE, 1)])
@pytest.mark.usefixtures("keys")
def test_a_reply_that_cannot_be_written_is_told_on_stderr(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch, operation: str, body: dict[str, Any], status: int
) -> None:
    """A WRITE must not end like a refusal: it was made."""

    def write_out(text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(call_module, "write_out", write_out)
    result = pandapon("call", operation, body)
    assert result.exit_code == status
    assert "the call succeeded, but its reply can't be written to stdout (No space left on device)" in result.stderr
    json.loads(result.stderr.partition("It was:\n")[2])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_does_not_look_like_a_refusal(shop: FakeVendor) -> None:
    with Path("/dev/full").open("w") as full:
        arguments = ("call", WRITE, json.dumps(BOOKING))
        with process(*arguments, environ=environment(shop, "pandapon"), stdout=full) as child:
            _, err = child.communicate()
    assert child.returncode == 3
    assert "Traceback" not in err
    assert shop.ledger.bookings == {"FF1": 1}
