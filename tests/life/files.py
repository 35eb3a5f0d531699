"""A shop whose journal is a file: copied, moved, backed up, restored, copied by half."""

from __future__ import annotations

import contextlib
import shutil

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from pandapon_async import Journal, JournalError
from tests.life.people import People
from tests.life.plans import QUIET, Plan
from tests.life.worlds import Disk


class LifeOnDisk(People):
    """A shop whose journal is a file, and everything that happens to it."""

    world: Disk

    def _made_world(self) -> Disk:
        return Disk()

    async def _around_here(self, plan: Plan) -> None:
        if "second start" in plan.around:
            async with self._session() as session:
                await self._refused(self._job(session, QUIET))
        if "backup" in plan.around and not (target := self.world.folder / "backup.db").exists():
            with self._journal() as journal:
                journal.backup(target)

    @rule(how=st.sampled_from(("copy", "move")))
    @precondition(lambda self: self.rows)
    def handle_the_file(self, how: str) -> None:
        folder = self.world.new_folder()
        if how == "copy":
            shutil.copytree(self.world.folder, folder)
        else:
            self.world.folder.rename(folder)
        self.world.move_to(folder)

    @rule()
    @precondition(lambda self: self.rows and self._key_is_known)
    def copy_without_its_wal(self) -> None:
        """Such a copy is refused, unless nothing is missing in it."""
        folder = self.world.new_folder()
        folder.mkdir()
        copy = folder / "bookings.db"
        shutil.copyfile(self.world.journal, copy)
        with contextlib.suppress(JournalError), Journal.open(copy) as journal:
            found = {row.reference: (row.state, row.version) for row in journal.rows()}
            assert found == {row.reference: (row.state, row.version) for row in self.rows.values()}
        shutil.rmtree(folder)

    @rule(restored=st.booleans())
    @precondition(lambda self: self.rows and self._key_is_known)
    def go_on_with_a_backup(self, restored: bool) -> None:
        """A backup is refused until somebody says that nothing was booked since."""
        folder = self.world.new_folder()
        folder.mkdir()
        with self._journal() as journal:
            journal.backup(folder / "bookings.db")
        original, self.world.folder = self.world.folder, folder

        async def refused() -> None:
            async with self._session() as session:
                await self._refused(self._job(session, QUIET))

        self.loop.run_until_complete(refused())
        if restored:
            with self._by_hand(None) as journal:
                journal.restore(by="ann", note="the old disk is broken")
        self.world.folder = original
        if restored:
            self.world.move_to(folder)
