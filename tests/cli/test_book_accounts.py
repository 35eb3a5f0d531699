"""``pandapon book`` of a file with several accounts: all of it is booked, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pandapon_async._jobs.run import count_in
from pandapon_async.testing import FakeVendor
from tests.jobs.support import recorded

from .conftest import Pandapon, order

pytestmark = pytest.mark.usefixtures("both")


@pytest.fixture
def book(pandapon: Pandapon, tmp_path: Path) -> Any:
    """Books orders in a file."""

    def invoke(*orders: Any) -> Any:
        path = tmp_path / "orders.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in orders), encoding="utf-8")
        return pandapon("book", str(path), "--journal", str(tmp_path / "bookings.db"))

    return invoke


@pytest.mark.parametrize("accounts", [("pandapon", "xportcn_ka"), ("xportcn_ka", "pandapon")])
def test_what_the_journal_objects_to_at_one_account_leaves_nothing_of_the_others_waiting(
    book: Any, tmp_path: Path, shop: FakeVendor, accounts: tuple[str, str]
):
    first, second = accounts
    assert book(order(3, account=second)).exit_code == 0
    result = book(order(1, account=first), order(4, account=second, renderId="FF3"), order(2, account=first))
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert recorded(tmp_path / "bookings.db") == {"o-3": "done"}
    assert len(shop.ledger.bookings) == 1
    assert book(order(1, account=first), order(2, account=first), order(5, account=second)).exit_code == 0
    assert set(recorded(tmp_path / "bookings.db")) == {"o-1", "o-2", "o-3", "o-5"}
    assert len(shop.ledger.bookings) == 4


def test_what_is_withdrawn_while_a_file_is_taken_in_leaves_nothing_of_the_other_account_waiting(
    book: Any, pandapon: Pandapon, tmp_path: Path, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch
):
    journal = tmp_path / "bookings.db"
    shop.script({"status": 401})
    assert book(order(2, account="xportcn_ka")).exit_code == 4

    async def counted_in(*arguments: Any) -> Any:
        assert pandapon("journal", str(journal), "--mark", "o-2=void", "--by", "Jane").exit_code == 0
        return await count_in(*arguments)

    monkeypatch.setattr("pandapon_async._cli.booking.count_in", counted_in)
    result = book(order(1, account="pandapon"), order(2, account="xportcn_ka", renderId="FF7"))
    assert result.exit_code == 2
    assert "line 2: its row was changed while the input was taken in: feed it again" in result.stderr
    assert recorded(journal) == {"o-2": "void"}
    assert shop.ledger.bookings == {}


def test_one_parcel_at_two_accounts_of_a_file_is_held(book: Any, tmp_path: Path, shop: FakeVendor):
    result = book(order(1, account="pandapon"), order(1, account="xportcn_ka", reference="o-9"))
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert recorded(tmp_path / "bookings.db") == {}
    assert shop.ledger.bookings == {}


def test_another_key_of_one_account_leaves_nothing_of_the_others_waiting(
    book: Any, tmp_path: Path, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch
):
    assert book(order(3, account="xportcn_ka")).exit_code == 0
    monkeypatch.setenv("XPORTCN_KA_ACCESS_KEY", "another-key")
    result = book(order(1, account="pandapon"), order(4, account="xportcn_ka"))
    assert result.exit_code == 2, result.output
    assert recorded(tmp_path / "bookings.db") == {"o-3": "done"}
    assert len(shop.ledger.bookings) == 1
