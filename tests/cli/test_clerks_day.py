"""A clerk's whole day on a terminal, as one story: a shop's export in, tracking numbers and the accountant's file out.

Every step is a ``pandapon`` of its own on a pseudo-terminal; after it the fake vendor's ledger says whether what was told is true.
"""

from __future__ import annotations

import asyncio
import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
import openpyxl
import pytest

from pandapon_async import BookingJob, Journal, JournalRow, SessionManager
from pandapon_async._clock import SystemClock
from pandapon_async.api.logistics import BookingItem, FreightBookingRequest, ReceiverAddress
from pandapon_async.testing import FakeVendor, Faults
from tests.journal.support import hours_later

from .conftest import environment
from .files import rows_of

pytest.importorskip("xlsxwriter")
pytest.importorskip("python_calamine")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")

if os.name == "posix":
    from .terminal import Terminal, terminal

SETTINGS: Final = """
time_zone = "Europe/Berlin"
[files.shop]
columns = { Artikelnummer = "sku" }
sku_table = "skus.csv"
keep = ["Kostenstelle"]
decimal = ","
[files.parcels]
columns = { Artikelnummer = "sku" }
sku_table = "skus.csv"
"""
ZONE: Final = ZoneInfo("Europe/Berlin")
HEADER: Final = "Bestellnummer;Empfänger;Land;PLZ;Artikelnummer;Menge;Einzelpreis;Kostenstelle"
COUNTRIES: Final = (("Deutschland", "01067"), ("US", "90001"), ("VN", "700000"), ("FR", "75001"), ("JP", "1000001"))
SKUS: Final = 7
ORDERS: Final = 300

MISTAKES: Final[Mapping[int, tuple[str, str]]] = {
    11: ("Artikelnummer", "SKU-99"),
    22: ("Menge", "x"),
    33: ("Land", "Deutschlnd"),
    46: ("PLZ", "9001"),
    55: ("PLZ", "1067"),
    66: ("Artikelnummer", "#NV"),
    77: ("Menge", ""),
    88: ("Empfänger", "J\ufffdrgen Beispiel"),
    99: ("Einzelpreis", "12.50"),
    111: ("Menge", "1,5"),
    123: ("PLZ", "7,50E+04"),
    144: ("Artikelnummer", ""),
}
"""What was wrong with an order: the column, and what stood there; twelve ways."""

TROUBLE: Final = (
    *("drop_after", "refuse", "price_moved", "drop_before", "render_expired", 429),
    *("half_body", "refuse", "price_moved", "drop_before", "render_expired", "drop_after"),
)
"""What befalls bookings, each after a few good ones: 5 unclear, of which 3 are booked, 4 refused, 2 dearer, 1 sent again."""
UNCLEAR, BOOKED_UNTOLD, REFUSED, DEARER = 5, 3, 4, 2


def test_a_clerks_day_at_60_columns(shop: FakeVendor, tmp_path: Path):
    spend_the_day(Desk(shop, tmp_path, width=60))


def test_a_clerks_day_at_120_columns(shop: FakeVendor, tmp_path: Path):
    spend_the_day(Desk(shop, tmp_path, width=120))


def spend_the_day(desk: Desk) -> None:
    """The day, step by step."""
    desk.path("pandapon.toml").write_text(SETTINGS)
    last_month_was_booked(desk)
    before = totals_of_last_month(desk)
    the_shop_exports_its_orders(desk)
    quote_and_choose(desk)
    preview(desk)
    book_until_interrupted(desk)
    go_on(desk)
    correct_the_mistakes(desk)
    preview_the_refused_again(desk)
    hand_the_tracking_numbers_back(desk)
    report_the_domestic_parcels(desk)
    review_what_is_unclear(desk)
    compare_with_the_statement(desk)
    book_what_waits(desk)
    hand_back_what_is_new(desk)
    enter_credits(desk)
    write_the_report(desk)
    export_for_the_accountant(desk)
    assert totals_of_last_month(desk) == before


# --- the desk ----------------------------------------------------------------------------------------------------------


@attrs.define
class Desk:
    """A clerk's folder and terminal, and the vendor's ledger, which decides."""

    vendor: FakeVendor
    folder: Path
    width: int = attrs.field(kw_only=True)
    long_ago: datetime = attrs.field(factory=lambda: (datetime.now(ZONE) - timedelta(days=40)).replace(hour=12))
    credited: Decimal = Decimal(0)

    def does(self, *arguments: str, status: int = 0, meanwhile: Callable[[Terminal], None] | None = None) -> str:
        """Run a command; what it showed."""
        environ = {**environment(self.vendor, "pandapon", "xportcn_ka"), "XDG_CONFIG_HOME": os.devnull}
        with terminal(*arguments, width=self.width, environ=environ, cwd=str(self.folder)) as screen:
            if meanwhile is not None:
                meanwhile(screen)
            ended, seen = screen.end()
        assert ended == status, seen
        assert not [line for line in screen.lines() if _is_laid_out(line) and len(line) > self.width], seen
        assert not self.vendor.ledger.doubled
        return re.sub(r"[ \r\n]+", " ", seen)

    def path(self, name: str) -> Path:
        return self.folder / name

    @property
    def journal(self) -> Path:
        return self.path("bookings.db")

    def rows(self, **wanted: Any) -> list[JournalRow]:
        """The freight bookings in the journal."""
        with Journal.open(self.journal) as journal:
            return list(journal.rows(operation="logistics.book_freight", **wanted))

    def today(self) -> list[JournalRow]:
        return [row for row in self.rows() if row.reference.startswith("5")]

    def counts(self) -> Counter[str]:
        return Counter(row.state for row in self.today())

    def shop_rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a file in the shop's format."""
        with self.path(name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))

    def edit(self, name: str, change: Callable[[dict[str, str]], None]) -> None:
        """Change the rows of a file, as a spreadsheet does."""
        rows = self.shop_rows(name)
        for row in rows:
            change(row)
        with self.path(name).open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(rows)

    def told_orders_are_the_vendors(self) -> None:
        """Each order id that the journal has is the one that the vendor gave to that very booking, and so is its fee."""
        replies = self.vendor.ledger.replies
        for row in self.rows():
            if row.state == "done":
                reply = replies[(row.body or {})["renderId"]]
                assert row.order_id == reply["orderId"], row.reference
                assert row.fee is not None
                assert row.fee.amount == Decimal(reply["orderFee"]["amount"])


def _is_laid_out(line: str) -> bool:
    """Whether it is a line of progress, of a table or beside a label; others the terminal wraps, and so they can be copied."""
    return "^C" not in line and re.match(r"[-\\|/] |\S.{0,16}  ", line) is not None


# --- last month --------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Earlier(SystemClock):
    """The clock of somebody who books so many seconds ago."""

    seconds: float

    def now(self) -> float:  # type: ignore[override]
        return SystemClock.now() - self.seconds


def last_month_was_booked(desk: Desk) -> None:
    """Five orders, at a time when the vendor's clock and ours showed another month."""
    ago = (datetime.now(timezone.utc) - desk.long_ago).total_seconds()

    async def book() -> None:
        profile = desk.vendor.profile("pandapon")
        async with SessionManager([profile], clock=_Earlier(ago)) as vendors:
            job = BookingJob(vendors.pandapon, journal=desk.journal)
            for number in range(5):
                request = FreightBookingRequest(
                    render_id=f"FF-old-{number}",
                    receiver_address=ReceiverAddress(name=f"Otto Beispiel {number}", country="DE", zip="01067"),
                    line_items=(BookingItem(item_id=f"70{number}", sku_id="1", quantity=1),),
                )
                assert (await job.book(request, reference=f"4{number:03d}")).ok

    desk.vendor.clock_offset = -ago
    asyncio.run(book())
    desk.vendor.clock_offset = 0
    assert {row.sent_at.astimezone(ZONE).date() for row in desk.rows() if row.sent_at} == {desk.long_ago.date()}


def totals_of_last_month(desk: Desk) -> str:
    told = desk.does("journal", "bookings.db", "--month", f"{desk.long_ago:%Y-%m}", "--totals")
    old = [reply for key, reply in desk.vendor.ledger.replies.items() if key.startswith("FF-old")]
    fees = sum((Decimal(reply["orderFee"]["amount"]) for reply in old), Decimal(0))
    assert f"{fees:,} USD (fees {fees:,}, credits 0)" in told
    return told


# --- the morning: from the shop's file to bookings ---------------------------------------------------------------------


def order_of(number: int) -> list[dict[str, str]]:
    """The rows of an order; every tenth one has two items."""
    country, code = COUNTRIES[number % len(COUNTRIES)]
    cells = [f"5{number:03d}", f"Jutta Beispiel {number}", country, code, f"SKU-{number % SKUS}", str(1 + number % 3)]
    first = dict(zip(HEADER.split(";"), [*cells, "12,50", ("Berlin", "Hamburg")[number % 2]], strict=True))
    second = {**dict.fromkeys(first, ""), "Bestellnummer": cells[0], "Artikelnummer": f"SKU-{(number + 1) % SKUS}"}
    return [first, {**second, "Menge": "1", "Einzelpreis": "3,00"}] if number % 10 == 0 else [first]


def the_shop_exports_its_orders(desk: Desk) -> None:
    skus = (f"SKU-{one},20480206171147{one:02d},41318573{one}\n" for one in range(SKUS))
    desk.path("skus.csv").write_text("sku,itemId,skuId\n" + "".join(skus))
    with desk.path("shop.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, HEADER.split(";"), delimiter=";")
        writer.writeheader()
        for number in range(ORDERS):
            first, *others = order_of(number)
            if number in MISTAKES:
                column, text = MISTAKES[number]
                first[column] = text
            writer.writerows([first, *others])


def quote_and_choose(desk: Desk) -> None:
    """Every offer of both accounts; one order goes by another one than the cheapest."""
    told = desk.does("quote", "shop.csv", "--as", "shop", "--out", "offers.xlsx", status=1)
    assert f"{len(MISTAKES)} lines can't be quoted" in told
    book = openpyxl.load_workbook(desk.path("offers.xlsx"))
    header, *lines = list(book.active.iter_rows())  # type: ignore[union-attr]
    places = {str(cell.value): index for index, cell in enumerate(header)}
    mine = [line for line in lines if line[places["reference"]].value == "5001"]
    assert len(mine) == 6  # three services of two accounts
    for line in mine:
        cells = (line[places["account"]].value, line[places["service_id"]].value)
        line[places["take"]].value = "x" if cells == ("xportcn_ka", "1") else None
    book.save(desk.path("offers.xlsx"))
    (command,) = re.findall(r"then: pandapon (quote .*?) --orders FILE", told)
    told = desk.does(*command.split(), "--orders", "chosen.csv", status=1)
    assert f"{ORDERS - len(MISTAKES)} in chosen.csv" in told
    chosen = {row["Bestellnummer"]: row for row in desk.shop_rows("chosen.csv") if row["Land"]}
    assert (chosen["5001"]["account"], chosen["5001"]["freightInfo.serviceId"]) == ("xportcn_ka", "1")
    assert {row["account"] for row in chosen.values()} == {"pandapon", "xportcn_ka", ""}
    assert not desk.vendor.ledger.fees.keys() - {"USD"}


def preview(desk: Desk) -> None:
    booked = desk.vendor.ledger.bookings
    told = desk.does("book", "chosen.csv", "--as", "shop", "--preview", "--out", "previewed.csv", status=1)
    assert f"Previewed {ORDERS - len(MISTAKES)} bookings" in told
    assert f"{len(MISTAKES)} bookings in chosen.problems.csv" in told
    assert desk.vendor.ledger.bookings == booked
    assert desk.vendor.ledger.done["logistics.order.render_freight"] == ORDERS - len(MISTAKES)


def book_until_interrupted(desk: Desk) -> None:
    """Ctrl-C while the vendor is slow: what is under way ends, the rest waits, nothing is lost."""
    steps: list[Any] = []
    for step in TROUBLE:
        steps += ["ok", "ok", "ok", step]
    desk.vendor.script(*steps)
    before = len(desk.vendor.ledger.bookings)

    def interrupt(screen: Terminal) -> None:
        while desk.vendor.script_left or len(desk.vendor.ledger.bookings) - before < 60:
            assert screen.child.poll() is None, screen.seen
            screen.read(0.02)
        desk.vendor.faults = Faults(latency=2)  # no booking ends before the key is pressed
        screen.type("\x03")
        screen.until("under way")
        desk.vendor.faults = Faults()

    desk.vendor.faults = Faults(latency=0.05)
    told = desk.does("book", "previewed.csv", "--as", "shop", "--concurrency", "8", status=130, meanwhile=interrupt)
    counts = desk.counts()
    assert counts == {
        "done": len(desk.vendor.ledger.bookings) - before - BOOKED_UNTOLD,
        "refused": REFUSED,
        "unknown": UNCLEAR,
        "pending": ORDERS - len(MISTAKES) - counts["done"] - REFUSED - UNCLEAR,
    }
    assert counts["pending"] > 0
    assert f"Booked {counts['done']} " in told
    assert f"Waiting {counts['pending']} " in told
    desk.told_orders_are_the_vendors()


def go_on(desk: Desk) -> None:
    """The same command once more books what is left, and nothing that is unclear."""
    told = desk.does("book", "previewed.csv", "--as", "shop", "--problems", "refused.csv", status=3)
    left = ORDERS - len(MISTAKES) - REFUSED - UNCLEAR
    assert desk.counts() == {"done": left, "refused": REFUSED, "unknown": UNCLEAR}
    assert f"Booked {left}, " in told
    assert f"{REFUSED} bookings in refused.csv" in told
    desk.told_orders_are_the_vendors()
    todo = desk.does("journal", "bookings.db", "--todo")
    assert len(re.findall("ask the vendor, and enter what comes back", todo)) == DEARER


def correct_the_mistakes(desk: Desk) -> None:
    """The twelve are corrected where they were written to, and go the same way."""

    def correct(row: dict[str, str]) -> None:
        number = int(row["Bestellnummer"][1:])
        (right, *_) = order_of(number)
        column, _ = MISTAKES[number]
        row[column] = right[column]

    desk.edit("chosen.problems.csv", correct)
    desk.does("quote", "chosen.problems.csv", "--as", "shop", "--out", "offers2.csv")
    desk.does("quote", "chosen.problems.csv", "--as", "shop", "--chosen", "offers2.csv", "--orders", "chosen2.csv")
    desk.does("book", "chosen2.csv", "--as", "shop", "--preview", "--out", "previewed2.csv")
    told = desk.does("book", "previewed2.csv", "--as", "shop")
    assert f"Booked {len(MISTAKES)} " in told
    desk.told_orders_are_the_vendors()


def preview_the_refused_again(desk: Desk) -> None:
    """A preview had expired, or the vendor said no: a new preview, and they are booked under their own order numbers."""
    desk.does("book", "refused.csv", "--as", "shop", "--preview", "--out", "again.csv")
    told = desk.does("book", "again.csv", "--as", "shop")
    assert f"Booked {REFUSED} " in told
    assert desk.counts() == {"done": ORDERS - UNCLEAR, "unknown": UNCLEAR}
    desk.told_orders_are_the_vendors()


# --- noon: what comes of them ------------------------------------------------------------------------------------------


def hand_the_tracking_numbers_back(desk: Desk) -> None:
    """Every sub-order of every reply that came stands in the shop's file exactly once."""
    told = desk.does("tracking", "shop.csv", "--as", "shop", "--out", "tracked.csv")
    assert f"{ORDERS - UNCLEAR} orders handed back in tracked.csv" in told
    assert f"{UNCLEAR} orders are not booked" in told
    rows = desk.shop_rows("tracked.csv")
    known = {row.order_id for row in desk.today()}
    replies = [reply for reply in desk.vendor.ledger.replies.values() if reply["orderId"] in known]
    expected = Counter(
        (reply["orderId"], parcel["internationalLogisticInfos"]["logisticNumer"], str(item["quantity"]))
        for reply in replies
        for parcel in reply["subOrders"]
        for item in parcel["itemInfos"]
    )
    found = Counter(
        (row["order_id"], row["tracking_number"], row["quantity_in_parcel"]) for row in rows if row["tracking_number"]
    )
    assert found == expected
    assert [row["Bestellnummer"] for row in rows] == [row["Bestellnummer"] for row in desk.shop_rows("shop.csv")]


def report_the_domestic_parcels(desk: Desk) -> None:
    """Twenty parcels of suppliers; one is of an order that nobody has."""
    rows = [row for row in desk.shop_rows("tracked.csv") if row["state"] == "done"]
    rows = [row for row in rows if int(row["Bestellnummer"][1:]) not in MISTAKES]
    lines = ["Bestellnummer;Artikelnummer;Versanddienst;Sendungsnummer"]
    lines += [f"{row['Bestellnummer']};{row['Artikelnummer']};SF;SF{n:010d}" for n, row in enumerate(rows[:20])]
    desk.path("parcels.csv").write_text("\r\n".join([*lines, "9999;SKU-1;SF;SF9999999999", ""]), encoding="utf-8-sig")
    orders = len({row["Bestellnummer"] for row in rows[:20]})

    def agree(screen: Terminal) -> None:
        screen.until("Enter is no:")
        screen.type("y\n")

    told = desk.does("domestic", "parcels.csv", "--as", "parcels", status=1, meanwhile=agree)
    assert "column Bestellnummer: isn't in the journal" in told
    assert f"Done {orders} " in told
    assert desk.vendor.ledger.done["logistics.domestic.update"] == orders


# --- afternoon: what is unclear, and the books -------------------------------------------------------------------------


def review_what_is_unclear(desk: Desk) -> None:
    """What isn't in the vendor's console wasn't booked; the first one that is there is entered, the others are left."""
    hours_later(desk.journal)
    replies = desk.vendor.ledger.replies
    entered: list[str] = []

    def answer(screen: Terminal) -> None:
        for number in range(1, UNCLEAR + 1):
            shown = screen.until(rf"(?s)\b{number} of {UNCLEAR}\b.*uit: ").split(f"{number} of {UNCLEAR}")[-1]
            render_id = re.findall(r"Preview no\.\s+(\S+)", shown)[-1]
            if render_id not in replies:
                screen.type("n\n")
            elif entered:
                screen.type("s\n")
            else:
                reply = replies[render_id]
                entered.append(render_id)
                screen.type(f"b\n{reply['orderId']}\n{reply['orderFee']['amount']} USD\n")

    told = desk.does("journal", "bookings.db", "--review", "--by", "Jane", meanwhile=answer)
    assert f"{UNCLEAR - BOOKED_UNTOLD + 1} resolved, {BOOKED_UNTOLD - 1} unclear" in told
    assert desk.counts()["pending"] == UNCLEAR - BOOKED_UNTOLD
    desk.told_orders_are_the_vendors()


def compare_with_the_statement(desk: Desk) -> None:
    """The vendor's own list, a workbook with a title: it has what is still unclear, and nothing else that we haven't."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Statement"])
    book.active.append(["订单号", "预览号", "运费", "币种"])
    replies = {key: reply for key, reply in desk.vendor.ledger.replies.items() if not key.startswith("FF-old")}
    for render_id, reply in replies.items():
        fee = reply["orderFee"]
        book.active.append([reply["orderId"], render_id, float(fee["amount"]), fee["currency"]])
    book.save(desk.path("statement.xlsx"))
    since = (desk.long_ago + timedelta(days=1)).date().isoformat()
    compare = ("journal", "bookings.db", "--since", since, "--compare", "statement.xlsx")
    told = desk.does(*compare, "--export", "proposals.csv")
    left = BOOKED_UNTOLD - 1
    for line in (f"both {len(replies) - left}", "other fee 0", "twice 0", "only theirs 0", f"proposal {left}"):
        assert f"{line} " in told
    assert len(rows_of(desk.path("proposals.csv"))) == left
    desk.does("journal", "bookings.db", "--resolve", "proposals.csv", "--by", "Jane")
    assert desk.counts()["unknown"] == 0
    desk.told_orders_are_the_vendors()


def book_what_waits(desk: Desk) -> None:
    """What a person has found not to be booked is sent once more."""
    told = desk.does("book")
    assert f"Booked {UNCLEAR - BOOKED_UNTOLD} " in told
    assert desk.counts() == {"done": ORDERS}
    desk.told_orders_are_the_vendors()


def hand_back_what_is_new(desk: Desk) -> None:
    told = desk.does("tracking", "shop.csv", "--as", "shop", "--out", "new.csv", "--new")
    assert f"{UNCLEAR} orders handed back in new.csv" in told
    before = {row["Bestellnummer"] for row in desk.shop_rows("tracked.csv") if row["state"] == "done"}
    now = {row["Bestellnummer"] for row in desk.shop_rows("new.csv")}
    assert (len(before | now), before & now) == (ORDERS, set())


def enter_credits(desk: Desk) -> None:
    """A part comes back of a booking of today, and of one of last month, which is cancelled then; both count today."""
    for reference in ("5001", "4002"):
        desk.does("journal", "bookings.db", "--credit", reference, "1.50", "USD", "--by", "Jane", "--note", "late")
        desk.credited += Decimal("1.50")
    desk.does("journal", "bookings.db", "--mark", "4002=void", "--by", "Jane")
    todo = desk.does("journal", "bookings.db", "--todo")
    assert "cancelled, and" in todo


# --- evening -----------------------------------------------------------------------------------------------------------


def write_the_report(desk: Desk) -> None:
    since = (desk.long_ago + timedelta(days=1)).date().isoformat()
    desk.does("journal", "bookings.db", "--report", "day.html", "--since", since)
    page = desk.path("day.html").read_text("utf-8")
    tiles = {name: int(count) for count, name in re.findall(r"<b>(\d+)</b>([a-z ]+)</li>", page)}
    assert tiles == {"booked": ORDERS}


def export_for_the_accountant(desk: Desk) -> None:
    """The file's fees, and the totals, are what the vendor has asked for in all; the fees are those of both months."""
    desk.does("journal", "bookings.db", "--export", "books.csv", "--operation", "logistics.book_freight")
    rows = rows_of(desk.path("books.csv"))
    assert len(rows) == ORDERS + 5
    fees = sum((Decimal(row["fee"]) for row in rows), Decimal(0))
    assert {"USD": fees} == desk.vendor.ledger.fees
    assert {row["order_id"] for row in rows} == {reply["orderId"] for reply in desk.vendor.ledger.replies.values()}
    assert Counter(row["Kostenstelle"] for row in rows) == {"Berlin": 150, "Hamburg": 150, "": 5}
    told = desk.does("journal", "bookings.db", "--totals", "--by", "currency")
    assert f"{fees - desk.credited:,} USD (fees {fees:,}, credits {desk.credited})" in told
