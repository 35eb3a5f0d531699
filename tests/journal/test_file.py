"""A journal's file through what people do to files: nothing is booked twice or lost by a copy, a move, a look or a backup."""

# ruff: noqa: ASYNC240 - small files of this machine

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import attrs
import pytest

from pandapon_async import Journal, JournalError
from pandapon_async._journal.sqlite import writer as journal_writer, writing as journal_writing
from pandapon_async._journal.sqlite.lock import _HELD, OwnerLock, account_lock
from pandapon_async._journal.sqlite.mounts import network_kind, network_kind_on_mac
from pandapon_async._journal.sqlite.store import SqliteStore
from pandapon_async._journal.sqlite.writer import Writer
from pandapon_async._journal.store import Ending
from pandapon_async.testing import VirtualClock
from tests.jobs.support import KEY, recorded
from tests.journal.support import NOW, done, entry, opened, row, taken

OTHER = attrs.evolve(KEY, name="other", key="f2")
ROOT = Path(__file__).parent.parent.parent
posix = pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be moved on Windows")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


def copied(path: Path, folder: Path, *, wal: bool) -> Path:
    """A copy of what there is, as a kill would leave it; or of the file alone.

    Another process makes it, since this one would drop its locks by reading the files.
    """
    folder.mkdir()
    files = [path, *([Path(f"{path}-wal"), *path.parent.glob("*.lock")] if wal else [])]
    by_another("cp", *files, folder)
    return folder / path.name


def by_another(*command: str | Path) -> None:
    """Let another process do something."""
    subprocess.run(command, check=True)


async def test_one_that_was_killed_while_it_made_the_journal_left_nothing_that_was_written(path: Path):
    code = """
        import sqlite3
        from pandapon_async._journal.sqlite.schema import TABLES
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA cache_size = 1")  # so that it doesn't wait for the commit
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";")[:-1]:
            connection.execute(statement)
        os._exit(0)
    """
    said(script(code, path))
    assert Path(f"{path}-wal").stat().st_size
    async with opened(path) as store:
        await done(store, entry(1))
    assert recorded(path) == {"order-1": "done"}


def forget_locks(path: Path) -> None:
    """What says that a journal was there."""
    for lock in path.parent.glob("*.lock"):
        lock.unlink()


async def refused(path: Path, match: str) -> None:
    """Neither a job nor a look takes the file for a journal, and both leave it as it is."""
    before = path.read_bytes()
    with pytest.raises(JournalError, match=match):
        async with opened(path):
            pass
    with pytest.raises(JournalError, match=match):
        Journal.open(path)
    assert path.read_bytes() == before


def look(path: Path, statement: str = "SELECT COUNT(*) FROM rows", *, options: str = "") -> str:
    """What another program, that knows nothing of us, does with the file."""
    code = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]); "
        f"print(connection.execute({statement!r}).fetchall()); {options}connection.close()"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout


def script(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that has `SqliteStore`, a key, and the paths that it is given."""
    head = """
        import asyncio, os, sys
        from pathlib import Path
        from pandapon_async import Journal, JournalError
        from pandapon_async._clock import SystemClock
        from pandapon_async._journal.sqlite.store import SqliteStore
        from tests.jobs.support import KEY
        from tests.journal.support import done, entry, opened, row, taken
        from pandapon_async._journal.store import Ending
        path = Path(sys.argv[1])
    """
    text = textwrap.dedent(head) + textwrap.dedent(code)
    command = [sys.executable, "-c", text, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out


# --- copies ------------------------------------------------------------------------------------------------------------


async def test_a_copy_without_its_wal_is_never_taken_for_the_whole(tmp_path: Path, path: Path):
    """At every moment: the file alone either has everything, or is refused."""
    store = await SqliteStore.open(path, KEY, VirtualClock(NOW))
    expected: dict[str, str] = {}
    for number in range(6):
        await done(store, entry(number))
        expected[f"order-{number}"] = "done"
        if number % 3 == 2:
            await store._writer.submit(lambda _: None)
            store._writer._changed = -(10**9)  # let the next group end with a checkpoint
        copy = copied(path, tmp_path / f"alone-{number}", wal=False)
        try:
            assert recorded(copy) == expected
        except JournalError as error:
            assert "a part of it is missing" in error.message  # noqa: PT017
        assert recorded(copied(path, tmp_path / f"both-{number}", wal=True)) == expected
    await store.close()
    assert not Path(f"{path}-wal").exists()
    assert recorded(copied(path, tmp_path / "closed", wal=False)) == expected


async def test_what_a_reader_keeps_in_the_wal_does_not_make_the_file_look_whole(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A checkpoint beside a reader moves a part of the bookings only."""
    monkeypatch.setattr(journal_writer, "_CHANGES_A_CHECKPOINT", 1)
    async with opened(path) as store:
        for number in range(3):
            await done(store, entry(number))
        with other_program(path, "read"):
            for number in range(3, 6):
                await done(store, entry(number))
                copy = copied(path, tmp_path / f"alone-{number}", wal=False)
                with pytest.raises(JournalError, match="a part of it is missing"):
                    Journal.open(copy)
        copy = copied(path, tmp_path / "both", wal=True)
    assert len(recorded(copy)) == 6


async def test_a_wal_that_was_removed_after_a_kill_is_missed_one_that_was_folded_into_the_file_is_not(
    tmp_path: Path, path: Path
):
    async with opened(path) as store:
        for number in range(3):
            await done(store, entry(number))
        removed, folded = (copied(path, tmp_path / name, wal=True) for name in ("removed", "folded"))
    Path(f"{removed}-wal").unlink()
    await refused(removed, "a part of it is missing")
    look(folded)
    assert not Path(f"{folded}-wal").exists()
    async with opened(folded) as store:
        assert (await store.find("order-2")).state == "done"


async def test_a_copy_without_its_wal_is_refused_even_after_a_look(tmp_path: Path, path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
        copy = copied(path, tmp_path / "copy", wal=False)
    await refused(copy, "a part of it is missing")
    look(copy)
    assert not Path(f"{copy}-wal").exists() or not Path(f"{copy}-wal").stat().st_size
    await refused(copy, "a part of it is missing")


async def test_a_copy_with_its_wal_goes_on_where_the_kill_was(tmp_path: Path, path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
        await store.sent(await row(store, entry(2)))
        copy = copied(path, tmp_path / "copy", wal=True)
    async with opened(copy) as store:
        assert store.leftover == 1
        (again,) = await taken(store, entry(1))
        assert again.state == "done"
    assert recorded(copy) == {"order-1": "done", "order-2": "unknown"}


@pytest.mark.parametrize("older", ["file", "wal"])
async def test_a_file_and_a_wal_of_different_moments_are_refused(tmp_path: Path, path: Path, older: str):
    async with opened(path) as store:
        await done(store, entry(1))
        first = copied(path, tmp_path / "first", wal=True)
        store._writer._changed = -(10**9)
        await done(store, entry(2))
        await done(store, entry(3))
        second = copied(path, tmp_path / "second", wal=True)
    torn = tmp_path / "torn" / path.name
    torn.parent.mkdir()
    file, wal = (first, second) if older == "file" else (second, first)
    shutil.copy(file, torn)
    shutil.copy(f"{wal}-wal", f"{torn}-wal")
    with pytest.raises(JournalError, match=r"a part of it is missing|malformed"):
        Journal.open(torn)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_an_old_copy_that_is_written_over_the_file_in_use_never_passes_for_it(
    tmp_path: Path, path: Path, goes_on: bool
):
    async with opened(path) as store:
        old = copied(path, tmp_path / "old", wal=False)
        await done(store, entry(1))
    async with opened(path) as store:
        waiting = await row(store, entry(2))
        by_another("cp", old, path)
        if goes_on:
            with pytest.raises(JournalError, match=r"an old copy was written over .* nothing more is begun"):
                await store.sent(waiting)
    await refused(path, r"a part of it is missing|malformed")


async def test_another_program_that_moves_the_wal_into_the_file_in_use_disturbs_nothing(path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
        for step in ("PRAGMA wal_checkpoint(PASSIVE)", "VACUUM"):
            theirs = f"import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=60).execute({step!r})"
            by_another(sys.executable, "-c", theirs, path)
            await done(store, entry(2 if step == "VACUUM" else 3))
    assert recorded(path) == {"order-1": "done", "order-2": "done", "order-3": "done"}


async def test_a_file_that_lost_its_wal_is_taken_once_its_owner_declares_it_whole(tmp_path: Path, path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
        copy = copied(path, tmp_path / "copy", wal=False)
    with pytest.raises(JournalError, match="named"):
        Journal.declare_whole(copy, by=" ", note="x")
    Journal.declare_whole(copy, by="jane", note="looked all up")
    async with opened(copy):
        pass
    assert recorded(copy) == {}


async def test_a_look_from_inside_and_one_from_outside_lose_nothing(path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
        for number in range(2, 5):
            with Journal.open(path) as journal:
                assert journal.counts()["done"] == number - 1
            assert look(path) == f"[({number - 1},)]\n"
            assert Path(f"{path}-wal").stat().st_size
            await done(store, entry(number))
    assert recorded(path) == {f"order-{number}": "done" for number in range(1, 5)}


async def test_a_look_after_a_kill_loses_nothing(tmp_path: Path, path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
        copy = copied(path, tmp_path / "copy", wal=True)
    with Journal.open(copy) as journal:
        assert journal.counts()["done"] == 1
    assert look(copy) == "[(1,)]\n"
    assert recorded(copy) == {"order-1": "done"}


# --- moves -------------------------------------------------------------------------------------------------------------


def moved(path: Path) -> None:
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").rename(path.parent / f"moved.db{name}")


MOVES = {
    "moved whole": moved,
    "moved without its wal": lambda path: path.rename(path.parent / "moved.db"),
    "deleted": lambda path: path.unlink(),
    "its wal deleted": lambda path: Path(f"{path}-wal").unlink(),
    "replaced": lambda path: (shutil.copy(path, path.parent / "x"), os.replace(path.parent / "x", path)),
    "linked": lambda path: os.link(path, path.parent / "second.db"),
    "its lock deleted": lambda path: [lock.unlink() for lock in path.parent.glob("*.lock")],
}


@posix
@pytest.mark.parametrize("kind", MOVES)
async def test_nothing_more_begins_once_the_file_is_not_where_it_was(path: Path, kind: str):
    async with opened(path) as store:
        under_way = await store.sent(await row(store, entry(1)))
        waiting = await row(store, entry(2))
        MOVES[kind](path)
        with pytest.raises(JournalError, match="nothing more is begun"):
            await store.sent(waiting)
        with pytest.raises(JournalError, match="nothing more is begun"):
            await store.ended(under_way, Ending(state="done"))
        assert (await store.find("order-2")).state == "pending"


@posix
async def test_what_was_under_way_when_the_file_was_moved_is_in_the_moved_file(path: Path):
    async with opened(path) as store:
        under_way = await store.sent(await row(store, entry(1)))
        moved(path)
        with pytest.raises(JournalError, match="was moved"):
            await store.ended(under_way, Ending(state="done", order_id="21"))
    assert recorded(path.parent / "moved.db") == {"order-1": "done"}


@posix
async def test_a_journal_that_was_moved_takes_nothing_from_the_one_at_its_place(path: Path):
    store = await SqliteStore.open(path, KEY, VirtualClock(NOW))
    await done(store, entry(1))
    moved(path)
    forget_locks(path)
    async with opened(path, OTHER) as second:
        await done(second, entry(2))
        await store.close()
        assert Path(f"{path}-wal").stat().st_size
        await done(second, entry(3))
    assert recorded(path) == {"order-2": "done", "order-3": "done"}
    assert recorded(path.parent / "moved.db") == {"order-1": "done"}


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def left_with_its_wal(path: Path) -> None:
    path.unlink()
    Path(f"{path}-wal").write_bytes(b"7" * 4096)
    forget_locks(path)


@pytest.mark.parametrize("act", [Path.unlink, emptied, left_with_its_wal])
async def test_no_new_one_is_made_where_one_was_lost(path: Path, act: Callable[[Path], None]):
    async with opened(path) as store:
        await done(store, entry(1))
    act(path)
    left = {file: file.read_bytes()[256:] for file in path.parent.iterdir()}
    for key in (KEY, OTHER):
        with pytest.raises(JournalError, match=r"is gone.*bookings\.db.*Bring the file back"):
            async with opened(path, key):
                pass
    assert {file: file.read_bytes()[256:] for file in left} == left
    for file in left:
        file.unlink()
    async with opened(path) as store:
        await done(store, entry(1))


async def put_back(path: Path, *, restored: bool = False) -> None:
    """A copy from before the last booking."""
    async with opened(path) as store:
        await done(store, entry(1))
    shutil.copy(path, path.parent / "copy")
    async with opened(path, OTHER) as store:
        await done(store, entry(2))
    async with opened(path) as store:
        await done(store, entry(3))
    shutil.copy(path.parent / "copy", path)
    if restored:
        with Journal.open(path) as journal:
            journal.restore(by="jane", note="nothing was booked since")


async def test_an_old_copy_that_was_put_in_its_place_is_refused_but_read(path: Path):
    await put_back(path)
    for key in (KEY, OTHER):
        with pytest.raises(JournalError, match=r"an old copy.*Bring the latest file"):
            async with opened(path, key):
                pass
    assert recorded(path) == {"order-1": "done"}
    with Journal.open(path) as journal, pytest.raises(JournalError, match="an old copy"):
        journal.resolve("order-1", "void", by="jane", note="x")


async def test_an_old_copy_is_used_once_it_is_restored_by_name(path: Path):
    await put_back(path, restored=True)
    for number, key in enumerate((KEY, OTHER, KEY), start=4):
        async with opened(path, key) as store:
            await done(store, entry(number))
    with Journal.open(path) as journal:
        journal.resolve("order-6", "void", by="jane", note="x")


async def test_an_old_copy_that_lacks_what_another_account_has_booked_is_refused(path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
    shutil.copy(path, path.parent / "copy")
    async with opened(path, OTHER) as store:
        await done(store, entry(2))
    shutil.copy(path.parent / "copy", path)
    with pytest.raises(JournalError, match="an old copy"):
        async with opened(path):
            pass


async def test_an_old_copy_is_refused_though_a_power_cut_has_taken_the_last_counts(path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
    (lock,) = path.parent.glob("*.lock")
    counted = lock.read_bytes()
    async with opened(path) as store:
        await done(store, entry(2))
    lock.write_bytes(counted)  # which isn't waited for to be on disk
    shutil.copy(path, path.parent / "copy")
    async with opened(path) as store:
        await done(store, entry(3))
    shutil.copy(path.parent / "copy", path)
    with pytest.raises(JournalError, match="an old copy"):
        async with opened(path):
            pass


async def test_what_somebody_left_who_changed_it_by_hand_and_was_killed_makes_it_no_old_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with opened(path) as store:
        await done(store, entry(1))
        await done(store, entry(2))
    monkeypatch.setattr(OwnerLock, "remove", OwnerLock.release)  # killed in between: nobody removes it
    with Journal.open(path) as journal:
        for number in (1, 2):
            journal.resolve(f"order-{number}", "void", by="jane", note="x")
    async with opened(path) as store:
        await done(store, entry(3))


@pytest.mark.parametrize("other", ["bookings.db.test", "bookings.db.hand-made"])
async def test_the_locks_of_a_journal_whose_name_begins_alike_say_nothing_of_this_one(path: Path, other: str):
    async with opened(path.with_name(other)) as store:
        await done(store, entry(1))
    async with opened(path) as store:
        await done(store, entry(1))
    with Journal.open(path) as journal:
        journal.resolve("order-1", "void", by="jane", note="x")


async def test_one_that_was_used_elsewhere_meanwhile_is_taken_when_it_is_back(path: Path):
    elsewhere = path.parent / "elsewhere" / "bookings.db"
    elsewhere.parent.mkdir()
    for here, there in ((path, elsewhere), (elsewhere, path)) * 2:
        for key in (KEY, OTHER):
            async with opened(here, key):
                pass
        here.rename(there)
    async with opened(path) as store:
        await done(store, entry(1))


async def test_what_another_account_cleared_away_after_a_kill_is_no_old_copy(path: Path):
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for number, key in enumerate((OTHER, KEY), start=2):
        async with opened(path, key) as store:
            await done(store, entry(number))


async def test_a_lock_under_which_nothing_was_written_yet_keeps_nobody_from_making_one(path: Path):
    lock = account_lock(path, KEY.vendor, KEY.name)
    lock.acquire()  # and killed
    lock.release()
    async with opened(path, OTHER):
        pass


@posix
async def test_a_file_with_two_names_is_refused(path: Path):
    async with opened(path):
        pass
    os.link(path, path.parent / "second.db")
    with pytest.raises(JournalError, match="hard link"):
        async with opened(path):
            pass


@posix
async def test_two_paths_to_one_file_are_one_journal(path: Path, monkeypatch: pytest.MonkeyPatch):
    link = path.parent / "folder" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    monkeypatch.chdir(path.parent)
    async with opened(path) as store:
        for name in (link, Path("bookings.db"), Path("folder/../bookings.db")):
            with pytest.raises(JournalError, match="another job"):
                async with opened(name):
                    pass
        monkeypatch.chdir(link.parent)
        await done(store, entry(1))
    assert recorded(link) == {"order-1": "done"}


@posix
async def test_a_symlink_to_nothing_yet_makes_the_journal_where_it_leads(path: Path):
    link = path.parent / "link.db"
    link.symlink_to(path)
    async with opened(link) as store:
        await done(store, entry(1))
    assert recorded(path) == {"order-1": "done"}


async def test_reading_goes_on_in_the_file_that_was_opened_but_nothing_is_changed_in_another(path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
    with Journal.open(path) as journal:
        path.rename(path.parent / "old.db")
        forget_locks(path)
        async with opened(path) as store:
            await done(store, entry(1))
        with pytest.raises(JournalError, match="moved or replaced"):
            journal.resolve("order-1", "void", by="jane", note="x")
    assert recorded(path) == {"order-1": "done"}


# --- processes ---------------------------------------------------------------------------------------------------------


HOLDING = """
    async def main():
        async with opened(path, now=1.0) as store:
            await store.sent(await row(store, entry(1)))
            print("holding", flush=True)
            sys.stdin.read()
            await asyncio.sleep(0)
    asyncio.run(main())
"""


@contextlib.contextmanager
def holder(path: Path, code: str = HOLDING) -> Iterator[subprocess.Popen[str]]:
    """A process that has a booking under way."""
    text = textwrap.dedent(code)
    process = script(text.replace("sys.stdin.read()", "await asyncio.sleep(60)"), path)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holding\n", process.stderr.read() if process.stderr else ""
        yield process
    finally:
        process.kill()
        process.communicate()


@linux
async def test_a_deleted_lock_does_not_put_what_is_under_way_in_doubt(path: Path):
    with holder(path) as process:
        for lock in path.parent.glob("*.lock"):
            lock.unlink()
        with pytest.raises(
            JournalError, match=rf"process {process.pid} on .* is using it, though its lock was deleted"
        ):
            async with opened(path):
                pass
        assert recorded(path) == {"order-1": "sent"}
    async with opened(path) as store:
        assert store.leftover == 1


async def test_after_a_kill_the_next_one_opens_it(path: Path):
    with holder(path) as process:
        with pytest.raises(JournalError, match=f"process {process.pid} on "):
            async with opened(path):
                pass
        process.kill()
        process.wait()
        async with opened(path) as store:
            assert store.leftover == 1


@linux
def test_a_forked_child_keeps_no_lock_and_can_not_use_the_journal(path: Path):
    process = script(
        """
        async def main():
            store = await SqliteStore.open(path, KEY, SystemClock())
            one = await row(store, entry(1))
            with Journal.open(path) as journal:
                child = os.fork()
                if not child:
                    for use in (lambda: store.sent(one), journal.counts):
                        try:
                            use()
                        except JournalError as error:
                            os.write(1, f"{'a fork' in error.message} ".encode())
                    os.close(1)
                    os.close(2)
                    __import__("time").sleep(30)
                    os._exit(0)
            os.write(1, f"{child} ".encode())
            os._exit(0)  # as a kill
        asyncio.run(main())
        """,
        path,
    )
    words = said(process).split()
    child = next(int(word) for word in words if word.isdigit())
    try:
        assert words.count("True") == 2
        os.kill(child, 0)  # it is still there

        async def again() -> None:
            async with opened(path) as store:
                await done(store, entry(1))

        asyncio.run(again())
    finally:
        os.kill(child, signal.SIGKILL)


@linux
def test_a_forked_child_that_ends_in_order_disturbs_nothing(path: Path):
    process = script(
        """
        import threading

        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()

        def did(work):
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        clock = SystemClock()
        store = did(SqliteStore.open(path, KEY, clock))
        did(done(store, entry(1)))
        for _ in range(20):
            writing = asyncio.run_coroutine_threadsafe(done(store, entry(2)), loop)
            child = os.fork()
            if not child:
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            writing.cancel()
        print(os.path.getsize(f"{path}-wal") > 0)
        did(store.close())
        """,
        path,
    )
    assert said(process).split()[-1] == "True"
    assert recorded(path)["order-1"] == "done"


# --- who else has it open ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def other_program(path: Path, statement: str) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sqlite3, sys, time; connection = sqlite3.connect(sys.argv[1], isolation_level=None); "
        f"connection.execute('BEGIN{' IMMEDIATE' if statement == 'write' else ''}'); "
        "connection.execute('SELECT COUNT(*) FROM rows').fetchall(); print('has it', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "has it\n"
        yield process
    finally:
        process.communicate("")


@linux
async def test_a_run_does_not_begin_while_somebody_reads_and_says_who(path: Path, monkeypatch: pytest.MonkeyPatch):
    async with opened(path) as store:
        await done(store, entry(1))
    monkeypatch.setattr(journal_writing, "WAIT", 0.05)
    with (
        other_program(path, "read") as process,
        pytest.raises(JournalError, match=rf"reading .*process {process.pid}\)"),
    ):
        async with opened(path):
            pass
    async with opened(path):
        pass


async def test_a_long_reader_holds_up_nothing_that_has_begun(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_writer, "_CHANGES_A_CHECKPOINT", 3)
    async with opened(path) as store:
        await done(store, entry(1))
        with other_program(path, "read"):
            for number in range(2, 9):
                await done(store, entry(number))
        for number in range(9, 12):
            await done(store, entry(number))
    assert not Path(f"{path}-wal").exists()
    assert set(recorded(path).values()) == {"done"}


async def test_what_ended_while_another_program_had_locked_it_is_written_once_it_may(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Writer, "PATIENCE", 0.05)
    monkeypatch.setattr("pandapon_async._journal.sql.writer.RETRY_EVERY", 0.01)
    async with opened(path) as store:
        under_way = await store.sent(await row(store, entry(1)))
        waiting = await row(store, entry(2))
        with other_program(path, "write"):
            with pytest.raises(JournalError, match="could not be written: database is locked"):
                await store.ended(under_way, Ending(state="done", order_id="21"))
            with pytest.raises(JournalError, match="could not be written"):
                await store.sent(waiting)
            assert recorded(path) == {"order-1": "sent", "order-2": "pending"}
    assert recorded(path) == {"order-1": "done", "order-2": "pending"}


async def test_on_a_full_disk_what_is_under_way_is_still_written_and_nothing_more_begins(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pandapon_async._journal.sql.writer.RETRY_EVERY", 0.01)
    path, filler = small_disk / "bookings.db", small_disk / "filler"
    reply = json.dumps({"data": "x" * 3000})
    async with opened(path) as store:
        rows = [await store.sent(found) for found in await taken(store, *map(entry, range(64)))]
        waiting = await row(store, entry(99))
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1024)):
                pass
        ends = [store.ended(found, Ending(state="done", order_id=found.reference, reply=reply)) for found in rows]
        assert {found.state for found in await asyncio.gather(*ends)} == {"done"}
        with pytest.raises(JournalError, match="disk is full"):
            await store.sent(waiting)
        filler.unlink()
        assert (await store.sent(waiting)).state == "sent"
    assert list(recorded(path).values()) == ["done"] * 64 + ["sent"]


async def test_the_wal_stays_small_by_checkpoints_of_ours_only(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_writer, "_CHANGES_A_CHECKPOINT", 50)
    sizes: list[int] = []
    async with opened(path) as store:
        for number in range(200):
            await done(store, entry(number))
            sizes.append(Path(f"{path}-wal").stat().st_size)
    assert max(sizes) == max(sizes[:60])


# --- what the file must be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "OFF"])
async def test_another_journal_mode_is_set_right(path: Path, mode: str):
    async with opened(path) as store:
        await done(store, entry(1))
    look(path, f"PRAGMA journal_mode = {mode}")
    async with opened(path) as store:
        (found,) = await store._fetched("PRAGMA journal_mode", ())
        assert found == ("wal",)
        assert await store._fetched("PRAGMA synchronous", ()) == [(2,)]
        assert await store._fetched("PRAGMA wal_autocheckpoint", ()) == [(0,)]
        assert await store._fetched("PRAGMA fullfsync", ()) == [(1,)]
        assert (await store.find("order-1")).state == "done"


@pytest.mark.parametrize(
    "name", [":memory:", "", " ", "file:bookings.db", "file::memory:?cache=shared", "file:/tmp/x?mode=memory"]
)
async def test_what_is_no_file_is_no_journal(name: str):
    with pytest.raises(JournalError, match="a journal is a file on disk"):
        Journal.open(name)
    with pytest.raises(JournalError, match="a journal is a file on disk"):
        await SqliteStore.open(name, KEY, VirtualClock(NOW))  # type: ignore[arg-type]


@posix
@pytest.mark.parametrize("name", ["a b?c#d%41.db", "客户.db", "-.db", "x;y'.db"])
async def test_a_path_may_hold_any_character(tmp_path: Path, name: str):
    async with opened(tmp_path / name) as store:
        await done(store, entry(1))
    assert sorted(found.suffix for found in tmp_path.iterdir()) == [".db", ".lock"]
    assert recorded(tmp_path / name) == {"order-1": "done"}


async def test_the_whole_file_is_looked_through_after_a_kill_only(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
):
    looked: list[Path] = []
    monkeypatch.setattr("pandapon_async._journal.sqlite.writing.check_whole", lambda _, path: looked.append(path))
    async with opened(path) as store:
        await done(store, entry(1))
        copy = copied(path, tmp_path / "copy", wal=True)
    async with opened(path):
        assert looked == []
    for key in (OTHER, KEY):  # whoever comes first
        async with opened(copy, key):
            assert looked == [copy]


async def test_damage_is_found_when_it_is_looked_for(path: Path):
    async with opened(path) as store:
        for number in range(300):
            await row(store, entry(number))
    with Journal.open(path) as journal:
        journal.check()
    content = bytearray(path.read_bytes())
    content[-8192:] = b"\xff" * 8192  # not of what is read at each opening
    path.write_bytes(content)
    with Journal.open(path) as journal, pytest.raises(JournalError, match="damaged"):
        journal.check()


# --- drives ------------------------------------------------------------------------------------------------------------

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:20 / /proc rw - proc proc rw
40 22 0:50 / /srv/share rw - nfs4 nas:/share rw
41 22 0:51 / /srv/share/local rw - ext4 /dev/vdb rw
42 22 0:52 / /mnt/my\\040drive rw - fuse.sshfs jane@host: rw
43 22 0:53 / /host rw - 9p drvfs rw
44 22 0:54 / /over rw - nfs4 nas:/over rw
45 44 0:55 / /over rw - xfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/share/bookings.db", "nfs4"), ("/srv/share/local/bookings.db", None), ("/srv/shared/bookings.db", None),
        ("/mnt/my drive/a/bookings.db", "fuse.sshfs"), ("/host/c/bookings.db", "9p"), ("/home/jane/bookings.db", None),
        ("/over/bookings.db", None),
    ],
)  # fmt: skip
def test_a_network_drive_is_known_by_its_mount(path: str, kind: str | None):
    assert network_kind(Path(path), MOUNTS) == kind


def test_a_network_drive_is_known_on_macos():
    table = "/dev/disk3s5 on / (apfs, local, journaled)\n//jane@nas/share on /Volumes/share (smbfs, nodev, nosuid)\n"
    assert network_kind_on_mac(Path("/Volumes/share/b.db"), table) == "smbfs"
    assert network_kind_on_mac(Path("/Users/jane/b.db"), table) is None


@pytest.mark.parametrize(
    ("folder", "mark", "program"),
    [
        ("OneDrive", None, "OneDrive"), ("OneDrive - Example Ltd", None, "OneDrive"), ("Dropbox (Personal)", None, "Dropbox"),
        ("Nextcloud", None, "Nextcloud"), ("files", ".stfolder", "Syncthing"), ("files", ".dropbox.cache", "Dropbox"),
        ("files", ".nextcloudsync.log", "Nextcloud"),
    ],
)  # fmt: skip
async def test_a_journal_in_a_synchronised_folder_is_refused_with_the_way_on(
    tmp_path: Path, folder: str, mark: str | None, program: str
):
    path = tmp_path / folder / "2026" / "bookings.db"
    path.parent.mkdir(parents=True)
    if mark is not None:
        (tmp_path / folder / mark).mkdir()
    with pytest.raises(
        JournalError, match=rf"synchronised drive \({program}\).*several machines share one in PostgreSQL"
    ):
        async with opened(path):
            pass
    assert not path.exists()


@pytest.mark.parametrize("folder", ["onedrives", "my dropbox notes", "dropboxes", "files"])
async def test_another_folder_is_none_of_them(tmp_path: Path, folder: str):
    path = tmp_path / folder / "bookings.db"
    path.parent.mkdir()
    async with opened(path):
        assert path.exists()


@linux
async def test_a_journal_on_a_network_drive_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pandapon_async._journal.sqlite.mounts.network_kind", lambda *_: "nfs4")
    with pytest.raises(JournalError, match=r"network or synchronised drive \(nfs4\)"):
        async with opened(path):
            pass
    assert not path.exists()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder as it is on a disk that can't be written."""
    commands = [["mount", "--bind", folder, folder], ["mount", "-o", "remount,bind,ro", folder]]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or any(subprocess.run(one, capture_output=True).returncode for one in commands)
    ):
        pytest.skip("mounting needs root on Linux")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("wal", [True, False])
async def test_a_journal_in_a_folder_that_can_not_be_written_is_read(tmp_path: Path, path: Path, wal: bool):
    async with opened(path) as store:
        await done(store, entry(1))
        copy = copied(path, tmp_path / "copy", wal=wal)
        if wal:
            kept = copy
    if not wal:
        kept = tmp_path / "kept" / path.name
        kept.parent.mkdir()
        shutil.copy(path, kept)
        with read_only(copy.parent), pytest.raises(JournalError, match="a part of it is missing"):
            Journal.open(copy)
    with read_only(kept.parent):
        with Journal.open(kept) as journal:
            assert journal.counts()["done"] == 1
            with pytest.raises(JournalError):
                journal.resolve("order-1", "void", by="jane", note="x")
        with pytest.raises(JournalError):
            async with opened(kept):
                pass


# --- backups -----------------------------------------------------------------------------------------------------------


async def test_a_backup_during_a_run_is_whole_and_refused_until_it_is_restored(tmp_path: Path, path: Path):
    target = tmp_path / "backup.db"
    async with opened(path) as store:
        await done(store, entry(1))
        with Journal.open(path) as journal:
            journal.backup(target)
            with pytest.raises(JournalError, match="is there already"):
                journal.backup(target)
        await done(store, entry(2))
    assert sorted(found.name for found in tmp_path.iterdir() if "backup" in found.name) == ["backup.db"]
    assert recorded(target) == {"order-1": "done"}
    if sys.platform != "win32":
        assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(JournalError, match=r"is a backup of 20\d\d-.* restore it first"):
        async with opened(target):
            pass
    with Journal.open(target) as journal:
        with pytest.raises(JournalError, match="is a backup"):
            journal.resolve("order-1", "void", by="jane", note="x")
        journal.restore(by="jane", note="nothing was booked since")
    async with opened(target) as store:
        assert (await store.find("order-1")).state == "done"


async def test_a_backup_never_replaces_a_file_not_even_itself(path: Path):
    async with opened(path) as store:
        await done(store, entry(1))
    before = path.read_bytes()
    with Journal.open(path) as journal, pytest.raises(JournalError, match="is there already"):
        journal.backup(path)
    assert path.read_bytes() == before


@pytest.fixture(autouse=True)
async def nothing_is_left_open() -> AsyncIterator[None]:
    yield
    assert not list(_HELD)


def test_an_sqlite_connection_that_only_reads_removes_no_wal(path: Path):
    """What we rely on: the last connection to close removes the wal, unless it was opened to read."""
    with contextlib.closing(sqlite3.connect(path)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("CREATE TABLE rows (x)")
        reading = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        reading.execute("SELECT * FROM rows").fetchall()
    reading.close()
    assert Path(f"{path}-wal").stat().st_size
