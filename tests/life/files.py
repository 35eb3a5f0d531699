"""What becomes of a shop's files: copied, moved, backed up, restored, copied by half."""

from __future__ import annotations

import contextlib
import shutil
from datetime import datetime, timezone

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from pandapon_async import Journal, JournalError
from tests.life.people import People
from tests.life.plans import QUIET
from tests.life.shop import DAY


class Life(People):
    """One shop and its journal, and everything that happens to them."""

    @rule(how=st.sampled_from(("copy", "move", "forget", "check")))
    @precondition(lambda self: self.rows)
    def handle_the_file(self, how: str) -> None:
        if how == "copy":
            folder = self.disk.new_folder()
            shutil.copytree(self.disk.folder, folder)
            self.disk.move_to(folder)
        elif how == "move":
            folder = self.disk.new_folder()
            self.disk.folder.rename(folder)
            self.disk.move_to(folder)
        else:
            self.forgotten |= how == "forget"
            with self._by_hand(None) as journal:
                journal.check() if how == "check" else journal.forget_before(
                    datetime.fromtimestamp(self.loop.now() - DAY, timezone.utc)
                )

    @rule()
    @precondition(lambda self: self.rows and self._key_is_known)
    def copy_without_its_wal(self) -> None:
        """Such a copy is refused, unless nothing is missing in it."""
        folder = self.disk.new_folder()
        folder.mkdir()
        copy = folder / "bookings.db"
        shutil.copyfile(self.disk.journal, copy)
        with contextlib.suppress(JournalError), Journal.open(copy) as journal:
            found = {row.reference: (row.state, row.version) for row in journal.rows()}
            assert found == {row.reference: (row.state, row.version) for row in self.rows.values()}
        shutil.rmtree(folder)

    @rule(restored=st.booleans())
    @precondition(lambda self: self.rows and self._key_is_known)
    def go_on_with_a_backup(self, restored: bool) -> None:
        """A backup is refused until somebody says that nothing was booked since."""
        folder = self.disk.new_folder()
        folder.mkdir()
        with self._journal() as journal:
            journal.backup(folder / "bookings.db")
        original, self.disk.folder = self.disk.folder, folder

        async def refused() -> None:
            async with self._session() as session:
                await self._refused(self._job(session, QUIET))

        self.loop.run_until_complete(refused())
        if restored:
            with self._by_hand(None) as journal:
                journal.restore(by="ann", note="the old disk is broken")
        self.disk.folder = original
        if restored:
            self.disk.move_to(folder)
