"""The exception family: what it says, what it carries, and that all of it survives a pickle."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from pandapon_async import _errors as errors
from pandapon_async._errors import (
    ApiError,
    Attempt,
    AuthError,
    ConfigError,
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
    "request_id": "rid-1",
    "attempts": ATTEMPTS,
}
OWN = {
    PandaponError: {},
    ConfigError: {},
    RequestError: {"field": "line_items[0].quantity"},
    LimitExceededError: {},
    NotSentError: {},
    OutcomeUnknownError: {},
    DeadlineExceededError: {},
    HttpStatusError: {"status": 404},
    AuthError: {"status": 401, "code": "A1", "vendor_message": "no"},
    RateLimitedError: {"status": 429, "retry_after": 2.5},
    DecodeError: {"problems": ("$.data: is missing",), "status": 200},
    ApiError: {"code": 4711, "vendor_message": "no stock", "status": 200, "meaning": "stop"},
    MessageRejectedError: {},
    JournalError: {},
}
CLASSES = list(OWN)


def example(cls: type[PandaponError]) -> PandaponError:
    return cls("it failed", **CONTEXT, **OWN[cls])


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
    assert again.args == error.args
    assert str(again) == str(error)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_copied_error_is_the_same_error(cls: type[PandaponError]):
    error = example(cls)
    assert vars(copy.copy(error)) == vars(error)


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
    assert text.startswith("shop-a logistics.book_freight: it failed [")
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
        (HttpStatusError, True),
        (AuthError, True),
        (RateLimitedError, True),
        (DecodeError, True),
        (ApiError, True),
        (JournalError, None),
    ],
)
def test_sent_by_class(cls: type[PandaponError], sent: bool | None):
    assert example(cls).sent is sent


def test_a_stage_that_is_given_wins_over_the_class():
    assert DecodeError("the connection broke", stage=Stage.UNKNOWN).sent is None


@pytest.mark.parametrize("cls", [ConfigError, RequestError])
def test_wrong_arguments_are_value_errors(cls: type[PandaponError]):
    assert isinstance(example(cls), ValueError)


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
