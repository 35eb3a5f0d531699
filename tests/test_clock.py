"""HTTP dates, and how the vendor's clock offset is learnt and dropped."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given, settings, strategies as st

from pandapon_async._clock import ClockOffset, SystemClock, http_date
from pandapon_async.testing import VirtualClock

SENT, RECEIVED = 1_700_000_000.0, 1_700_000_000.4


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(SENT)


@pytest.fixture
def offset(clock: VirtualClock) -> ClockOffset:
    return ClockOffset(clock)


def observe(offset: ClockOffset, *ahead: float) -> None:
    """Samples of a vendor whose clock is so many seconds ahead of the middle of the exchange."""
    for seconds in ahead:
        offset.observe((SENT + RECEIVED) / 2 + seconds, SENT, RECEIVED)


# --- http_date ---


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000.0),
        ("Tue, 14 Nov 2023 22:13:20 +0000", 1_700_000_000.0),
        ("Wed, 15 Nov 2023 06:13:20 +0800", 1_700_000_000.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Tuesday, 14-Nov-23 22:13:20 GMT", 1_700_000_000.0),
    ],
)
def test_an_http_date_is_unix_time(text: str, seconds: float):
    assert http_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "120",
        "Tue, 14 Nov 2023",
        "Tue, 99 Nov 2023 22:13:20 GMT",
        "Tue, 14 Nov 99999 22:13:20 GMT",
        "Tue, 14 Nov 2023 22:13:20 -0000",
        "Mon, 01 Jan 2024 00:00:00 +9999",
    ],
)
def test_what_is_no_http_date_is_none(text: str | None):
    assert http_date(text) is None


def test_a_date_with_an_enormous_zone_is_none():
    assert http_date("Mon, 01 Jan 2024 00:00:00 +99999999999999999999") is None


@given(st.text(alphabet="0123456789 ,:+-GMTJanSu", max_size=40))
@example("Tue, 14 Nov 2023 22:13:20 GMT")
@settings(deadline=None)
def test_no_short_text_breaks_http_date(text: str):
    seconds = http_date(text)
    assert seconds is None or isinstance(seconds, float)


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1)))
@settings(deadline=None)
def test_every_http_date_is_read_back(moment: datetime):
    moment = moment.replace(microsecond=0, tzinfo=timezone.utc)
    assert http_date(format_datetime(moment, usegmt=True)) == moment.timestamp()


# --- the offset ---


def test_without_samples_there_is_no_offset(offset: ClockOffset):
    assert offset.seconds() == 0.0


def test_one_sample_changes_nothing(offset: ClockOffset):
    observe(offset, 100)
    assert offset.seconds() == 0.0


@pytest.mark.parametrize("ahead", [100.0, -100.0])
def test_two_samples_that_agree_are_applied(offset: ClockOffset, ahead: float):
    observe(offset, ahead, ahead + 1)
    assert offset.seconds() == pytest.approx(ahead + 1)


def test_two_samples_that_do_not_agree_are_not_applied(offset: ClockOffset):
    observe(offset, 100, 102.5)
    assert offset.seconds() == 0.0


def test_the_second_of_two_that_disagree_may_agree_with_a_third(offset: ClockOffset):
    observe(offset, 100, 200, 200)
    assert offset.seconds() == pytest.approx(200)


def test_what_was_learnt_outlives_one_odd_sample(offset: ClockOffset):
    observe(offset, 100, 100, 500)
    assert offset.seconds() == pytest.approx(100)


def test_two_new_samples_that_agree_replace_what_was_learnt(offset: ClockOffset):
    observe(offset, 100, 100, 500, 500)
    assert offset.seconds() == pytest.approx(500)


@pytest.mark.parametrize("date", [SENT - 1, SENT, RECEIVED, RECEIVED + 1])
def test_a_date_within_a_second_of_the_exchange_is_no_sample(offset: ClockOffset, date: float):
    offset.observe(date, SENT, RECEIVED)
    offset.observe(date, SENT, RECEIVED)
    assert offset.seconds() == 0.0


@pytest.mark.parametrize("date", [SENT - 1.01, RECEIVED + 1.01])
def test_a_date_just_outside_is_a_sample(offset: ClockOffset, date: float):
    offset.observe(date, SENT, RECEIVED)
    offset.observe(date, SENT, RECEIVED)
    assert offset.seconds() == pytest.approx(date - (SENT + RECEIVED) / 2)


def test_a_date_that_our_clock_could_have_produced_drops_what_was_learnt(offset: ClockOffset):
    observe(offset, 100, 100)
    offset.observe(SENT, SENT, RECEIVED)
    assert offset.seconds() == 0.0


def test_a_date_that_our_clock_could_have_produced_forgets_the_candidate(offset: ClockOffset):
    observe(offset, 100)
    offset.observe(SENT, SENT, RECEIVED)
    observe(offset, 100)
    assert offset.seconds() == 0.0


def test_setting_the_wall_clock_drops_what_was_learnt_for_good(offset: ClockOffset, clock: VirtualClock):
    observe(offset, 100, 100)
    clock.set_wall(SENT + 100)
    assert offset.seconds() == 0.0
    clock.set_wall(SENT)
    assert offset.seconds() == 0.0


def test_after_the_wall_clock_was_set_two_new_samples_are_needed(offset: ClockOffset, clock: VirtualClock):
    observe(offset, 100, 100)
    clock.set_wall(SENT + 60)
    offset.seconds()
    observe(offset, 100)
    assert offset.seconds() == 0.0
    observe(offset, 100)
    assert offset.seconds() == pytest.approx(100)


@pytest.mark.parametrize("moved", [0.9, -0.9])
def test_a_slewed_wall_clock_keeps_what_was_learnt(offset: ClockOffset, clock: VirtualClock, moved: float):
    observe(offset, 100, 100)
    clock.set_wall(SENT + moved)
    assert offset.seconds() == pytest.approx(100)


def test_time_that_passes_keeps_what_was_learnt(offset: ClockOffset, clock: VirtualClock):
    observe(offset, 100, 100)
    clock.advance(86_400)
    assert offset.seconds() == pytest.approx(100)


def test_a_refusal_because_of_the_time_is_adopted_at_once(offset: ClockOffset):
    offset.adopt(RECEIVED + 700, RECEIVED)
    assert offset.seconds() == pytest.approx(700)


def test_what_was_adopted_agrees_with_the_next_sample(offset: ClockOffset):
    offset.adopt(RECEIVED + 700, RECEIVED)
    observe(offset, 701)
    assert offset.seconds() == pytest.approx(701)


# --- the machine's clock ---


def test_the_system_clock_is_the_machines():
    clock = SystemClock()
    assert clock.now is time.time
    assert clock.monotonic is time.monotonic


async def test_the_system_clock_sleeps_on_the_event_loop(monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("pandapon_async._clock.asyncio.sleep", sleep)
    await SystemClock().sleep(2.5)
    assert slept == [2.5]
