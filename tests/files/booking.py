"""A file on the real way: `pandapon book` in this process, over a socket to a fake vendor whose ledger keeps what it received."""

from __future__ import annotations

import contextlib
import csv
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pandapon_async._cli.app import app
from pandapon_async._files.reading import Reading
from pandapon_async.testing import FakeVendor

ACCOUNT = "shop-a"


@contextlib.contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder without a disk below, where there is such: hundreds of journals would wait for it, and nothing here is about it."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


def keep_bodies(vendor: FakeVendor) -> list[Any]:
    """The bodies of the bookings that the vendor makes from now on, as it received them."""
    bodies: list[Any] = []
    vendor.ledger._bodies = bodies
    return bodies


def book(folder: Path, file: str, vendor: FakeVendor, reading: Reading | None = None, *more: str) -> Result:
    """Book a file of a folder with a journal and settings of its own; what can't be booked goes to ``problems``, named as the file."""
    profile = vendor.profile("pandapon")
    keys = profile.credentials
    assert keys is not None
    members = {
        "kind": "pandapon",
        "base_url": profile.base_url,
        "access_key": keys.access_key,
        "access_secret": keys.access_secret,
    }
    if keys.user_id is not None:
        members["user_id"] = keys.user_id
    config = folder / "vendors.toml"
    config.write_text(f"[vendors.{ACCOUNT}]\n" + _toml(members), encoding="utf-8")
    (folder / "pandapon.toml").write_text(
        "[files.it]\n" + _toml(_settings(folder, reading or Reading())), encoding="utf-8"
    )
    arguments = [
        "book",
        str(folder / file),
        "--as",
        "it",
        "--config",
        str(config),
        "--journal",
        str(folder / "journal.db"),
    ]
    language: dict[str, str | None] = {"LANGUAGE": None, "LC_MESSAGES": None, "LANG": None, "LC_ALL": "C.UTF-8"}
    everything = [*arguments, "--json", *more]
    return CliRunner(env=language).invoke(app, everything, prog_name="pandapon", catch_exceptions=False)


def outcomes(result: Result) -> list[dict[str, Any]]:
    """What ``--json`` printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def _settings(folder: Path, reading: Reading) -> dict[str, Any]:
    """How the file is read, as a clerk has it in the settings."""
    found: dict[str, Any] = {
        "columns": dict(reading.columns),
        "keep": list(reading.keep),
        "ignore_columns": reading.ignore_unknown,
        "text": list(reading.text),
        "decimal": reading.decimal,
        "constants": dict(reading.constants),
        "by_country": {country: dict(values) for country, values in reading.by_country.items()},
    }
    if reading.encoding is not None:
        found["encoding"] = reading.encoding
    if reading.sheet is not None:
        found["sheet"] = reading.sheet
    if reading.skus:
        with (folder / "skus.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [("sku", "itemId", "skuId"), *((sku, *ids) for sku, ids in reading.skus.items())]
            )
        found["sku_table"] = "skus.csv"
    return found


def _toml(members: Mapping[str, Any]) -> str:
    return "".join(f"{json.dumps(name)} = {_value(value)}\n" for name, value in members.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{json.dumps(name, ensure_ascii=False)} = {_value(one)}" for name, one in value.items())
            + "}"
        )
    return json.dumps(value, ensure_ascii=False)
