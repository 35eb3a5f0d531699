"""The exception family: what it says, what it carries, and that all of it survives a pickle."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from pandapon_async import _errors as errors
from pandapon_async._errors import (
    ApiError,
    Attempt,
    AuthError,
    ConfigError,
    ConnectionLostError,
    DeadlineExceededError,
    DecodeError,
    HttpStatusError,
    JournalError,
    LimitExceededError,
    MessageRejectedError,
    NotSentError,
    OutcomeUnknownError,
    PandaponError,
    RateLimitedError,
    RequestError,
    Stage,
)

ATTEMPTS = (
    Attempt(number=1, stage=Stage.NOT_SENT, error="NotSentError", elapsed=0.25),
    Attempt(number=2, stage=Stage.REPLIED, status=200, code=4711, elapsed=0.5),
)
CONTEXT = {
    "vendor": "shop-a",
    "operation": "logistics.book_freight",
    "reference": "order-4711",
    "stage": Stage.REPLIED,
    "attempts": ATTEMPTS,
    "status": 409,
    "code": "A1",
    "request_id": "rid-1",
}
SAID = {"headers": {"Set-Cookie": "hidden-1"}, "raw": {"to": "hidden-2"}, "text": '{"to": "hidden-2"}'}
OWN = {
    PandaponError: {},
    ConfigError: {},
    RequestError: {"field": "line_items[0].quantity"},
    LimitExceededError: {},
    NotSentError: {},
    OutcomeUnknownError: {},
    DeadlineExceededError: {},
    ConnectionLostError: {},
    HttpStatusError: {},
    AuthError: {"vendor_message": "no"},
    RateLimitedError: {"retry_after": 2.5},
    DecodeError: {"problems": ("$.data: is missing",)},
    ApiError: {"vendor_message": "no stock", "meaning": "stop"},
    MessageRejectedError: {},
    JournalError: {},
}
CLASSES = list(OWN)


def example(cls: type[PandaponError], **changes: Any) -> PandaponError:
    return cls("it failed", **{**CONTEXT, **OWN[cls], **changes})


def test_the_examples_are_the_whole_family():
    family = {item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, PandaponError)}
    assert set(CLASSES) == family


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_pickles_with_all_its_attributes(cls: type[PandaponError], protocol: int):
    error = example(cls)
    error.advice = "ask the warehouse"
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is cls
    assert vars(again) == vars(error)
    assert vars(again).items() >= {**CONTEXT, **OWN[cls], "message": "it failed", "advice": "ask the warehouse"}.items()
    assert again.args == error.args == ("it failed",)
    assert str(again) == str(error)
    assert repr(again) == repr(error)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copied_error_is_the_same_error_with_what_the_vendor_said(cls: type[PandaponError], copied: Any):
    error = example(cls, **SAID)
    error.advice = "ask the warehouse"
    again = copied(error)
    assert again is not error
    assert type(again) is cls
    assert vars(again) == vars(error)
    assert (again.args, str(again)) == (error.args, str(error))
    assert (again.headers, again.raw, again.text) == (error.headers, error.raw, error.text) == tuple(SAID.values())


def raise_again(error: PandaponError) -> None:
    raise error


def test_errors_come_whole_out_of_a_process_pool():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for cls in CLASSES:
            error = example(cls)
            again = pool.submit(raise_again, error).exception()
            assert type(again) is cls
            assert vars(again) == vars(error)
            assert again.args == error.args


@pytest.mark.parametrize("cls", CLASSES)
def test_what_the_vendor_said_is_kept_for_whoever_asks_and_shown_nowhere(cls: type[PandaponError]):
    error = example(cls, **SAID)
    assert (error.headers, error.raw, error.text) == tuple(SAID.values())
    for shown in (repr(error), str(error), repr(vars(error)), repr(error.args), str(pickle.dumps(error))):
        assert "hidden" not in shown


@pytest.mark.parametrize("cls", CLASSES)
def test_a_pickle_drops_what_the_vendor_said_and_nothing_else(cls: type[PandaponError]):
    again = pickle.loads(pickle.dumps(example(cls, **SAID)))
    assert again.headers is again.raw is again.text is None
    assert vars(again) == vars(example(cls))


@pytest.mark.parametrize("said", [{"raw": 0}, {"text": ""}, {"headers": {}}])
def test_what_is_empty_is_not_what_is_missing(said: dict[str, Any]):
    error = PandaponError("it failed", **said)
    ((name, value),) = said.items()
    assert getattr(error, name) == value


def test_a_subclass_with_arguments_of_its_own_pickles():
    again = pickle.loads(pickle.dumps(Quirky("it failed", "colour", vendor="shop-a")))
    assert (again.colour, again.vendor, again.message) == ("colour", "shop-a", "it failed")


class Quirky(PandaponError):
    def __init__(self, message: str, colour: str, **context):
        super().__init__(message, **context)
        self.colour = colour


@pytest.mark.parametrize("cls", CLASSES)
def test_str_says_what_happened_to_which_booking(cls: type[PandaponError]):
    text = str(example(cls))
    assert text.startswith("shop-a logistics.book_freight: it failed [reference")
    assert "[reference order-4711, request id rid-1, 2 attempts]" in text


@pytest.mark.parametrize(
    ("cls", "advice"),
    [
        (LimitExceededError, "Nothing was sent: try later"),
        (NotSentError, "safe to send it again"),
        (OutcomeUnknownError, "look it up at the vendor before you send it again"),
        (DeadlineExceededError, "Nothing is in doubt: it is safe to send it again"),
        (AuthError, "pandapon doctor"),
        (RateLimitedError, "send it again later, or lower Limits.rate"),
    ],
)
def test_str_ends_with_what_to_do_next(cls: type[PandaponError], advice: str):
    text = str(example(cls))
    assert advice in text.split("]. ")[1]


@pytest.mark.parametrize("cls", [ApiError, HttpStatusError, DecodeError])
def test_str_of_an_answer_that_refuses_says_what_to_do_next(cls: type[PandaponError]):
    assert example(cls).advice


def test_str_without_context_is_the_message_alone():
    assert str(PandaponError("it failed")) == "it failed"


def test_str_leaves_out_a_lone_attempt():
    assert str(PandaponError("it failed", vendor="shop-a", attempts=ATTEMPTS[:1])) == "shop-a: it failed"


@pytest.mark.parametrize(
    ("stage", "sent"),
    [
        (Stage.PREPARE, False),
        (Stage.WAIT, False),
        (Stage.NOT_SENT, False),
        (Stage.UNKNOWN, None),
        (Stage.REPLIED, True),
        (None, None),
    ],
)
def test_sent_follows_the_stage(stage: Stage | None, sent: bool | None):
    assert PandaponError("it failed", stage=stage).sent is sent


@pytest.mark.parametrize(
    ("cls", "sent"),
    [
        (PandaponError, None),
        (ConfigError, False),
        (RequestError, False),
        (LimitExceededError, False),
        (NotSentError, False),
        (DeadlineExceededError, False),
        (OutcomeUnknownError, None),
        (ConnectionLostError, None),
        (HttpStatusError, True),
        (AuthError, True),
        (RateLimitedError, True),
        (DecodeError, True),
        (ApiError, True),
        (JournalError, None),
    ],
)
def test_sent_by_class(cls: type[PandaponError], sent: bool | None):
    assert example(cls, stage=None).sent is sent


def test_a_stage_that_is_given_wins_over_the_class():
    assert DecodeError("the connection broke", stage=Stage.UNKNOWN).sent is None


BUILT_IN = {
    ConfigError: {ValueError},
    RequestError: {ValueError},
    NotSentError: {OSError, ConnectionError},
    ConnectionLostError: {OSError, ConnectionError},
    DeadlineExceededError: {OSError, TimeoutError},
}


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_is_the_built_in_that_people_catch_and_no_other(cls: type[PandaponError]):
    built_in = {kind for kind in (ValueError, OSError, ConnectionError, TimeoutError) if issubclass(cls, kind)}
    assert built_in == BUILT_IN.get(cls, set())


@pytest.mark.parametrize("cls", CLASSES)
def test_only_what_is_surely_not_done_says_so(cls: type[PandaponError]):
    assert ("Nothing was done" in cls.advice) is (cls in {ApiError, AuthError, RateLimitedError})


@pytest.mark.parametrize("cls", [AuthError, RateLimitedError])
def test_errors_of_a_status_can_be_caught_as_such(cls: type[PandaponError]):
    assert isinstance(example(cls), HttpStatusError)


def test_attempts_and_problems_are_kept_as_tuples():
    error = DecodeError("it failed", problems=["$.a: is missing"], attempts=[ATTEMPTS[0]])
    assert error.problems == ("$.a: is missing",)
    assert error.attempts == ATTEMPTS[:1]


def test_an_attempt_is_a_frozen_record():
    with pytest.raises(AttributeError):
        ATTEMPTS[0].number = 2  # type: ignore[misc]
