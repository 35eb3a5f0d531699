"""A journal as people change it: short transactions beside whoever else writes, all of it or nothing."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

from ..._clock import Clock


class JournalEditor(ABC):
    """Changes one journal: ``connected`` gives what writes, with its ``connection``, and ``transaction`` its connection in one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @abstractmethod
    def connected(self) -> AbstractContextManager[Any]:
        """What may write."""

    @abstractmethod
    def transaction(self, writing: Any) -> AbstractContextManager[Any]:
        """All of what is done inside, or nothing; meanwhile nobody takes bookings in, or resolves any."""

    @abstractmethod
    def locked(self, connection: Any, name: str | None = None) -> AbstractContextManager[None]:
        """Keep jobs out, as far as the store needs that: those of one account's name, or (to erase) all.

        Raises:
            JournalError: one runs.
        """

    @abstractmethod
    def refuse_backup(self, connection: Any) -> None:
        """Refuse a copy that nobody has restored."""

    @abstractmethod
    def finish_erasing(self, writing: Any) -> None:
        """See to it that nothing is left of what was erased.

        Raises:
            JournalError: something may be.
        """

    @contextlib.contextmanager
    def writing(self) -> Generator[Any, None, None]:
        """A transaction on a journal that isn't a backup."""
        with self.connected() as writing, self.transaction(writing) as connection:
            self.refuse_backup(connection)
            yield connection

    def note(self, connection: Any, event: str, by: str, note: str) -> None:
        """Write down, inside a transaction, what somebody has done to the journal."""
        values = (self._clock.now(), event, by, note)
        connection.execute("INSERT INTO events (at, event, by, note) VALUES (?, ?, ?, ?)", values)
