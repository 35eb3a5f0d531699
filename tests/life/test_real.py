"""Ordinary life with real processes: a few acts in every run of the tests, ``PANDAPON_TEST_LIFE`` seconds of them if asked for."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.life.real_stores import life_of, live

SECONDS = float(os.environ.get("PANDAPON_TEST_LIFE", "0"))
SEED = int(os.environ.get("PANDAPON_TEST_LIFE_SEED", "1"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_ordinary_acts_with_real_processes(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    began, number, acts, bookings = time.monotonic(), SEED, 0, 0
    while not acts or time.monotonic() - began < SECONDS:
        root = tmp_path / str(number)
        root.mkdir()
        life = life_of(store, root, lambda: request.getfixturevalue("postgres"))
        try:
            lived = live(life, number, acts=20 if SECONDS else 4)
        except BaseException:
            print(f"seed {number}; do it again with: python -m tests.life.replay {store} {root / 'script.jsonl'}")
            raise
        acts, bookings, number = acts + lived.acts, bookings + lived.bookings, number + 1
    print(f"{acts:,} acts and {bookings:,} bookings in {time.monotonic() - began:.0f} s")
