"""`pandapon listen`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from pandapon_async.testing import FakeVendor, SentMessage
from tests.support import closed_port

from .conftest import Pandapon, environment, process

ORDER = {
    "orderId": "3305075340000000001",
    "orderStatus": "WAITING_FOR_PAYMENT",
    "totalAmount": 10000,
    "receiver": {
        "name": "Jane Example",
        "phone": 5550100100,
        "lines": ["1 Example Street"],
        "default": True,
        "tax": None,
    },
}
HIDDEN = ("Jane", "5550100100", "Example Street")


@attrs.define
class Listening:
    child: subprocess.Popen[str]
    vendor: FakeVendor
    url: str

    def send(
        self, message_type: str = "ORDER_CREATE", body: Any = ORDER, kind: Any = "pandapon", **options: Any
    ) -> SentMessage:
        options = {"retries": 0, "timeout": 10, "timestamp": 1779263269913, **options}
        return self.vendor.send_message_blocking(kind, f"{self.url}callback", message_type, body, **options)

    def status(self, *message: Any, **options: Any) -> int:
        return self.send(*message, **options).attempts[-1].status

    def end(self, number: int = signal.SIGTERM) -> tuple[str, str]:
        self.child.send_signal(number)
        return self.child.communicate(timeout=20)


@contextlib.contextmanager
def listening(*arguments: str, kinds: tuple[str, ...] = ("pandapon",), **streams: Any) -> Iterator[Listening]:
    vendor = FakeVendor(port=1)
    with process("listen", *arguments, environ=environment(vendor, *kinds), **streams) as child:
        assert child.stderr is not None
        found = re.search(r"at (http://\S+) until Ctrl-C", child.stderr.readline())
        assert found
        yield Listening(child, vendor, found[1])


def test_a_message_is_one_json_object_a_line_and_masked():
    with listening("--json") as there:
        assert there.status() == 200
        assert there.status("订单\n", ["x"], platform=7) == 200
        out, err = there.end()
    first, second = [json.loads(line) for line in out.splitlines()]
    assert first == {
        "type": "ORDER_CREATE",
        "platform": 1,
        "time": "2026-05-20T07:47:49.913000+00:00",
        "digest": first["digest"],
        "body": {
            **ORDER,
            "receiver": {"name": "***", "phone": "***", "lines": ["***"], "default": True, "tax": None},
        },
        "problems": [],
    }
    assert re.fullmatch("[0-9a-f]{64}", first["digest"])
    assert (second["type"], second["platform"], second["body"]) == ("订单\n", 7, ["***"])
    assert there.child.returncode == 0
    assert err == "Stopped: 2 messages, 0 rejected.\n"


def test_full_shows_every_value():
    with listening("--json", "--full") as there:
        there.send()
        out, _ = there.end()
    assert json.loads(out)["body"] == ORDER


def test_for_people_it_prints_a_heading_and_the_body():
    with listening("--vendor", "xportcn_ka", kinds=("pandapon", "xportcn_ka")) as there:
        assert there.status(kind="xportcn_ka", body={**ORDER, "payStatus": []}) == 200
        assert there.status("A\x1b[2J", "\x9b2J", kind="xportcn_ka") == 200
        out, _ = there.end()
    lines = out.splitlines()
    assert re.fullmatch(r"2026-05-20T07:47:49\.913000\+00:00  ORDER_CREATE  ALIBABA_1688  [0-9a-f]{12}", lines[0])
    assert '  "orderId": "3305075340000000001",' in lines
    assert "doesn't fit: $.messageBody.payStatus: expected a whole number, not a list" in lines
    assert r"A\u001b[2J" in out
    assert "\x1b" not in out
    assert not [text for text in HIDDEN if text in out]


def test_one_that_comes_twice_is_printed_once():
    with listening("--json") as there:
        assert [there.status(), there.status()] == [200, 200]
        out, _ = there.end()
    assert len(out.splitlines()) == 1


def test_what_is_not_signed_is_rejected_and_said_so():
    with listening("--json") as there:
        assert there.status(secret="another") == 401
        assert there.status("") == 400
        out, err = there.end()
    assert out == ""
    assert "Rejected: the message's signature doesn't match\n" in err
    assert "Rejected: malformed message: it has no messageType\n" in err
    assert err.endswith("Stopped: 0 messages, 2 rejected.\n")
    assert "fake-pandapon-secret" not in err


def test_the_consoles_check_is_answered_at_any_path():
    with listening() as there:
        for path in ("", "callback", "a/b?c=d"):
            with urllib.request.urlopen(there.url + path) as response:
                assert response.status == 200
        assert there.end() == ("", "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it(number: int, status: int):
    with listening() as there:
        there.send()
        out, err = there.end(number)
    assert there.child.returncode == status
    assert out
    assert err.splitlines()[0] == "Stopped: 1 messages, 0 rejected."


def test_what_can_not_be_printed_is_not_acknowledged_and_ends_it():
    with listening("--json") as there:
        assert there.child.stdout is not None
        there.child.stdout.close()
        assert there.status() == 500
        assert there.child.wait(timeout=20) == 1
        assert there.child.stderr is not None
        told = there.child.stderr.read()
    assert "the vendor sends it again" in told
    assert "Traceback" not in told


def test_it_listens_on_this_machine_only_unless_told():
    with listening() as there:
        assert there.url.startswith("http://127.0.0.1:")
    with listening("--host", "::1") as there:
        assert there.url.startswith("http://[::1]:")


def test_a_port_that_is_taken_is_bad_input(pandapon: Pandapon, keys: None):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = pandapon("listen", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "can't listen there: Address already in use" in result.stderr


def test_several_accounts_need_a_name(pandapon: Pandapon, accounts: Any):
    both = "".join(f"[vendors.{name}]\naccess_key='k'\naccess_secret='s'\nkind='pandapon'\n" for name in ("a", "b"))
    result = pandapon("listen", "--config", accounts(both))
    assert result.exit_code == 2
    assert "--vendor" in result.stderr


def test_without_keys_it_says_what_is_missing(pandapon: Pandapon):
    result = pandapon("listen")
    assert result.exit_code == 2
    assert "PANDAPON_ACCESS_KEY" in result.stderr


# --- a test message ----------------------------------------------------------------------------------------------------


def test_a_test_message_is_signed_as_the_vendor_s_and_acknowledged():
    with listening() as listener:
        done = subprocess.run(
            [sys.executable, "-m", "pandapon_async", "listen", "--test", f"{listener.url}callback"],
            env={**os.environ, **environment(listener.vendor, "pandapon")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        out, _ = listener.end()
    assert (done.returncode, done.stdout) == (0, "Answered 200: acknowledged\n")
    assert "TEST" in out


def test_a_callback_of_another_account_refuses_the_test_message(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch):
    with listening() as listener:
        for name, value in environment(listener.vendor, "pandapon").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PANDAPON_ACCESS_SECRET", "another-secret")
        result = pandapon("listen", "--test", f"{listener.url}callback")
    assert result.exit_code == 1
    assert "answered 401" in result.stderr


def test_a_callback_that_is_not_there_is_said(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch):
    for name, value in environment(FakeVendor(port=1), "pandapon").items():
        monkeypatch.setenv(name, value)
    result = pandapon("listen", "--test", f"http://127.0.0.1:{closed_port()}/callback")
    assert result.exit_code == 1
    assert "no answer" in result.stderr
