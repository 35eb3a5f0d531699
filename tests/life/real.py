"""Ordinary life with real processes, signals, sockets and files: acts drawn from a seed, written down, and done.

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
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import attrs

from pandapon_async import Journal, JournalError, JournalRow, Money
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
QUIET: dict[str, Any] = {"new": 0, "end": "through", "after": 0, "faults": {}, "beside": ""}


def _drawn_faults(dice: random.Random) -> dict[str, Any]:
    names = ("drop_before", "drop_after", "half_header", "half_body", "garbage", "html", "empty_body", "refuse")
    found: dict[str, Any] = {name: round(dice.uniform(0, 0.05), 3) for name in names if dice.random() < 0.4}
    if dice.random() < 0.4:
        found["status"] = {"429": 0.05, "502": 0.02}
    if dice.random() < 0.3:
        found["replies_too_many"] = 0.1
    return {**found, "seed": dice.randrange(1000)}


def _drawn_book(dice: random.Random) -> dict[str, Any]:
    return {
        "new": dice.randrange(1, 30),
        "end": dice.choice(("through", "killed", "killed", "interrupted", "hung up", "terminated", "reader gone")),
        "after": dice.randrange(0, 30),
        "faults": _drawn_faults(dice),
        "beside": dice.choice(("", "look", "second start", "vendor restarts", "backup", "edit")),
    }


ACTS: dict[str, tuple[int, Callable[[random.Random], dict[str, Any]]]] = {
    "book": (8, _drawn_book),
    "own_program": (3, lambda dice: {
        "new": dice.randrange(3, 20), "callers": dice.randrange(1, 8), "patience": round(dice.uniform(0.001, 0.2), 3),
        "leave_after": dice.choice((0, 3, 8)), "faults": _drawn_faults(dice),
    }),
    "resolve_from_export": (2, lambda dice: {"part": round(dice.uniform(0.3, 1), 2)}),
    "correct": (2, lambda dice: {}),
    "change_by_hand": (2, lambda dice: {"how": dice.choice(("credit", "cancel")), "which": dice.randrange(100)}),
    "feed_damaged": (2, lambda dice: {"how": dice.choice(("cut", "other body", "same parcel"))}),
    "rotate_the_key": (1, lambda dice: {}),
    "respell_the_url": (1, lambda dice: {"url": dice.randrange(len(URLS))}),
    "handle_the_file": (2, lambda dice: {"how": dice.choice(("copy", "move", "link", "backup", "foreign look"))}),
}  # fmt: skip
"""What can happen: how often, and what is drawn for it."""


class RealLife:
    """A shop, its files, and a fake vendor; ``script`` is what has been done so far."""

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
        self._number = 0
        self.folder = self._new_folder()
        self.folder.mkdir()
        self.journal = self.folder / "bookings.db"

    def close(self) -> None:
        self.stack.close()

    # --- acts ---

    def act(self, line: dict[str, Any]) -> None:
        """Do one line of a script, and look whether all is well."""
        self.script.append(line)
        with (self.root / "script.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        getattr(self, line["act"])(**{name: value for name, value in line.items() if name not in ("act", "seed")})
        self.rows = check(self.journal, self.deeds, self.told, credited=self.credited, voided=self.voided)

    def book(self, new: int, end: str, after: int, faults: dict[str, Any], beside: str) -> None:
        """``pandapon book``; ``after``: how many requests have come when something happens to it."""
        self._take(new, faults)
        before = self._seen()
        process = self._start(
            "-m", "pandapon_async", "book", self._file(), "--journal", self.journal, "--json", "--concurrency", 8
        )
        while process.poll() is None and self._seen() - before < after:
            time.sleep(0.001)
        self._do_beside(beside)
        if end in SIGNALS:
            process.send_signal(getattr(signal, SIGNALS[end]))
        elif end == "reader gone" and process.stdout is not None:
            process.stdout.close()
            process.stdout = None
        self._tell(*self._ended(process))

    def own_program(self, new: int, callers: int, patience: float, leave_after: int, faults: dict[str, Any]) -> None:
        self._take(new, faults)
        program = self._start("-m", "tests.life.child", self._file(), self.journal, callers, patience, leave_after)
        self._tell(*self._ended(program))

    def resolve_from_export(self, part: float) -> None:
        """Somebody exports what is in doubt, looks it up at the vendor, and reads the file back in."""
        sheet = self.root / "doubts.csv"
        if not self.journal.exists():
            return
        hours_later(self.journal)
        self._pandapon("journal", self.journal, "--state", "unknown", "--export", sheet)
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
            self._pandapon("journal", self.journal, "--resolve", sheet, "--by", "ann")

    def correct(self) -> None:
        for reference in self._in("refused"):
            self.orders[int(reference.partition("-")[2]) - 1].edition += 1

    def change_by_hand(self, how: str, which: int) -> None:
        """The vendor gives something back for one that is done, or cancels it."""
        if not (done := self._in("done")):
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
        ended = self._in("done", "unknown")
        if not ended:
            return
        order = self.orders[int(ended[0].partition("-")[2]) - 1]
        file = self._file()
        text = file.read_text(encoding="utf-8")
        bad = {"reference": order.reference, **to_wire(order.request(remark="another"))}
        if how == "same parcel":
            bad = {"reference": f"copy-of-{order.number}", **to_wire(order.request())}
        file.write_text(text[:-7] if how == "cut" else f"{text}{json.dumps(bad)}\n", encoding="utf-8")
        seen = self._seen()
        process = self._start("-m", "pandapon_async", "book", file, "--journal", self.journal)
        self._ended(process)
        assert process.returncode == 2, process.returncode
        assert self._seen() == seen

    def rotate_the_key(self) -> None:
        """Another key is refused, and then adopted."""
        if not self.rows:
            return
        known, seen = self.key, self._seen()
        self.key = (self.key + 1) % len(ACCOUNTS)
        process = self._start("-m", "pandapon_async", "book", self._file(), "--journal", self.journal)
        _, errors = self._ended(process)
        if self.key > known:  # else it has been known for long
            assert "adopt" in errors, errors
            assert self._seen() == seen
        self._pandapon("journal", self.journal, "--adopt", "pandapon", "--by", "ann", "--note", "a new key")

    def respell_the_url(self, url: int) -> None:
        self.url = url

    def handle_the_file(self, how: str) -> None:
        """Copy its folder, move it, make a link to it and use that, go on with a backup, open it with another program."""
        if not self.rows:
            return
        folder = self._new_folder()
        if how == "copy":
            shutil.copytree(self.folder, folder)
        elif how == "move":
            self.folder.rename(folder)
        elif how == "backup":
            folder.mkdir()
            self._pandapon("journal", self.journal, "--backup", folder / "bookings.db")
            process = self._start("-m", "pandapon_async", "book", self._file(), "--journal", folder / "bookings.db")
            assert "backup" in self._ended(process)[1]
            self._pandapon(
                "journal", folder / "bookings.db", "--restore", "--by", "ann", "--note", "the old disk is broken"
            )
        elif how == "foreign look":
            look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT COUNT(*) FROM rows').fetchall()"
            self._ended(self._start("-c", look, self.journal))
            return
        else:
            self.journal = self.root / f"link-{self._number}.db"
            self.journal.symlink_to(self.folder / "bookings.db")
            return
        if how != "move":
            shutil.rmtree(self.folder)
        self.folder = folder
        self.journal = self.folder / "bookings.db"

    def settle(self) -> None:
        """Quiet days, on which people do what is to be done: then every order is booked once."""
        for _ in range(2):
            self.act({"act": "book", **QUIET})
            self.act({"act": "resolve_from_export", "part": 1})
            self.act({"act": "correct"})
        self.act({"act": "book", **QUIET})
        check_settled(self.rows, self.deeds, self.orders, self.voided, self.voided)

    # --- processes ---

    def _do_beside(self, beside: str) -> None:
        if beside == "vendor restarts":
            self.vendor.stop_thread()
            self.vendor.start_thread()
        elif beside == "look":
            self._ended(self._start("-m", "pandapon_async", "journal", self.journal))
        elif beside == "second start":
            self._tell(
                *self._ended(
                    self._start("-m", "pandapon_async", "book", self._file(), "--journal", self.journal, "--json")
                )
            )
        elif beside == "edit":
            self.change_by_hand("credit", 0)
        elif beside == "backup":
            with contextlib.suppress(JournalError), Journal.open(self.journal) as journal:
                journal.backup(self.root / f"backup-{len(self.script)}.db")

    def _start(self, *arguments: object) -> subprocess.Popen[str]:
        keys = ACCOUNTS[self.key]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PANDAPON_", "PYTEST"))
        }
        environment |= {
            "PANDAPON_BASE_URL": URLS[self.url].format(port=self.vendor.url.rpartition(":")[2]),
            "PANDAPON_ACCESS_KEY": keys.access_key,
            "PANDAPON_ACCESS_SECRET": keys.access_secret,
            "PANDAPON_USER_ID": keys.user_id or "",
            "PYTHONPATH": str(HOME),
        }
        command = [sys.executable, *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _ended(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        out, errors = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors or "KeyboardInterrupt" in errors or "BrokenPipe" in errors, errors
        return out or "", errors

    def _pandapon(self, *arguments: object) -> None:
        process = self._start("-m", "pandapon_async", *arguments)
        _, errors = self._ended(process)
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

    def _take(self, new: int, faults: dict[str, Any]) -> None:
        self.orders += [Order(len(self.orders) + 1 + number) for number in range(new)]
        self.replies_too_many = faults.get("replies_too_many", 0.0)
        faults = {name: odds for name, odds in faults.items() if name != "replies_too_many"}
        statuses = {int(status): odds for status, odds in faults.get("status", {}).items()}
        self.vendor.faults = Faults(**{**faults, "status": statuses}, latency=0.005, jitter=0.02, retry_after=0)

    def _file(self) -> Path:
        file = self.root / "orders.jsonl"
        lines = [json.dumps({"reference": order.reference, **to_wire(order.request())}) for order in self.orders]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file

    def _tell(self, out: str, _: str) -> None:
        made = {deed.reference for deed in self.deeds}
        for line in out.splitlines(keepends=True):
            if not line.startswith("{") or not line.endswith("\n"):
                continue
            one = json.loads(line)
            fee = None if one["fee"] is None else Decimal(one["fee"]["amount"])
            self.told.append(Told(one["reference"], one["recorded"], one["order_id"], fee))
            if one["recorded"] == "refused":
                assert one["reference"] not in made, f"told as refused, and made: {one}"

    def _in(self, *states: str) -> list[str]:
        return [reference for reference, row in self.rows.items() if row.state in states]

    def _seen(self) -> int:
        return sum(self.vendor.ledger.seen.values())

    def _new_folder(self) -> Path:
        self._number += 1
        return self.root / str(self._number)


@attrs.define
class Lived:
    """What a life was like."""

    acts: int = 0
    bookings: int = 0


def live(root: Path, number: int, *, acts: int) -> Lived:
    """Live by a seed: so many acts; then let everything be settled."""
    dice = random.Random(number)
    names, weights = list(ACTS), [weight for weight, _ in ACTS.values()]
    life = RealLife(root)
    try:
        while len(life.script) < acts:
            (name,) = dice.choices(names, weights)
            life.act({"act": name, "seed": number, **ACTS[name][1](dice)})
        life.settle()
        return Lived(len(life.script), len(life.deeds))
    finally:
        life.close()


def replay(root: Path, script: Sequence[dict[str, Any]]) -> None:
    """Do the acts of a script again."""
    life = RealLife(root)
    try:
        for line in script:
            life.act(line)
    finally:
        life.close()
