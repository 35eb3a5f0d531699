"""A journal's file as it is read, beside whoever writes it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..._errors import JournalError
from ..sql.reader import Reader
from .file import open_to_read
from .schema import check_whole


class SqliteReader(Reader):
    """Reads a journal's file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.connection, self._clean_up = open_to_read(path)
        self._process = os.getpid()

    def close(self) -> None:
        self.connection.close()
        self._clean_up()

    def check(self) -> None:
        try:
            check_whole(self.connection, self.path)
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: is damaged: {error}") from None

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        if os.getpid() != self._process:
            raise JournalError(f"{self.path}: was opened by another process, of which this one is a fork: open it here")
        try:
            return self.connection.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise JournalError(f"{self.path}: can't be read: {error}") from None
