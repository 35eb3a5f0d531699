"""What real life does to a journal on disk, and to one in PostgreSQL; and how a life is lived by a seed, or again by its script."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from pandapon_async import Journal, JournalError
from tests.life.real import Act, Dice, RealLife, drawn_faults
from tests.postgres import PostgresServer


class LifeOnDisk(RealLife):
    """A shop whose journal is a file."""

    beside = (*RealLife.beside, "backup")
    journal: Path

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._number = 0
        self.folder = self._new_folder()
        self.folder.mkdir()
        self.journal = self.named = self.folder / "bookings.db"

    @classmethod
    def acts(cls) -> Mapping[str, Act]:
        how = ("copy", "move", "link", "backup", "foreign look")
        return {**super().acts(), "handle_the_file": (2, lambda dice: {"how": dice.choice(how)})}

    def stored_beside(self, what: str) -> None:
        if what == "backup":
            with contextlib.suppress(JournalError), Journal.open(self.journal) as journal:
                journal.backup(self.root / f"backup-{len(self.script)}.db")

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
            copy = folder / "bookings.db"
            self.pandapon("journal", self.named, "--backup", copy)
            process = self.start("-m", "pandapon_async", "book", self.file(), "--journal", copy)
            assert "backup" in self.ended(process)[1]
            self.pandapon("journal", copy, "--restore", "--by", "ann", "--note", "the old disk is broken")
        elif how == "foreign look":
            look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT COUNT(*) FROM rows').fetchall()"
            self.ended(self.start("-c", look, self.journal))
            return
        else:
            self.journal = self.named = self.root / f"link-{self._number}.db"
            self.journal.symlink_to(self.folder / "bookings.db")
            return
        if how != "move":
            shutil.rmtree(self.folder)
        self.folder = folder
        self.journal = self.named = self.folder / "bookings.db"

    def _new_folder(self) -> Path:
        self._number += 1
        return self.root / str(self._number)


class LifeOnServer(RealLife):
    """A shop with several desks, and their journal in PostgreSQL."""

    beside = (*RealLife.beside, "server restarted", "server killed", "connections cut", "lease lost")
    journal: str

    def __init__(self, root: Path, server: PostgresServer) -> None:
        super().__init__(root)
        self.server = server
        self.journal, self.named = server.fresh(), "env:JOURNAL_URL"

    @classmethod
    def acts(cls) -> Mapping[str, Act]:
        def drawn_desks(dice: Dice) -> dict[str, Any]:
            parts = [sorted(dice.random() for _ in range(2)) for _ in range(dice.choice((2, 2, 3)))]
            return {
                "new": dice.randrange(5, 30), "parts": [[round(end, 2) for end in part] for part in parts],
                "killed": dice.choice((None, 0, 1)), "after": dice.randrange(0, 30), "faults": drawn_faults(dice),
                "beside": dice.choice(("", "", *cls.beside)),
            }  # fmt: skip

        return {
            **super().acts(),
            "desks": (8, drawn_desks),
            "stop_the_server": (1, lambda dice: {"how": dice.choice(("restarted", "killed"))}),
        }

    def environment(self) -> Mapping[str, str]:
        return {"JOURNAL_URL": self.journal}

    def stored_beside(self, what: str) -> None:
        if what.startswith("server "):
            self.stop_the_server(what.removeprefix("server "))
        elif what == "connections cut":
            ours = "FROM pg_stat_activity WHERE application_name LIKE 'pandapon%'"
            self.server.run("postgres", f"SELECT pg_terminate_backend(pid) {ours}")
        elif what == "lease lost" and self.server.run("postgres", "SELECT to_regclass('pandapon.workers')") != [
            (None,)
        ]:
            # As another desk would, if PostgreSQL's clock went on by a minute: not before the lease has ended by the worker's own.
            self.server.run(
                "postgres", "UPDATE pandapon.workers SET ended = lease_end, lost = TRUE WHERE ended IS NULL"
            )

    def stop_the_server(self, how: str) -> None:
        self.server.stop() if how == "restarted" else self.server.kill()
        self.server.start()

    def desks(
        self,
        new: int,
        parts: Sequence[Sequence[float]],
        killed: int | None,
        after: int,
        faults: dict[str, Any],
        beside: str,
    ) -> None:
        """Several desks book at once, each a part of the orders, and some orders are in several parts; one desk may be killed."""
        self.take(new, faults)
        lines = self.file().read_text(encoding="utf-8").splitlines(keepends=True)
        processes = []
        for number, (begin, end) in enumerate([(0.0, 1.0), *parts[1:]]):
            file = self.root / f"desk-{number}.jsonl"
            chosen = lines[round(begin * len(lines)) : round(end * len(lines))] or lines[-1:]
            file.write_text("".join(chosen[::-1] if number else chosen), encoding="utf-8")
            processes.append(self.booking(file=file))
        self.wait_for(after, *processes)
        if killed is not None:
            processes[killed].send_signal(signal.SIGKILL)
        self.do_beside(beside, ())
        for process in processes:
            self.tell(process)
        self.settle_edits()


def life_of(store: str, root: Path, server: Callable[[], PostgresServer]) -> RealLife:
    """A life on one of the stores."""
    return LifeOnDisk(root) if store == "sqlite" else LifeOnServer(root, server())


@attrs.define
class Lived:
    """What a life was like."""

    acts: int = 0
    bookings: int = 0


def live(life: RealLife, number: int, *, acts: int) -> Lived:
    """Live by a seed: so many acts; then let everything be settled."""
    dice = Dice(number)
    known = life.acts()
    names, weights = list(known), [weight for weight, _ in known.values()]
    try:
        while len(life.script) < acts:
            (name,) = dice.choices(names, weights)
            life.act({"act": name, "seed": number, **known[name][1](dice)})
        life.settle()
        return Lived(len(life.script), len(life.deeds))
    finally:
        life.close()


def replay(life: RealLife, script: Sequence[dict[str, Any]]) -> None:
    """Do the acts of a script again."""
    try:
        for line in script:
            life.act(line)
    finally:
        life.close()
