"""Ordinary life, simulated: thousands of days of a job, its vendor, and the people around it, none of which takes any time.

A few days in every run of the tests; ``PANDAPON_TEST_LIFE`` seconds of them if asked for, from the seed ``PANDAPON_TEST_LIFE_SEED``.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.life.files import LifeOnDisk

SECONDS = float(os.environ.get("PANDAPON_TEST_LIFE", "0"))
SEED = int(os.environ.get("PANDAPON_TEST_LIFE_SEED", "1"))


def life_on(store: str, request: pytest.FixtureRequest) -> type[Any]:
    """A shop whose journal is on one of the stores."""
    if store == "sqlite":
        return LifeOnDisk
    server = request.getfixturevalue("postgres")
    from tests.life.desks import LifeOnServer  # there is psycopg, or this test is skipped

    return type("LifeOnServer", (LifeOnServer,), {"server": server})


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_ordinary_days(store: str, request: pytest.FixtureRequest) -> None:
    life = life_on(store, request)
    began, cpu, number, days = time.monotonic(), time.process_time(), SEED, 0
    while not days or time.monotonic() - began < SECONDS:
        machine = seed(number)(type("Life", (life,), {"days": 0}))
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=200 if SECONDS else 8 if store == "sqlite" else 3, stateful_step_count=20, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False,
                phases=(Phase.generate, Phase.shrink),
            ),
        )  # fmt: skip
        days, number = days + machine.days, number + 1  # type: ignore[attr-defined]
    seconds = time.monotonic() - began
    cpu = time.process_time() - cpu
    print(f"{days:,} days in {seconds:.0f} s, {days / cpu * 60:,.0f} a minute of CPU")
