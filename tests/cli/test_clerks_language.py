"""A clerk's mistakes, one by one, on a desk that speaks Chinese: nothing that is told is an English sentence."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
import pytest

from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, environment, process
from .files import Write
from .sentences import PACKAGE

_NO_SENTENCE: Final = re.compile(
    r"""`[^`]*` | https?://\S+ | [\w.+-]*/[\w./+-]* | --?[a-z][\w-]* | \b[\w-]+\.(?:csv|db|toml|xlsx|json|txt|po)\b | \[[\w.]+\]
    | \(choose\s from\b | ^用法：.* | ^.*--help.*$ | pip\s install\s \S+ | \bpandapon\s[a-z]+""",
    re.VERBOSE | re.MULTILINE,
)
"""What is the same in every language: commands, hosts, paths, options, keys of the settings."""
_SENTENCE: Final = re.compile(r"(?<![\w.=-])(?:[A-Z]?[a-z]+(?:'[a-z]+)?|[aI])(?: [a-z]+(?:'[a-z]+)?)+(?![\w=-])")
_PYTHONS: Final = re.compile(r"\[Errno|\w+Error\b|Traceback|NoneType|invalid literal|object at 0x")


def english_in(text: str) -> list[str]:
    """The English sentences, or parts of one, in what was told; what stands between commas or brackets, too."""
    return [*_SENTENCE.findall(_NO_SENTENCE.sub("", text)), *_PYTHONS.findall(text)]


@attrs.define
class Desk:
    """A clerk's folder, where ``bookings.db`` has two bookings and ``orders.csv`` is a file of two others."""

    pandapon: Pandapon
    folder: Path
    orders: Write
    vendor: FakeVendor

    def __call__(self, *arguments: str) -> str:
        """What a command tells, on both streams."""
        result = self.pandapon(*arguments)
        return result.stdout + result.stderr

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def desk(pandapon: Pandapon, orders: Write, tmp_path: Path, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in environment(shop, "pandapon").items():
        monkeypatch.setenv(name, value)
    for name, value in {"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": "zh_CN"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    one = Desk(pandapon, tmp_path, orders, shop)
    one.orders(2)
    assert one.pandapon("book", "orders.csv", "--yes").exit_code == 0
    return one


def _settings(text: str) -> Callable[[Desk], Sequence[str]]:
    def prepare(desk: Desk) -> Sequence[str]:
        desk.write("pandapon.toml", text)
        return ("book", "orders.csv", "--yes")

    return prepare


def _accounts(text: str) -> Callable[[Desk], Sequence[str]]:
    def prepare(desk: Desk) -> Sequence[str]:
        desk.write("vendors.toml", text)
        return ("book", "orders.csv", "--yes", "--config", "vendors.toml")

    return prepare


def _file(text: str | bytes, *options: str, name: str = "more.csv") -> Callable[[Desk], Sequence[str]]:
    def prepare(desk: Desk) -> Sequence[str]:
        (desk.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return ("book", name, "--yes", *options)

    return prepare


def _command(*arguments: str) -> Callable[[Desk], Sequence[str]]:
    return lambda _: arguments


def _other_key(desk: Desk) -> Sequence[str]:
    account = desk.vendor.accounts[0]
    desk.write(
        "vendors.toml",
        f'[vendors.pandapon]\nkind = "pandapon"\nbase_url = "{desk.vendor.profile("pandapon").base_url}"\n'
        f'access_key = "other"\naccess_secret = "{account.access_secret}"\nuser_id = "9"\n',
    )
    return ("book", "orders.csv", "--yes", "--config", "vendors.toml")


def _other_name(desk: Desk) -> Sequence[str]:
    account = desk.vendor.accounts[0]
    desk.write(
        "vendors.toml",
        f'[vendors.shop]\nkind = "pandapon"\nbase_url = "{desk.vendor.profile("pandapon").base_url}"\n'
        f'access_key = "{account.access_key}"\naccess_secret = "{account.access_secret}"\nuser_id = "{account.user_id}"\n',
    )
    return ("book", "orders.csv", "--yes", "--config", "vendors.toml")


def _real_host(desk: Desk) -> Sequence[str]:
    desk.write(
        "vendors.toml",
        '[vendors.pandapon]\nkind = "pandapon"\naccess_key = "k"\naccess_secret = "s"\nuser_id = "1"\n',
    )
    return ("book", "orders.csv", "--yes", "--config", "vendors.toml")


def _backup(desk: Desk) -> Sequence[str]:
    desk("journal", "bookings.db", "--backup", "copy.db")
    return ("book", "orders.csv", "--yes", "--journal", "copy.db")


def _lost_wal(desk: Desk) -> Sequence[str]:
    with sqlite3.connect(desk.folder / "bookings.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    for path in desk.folder.glob("bookings.db-*"):
        path.unlink()
    return ("book", "orders.csv", "--yes")


def _several_journals(desk: Desk) -> Sequence[str]:
    desk("book", "orders.csv", "--yes", "--journal", "second.db", "--new-journal")
    return ("book", "orders.csv", "--yes")


def _no_journal_but_another(desk: Desk) -> Sequence[str]:
    return ("book", "orders.csv", "--yes", "--journal", "absent.db")


def _no_database(desk: Desk) -> Sequence[str]:
    desk.write("plain.db", "hello")
    return ("book", "orders.csv", "--yes", "--journal", "plain.db")


def _their_database(desk: Desk) -> Sequence[str]:
    with sqlite3.connect(desk.folder / "their.db") as connection:
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    return ("book", "orders.csv", "--yes", "--journal", "their.db")


def _hard_link(desk: Desk) -> Sequence[str]:
    (desk.folder / "link.db").hardlink_to(desk.folder / "bookings.db")
    return ("book", "orders.csv", "--yes", "--journal", "link.db")


def _vendor_says(*script: object) -> Callable[[Desk], Sequence[str]]:
    def prepare(desk: Desk) -> Sequence[str]:
        desk.write("third.json", json.dumps(_third()))
        desk.vendor.script(*script)  # type: ignore[arg-type]
        return ("book", "third.json", "--yes")

    return prepare


def _third() -> dict[str, object]:
    return {
        "reference": "o-9",
        "renderId": "FF9",
        "receiverAddress": {"name": "Max Example", "phone": "5550100199", "country": "US"},
        "lineItems": [{"itemId": "77", "skuId": "413", "quantity": 1}],
    }


def _then(first: Callable[[Desk], Sequence[str]], *arguments: str) -> Callable[[Desk], Sequence[str]]:
    def prepare(desk: Desk) -> Sequence[str]:
        desk(*first(desk))
        return arguments

    return prepare


_STATEMENT: Final = "order_id,fee,currency\n99,1.00,USD\n99,1.00,USD\n"


def _compared(*options: str) -> Callable[[Desk], Sequence[str]]:
    def prepare(desk: Desk) -> Sequence[str]:
        desk.write("statement.csv", _STATEMENT)
        return ("journal", "bookings.db", "--compare", "statement.csv", *options)

    return prepare


KEYS: Final = 'access_key = "k"\naccess_secret = "s"\n'
SITUATIONS: Final = {
    # options
    "no argument": _command("journal"),
    "no such option": _command("book", "orders.csv", "--jurnal", "x.db"),
    "no such option, nothing near": _command("book", "orders.csv", "--qqq"),
    "an option of the program that isn't there": _command("--qqq", "book"),
    "no such command": _command("bok", "orders.csv"),
    "an option without its value": _command("book", "orders.csv", "--journal"),
    "a flag with a value": _command("book", "orders.csv", "--yes=1"),
    "two values where one is needed": _command("journal", "bookings.db", "--fee", "1"),
    "an argument too many": _command("book", "orders.csv", "more.csv"),
    "no number": _command("book", "orders.csv", "--rate", "fast"),
    "a number below": _command("journal", "bookings.db", "o-0", "--shipment", "0"),
    "no such choice": _command("journal", "bookings.db", "--state", "booked"),
    "a folder as a file": _command("journal", "bookings.db", "--export", "."),
    "a folder as a journal": _command("journal", "."),
    "no date": _command("journal", "bookings.db", "--since", "yesterday"),
    "no month": _command("journal", "bookings.db", "--month", "June"),
    "a month and a date": _command("journal", "bookings.db", "--month", "2026-01", "--since", "2026-01-01"),
    "two actions": _command("journal", "bookings.db", "--review", "--restore"),
    "an export and an action": _command("journal", "bookings.db", "--export", "x.csv", "--restore"),
    "a fee without a mark": _command("journal", "bookings.db", "--order-id", "1"),
    "no mark": _command("journal", "bookings.db", "--mark", "o-0"),
    "no credit": _command("journal", "bookings.db", "--credit", "o-0", "x", "USD"),
    "no assignment": _command("journal", "bookings.db", "--assign", "o-0"),
    "no new name": _command("journal", "bookings.db", "--rename", "pandapon"),
    "no such file in the journal": _command("status", "--journal", "bookings.db", "orders.xlsx"),
    "a credit that is no amount": _command("journal", "bookings.db", "--credit", "o-0", "x", "USD"),
    "a fee below its credit": _then(
        _command("journal", "bookings.db", "--credit", "o-0", "5", "USD"),
        *("journal", "bookings.db", "--mark", "o-0=done", "--fee", "3", "USD"),
    ),
    "problems in no folder": _command("book", "orders.csv", "--problems", "x/y.csv"),
    "an export in no folder": _command("journal", "bookings.db", "--export", "x/y.csv"),
    "nobody who answers for it": _command("journal", "bookings.db", "--adopt", "pandapon"),
    "preview without a file": _command("book", "--preview"),
    "retry without a file": _command("book", "--retry-refused"),
    "out alone": _command("book", "orders.csv", "--out", "x.csv"),
    "no mapping": _command("book", "orders.csv", "--map", "x"),
    "no such columns": _command("book", "orders.csv", "--map", "Foo=bar"),
    "a column of ours that isn't one": _command("book", "orders.csv", "--map", "reference=refrence"),
    "no such encoding": _command("book", "orders.csv", "--encoding", "utf-9"),
    "no such settings of files": _command("book", "orders.csv", "--as", "shop"),
    "an output that is the input": _command("book", "orders.csv", "--problems", "orders.csv"),
    "a problems file of another kind": _command("book", "orders.csv", "--problems", "x.xlsx"),
    "offers alone": _command("quote", "orders.csv", "--chosen", "x.csv"),
    "no such layout": _command("tracking", "orders.csv", "--layout", "shopfy", "--out", "x.csv"),
    "a password on the command line": _command("journal", "postgresql://me:pw@localhost/db"),
    "no journal to look into": _command("journal", "absent.db"),
    "no journal to hand back from": _command("tracking", "orders.csv", "--journal", "absent.db", "--out", "x.csv"),
    # the account
    "no such account": _command("book", "orders.csv", "--vendor", "pandapom"),
    "an account to adopt that isn't there": _command(
        "journal", "bookings.db", "--adopt", "shop", "--by", "Kim", "--note", "x"
    ),
    "an account to rename that isn't there": _command("journal", "bookings.db", "--rename", "shop=store"),
    "another key and user": _other_key,
    "another name": _other_name,
    "another host": _real_host,
    "no file of accounts": _command("book", "orders.csv", "--config", "absent.toml"),
    "accounts that are no TOML": _accounts("[vendors.shop\n"),
    "accounts without an account": _accounts("x = 1\n"),
    "an account of no kind": _accounts('[vendors.shop]\nkind = "pandapom"\n'),
    "an account without a key": _accounts('[vendors.shop]\nkind = "pandapon"\naccess_key = "k"\n'),
    "an account with a wrong key": _accounts(f'[vendors.shop]\nkind = "pandapon"\n{KEYS}base_ur = "x"\n'),
    "a key from nowhere": _accounts(
        '[vendors.shop]\nkind = "pandapon"\naccess_key = "env:NONE"\naccess_secret = "s"\n'
    ),
    "a key from no file": _accounts(
        '[vendors.shop]\nkind = "pandapon"\naccess_key = "file:none"\naccess_secret = "s"\n'
    ),
    "plain http": _accounts(f'[vendors.shop]\nkind = "pandapon"\n{KEYS}base_url = "http://example.com"\n'),
    "no URL": _accounts(f'[vendors.shop]\nkind = "pandapon"\n{KEYS}base_url = "example"\n'),
    "no limits": _accounts(f'[vendors.shop]\nkind = "pandapon"\n{KEYS}[vendors.shop.limits]\nconcurrency = 0\n'),
    "a limit that is no sum": _accounts(f'[vendors.shop]\nkind = "pandapon"\n{KEYS}daily_spend_limit = "much"\n'),
    "several accounts": _accounts("".join(f'[vendors.{name}]\nkind = "pandapon"\n{KEYS}' for name in ("a", "b"))),
    # the settings
    "settings that are no TOML": _settings("time_zone = \n"),
    "settings with an unknown key": _settings('timezone = "UTC"\n'),
    "settings with a wrong type": _settings("time_zone = 1\n"),
    "settings with a wrong zone": _settings('time_zone = "Europe/Berln"\n'),
    "settings with a wrong number": _settings('preview_hours = "x"\n'),
    "settings with a wrong sum": _settings('[quotes.highest_price]\nUS = "30"\n'),
    "settings with a wrong decimal sign": _settings('[files.shop]\ndecimal = ";"\n'),
    "settings with a wrong table": _settings("files = 1\n"),
    "settings with a journal that isn't there": _settings('journal = "absent.db"\n'),
    "settings with a language that isn't there": _settings('language = "tlh"\n'),
    # the journal
    "a journal that isn't there beside one that is": _no_journal_but_another,
    "several journals": _several_journals,
    "a backup": _backup,
    "a backup taken": _then(_backup, "journal", "copy.db", "--restore", "--by", "Kim", "--note", "x"),
    "a backup made": _command("journal", "bookings.db", "--backup", "copy.db"),
    "a backup over something": _command("journal", "bookings.db", "--backup", "orders.csv"),
    "a lost -wal": _lost_wal,
    "a lost -wal that is taken": _then(_lost_wal, "journal", "bookings.db", "--whole", "--by", "Kim", "--note", "x"),
    "no database": _no_database,
    "another program's database": _their_database,
    "a second name": _hard_link,
    "a journal in no folder": _command("book", "orders.csv", "--yes", "--journal", "no/where.db", "--new-journal"),
    "a booking that isn't there": _command("journal", "bookings.db", "o-7"),
    "a mark that can't be": _command("journal", "bookings.db", "--mark", "o-0=pending", "--by", "Kim"),
    "a mark of nothing": _command("journal", "bookings.db", "--mark", "o-7=done", "--by", "Kim"),
    "another order no.": _command("journal", "bookings.db", "--mark", "o-0=done", "--order-id", "zz", "--by", "Kim"),
    "a fee in another currency": _command(
        "journal", "bookings.db", "--mark", "o-0=done", "--fee", "1", "EUR", "--by", "Kim"
    ),
    "a credit of nothing": _command("journal", "bookings.db", "--credit", "o-0", "0", "USD", "--by", "Kim"),
    "a credit": _command("journal", "bookings.db", "--credit", "o-0", "1", "USD", "--by", "Kim"),
    "an assignment": _command("journal", "bookings.db", "--assign", "o-0=Kim"),
    "totals by no column": _command("journal", "bookings.db", "--totals", "--by", "currenci"),
    "totals": _command("journal", "bookings.db", "--totals"),
    "one booking": _command("journal", "bookings.db", "o-0"),
    "one booking with its contact": _command("journal", "bookings.db", "o-0", "--contact"),
    "one booking that was cancelled": _then(
        _command("journal", "bookings.db", "--mark", "o-0=void", "--by", "Kim"), "journal", "bookings.db", "o-0"
    ),
    "all bookings": _command("journal", "bookings.db"),
    "what is to be done": _then(_vendor_says("drop_after"), "journal", "bookings.db", "--todo"),
    "the runs": _command("journal", "bookings.db", "--runs"),
    "what is erased": _command("journal", "bookings.db", "--forget-before", "2020-01-01"),
    "erasing today": _command("journal", "bookings.db", "--forget-before", "2999-01-01"),
    "a resolution that isn't there": _command("journal", "bookings.db", "--resolve", "absent.csv"),
    # statements
    "a statement": _compared(),
    "a statement with proposals": _compared("--export", "proposals.csv"),
    "a statement with no such column": _compared("--map", "Foo=order_id"),
    "a statement with none of our columns": _compared("--map", "fee=fees"),
    "no statement": _command("journal", "bookings.db", "--compare", "absent.csv"),
    # files
    "no file": _command("book", "absent.csv"),
    "a file that is a folder": _command("book", "."),
    "an empty file": _file(""),
    "a PDF": _file(b"%PDF-1.7"),
    "an unknown column": _file("reference,contry\n1,US\n"),
    "an item id that isn't one": _file("reference,renderId,country,itemId,quantity\n1,F1,US,abc,x\n"),
    "half a row": _file("reference,renderId,country,itemId,quantity\n1,F1\n"),
    "an unknown account in a row": _file("reference,renderId,country,itemId,quantity,account\n1,F1,US,12,1,shop\n"),
    "an order again with other content": _file(
        "reference,renderId,country,itemId,skuId,quantity\no-0,FF0,DE,2048020617114736,413,1\n", name="orders2.csv"
    ),
    "the same parcel": _file(
        "reference,renderId,receiverAddress.name,country,itemId,skuId,quantity\nnew,FF0,Jane Example,US,2048020617114736,413,1\n"
    ),
    "JSON that is none": _file("[{", name="more.json"),
    "JSON with a member that is wrong": _file(
        json.dumps([{**_third(), "lineItems": [{"itemId": 1, "quantity": "x"}]}]), name="more.json"
    ),
    "JSON with a member that isn't known": _file(json.dumps([{**_third(), "renderIdd": "x"}]), name="more.json"),
    "JSON with a shipment that is none": _file(json.dumps([{**_third(), "shipment": 0}]), name="more.json"),
    "a zip of four digits": _file("reference,renderId,country,zip,itemId,quantity\n1,F1,US,9001,12,1\n"),
    # the vendor
    "a reply that is lost": _vendor_says("drop_after"),
    "a booking in doubt": _then(_vendor_says("drop_after"), "journal", "bookings.db", "o-9"),
    "a booking in doubt, once more": _then(_vendor_says("drop_after"), "book", "third.json", "--yes"),
    "keys that are refused": _vendor_says(401),
    "keys that are refused, in the journal": _then(_vendor_says(401), "journal", "bookings.db", "o-9"),
    "a refusal": _vendor_says("refuse"),
    "a vendor in trouble": _vendor_says(500),
    "a page in place of a reply": _then(_vendor_says("html"), "journal", "bookings.db", "o-9"),
}
"""What a clerk does: it prepares the desk, and gives the command."""


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_what_a_clerk_is_told_is_no_english_sentence(situation: Callable[[Desk], Sequence[str]], desk: Desk):
    told = desk(*situation(desk))
    assert re.search("[\u4e00-\u9fff]", told), told
    assert english_in(told) == [], told


def test_the_end_of_a_command_is_told_in_the_language_of_the_settings(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    for name in ("LC_ALL", "LANGUAGE"):
        monkeypatch.setenv(name, "C")
    desk.write("pandapon.toml", 'language = "zh_CN"\n')
    assert desk("journal", "bookings.db", "o-7").startswith("错误：")


def test_the_program_itself_is_asked_for_help_in_english_and_errs_in_chinese(desk: Desk):
    with process("journal", "absent.db", environ={"PYTHONPATH": str(PACKAGE.parent)}) as child:
        _, told = child.communicate(timeout=60)
    assert told.startswith("错误：")
    assert told.endswith("absent.db：没有账本\n")
    assert "Usage: pandapon journal" in desk("journal", "--help")


def test_json_is_the_same_in_every_language(desk: Desk):
    desk.write("more.csv", "reference,renderId,country,itemId,skuId,quantity\no-0,FF0,DE,2048020617114736,413,1\n")
    desk.vendor.script("drop_after")
    desk.write("third.json", json.dumps(_third()))
    for arguments in (("book", "third.json", "--yes", "--json"), ("journal", "bookings.db", "--json")):
        told = desk.pandapon(*arguments).stdout
        assert told
        assert re.search("[\u4e00-\u9fff]", told) is None


def test_a_problems_file_says_what_is_wrong_in_the_clerks_language(desk: Desk):
    text = "reference,renderId,receiverAddress.name,country,itemId,quantity\n1,F1,J{},US,12,x\n2,F2,A,US,13,1\n"
    for encoding, letter, language in (("utf-8", "ö", "应为整数"), ("cp1252", "ö", "expected a whole number")):
        (desk.folder / "wrong.csv").write_bytes(text.format(letter).encode(encoding))
        told = desk("book", "wrong.csv", "--encoding", encoding, "--yes", "--problems", f"{encoding}.csv")
        assert (desk.folder / f"{encoding}.csv").exists(), told
        assert language in (desk.folder / f"{encoding}.csv").read_text(encoding)
