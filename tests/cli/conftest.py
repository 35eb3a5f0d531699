"""The command line under test: in this process, or as a process of its own."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pandapon_async._cli.app import app
from pandapon_async.testing import FakeVendor

from .files import HEADER, Write

Pandapon = Callable[..., Result]

ESTIMATE = {"itemId": "1", "skuId": "2", "quantity": 1, "receiverAddress": {"country": "US"}}
"""The body of a READ."""
BOOKING = {"renderId": "FF1", "receiverAddress": {"name": "Jane Example", "phone": "5550100100", "country": "US"}}
"""The body of a WRITE."""


def order(number: int, **more: Any) -> dict[str, Any]:
    """A booking ``o-0``, ... as a file of JSON has it: nothing of it is missing, and its parcel is no other's."""
    item = {"itemId": str(2048020617114736 + number), "skuId": "413", "quantity": 1}
    return {
        "reference": f"o-{number}",
        "renderId": f"FF{number}",
        "receiverAddress": {"name": "Jane Example", "phone": "5550100100", "country": "US"},
        "lineItems": [item],
        **more,
    }


SECRETS = ("fake-pandapon-secret", "fake-xportcn_ka-secret")


def environment(vendor: FakeVendor, *kinds: str) -> dict[str, str]:
    """What the environment holds of the accounts at a fake vendor."""
    found: dict[str, str] = {}
    for account in vendor.accounts:
        if account.kind in kinds:
            prefix = account.kind.upper()
            found[f"{prefix}_BASE_URL"] = vendor.profile(account.kind).base_url
            found[f"{prefix}_ACCESS_KEY"] = account.access_key
            found[f"{prefix}_ACCESS_SECRET"] = account.access_secret
            found[f"{prefix}_USER_ID"] = account.user_id or ""
    return found


# PYTHONDEVMODE: asyncio's debug mode tells on stderr of every step that takes 0.1 s.
_LANGUAGE = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_UNWANTED = ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTHONDEVMODE", *_LANGUAGE)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account, no settings, and nothing that changes how output looks."""
    for name in list(os.environ):
        if name.startswith(("PANDAPON_", "XPORTCN_KA_")) or name in _UNWANTED:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(autouse=True)
def heeded_signals() -> Iterator[None]:
    """Signals as a terminal's program has them: what a shell starts in its background inherits that SIGINT is ignored."""
    ignored = [
        number
        for name in ("SIGINT", "SIGTERM", "SIGHUP")
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def shop() -> Iterator[FakeVendor]:
    """A fake vendor in a thread of its own."""
    with FakeVendor() as vendor:
        yield vendor


@pytest.fixture
def keys(shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PandaPon account of the fake vendor, in the environment."""
    for name, value in environment(shop, "pandapon").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def both(shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts of both of the fake vendor's kinds, in the environment."""
    for name, value in environment(shop, "pandapon", "xportcn_ka").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def pandapon() -> Pandapon:
    """Runs a command in this process; arguments that aren't text are given as JSON."""

    def invoke(*arguments: Any, stdin: str | bytes | None = None) -> Result:
        texts = [argument if isinstance(argument, str) else json.dumps(argument) for argument in arguments]
        result = CliRunner().invoke(app, texts, input=stdin, prog_name="pandapon")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def accounts(tmp_path: Path) -> Callable[[str], str]:
    """Writes a TOML file of accounts."""

    def write(text: str) -> str:
        path = tmp_path / "vendors.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def ann_and_bob(shop: FakeVendor, accounts: Callable[[str], str]) -> str:
    """A TOML file with the accounts ``ann`` and ``bob`` of the fake vendor."""
    return accounts(
        "".join(
            f'[vendors.{name}]\nkind = "{one.kind}"\nbase_url = "{shop.profile(one.kind).base_url}"\n'
            f'access_key = "{one.access_key}"\naccess_secret = "{one.access_secret}"\nuser_id = "{one.user_id}"\n'
            for name, one in zip(("ann", "bob"), shop.accounts, strict=False)
        )
    )


@contextlib.contextmanager
def process(
    *arguments: str,
    environ: dict[str, str] | None = None,
    program: Sequence[str] = ("-m", "pandapon_async"),
    **streams: Any,
) -> Iterator[subprocess.Popen[str]]:
    """The program as a process of its own; it doesn't outlive the block."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **streams}
    child = subprocess.Popen(
        [sys.executable, *program, *arguments],
        text=True,
        env={**os.environ, **(environ or {})},
        **streams,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def orders(tmp_path: Path) -> Write:
    """Writes a file of bookings ``o-0``, ... and gives its path; those of ``wrong`` can't be read, ``account``: whose they are, in turn."""

    def write(
        count: int,
        *,
        wrong: tuple[int, ...] = (),
        receiver: str = "Jane Example",
        name: str = "orders.csv",
        account: str | None = None,
    ) -> str:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(HEADER if account is None else (*HEADER, "account"))
            for number in range(count):
                quantity = "x" if number in wrong else "1"
                item = 2048020617114736 + number
                cells = [f"o-{number}", f"FF{number}", receiver, "US", item, "413", quantity, "1"]
                rows.writerow(cells if account is None else [*cells, account.split()[number % len(account.split())]])
        return str(path)

    return write
