"""Ordinary life with real processes, signals and sockets: acts drawn from a seed, written down, and done.

What belongs to a file, and what to a server, stands in `real_stores`.

Each act is a line of the script, with all that was drawn for it, so that `tests.life.replay` can do the same again; when a process
is hit by a signal depends on the machine, so a replay is near, not exact.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from pandapon_async import Journal, JournalRow, Money
from pandapon_async._models.converters import to_wire
from pandapon_async.testing import FakeVendor, Faults
from pandapon_async.testing._delivery import Delivery
from pandapon_async.testing._verification import Account
from tests.journal.support import hours_later
from tests.life.ledger import Order, Told, check, check_settled, deeds_of

HOME = Path(__file__).parent.parent.parent
PATIENCE = 120.0
ACCOUNTS = [
    Account(kind="pandapon", access_key=f"key-{n}", access_secret=f"secret-{n}", user_id="1000000000001")
    for n in range(4)
]
URLS = ("http://127.0.0.1:{port}", "http://127.0.0.1:{port}/", "HTTP://localhost:{port}")
SIGNALS = {"killed": "SIGKILL", "interrupted": "SIGINT", "hung up": "SIGHUP", "terminated": "SIGTERM"}
QUIET: dict[str, Any] = {"new": 0, "end": "through", "after": 0, "faults": {}, "beside": "", "limit": None}
HIGHEST_FEE = 420
"""No booking costs more."""
Dice = random.Random
Act = tuple[int, Callable[[Dice], dict[str, Any]]]
"""How often it happens, and what is drawn for it."""


def drawn_faults(dice: Dice) -> dict[str, Any]:
    names = ("drop_before", "drop_after", "half_header", "half_body", "garbage", "html", "empty_body", "refuse")
    found: dict[str, Any] = {name: round(dice.uniform(0, 0.05), 3) for name in names if dice.random() < 0.4}
    if dice.random() < 0.4:
        found["status"] = {"429": 0.05, "502": 0.02}
    if dice.random() < 0.3:
        found["replies_too_many"] = 0.1
    return {**found, "seed": dice.randrange(1000)}


def drawn_limit(dice: Dice) -> dict[str, Any] | None:
    """What may be spent: on the file, or in a day."""
    if dice.random() < 0.6:
        return None
    of, amount = dice.choice(("file", "day")), dice.choice((0, 500, 3000))
    return {"of": of, "more": amount, "highest": dice.random() < 0.7}


ACTS: dict[str, Act] = {
    "own_program": (3, lambda dice: {
        "new": dice.randrange(3, 20), "callers": dice.randrange(1, 8), "patience": round(dice.uniform(0.001, 0.2), 3),
        "leave_after": dice.choice((0, 3, 8)), "faults": drawn_faults(dice),
    }),
    "resolve_from_export": (2, lambda dice: {"part": round(dice.uniform(0.3, 1), 2)}),
    "correct": (2, lambda dice: {}),
    "change_by_hand": (2, lambda dice: {"how": dice.choice(("credit", "cancel")), "which": dice.randrange(100)}),
    "feed_damaged": (2, lambda dice: {"how": dice.choice(("cut", "other body", "same parcel"))}),
    "rotate_the_key": (1, lambda dice: {}),
    "respell_the_url": (1, lambda dice: {"url": dice.randrange(len(URLS))}),
}  # fmt: skip


class RealLife(ABC):
    """A shop, its journal, and a fake vendor; ``script`` is what has been done so far.

    Attributes:
        journal: where it is, for this process; ``named``: the same for a command line.
    """

    beside: ClassVar[Sequence[str]] = ("", "look", "second start", "vendor restarts", "edit", "editor", "editor killed")
    """What may happen while ``pandapon book`` runs."""
    journal: Path | str
    named: Path | str

    def __init__(self, root: Path) -> None:
        self.root = root
        self.script: list[dict[str, Any]] = []
        self.stack = contextlib.ExitStack()
        self.replies_too_many = 0.0
        self.stack.enter_context(mock.patch.object(Delivery, "send", self._sending(Delivery.send)))
        self.vendor = self.stack.enter_context(FakeVendor(accounts=ACCOUNTS))
        self.deeds = deeds_of(self.vendor.ledger)
        self.orders: list[Order] = []
        self.told: list[Told] = []
        self.rows: dict[str, JournalRow] = {}
        self.credited = Decimal(0)
        self.voided: set[str] = set()
        self.key = self.url = 0
        self._dice = random.Random(0)
        self._editor: subprocess.Popen[str] | None = None

    def close(self) -> None:
        self.stack.close()

    @classmethod
    def acts(cls) -> Mapping[str, Act]:
        """What can happen."""
        return {"book": (8, cls._drawn_book), **ACTS}

    @classmethod
    def _drawn_book(cls, dice: Dice) -> dict[str, Any]:
        ends = ("through", "killed", "killed", "interrupted", "hung up", "terminated", "reader gone")
        return {
            "new": dice.randrange(1, 30), "end": dice.choice(ends), "after": dice.randrange(0, 30),
            "faults": drawn_faults(dice), "beside": dice.choice(cls.beside), "limit": drawn_limit(dice),
        }  # fmt: skip

    @abstractmethod
    def stored_beside(self, what: str) -> None:
        """What happens to the journal while ``pandapon book`` runs."""

    def environment(self) -> Mapping[str, str]:
        """What a process finds in its environment, beside the keys."""
        return {}

    # --- acts ---

    def act(self, line: dict[str, Any]) -> None:
        """Do one line of a script, and look whether all is well."""
        self.script.append(line)
        with (self.root / "script.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        getattr(self, line["act"])(**{name: value for name, value in line.items() if name not in ("act", "seed")})
        self.rows = check(self.journal, self.deeds, self.told, credited=self.credited, voided=self.voided)

    def book(
        self, new: int, end: str, after: int, faults: dict[str, Any], beside: str, limit: dict[str, Any] | None
    ) -> None:
        """``pandapon book``; ``after``: how many requests have come when something happens to it."""
        self.take(new, faults)
        with self._limited(limit) as options:
            process = self.booking(*options)
            self.wait_for(after, process)
            self.do_beside(beside, options)
            self._end(process, end)
            self.settle_edits()

    def booking(self, *options: object, file: Path | None = None) -> subprocess.Popen[str]:
        """A ``pandapon book`` that has just begun."""
        where = ("--journal", self.named, "--json", "--concurrency", 8)
        return self.start("-m", "pandapon_async", "book", file or self.file(), *where, *options)

    def wait_for(self, requests: int, *processes: subprocess.Popen[str]) -> None:
        """Until the vendor has got so many more requests, or all have ended."""
        before = self._seen()
        while any(process.poll() is None for process in processes) and self._seen() - before < requests:
            time.sleep(0.001)

    def _end(self, process: subprocess.Popen[str], end: str) -> None:
        if end in SIGNALS:
            process.send_signal(getattr(signal, SIGNALS[end]))
        elif end == "reader gone" and process.stdout is not None:
            process.stdout.close()
            process.stdout = None
        self.tell(process)

    def own_program(self, new: int, callers: int, patience: float, leave_after: int, faults: dict[str, Any]) -> None:
        self.take(new, faults)
        self.tell(self.start("-m", "tests.life.child", self.file(), self.named, callers, patience, leave_after))

    def resolve_from_export(self, part: float) -> None:
        """Somebody exports what is in doubt, looks it up at the vendor, and reads the file back in."""
        sheet = self.root / "doubts.csv"
        if not self.rows:
            return
        hours_later(self.journal)
        self.pandapon("journal", self.named, "--state", "unknown", "--export", sheet)
        with sheet.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        made = {deed.reference: deed for deed in self.deeds}
        for row in rows[: round(len(rows) * part)]:
            deed = made.get(row["reference"])
            row["state"] = "pending" if deed is None else "done"
            if deed is not None:
                row |= {"order_id": deed.order_id, "fee": str(deed.fee), "currency": "USD"}
        if rows:
            with sheet.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            self.pandapon("journal", self.named, "--resolve", sheet, "--by", "ann")

    def correct(self) -> None:
        for reference in self.in_state("refused"):
            self.orders[int(reference.partition("-")[2]) - 1].edition += 1

    def change_by_hand(self, how: str, which: int) -> None:
        """The vendor gives something back for one that is done, or cancels it."""
        if not (done := self.in_state("done")):
            return
        reference = done[which % len(done)]
        with Journal.open(self.journal) as journal:
            if how == "credit":
                journal.credit(reference, Money(amount=Decimal(1), currency="USD"), by="ann", note="late")
                self.credited += 1
            else:
                journal.resolve(reference, "void", by="ann", note="cancelled")
                self.voided.add(reference)

    def feed_damaged(self, how: str) -> None:
        """Nothing of such a file is taken."""
        ended = self.in_state("done", "unknown")
        if not ended:
            return
        order = self.orders[int(ended[0].partition("-")[2]) - 1]
        file = self.file()
        text = file.read_text(encoding="utf-8")
        bad = {"reference": order.reference, **to_wire(order.request(remark="another"))}
        if how == "same parcel":
            bad = {"reference": f"copy-of-{order.number}", **to_wire(order.request())}
        file.write_text(text[:-7] if how == "cut" else f"{text}{json.dumps(bad)}\n", encoding="utf-8")
        seen = self._seen()
        process = self.booking(file=file)
        self.ended(process)
        assert process.returncode == 2, process.returncode
        assert self._seen() == seen

    def rotate_the_key(self) -> None:
        """Another key is refused, and then adopted."""
        if not self.rows:
            return
        known, seen = self.key, self._seen()
        self.key = (self.key + 1) % len(ACCOUNTS)
        process = self.booking()
        _, errors = self.ended(process)
        if self.key > known:  # else it has been known for long
            assert "adopt" in errors, errors
            assert self._seen() == seen
        self.pandapon("journal", self.named, "--adopt", "pandapon", "--by", "ann", "--note", "a new key")

    def respell_the_url(self, url: int) -> None:
        self.url = url

    def settle(self) -> None:
        """Quiet days, on which people do what is to be done: then every order is booked once."""
        for _ in range(2):
            self.act({"act": "book", **QUIET})
            self.act({"act": "resolve_from_export", "part": 1})
            self.act({"act": "correct"})
        self.act({"act": "book", **QUIET})
        check_settled(self.rows, self.deeds, self.orders, self.voided, self.voided)

    # --- processes ---

    @contextlib.contextmanager
    def _limited(self, limit: dict[str, Any] | None) -> Generator[list[object], None, None]:
        """The options of one who may spend so much more than was spent before, on the file or in a day."""
        if limit is None:
            yield []
            return
        of_day, most = limit["of"] == "day", HIGHEST_FEE if limit["highest"] else 2 * HIGHEST_FEE
        back, today = Decimal(0) if of_day else self.credited, datetime.now(timezone.utc).date()
        spent = sum((deed.fee for deed in self.deeds), Decimal(0)) - back
        amount = max(spent + limit["more"], Decimal(1))
        options: list[object] = ["--highest-fee", HIGHEST_FEE, "USD"] if limit["highest"] else []
        yield [*options, *(self._with_daily_limit(amount) if of_day else ("--spend-limit", amount, "USD"))]
        now_spent = sum((deed.fee for deed in self.deeds), Decimal(0)) - (0 if of_day else self.credited)
        bound = amount if limit["highest"] else amount + most  # without it the last fee may be above
        if datetime.now(timezone.utc).date() == today:
            assert now_spent <= max(spent, bound), f"{now_spent} of {amount} was spent: {limit}"

    def _with_daily_limit(self, amount: Decimal) -> tuple[object, ...]:
        keys = ("base_url", "access_key", "access_secret", "user_id")
        lines = [f'{key} = "env:PANDAPON_{key.upper()}"' for key in keys if key != "base_url"]
        config = self.root / "vendors.toml"
        text = [f'base_url = "{self._url()}"', *lines, f'daily_spend_limit = "{amount} USD"']
        config.write_text("\n".join(["[vendors.pandapon]", 'kind = "pandapon"', *text]), encoding="utf-8")
        return "--config", config

    def do_beside(self, beside: str, options: Sequence[object]) -> None:
        """What happens while ``pandapon book`` runs; ``options``: what it was started with."""
        if beside == "vendor restarts":
            self.vendor.stop_thread()
            self.vendor.start_thread()
        elif beside == "look":
            self.ended(self.start("-m", "pandapon_async", "journal", self.named))
        elif beside == "second start":
            self.tell(self.booking(*options))
        elif beside == "edit":
            self.change_by_hand("credit", 0)
        elif beside.startswith("editor") and (done := self.in_state("done")):
            who = ("--by", "bob", "--note", "seen on the bill")
            self._editor = self.start(
                "-m", "pandapon_async", "journal", self.named, "--credit", done[0], 1, "USD", *who
            )
            if beside == "editor killed":
                time.sleep(self._dice.uniform(0.1, 0.6))
                self._editor.kill()
        else:
            self.stored_beside(beside)

    def settle_edits(self) -> None:
        """Somebody who was entering a credit while a job ran, and was perhaps killed: it counts, or it doesn't, once."""
        editor, self._editor = self._editor, None
        if editor is None:
            return
        self.ended(editor)
        with Journal.open(self.journal) as journal:
            known = sum((total.credits for total in journal.totals()), Decimal(0))
        assert known == self.credited + 1 or (editor.returncode != 0 and known == self.credited), editor.returncode
        self.credited = known

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """A process of the shop's own."""
        keys = ACCOUNTS[self.key]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PANDAPON_", "PYTEST"))
        }
        environment |= {
            "PANDAPON_BASE_URL": self._url(),
            "PANDAPON_ACCESS_KEY": keys.access_key,
            "PANDAPON_ACCESS_SECRET": keys.access_secret,
            "PANDAPON_USER_ID": keys.user_id or "",
            "PYTHONPATH": str(HOME),
            **self.environment(),
        }
        command = [sys.executable, *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _url(self) -> str:
        return URLS[self.url].format(port=self.vendor.url.rpartition(":")[2])

    def ended(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        """What a process has said, once it has ended."""
        out, errors = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors or "KeyboardInterrupt" in errors or "BrokenPipe" in errors, errors
        return out or "", errors

    def pandapon(self, *arguments: object) -> None:
        """A command that must not fail."""
        process = self.start("-m", "pandapon_async", *arguments)
        _, errors = self.ended(process)
        assert process.returncode == 0, errors

    # --- the vendor ---

    def _sending(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """The vendor's way of sending, but that some replies come twice."""
        dice = random.Random(0)

        async def send_and_again(delivery: Delivery, request: Any, answer: Any) -> Any:
            response = await send(delivery, request, answer)
            transport = request.transport
            if answer.step.manner == "plain" and dice.random() < self.replies_too_many and transport is not None:
                fields = {**answer.headers, "Content-Length": str(len(answer.body))}
                head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                again = f"HTTP/1.1 {answer.status} OK\r\n{head}\r\n".encode() + answer.body
                asyncio.get_running_loop().call_later(dice.choice((0.001, 0.01)), transport.write, again)
            return response

        return send_and_again

    # --- what is known ---

    def take(self, new: int, faults: dict[str, Any]) -> None:
        """Orders come in; and what the vendor will do."""
        self.orders += [Order(len(self.orders) + 1 + number) for number in range(new)]
        self.replies_too_many = faults.get("replies_too_many", 0.0)
        faults = {name: odds for name, odds in faults.items() if name != "replies_too_many"}
        statuses = {int(status): odds for status, odds in faults.get("status", {}).items()}
        self.vendor.faults = Faults(**{**faults, "status": statuses}, latency=0.005, jitter=0.02, retry_after=0)

    def file(self) -> Path:
        file = self.root / "orders.jsonl"
        lines = [json.dumps({"reference": order.reference, **to_wire(order.request())}) for order in self.orders]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file

    def tell(self, process: subprocess.Popen[str]) -> None:
        """Believe what a process says of its bookings."""
        out, _ = self.ended(process)
        made = {deed.reference for deed in self.deeds}
        for line in out.splitlines(keepends=True):
            if not line.startswith("{") or not line.endswith("\n"):
                continue
            one = json.loads(line)
            fee = None if one["fee"] is None else Decimal(one["fee"]["amount"])
            self.told.append(Told(one["reference"], one["recorded"], one["order_id"], fee))
            if one["recorded"] == "refused":
                assert one["reference"] not in made, f"told as refused, and made: {one}"

    def in_state(self, *states: str) -> list[str]:
        return [reference for reference, row in self.rows.items() if row.state in states]

    def _seen(self) -> int:
        return sum(self.vendor.ledger.seen.values())
