"""May a failure be sent again, and when."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import backoff
import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._calls.retry import Budget, Failure, Retries, RetryAfter, Waits
from pandapon_async._config.profiles import RetryPolicy
from pandapon_async._errors import (
    ApiError,
    AuthError,
    DecodeError,
    HttpStatusError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
)


@pytest.fixture
def at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """No jitter: each wait is the most it can be."""
    monkeypatch.setattr(backoff, "full_jitter", lambda value: value)


def retries(budget: int = 100, **policy: Any) -> Retries:
    return Retries(RetryPolicy(**{"attempts": 10, **policy}), Budget(budget))


def limited(retry_after: float | None) -> Failure:
    error = RateLimitedError("slow down", status=429, retry_after=retry_after)
    return Failure(error, repeatable=True, pauses=True, asked=retry_after)


NOT_SENT = Failure(NotSentError("no connection"), repeatable=True)
WRONG_TIME = Failure(AuthError("no", status=401), repeatable=False, signed_wrong_time=True)


# --- waits ---


def test_waits_double_up_to_the_cap(at_most: None):
    waits = Waits(RetryPolicy(base=0.5, cap=20))
    assert [waits.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 20, 20]


@pytest.mark.parametrize(
    ("base", "cap", "expected"), [(0, 20, [0, 0, 0]), (5, 0, [0, 0, 0]), (30, 20, [20, 20, 20]), (20, 20, [20, 20, 20])]
)
def test_waits_without_room_to_double(at_most: None, base: float, cap: float, expected: list[float]):
    waits = Waits(RetryPolicy(base=base, cap=cap))
    assert [waits.next() for _ in range(3)] == expected


@given(base=st.floats(0, 100), cap=st.floats(0, 100), seed=st.integers())
@settings(max_examples=100, deadline=None)
def test_every_wait_is_within_its_bound(base: float, cap: float, seed: int):
    random.seed(seed)
    waits = Waits(RetryPolicy(base=base, cap=cap))
    for number in range(12):
        assert 0 <= waits.next() <= min(cap, base * 2**number)


def test_waits_are_jittered_in_full():
    random.seed(1)
    waits = [Waits(RetryPolicy(base=10)).next() for _ in range(500)]
    assert min(waits) < 1
    assert max(waits) > 9
    assert len(set(waits)) == 500


def test_two_calls_do_not_share_their_waits(at_most: None):
    first, second = Waits(RetryPolicy()), Waits(RetryPolicy())
    first.next()
    first.next()
    assert second.next() == 0.5


# --- the budget ---


def test_the_budget_is_spent():
    budget = Budget(3)
    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]


def test_an_empty_budget_repeats_nothing():
    assert not Budget(0).spend()


def test_ten_successes_earn_one_repeat():
    budget = Budget(2)
    assert [budget.spend(), budget.spend()] == [True, True]
    for _ in range(10):
        assert not budget.spend()
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]


def test_the_budget_is_never_more_than_its_size():
    budget = Budget(2)
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_a_storm_dies_down():
    budget = Budget(50)
    sent = 0
    for _ in range(1000):  # calls, each of which fails whatever it does
        call = Retries(RetryPolicy(attempts=4, base=0), budget)
        attempt = 1
        while call.verdict(NOT_SENT, attempt):
            attempt += 1
        sent += attempt
    assert sent == 1000 + 50


# --- the verdict ---


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (NOT_SENT, True),
        (Failure(NotSentError("bad certificate"), repeatable=False), False),
        (Failure(HttpStatusError("502", status=502), repeatable=True), True),
        (Failure(DecodeError("cut"), repeatable=True), True),
        (Failure(DecodeError("does not fit"), repeatable=False), False),
        (Failure(OutcomeUnknownError("cut"), repeatable=False), False),
        (Failure(HttpStatusError("404", status=404), repeatable=False), False),
        (Failure(AuthError("no", status=401), repeatable=False), False),
        (Failure(ApiError("no stock", code=7), repeatable=False), False),
        (Failure(ApiError("busy", code=8, meaning="passing"), repeatable=True), True),
    ],
    ids=lambda value: f"{type(value.error).__name__}-{value.repeatable}" if isinstance(value, Failure) else None,
)
def test_only_what_can_be_repeated_is_repeated(at_most: None, failure: Failure, again: bool):
    assert retries().verdict(failure, 1) == (RetryAfter(0.5) if again else None)


def test_the_waits_of_one_call_double(at_most: None):
    call = retries()
    assert [call.verdict(NOT_SENT, attempt) for attempt in range(1, 5)] == [
        RetryAfter(0.5),
        RetryAfter(1),
        RetryAfter(2),
        RetryAfter(4),
    ]


def test_the_last_attempt_is_the_last():
    call = retries(attempts=3)
    assert [call.verdict(NOT_SENT, attempt) is not None for attempt in (1, 2, 3, 4)] == [True, True, False, False]


@pytest.mark.parametrize("failure", [NOT_SENT, limited(1), limited(None), WRONG_TIME])
def test_one_attempt_repeats_nothing(failure: Failure):
    assert retries(attempts=1).verdict(failure, 1) is None


def test_without_a_budget_failures_are_raised_at_once():
    assert retries(budget=0).verdict(NOT_SENT, 1) is None


@pytest.mark.parametrize("seconds", [0.5, 0.75, 7, 119.9, 120])
def test_retry_after_is_respected_without_jitter_and_pauses_everybody(at_most: None, seconds: float):
    assert retries().verdict(limited(seconds), 1) == RetryAfter(seconds, pause=True)


@pytest.mark.parametrize("seconds", [0, 0.001, 0.4])
def test_a_retry_after_below_the_own_wait_does_not_shorten_it(at_most: None, seconds: float):
    call = retries()
    assert [call.verdict(limited(seconds), attempt) for attempt in (1, 2, 3)] == [
        RetryAfter(wait, pause=True) for wait in (0.5, 1, 2)
    ]


def test_a_retry_after_that_asks_for_nothing_is_waited_for_with_jitter():
    random.seed(1)
    waits = {verdict.wait for _ in range(100) if (verdict := retries().verdict(limited(0), 1))}
    assert len(waits) == 100
    assert max(waits) > 0.4


def test_a_503_that_is_known_to_refuse_pauses_everybody_too():
    failure = Failure(HttpStatusError("503", status=503), repeatable=True, pauses=True, asked=7)
    assert retries(budget=0).verdict(failure, 1) == RetryAfter(7, pause=True)


def test_retry_after_beyond_the_cap_is_given_up():
    assert retries().verdict(limited(120.1), 1) is None
    assert retries(retry_after_cap=5).verdict(limited(6), 1) is None


def test_a_429_that_names_no_time_backs_off_and_pauses_everybody(at_most: None):
    call = retries()
    assert [call.verdict(limited(None), attempt) for attempt in (1, 2, 3)] == [
        RetryAfter(0.5, pause=True),
        RetryAfter(1, pause=True),
        RetryAfter(2, pause=True),
    ]


def test_a_pause_takes_nothing_from_the_budget():
    budget = Budget(1)
    call = Retries(RetryPolicy(attempts=9), budget)
    for attempt in range(1, 6):
        assert call.verdict(limited(1), attempt)
    assert budget.spend()


def test_what_was_signed_with_a_wrong_time_is_signed_anew_once_and_at_once():
    call = retries()
    assert call.verdict(WRONG_TIME, 1) == RetryAfter(0.0)
    assert call.verdict(WRONG_TIME, 2) is None


def test_signing_anew_takes_nothing_from_the_budget():
    assert retries(budget=0).verdict(WRONG_TIME, 1) == RetryAfter(0.0)


def test_a_passing_refusal_with_a_wrong_time_is_repeated_after_it_was_signed_anew(at_most: None):
    call = retries()
    passing = Failure(ApiError("busy", code=8, meaning="passing"), repeatable=True, signed_wrong_time=True)
    assert [call.verdict(passing, attempt) for attempt in (1, 2, 3)] == [
        RetryAfter(0.0),
        RetryAfter(0.5),
        RetryAfter(1),
    ]


def test_signing_anew_may_come_after_other_repeats(at_most: None):
    call = retries()
    assert [call.verdict(failure, attempt) for attempt, failure in enumerate([NOT_SENT, WRONG_TIME, NOT_SENT], 1)] == [
        RetryAfter(0.5),
        RetryAfter(0.0),
        RetryAfter(1),
    ]


@given(
    failures=st.lists(st.sampled_from([NOT_SENT, limited(3), limited(None), limited(500), WRONG_TIME]), max_size=12),
    attempts=st.integers(1, 6),
    budget=st.integers(0, 5),
)
@settings(max_examples=100, deadline=None)
def test_no_call_is_sent_more_often_than_its_policy_says(failures: list[Failure], attempts: int, budget: int):
    call = retries(budget, attempts=attempts)
    sent = 1
    for failure in failures:
        again = call.verdict(failure, sent)
        if again is None:
            break
        assert 0 <= again.wait <= 20
        sent += 1
    assert sent <= attempts


# --- the pause that outlives the call ---


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (limited(7), 7),
        (limited(0), 0.5),
        (limited(3600), 120),
        (limited(None), 0.5),
        (Failure(HttpStatusError("503", status=503), repeatable=True, pauses=True, asked=7), 7),
        (Failure(HttpStatusError("502", status=502), repeatable=True), 0),
        (NOT_SENT, 0),
    ],
)
def test_a_call_that_is_given_up_leaves_a_pause_for_everybody(at_most: None, failure: Failure, seconds: float):
    assert retries().pause_after(failure) == seconds


def test_the_generator_yields_waits_only(at_most: None):
    waits = Waits(RetryPolicy(base=1, cap=1000))
    values = [waits.next() for _ in range(8)]
    assert all(second == 2 * first for first, second in pairwise(values))
