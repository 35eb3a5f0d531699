"""Since when a vendor can't be reached, as its attempts tell it."""

from __future__ import annotations

import time
from typing import Any

import attrs

from .._errors import Attempt, Stage
from .words import Words


@attrs.define
class Outage:
    """What the screen tells of a vendor that is away or in trouble; `note` is a session's hook."""

    words: Words
    _since: float | None = None
    _is_away: bool = False

    def note(self, attempt: Attempt, reference: str | None, operation: Any) -> None:
        """One attempt has ended."""
        if attempt.error is None or (attempt.stage is Stage.REPLIED and (attempt.status or 0) < 500):
            self._since = None
            return
        self._is_away = attempt.stage is Stage.NOT_SENT
        if self._since is None:
            self._since = time.monotonic()

    def text(self, next_try: float | None) -> str:
        """What is told; ``next_try``: seconds until a booking is tried, None if that isn't known."""
        if self._since is None:
            return ""
        values = {"seconds": f"{time.monotonic() - self._since:.0f}", "next": f"{next_try or 0:.0f}"}
        if not self._is_away:
            return "" if next_try is None else self.words("screen.trouble", **values)
        return self.words("screen.unreachable" if next_try is None else "screen.next_try", **values)
