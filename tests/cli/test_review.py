"""``pandapon journal PATH --review``: a person goes through what is unclear."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor
from tests.journal.support import hours_later

from .conftest import Pandapon


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, keys: None, tmp_path: Path) -> str:
    """o-1 and o-4 done, o-2 and o-3 in doubt; some hours ago."""
    path = str(tmp_path / "bookings.db")
    shop.script("ok", "drop_after", {"status": 502, "body": b"<html>Bad gateway</html>"}, "ok")
    receiver = {"name": "Jane Example", "phone": "5550100100", "city": "Springfield", "country": "US"}
    item = {"itemId": "601", "skuId": "55", "quantity": 2, "title": "Blue shirt"}
    orders = [
        {"reference": f"o-{index}", "renderId": f"FF{index}", "receiverAddress": receiver, "lineItems": [item]}
        for index in range(1, 5)
    ]
    for index, order in enumerate(orders):  # another parcel each
        order["receiverAddress"] = {**receiver, "zip": f"9000{index}"}
    lines = "\n".join(map(json.dumps, orders))
    assert pandapon("book", "-", "--journal", path, "--concurrency", "1", stdin=lines).exit_code == 3
    hours_later(path)
    return path


def states(journal: str) -> dict[str, str]:
    with Journal.open(journal) as opened:
        return {row.reference: row.state for row in opened.rows()}


def test_what_can_not_be_said_yet_is_said_so_and_the_next_question_comes(pandapon: Pandapon, journal: str):
    hours_later(journal, -1)
    result = pandapon("journal", journal, "--review", "--by", "Jane", stdin="n\ns\nn\ns\n")
    assert result.exit_code == 0
    assert " ".join(result.stderr.split()).count("the vendor may still be booking it") == 2
    assert "0 resolved, 2 unclear" in result.stdout
    assert states(journal)["o-2"] == states(journal)["o-3"] == "unknown"


def test_an_order_id_that_another_booking_has_is_refused_and_asked_again(pandapon: Pandapon, journal: str):
    with Journal.open(journal) as opened:
        taken = opened.get("o-1").order_id
    result = pandapon("journal", journal, "--review", "--by", "Jane", stdin=f"b\n{taken}\n\ns\nq\n")
    assert f"order id {taken} is that of" in " ".join(result.stderr.split())
    assert states(journal)["o-2"] == "unknown"


def test_each_answer_is_written_with_its_author(pandapon: Pandapon, journal: str):
    answers = "b\n8001\n12,50 USD\n12.50 USD\nn\n"
    result = pandapon("journal", journal, "--review", "--by", "Jane", "--note", "by phone", stdin=answers)
    assert "2 resolved, 0 unclear" in result.stdout
    with Journal.open(journal) as opened:
        two, three = opened.get("o-2"), opened.get("o-3")
    assert (two.state, two.order_id, str(two.fee), two.resolved_by, two.note) == (
        "done", "8001", "12.50 USD", "Jane", "by phone",
    )  # fmt: skip
    assert (three.state, three.resolved_by) == ("pending", "Jane")


@pytest.mark.parametrize("stdin", ["q\n", "", "nonsense\nq\n", "s\n"])
def test_whoever_leaves_changes_nothing(pandapon: Pandapon, journal: str, stdin: str):
    before = states(journal)
    result = pandapon("journal", journal, "--review", "--by", "Jane", stdin=stdin)
    assert (result.exit_code, states(journal)) == (0, before)
    assert "0 resolved, 2 unclear" in result.stdout


def test_it_shows_what_helps_to_find_it(pandapon: Pandapon, journal: str, tmp_path: Path, shop: FakeVendor):
    result = pandapon("journal", journal, "--review", "--by", "Jane", stdin="s\nq\n")
    for text in ("Jane Example", "Springfield", "2 x 601 55 Blue shirt", "FF2", "UTC", "o-1: ", "o-4: ", "Bad gateway"):
        assert text in result.stdout, text


def test_where_the_vendor_has_another_time_zone_both_are_shown(
    pandapon: Pandapon, journal: str, tmp_path: Path, shop: FakeVendor
):
    config = tmp_path / "vendors.toml"
    account = (
        '[vendors.pandapon]\nkind = "pandapon"\naccess_key = "a"\naccess_secret = "b"\ntime_zone = "Asia/Shanghai"\n'
    )
    config.write_text(account)
    result = pandapon("journal", journal, "--review", "--by", "Jane", "--config", str(config), stdin="q\n")
    assert "Asia/Shanghai at the vendor" in " ".join(result.stdout.split())


def test_with_nothing_unclear_it_says_so(pandapon: Pandapon, journal: str):
    pandapon("journal", journal, "--review", "--by", "Jane", stdin="b\n\n\nb\n\n\n")
    assert pandapon("journal", journal, "--review", "--by", "Jane").stdout == "Nothing is unclear\n"
