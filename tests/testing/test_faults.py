"""Random faults: seeded, in the asked proportion, replaceable."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pandapon_async.testing import FakeVendor, Faults
from pandapon_async.testing._faults import FaultDice

from .wire import arrived, call, connect, hang_up, request_bytes

MANY = Faults(
    drop_before=0.1, drop_after=0.1, garbage=0.05, status={503: 0.1, 502: 0.05}, status_after={500: 0.1}, seed=7
)


def draw(dice: FaultDice, count: int = 2000) -> list[str]:
    return [dice.step().name for _ in range(count)]


def test_the_same_seed_gives_the_same_faults() -> None:
    assert draw(FaultDice(MANY, 1)) == draw(FaultDice(MANY, 1))
    assert draw(FaultDice(MANY, 1)) != draw(FaultDice(MANY, 2))


def test_each_fault_comes_about_as_often_as_asked() -> None:
    seen = Counter(draw(FaultDice(MANY, 0), 10_000))
    expected = {"drop_before": 1000, "garbage": 500, "status_503": 1000, "status_500_after": 1000, "ok": 5000}
    assert {name: abs(seen[name] - count) < 0.15 * count for name, count in expected.items()} == dict.fromkeys(
        expected, True
    )


def test_jitter_does_not_change_which_calls_fail() -> None:
    calm, nervous = FaultDice(Faults(refuse=0.5), 0), FaultDice(Faults(refuse=0.5, jitter=1.0), 0)
    pauses, steps = [], []
    for _ in range(100):
        steps.append(calm.step() is nervous.step())
        pauses.append((calm.pause(), nervous.pause()))
    assert all(steps)
    assert all(calm == 0.0 and 0.0 <= nervous <= 1.0 for calm, nervous in pauses)


def test_latency_is_the_least_pause() -> None:
    dice = FaultDice(Faults(latency=0.5, jitter=0.1), 0)
    assert all(0.5 <= dice.pause() <= 0.6 for _ in range(100))


@pytest.mark.parametrize(
    "wrong",
    [
        {"drop_before": 1.1},
        {"drop_before": -0.1},
        {"drop_before": 0.6, "refuse": 0.6},
        {"status": {503: 2.0}},
        {"status": {99: 0.1}},
        {"status": {503: 0.6}, "status_after": {503: 0.6}},
        {"latency": -1.0},
        {"latency": float("inf")},
        {"retry_after": -1.0},
        {"retry_after_form": "words"},
    ],
)
def test_impossible_faults_are_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Faults(**wrong)


async def test_faults_decide_when_no_step_is_left(vendor: FakeVendor) -> None:
    vendor.faults = Faults(refuse=1.0)
    vendor.script("ok")
    assert [(await call(vendor)).json["success"] for _ in range(2)] == [True, False]


async def test_a_status_after_is_done(vendor: FakeVendor) -> None:
    vendor.faults = Faults(status_after={504: 1.0}, latency=0.001)
    assert (await call(vendor)).status == 504
    assert sum(vendor.ledger.bookings.values()) == 1
    assert vendor.ledger.requests[-1].fault == "status_504_after"


async def test_assigning_faults_starts_their_sequence_anew(vendor: FakeVendor) -> None:
    async def run() -> list[bool]:
        vendor.faults = Faults(refuse=0.5, seed=3)
        return [(await call(vendor)).json["success"] for _ in range(12)]

    first = await run()
    assert await run() == first
    assert set(first) == {True, False}


async def test_a_client_that_gives_up_during_the_latency_leaves_the_deed_done(vendor: FakeVendor) -> None:
    vendor.faults = Faults(latency=3600)
    _, writer = await connect(vendor)
    writer.write(request_bytes(vendor))
    await arrived(vendor)
    await hang_up(writer)
    assert sum(vendor.ledger.bookings.values()) == 1
