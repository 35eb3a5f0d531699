"""`pandapon book` as a process: streams that end, signals, kills, full disks; and that every total is true after them."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults
from tests.journal.conftest import small_disk

from .conftest import Pandapon, environment, order, process
from .files import Write, rows_of, write

pty = pytest.importorskip("pty")  # not on Windows

__all__ = ["small_disk"]

pytestmark = [
    pytest.mark.usefixtures("keys"),
    pytest.mark.skipif(os.name != "posix", reason="POSIX signals and shells"),
]


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "bookings.db")


def states(journal: str) -> Counter[str]:
    with Journal.open(journal) as opened:
        return Counter(row.state for row in opened.rows())


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def summary(text: str) -> dict[str, int]:
    """The counts of a summary, by label."""
    labels = ("Booked", "Refused by vendor", "Wrong", "Unclear", "Waiting", "Cancelled")
    found: dict[str, int] = {}
    for line in text.splitlines():
        for label in labels:
            if line.startswith(label) and (words := line.removeprefix(label).lstrip(": ").split()):
                found[label] = int(words[0].strip(",").replace(",", ""))
    return found


def shell(line: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell's line; $P is the program, $1 ... are the arguments."""
    program = f"P='{sys.executable} -m pandapon_async'; set -o pipefail; "
    return subprocess.run(["bash", "-c", program + line, "bash", *arguments], capture_output=True, timeout=60)


# --- streams ---


@pytest.mark.parametrize(
    "where", ["| head -1", "> /dev/full", ">&-", ">&- 2>&-", "> /dev/full 2>&1", "<&-", "2>&1 | head -c 1"]
)
@pytest.mark.parametrize("how", ["", "--json"])
def test_a_stream_that_ends_changes_neither_a_booking_nor_the_status(
    shop: FakeVendor, orders: Write, journal: str, where: str, how: str
):
    shop.script("refuse", "ok")
    done = shell(f'$P book "$1" --journal "$2" --concurrency 1 {how} {where}', orders(40), journal)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == 1  # one was refused
    assert states(journal) == {"done": 39, "refused": 1}


def test_what_stdout_does_not_take_is_told_on_stderr(orders: Write, journal: str):
    done = shell('$P book "$1" --journal "$2" > /dev/full', orders(3), journal)
    assert done.returncode == 0
    assert b"the output takes nothing: No space left on device" in done.stderr
    assert summary(done.stderr.decode())["Booked"] == 3


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "gbk", "ascii", "ascii:strict"])
@pytest.mark.parametrize("language", ["C.UTF-8", "zh_CN.UTF-8"])
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_narrow_code_page_changes_neither_a_booking_nor_the_status(
    shop: FakeVendor, tmp_path: Path, journal: str, encoding: str, language: str, how: list[str]
):
    shop.script("drop_after")
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps(order(1, reference="订单-1")) + "\n", encoding="utf-8")
    environ = {**environment(shop, "pandapon"), "PYTHONIOENCODING": encoding, "LC_ALL": language}
    page = encoding.partition(":")[0]
    with process("book", str(file), "--journal", journal, *how, environ=environ, encoding=page) as child:
        out, err = child.communicate()
    assert (child.returncode, "Traceback" in err) == (3, False)
    if how:
        assert json.loads(out)["reference"] == "订单-1"
    else:
        assert ("订单-1" if encoding == "gbk" else "\\u8ba2\\u5355-1") in out


def test_with_progress_on_a_terminal_the_objects_still_go_to_the_file(
    shop: FakeVendor, orders: Write, journal: str, tmp_path: Path
):
    ours, theirs = pty.openpty()
    out = tmp_path / "out.jsonl"
    environ = {**environment(shop, "pandapon"), "TERM": "xterm"}
    with (
        out.open("w") as stdout,
        process(
            "book", orders(20), "--journal", journal, "--json", environ=environ, stdout=stdout, stderr=theirs
        ) as child,
    ):
        os.close(theirs)
        with contextlib.suppress(OSError):  # EIO: it has ended
            while os.read(ours, 65536):
                pass
        assert child.wait(timeout=30) == 0
    os.close(ours)
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 20


# --- signals ---


@contextlib.contextmanager
def booking(shop: FakeVendor, *arguments: str, after: int = 20, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """A booking process, once the vendor has booked some."""
    environ = environment(shop, "pandapon")
    with process("book", *arguments, environ=environ, **streams) as child:
        until(lambda: len(shop.ledger.bookings) >= after)
        yield child


def answered(child: subprocess.Popen[str]) -> str:
    """What a signal is answered with; before it stands that the journal was made."""
    assert child.stderr is not None
    return next(line for line in child.stderr if line.startswith("Interrupted"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_answered_at_once_and_leaves_nothing_in_doubt(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str, number: signal.Signals
):
    shop.faults = Faults(latency=0.5)
    file = orders(200)
    with booking(shop, file, "--journal", journal, "--concurrency", "8", after=8) as child:
        until(lambda: len(shop.ledger.requests) >= 16)  # the next eight are under way
        child.send_signal(number)
        assert child.stderr is not None
        answer = answered(child)
        assert child.poll() is None  # before it ends
        out, err = child.communicate(timeout=30)
    assert child.returncode == 128 + number, err
    assert answer == "Interrupted: 8 under way, up to 30 s; again: they stay unclear\n"
    assert set(states(journal)) == {"done", "pending"}
    assert states(journal)["done"] == len(shop.ledger.bookings) == summary(out)["Booked"]
    shop.faults = Faults()
    assert pandapon("book", file, "--journal", journal).exit_code == 0
    assert set(shop.ledger.bookings.values()) == {1}


def test_a_second_signal_leaves_in_doubt_what_is_in_flight_and_a_third_nothing_more(
    shop: FakeVendor, orders: Write, journal: str
):
    shop.faults = Faults(latency=30)
    with process(
        "book", orders(20), "--journal", journal, "--concurrency", "4", environ=environment(shop, "pandapon")
    ) as child:
        assert child.stderr is not None
        until(lambda: len(shop.ledger.requests) >= 4)
        child.send_signal(signal.SIGINT)
        assert "4 under way" in answered(child)
        for _ in range(5):
            child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert states(journal) == {"unknown": 4, "pending": 16}
    assert summary(out) == {"Booked": 0, "Refused by vendor": 0, "Unclear": 4, "Waiting": 16}


def test_an_ignored_hangup_stays_ignored(shop: FakeVendor, orders: Write, journal: str):
    shop.faults = Faults(latency=0.02)
    line = 'trap "" HUP; exec $P book "$1" --journal "$2" --concurrency 4'
    program = f"P='{sys.executable} -m pandapon_async'; "
    child = subprocess.Popen(["bash", "-c", program + line, "bash", orders(100), journal], stdout=subprocess.DEVNULL)
    try:
        until(lambda: len(shop.ledger.bookings) >= 10)
        child.send_signal(signal.SIGHUP)
        assert child.wait(timeout=30) == 0
    finally:
        child.kill()
        child.wait()
    assert states(journal) == {"done": 100}


def test_a_terminal_that_hangs_up_drains(shop: FakeVendor, orders: Write, journal: str):
    shop.faults = Faults(latency=0.05)
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    with booking(shop, orders(400), "--journal", journal, "--concurrency", "4", **streams) as child:
        os.close(theirs)
        os.close(ours)
        child.send_signal(signal.SIGHUP)
        assert child.wait(timeout=30) == 128 + signal.SIGHUP
    assert set(states(journal)) == {"done", "pending"}
    assert states(journal)["done"] == len(shop.ledger.bookings)


def test_a_signal_before_anything_was_sent_says_so(shop: FakeVendor, journal: str):
    environ = environment(shop, "pandapon")
    with process("book", "-", "--journal", journal, environ=environ, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write("\n" * 200_000)  # more than a pipe holds: it is being read
        child.stdin.flush()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert (child.returncode, "Traceback" in err) == (130, False)
    assert not shop.ledger.requests


# --- totals ---


def test_after_a_kill_the_total_in_doubt_is_true(pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str):
    shop.faults = Faults(latency=0.5)
    file = orders(100)
    with booking(shop, file, "--journal", journal, "--concurrency", "16", after=16) as child:
        until(lambda: len(shop.ledger.requests) >= 32)
        child.kill()
        child.wait()
    shop.faults = Faults()
    result = pandapon("book", file, "--journal", journal)
    found = states(journal)
    assert found["unknown"] == 16
    assert summary(result.stdout) == {
        "Booked": found["done"], "Refused by vendor": 0, "Unclear": 16, "Waiting": 0
    }  # fmt: skip
    assert "Unclear            16, 16 of them by other runs" in result.stdout
    assert result.exit_code == 3


def test_interrupted_with_problems_every_order_appears_somewhere(
    shop: FakeVendor, orders: Write, journal: str, tmp_path: Path
):
    shop.faults = Faults(latency=0.05)
    shop.script(*["refuse", "ok"] * 5)
    problems = tmp_path / "problems.csv"
    file = orders(700, wrong=(3, 650))
    options = ("--journal", journal, "--problems", str(problems), "--concurrency", "4", "--json")
    with booking(shop, file, *options) as child:
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    counts = summary(err)
    assert sum(counts.values()) == 700
    assert (counts["Wrong"], counts["Refused by vendor"]) == (2, 5)
    assert "of them not read yet" in err
    told = [json.loads(line) for line in out.splitlines()]
    assert sorted(one["reference"] for one in told) == sorted(f"o-{number}" for number in range(700))
    assert Counter(one["state"] for one in told)["wrong"] == 2
    with problems.open(encoding="utf-8-sig", newline="") as read:
        rejected = {row["reference"] for row in csv.DictReader(read)}
    assert rejected == {one["reference"] for one in told if one["state"] in ("wrong", "refused")}


def test_a_run_that_is_stopped_counts_what_it_never_read(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str, tmp_path: Path
):
    shop.script({"status": 401})
    problems = str(tmp_path / "problems.csv")
    result = pandapon("book", orders(2000), "--journal", journal, "--problems", problems, "--concurrency", "1")
    assert result.exit_code == 4
    assert summary(result.stdout)["Waiting"] == 2000
    assert "of them not read yet" in result.stdout


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (["drop_after"], [], 3),
        (["refuse"], [], 1),
        (["ok"], [], 0),
        (["refuse", {"status": 401}], ["ok", {"status": 401}], 4),
        (["drop_after", {"status": 401}], ["ok", {"status": 401}], 3),
    ],
)
def test_the_status_is_of_all_runs(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str, first: list[Any], second: list[Any], status: int
):
    file = orders(3)
    book = ("book", file, "--journal", journal, "--concurrency", "1")
    shop.script(*first)
    pandapon(*book)
    shop.script(*second)
    assert pandapon(*book).exit_code == status


@pytest.mark.parametrize(("step", "status", "label"), [("drop_after", 3, "Unclear"), (401, 4, "Waiting")])
@pytest.mark.parametrize("count", [1, 3])
def test_what_an_earlier_run_began_counts_though_its_row_is_wrong_now(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str, tmp_path: Path,
    step: str | int, status: int, label: str, count: int,
):  # fmt: skip
    shop.script(step)
    assert pandapon("book", orders(1), "--journal", journal).exit_code == status
    file, problems = orders(count, wrong=(0,)), str(tmp_path / "problems.csv")
    result = pandapon("book", file, "--journal", journal, "--problems", problems)
    assert result.exit_code == status
    found = {"Booked": count - 1, "Refused by vendor": 0, "Unclear": 0, "Waiting": 0}
    assert summary(result.stdout) == {**found, label: 1}
    assert ("such as o-0" in result.stdout) is (status == 3)
    assert [row["reference"] for row in rows_of(Path(problems))] == ["o-0"]
    told = pandapon("book", file, "--journal", journal, "--problems", problems, "--json")
    (wrong,) = (one for one in map(json.loads, told.stdout.splitlines()) if one["reference"] == "o-0")
    assert (told.exit_code, wrong["recorded"], wrong["code"]) == (
        status,
        {3: "unknown", 4: "pending"}[status],
        "whole-number",
    )


def test_a_void_booking_that_is_fed_again_is_status_1(pandapon: Pandapon, orders: Write, journal: str):
    file = orders(2)
    pandapon("book", file, "--journal", journal)
    pandapon("journal", journal, "--mark", "o-1=void", "--by", "Jane")
    result = pandapon("book", file, "--journal", journal)
    assert (result.exit_code, summary(result.stdout)) == (
        1,
        {"Booked": 1, "Refused by vendor": 0, "Cancelled": 1, "Unclear": 0, "Waiting": 0},
    )


def test_a_parcel_that_another_booking_has_is_held_and_comes_back(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str, tmp_path: Path
):
    pandapon("book", orders(2), "--journal", journal)
    file, problems = Path(orders(2)), tmp_path / "problems.csv"
    file.write_text(file.read_text("utf-8").replace("o-1,", "another,"), "utf-8")
    result = pandapon("book", str(file), "--journal", journal, "--problems", str(problems))
    assert result.exit_code == 1
    assert "Held               1 not sent: a person has to decide" in result.stdout
    assert summary(result.stdout)["Booked"] == 1
    with problems.open(encoding="utf-8-sig", newline="") as read:
        (row,) = csv.DictReader(read)
    assert (row["reference"], "o-1" in row["problem"]) == ("another", True)
    assert shop.ledger.bookings == {"FF0": 1, "FF1": 1}


def test_bad_input_sends_nothing_and_sums_nothing_up(pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str):
    result = pandapon("book", orders(3, wrong=(1,)), "--journal", journal)
    assert (result.exit_code, result.stdout) == (2, "")
    assert not shop.ledger.requests


# --- what can't be written down ---


def printed_or_kept(shop: FakeVendor, journal: Path, out: str, err: str) -> int:
    """How many order ids stand only in what was printed; fails if one that the vendor gave stands nowhere."""
    told = {one["reference"]: one["order_id"] for one in map(json.loads, out.splitlines()) if one["order_id"]}
    with Journal.open(journal) as opened:
        kept = {row.reference: row.order_id for row in opened.rows() if row.state == "done"}
    given = {f"o-{key[2:]}": reply["orderId"] for key, reply in shop.ledger.replies.items()}
    only_told = given.keys() - kept.keys()
    assert given == {reference: told[reference] if reference in only_told else kept[reference] for reference in given}
    for reference in only_told:
        assert f"Not in the journal: {reference} is done, order id {given[reference]}, fee " in err
    return len(only_told)


def test_on_a_full_disk_every_order_id_that_came_is_in_the_journal_or_printed(
    shop: FakeVendor, orders: Write, small_disk: Path, tmp_path: Path
):
    journal = small_disk / "bookings.db"
    options = ("--problems", str(tmp_path / "problems.csv"), "--json", "--concurrency", "16")
    environ = environment(shop, "pandapon")
    with process(
        "book", orders(5000, receiver="x" * 1000), "--journal", str(journal), *options, environ=environ
    ) as child:
        out, err = child.communicate(timeout=60)
    assert "Traceback" not in err
    assert 0 < len(shop.ledger.bookings) < 5000
    in_doubt = printed_or_kept(shop, journal, out, err)
    assert child.returncode == (3 if in_doubt else 4)
    assert sum(summary(err).values()) == 5000


@pytest.mark.parametrize("is_moved", [True, False])
def test_under_a_journal_that_was_moved_or_deleted_every_order_id_that_came_is_printed(
    shop: FakeVendor, orders: Write, tmp_path: Path, journal: str, is_moved: bool
):
    shop.faults = Faults(latency=0.3)
    (tmp_path / "elsewhere").mkdir()
    with booking(shop, orders(100), "--journal", journal, "--json", "--concurrency", "8", after=8) as child:
        until(lambda: len(shop.ledger.requests) >= 16)
        for path in tmp_path.glob("bookings.db*"):
            path.rename(tmp_path / "elsewhere" / path.name) if is_moved else path.unlink()
        out, err = child.communicate(timeout=60)
    assert "Traceback" not in err
    told = {one["reference"]: one["order_id"] for one in map(json.loads, out.splitlines()) if one["order_id"]}
    assert told == {f"o-{key[2:]}": reply["orderId"] for key, reply in shop.ledger.replies.items()}
    lines = [line for line in err.splitlines() if line.startswith("Not in the journal: ")]
    assert len(lines) >= 8
    assert all(told[line.split()[4]] in line for line in lines)
    assert child.returncode == 3
    assert sum(summary(err).values()) == 100


_IMPATIENT = (
    "import sys; from pandapon_async._journal.sqlite.writer import Writer; Writer.PATIENCE = 0.2\n"
    "from pandapon_async.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


def test_a_journal_that_somebody_holds_up_is_counted_as_it_is_in_the_end(shop: FakeVendor, orders: Write, journal: str):
    """Somebody's `BEGIN IMMEDIATE` until an ending can't be written: it is written later, and then it counts."""
    shop.faults = Faults(latency=0.3)
    environ = environment(shop, "pandapon")
    arguments = ("book", orders(12), "--journal", journal, "--json", "--concurrency", "4")
    with process(*arguments, environ=environ, program=("-c", _IMPATIENT)) as child:
        until(lambda: len(shop.ledger.bookings) >= 4)
        assert child.stdout is not None
        assert child.stderr is not None
        with contextlib.closing(sqlite3.connect(journal, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            unwritten = next(line for line in child.stdout if json.loads(line)["recorded"] == "sent")
        told, err = child.stdout.read(), child.stderr.read()
        status = child.wait(timeout=60)
    assert json.loads(unwritten)["state"] == "done"
    assert told
    found = states(journal)
    assert found["done"] == len(shop.ledger.bookings) == summary(err)["Booked"]
    assert (found["unknown"], found["sent"]) == (0, 0)
    assert summary(err)["Waiting"] == found["pending"]
    assert "Not in the journal" not in err
    assert "Traceback" not in err
    assert status == (4 if found["pending"] else 0)


# --- problems, and what is asked of refused ones ---


@pytest.mark.parametrize(
    "name", ["orders.csv", "bookings.db", "bookings.db-wal", "other.csv", "new.db", "new.db-wal", "link.csv"]
)
def test_problems_replace_nothing_but_problems(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, tmp_path: Path, journal: str, name: str
):
    file = orders(2, wrong=(1,))
    (tmp_path / "other.csv").write_text("reference,renderId\n")
    (tmp_path / "link.csv").symlink_to(file)
    sqlite3.connect(journal).execute("CREATE TABLE t (x)").connection.close()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    used = "new.db" if name.startswith("new") else "bookings.db"
    result = pandapon("book", file, "--journal", str(tmp_path / used), "--problems", str(tmp_path / name))
    assert result.exit_code == 2
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert not shop.ledger.requests


@pytest.mark.parametrize("lines", [False, True])
def test_problems_are_replaced_by_the_next_ones(
    pandapon: Pandapon, orders: Write, tmp_path: Path, journal: str, lines: bool
):
    file, problems = orders(3, wrong=(1,)), tmp_path / "problems"
    if lines:
        Path(file).write_text(f"{json.dumps(order(0))}\n{json.dumps(order(1, renderId=7))}\n")
    book = ("book", file, "--journal", journal, "--problems", str(problems))
    assert pandapon(*book).exit_code == 1
    first = problems.read_bytes()
    assert pandapon(*book).exit_code == 1
    assert problems.read_bytes() == first != b""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("other", [False, True], ids=["the same input", "another input"])
def test_a_correction_that_is_not_booked_yet_stays_when_the_next_run_has_problems(
    pandapon: Pandapon, orders: Write, tmp_path: Path, journal: str, other: bool
):
    problems, beside = tmp_path / "problems.csv", tmp_path / "problems (2).csv"
    options = ("--journal", journal, "--problems", str(problems))
    file = orders(3, wrong=(1,))
    assert pandapon("book", file, *options).exit_code == 1
    write(problems, [{**row, "quantity": "7"} for row in rows_of(problems)])
    corrected = problems.read_bytes()
    result = pandapon("book", orders(4, wrong=(1, 2), name="b.csv") if other else file, *options)
    assert result.exit_code == 1
    assert problems.read_bytes() == corrected
    assert [row["reference"] for row in rows_of(beside)] == (["o-1", "o-2"] if other else ["o-1"])
    told = " ".join((result.stdout + result.stderr).split())
    assert f"{problems} has corrections" in told
    assert f"the new problems are in {beside}" in told
    assert f"bookings in {beside}: correct them there" in told
    assert pandapon("book", str(problems), "--journal", journal).exit_code == 0


def test_a_problems_file_that_nobody_has_touched_is_replaced_by_that_of_another_input(
    pandapon: Pandapon, orders: Write, tmp_path: Path, journal: str
):
    problems = tmp_path / "problems.csv"
    options = ("--journal", journal, "--problems", str(problems))
    pandapon("book", orders(3, wrong=(1,)), *options)
    second = Path(orders(5, wrong=(3, 4), name="b.csv", account="pandapon"))
    result = pandapon("book", str(second), *options)
    assert [row["reference"] for row in rows_of(problems)] == ["o-3", "o-4"]
    assert "has corrections" not in result.stdout + result.stderr
    assert list(tmp_path.glob("problems (*")) == []


def test_problems_that_can_not_be_written_cost_no_total(
    pandapon: Pandapon, orders: Write, tmp_path: Path, journal: str, small_disk: Path
):
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    problems = small_disk / "problems.csv"
    result = pandapon("book", orders(50, wrong=(1,)), "--journal", journal, "--problems", str(problems))
    assert (result.exit_code, summary(result.stdout)["Booked"]) == (1, 49)
    assert "the problems could not be written: No space left on device" in result.stderr
    assert not problems.exists()


def test_refused_ones_of_no_file_are_not_sent_again_silently(
    pandapon: Pandapon, shop: FakeVendor, orders: Write, journal: str
):
    shop.script("refuse")
    pandapon("book", orders(1), "--journal", journal)
    result = pandapon("book", "--journal", journal, "--retry-refused")
    assert (result.exit_code, "--retry-refused needs a FILE" in result.stderr) == (2, True)
    assert not shop.ledger.bookings
