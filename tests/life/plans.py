"""What a day of a shop is like: drawn from a number, so that a day can be had again."""

from __future__ import annotations

import random

import attrs
from hypothesis import strategies as st

from tests.life.simulation import FAULTS
from tests.life.worlds import Kill


@attrs.frozen
class Caller:
    """One who books one order by itself, beside the run.

    ``which``: counted from the latest; ``patience``: seconds after which it gives up; ``corrects``: it has another quote for it.
    """

    which: int
    at: float
    patience: float
    corrects: bool = False


@attrs.frozen
class Plan:
    """A day: what is fed, what the vendor does, who else is there, how it ends.

    ``limit``: what the input may cost; ``daily``: what the account may, in a day; ``full``: at which commit the disk is full, or the
    server away, and for how many. On a server also: ``cut``: when the connection to it is lost; ``patience``: whether who waits for it
    meanwhile goes on waiting; ``stalled``: for how long the process does nothing; ``desk``: when another desk begins, if there is a
    second start; ``preview``: what stands for the highest fee of a limited input: one for all, or previews of all, of some, or that
    all is free; ``asking``: what comes of asking for one in doubt.
    """

    new: int
    feed: str
    faults: list[str]
    concurrency: int
    streamed: bool
    drain: float
    end: str
    after: float
    kill: Kill | None
    callers: list[Caller]
    around: frozenset[str]
    limit: int | None = None
    daily: int | None = None
    full: tuple[int, int] | None = None
    cut: Kill | None = None
    patience: bool = True
    stalled: float = 0.0
    desk: float = 0.0
    preview: str = "fixed"
    asking: str = "found"


FEEDS = ("all", "all", "shuffled", "twice", "blanks", "unfinished", "copied", "some")
ENDS = ("through", "through", "left", "interrupted", "all cancelled", "killed", "killed", "killed")
AROUND = ("look", "second start", "backup", "reconcile", "retry refused", "other account", "edit", "by hand", "again")
PREVIEWS = ("fixed", "fixed", "all", "some", "free")
ASKING = ("found", "found", "none", "raises", "cancels", "hangs", "late")
KILLS = st.none() | st.builds(Kill, st.integers(1, 12), st.booleans())


def _drawn(number: int) -> Plan:
    """A day by a seed of its own: hypothesis would have most days be quiet ones, and seldom two things in one."""
    dice = random.Random(number)
    faults = [dice.choice(("ok", "ok", *FAULTS)) for _ in range(dice.randrange(9))]
    moment = lambda: dice.randrange(40) / 200  # noqa: E731
    return Plan(
        new=dice.randrange(5), feed=dice.choice(FEEDS), faults=faults, concurrency=dice.randrange(1, 5),
        streamed=dice.random() < 0.5, drain=dice.choice((30.0, 0.0)), end=dice.choice(ENDS), after=moment(),
        kill=Kill(dice.randrange(1, 31), dice.random() < 0.5),
        callers=[Caller(dice.randrange(5), moment(), moment(), dice.random() < 0.3) for _ in range(dice.choice((0, 0, 1, 2)))],
        around=frozenset(dice.sample(AROUND, dice.choice((0, 1, 2)))),
        limit=dice.choice((None, None, 500, 1500, 4000)),
        full=dice.choice((None, None, None, (dice.randrange(1, 20), dice.randrange(1, 6)))),
        cut=dice.choice((None, None, Kill(dice.randrange(1, 20), dice.random() < 0.5))), patience=dice.random() < 0.7,
        stalled=dice.choice((0, 0, 0, 0, 8, 40)), desk=dice.choice((0, moment(), 35)), daily=dice.choice((None, None, None, 500, 1500)),
        preview=dice.choice(PREVIEWS), asking=dice.choice(ASKING),
    )  # fmt: skip


PLANS = st.integers(0, 2**32).map(_drawn)
QUIET = Plan(0, "all", [], 4, False, 30.0, "through", 0, None, [], frozenset())
