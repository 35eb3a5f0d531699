"""From what came back to a reply or a failure: the table of statuses and envelopes, without a socket."""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import attrs
from multidict import istr

from .._clock import http_date
from .._config.profiles import CodeMeaning, VendorProfile
from .._config.signing import CLOCK_WINDOW
from .._errors import (
    ApiError,
    AuthError,
    DeadlineExceededError,
    DecodeError,
    HttpStatusError,
    NotSentError,
    OutcomeUnknownError,
    PandaponError,
    RateLimitedError,
    Stage,
)
from .._models.base import personal_texts
from .._models.converters import decode
from .._models.jsonio import JsonError, loads
from .._models.operation import Effect, Reply
from .envelope import Envelope, Verdict, judge, meaning, read_envelope
from .exchange import BrokenExchangeError, Call, Exchange
from .retry import Failure

R = TypeVar("R")

_SAME_METHOD_REDIRECTS = (301, 307, 308)
_LONGEST_MESSAGE = 300
_AGE, _DATE = istr("Age"), istr("Date")  # looked up for every reply


def failure_of_broken(broken: BrokenExchangeError, call: Call, profile: VendorProfile) -> Failure:
    """No whole reply came: a failure by its stage."""
    context = _context(call, profile)
    write = call.operation.effect is Effect.WRITE
    if broken.stage is Stage.NOT_SENT:
        if broken.deadline:
            return Failure(DeadlineExceededError("the deadline passed before it was sent", **context), repeatable=False)
        why = "the vendor's certificate is not accepted" if broken.hopeless else "no connection could be made"
        error = NotSentError(f"{why} ({broken.reason})", **context)
        if broken.hopeless:
            error.advice = "Nothing was sent: check base_url, the proxy and the trust store before you send it again"
        return Failure(error, repeatable=not broken.hopeless)
    if write:
        what = "the deadline passed" if broken.deadline else f"the connection broke ({broken.reason})"
        return Failure(OutcomeUnknownError(f"{what} after it was sent", **context), repeatable=False)
    if broken.deadline:
        late = DeadlineExceededError("no reply before the deadline", stage=Stage.UNKNOWN, **context)
        return Failure(late, repeatable=False)
    message = f"the connection broke before a whole reply had come ({broken.reason})"
    return Failure(DecodeError(message, stage=Stage.UNKNOWN, **context), repeatable=True)


def judged(exchange: Exchange, call: Call, profile: VendorProfile) -> tuple[Reply[Any] | Failure, float | None]:
    """A whole reply came: a reply if it says yes, else a failure; and the vendor's clock, if it can be told."""
    judge_ = _Judge(exchange, call, profile)
    return judge_.result(), judge_.vendor_time


class _Judge:
    def __init__(self, exchange: Exchange, call: Call, profile: VendorProfile) -> None:
        self._exchange = exchange
        self._call = call
        self._profile = profile
        self._write = call.operation.effect is Effect.WRITE
        self._raw: Any = None
        self._unreadable = ""
        try:
            self._raw = loads(exchange.body)
        except JsonError as error:
            self._unreadable = str(error) if exchange.body else "empty"
        self._envelope = read_envelope(self._raw)
        self.vendor_time = _vendor_time(exchange, self._envelope)

    def result(self) -> Reply[Any] | Failure:
        status = self._exchange.status
        if status == 429:
            return self._rate_limited()
        if status >= 500 or status == 408 or status < 200:
            return self._broken_vendor()
        if status in (401, 403):
            return self._not_authorised()
        if status >= 400:
            return self._other_4xx()
        if status >= 300:
            return self._redirected()
        return self._envelope_decides()

    # --- by status ---

    def _rate_limited(self) -> Failure:
        seconds = self._retry_after()
        asked = "" if seconds is None else f", and asks to wait {seconds:g} s"
        error = RateLimitedError(
            f"the vendor answered HTTP 429{asked}", retry_after=seconds, **self._status(), **self._context()
        )
        return Failure(error, repeatable=True, pauses=True, asked=seconds)

    def _broken_vendor(self) -> Failure:
        status = self._exchange.status
        message = f"the vendor answered HTTP {status}"
        if status == 503 and self._profile.retry_after_503_refuses and (asked := self._retry_after()) is not None:
            error = HttpStatusError(message, **self._status(), **self._context())
            return Failure(error, repeatable=True, pauses=True, asked=asked)
        if self._write:
            return Failure(OutcomeUnknownError(message, **self._context()), repeatable=False)
        return Failure(HttpStatusError(message, **self._status(), **self._context()), repeatable=True)

    def _not_authorised(self) -> Failure:
        text = self._vendor_message()
        error = AuthError(
            f"the vendor does not accept the call: HTTP {self._exchange.status}" + (f", {text}" if text else ""),
            code=self._code(),
            vendor_message=text,
            **self._status(),
            **self._context(),
        )
        return self._refused(error)

    def _other_4xx(self) -> Failure:
        verdict = judge(self._envelope, self._call.operation)
        if verdict is Verdict.NO:
            return self._refusal()
        message = f"the vendor answered HTTP {self._exchange.status}"
        if verdict is Verdict.YES and self._write:
            error = OutcomeUnknownError(f"{message}, but its envelope says yes", **self._context())
            return Failure(error, repeatable=False)
        return Failure(HttpStatusError(message, **self._status(), **self._context()), repeatable=False)

    def _redirected(self) -> Failure:
        status = self._exchange.status
        message = f"the vendor answered HTTP {status}; redirects are never followed"
        if self._write and status not in _SAME_METHOD_REDIRECTS:
            return Failure(OutcomeUnknownError(message, **self._context()), repeatable=False)
        error = HttpStatusError(message, **self._status(), **self._context())
        error.advice = "Check base_url: the address it points to was not called"
        return Failure(error, repeatable=False)

    # --- by envelope ---

    def _envelope_decides(self) -> Reply[Any] | Failure:
        verdict = judge(self._envelope, self._call.operation)
        if verdict is Verdict.YES:
            return self._reply(cast("Envelope", self._envelope))
        if verdict is Verdict.NO:
            return self._refusal()
        what = f"the body is {self._unreadable}" if self._unreadable else "the envelope gives no verdict"
        message = f"HTTP {self._exchange.status}, but {what}"
        if self._write:
            return Failure(OutcomeUnknownError(message, **self._context()), repeatable=False)
        error = DecodeError(message, problems=(f"$: {what}",), status=self._exchange.status, **self._context())
        # A body that isn't JSON was cut or replaced on its way: another may get through. JSON, or nothing, is the vendor's word.
        return Failure(error, repeatable=bool(self._unreadable and self._exchange.body))

    def _refusal(self) -> Failure:
        envelope = cast("Envelope", self._envelope)
        means = meaning(envelope.code, self._call.operation.effect, self._profile.codes)
        text = self._vendor_message()
        said = f"code {self._code()}" + (f": {text}" if text else "")
        if means is CodeMeaning.IN_DOUBT and self._write:
            error = OutcomeUnknownError(
                f"the vendor answered {said}, which does not tell whether it was made", **self._context()
            )
            return Failure(error, repeatable=False)
        refusal = ApiError(
            f"the vendor refused it, {said}",
            code=self._code(),
            vendor_message=text,
            status=self._exchange.status,
            meaning=means.value,
            **self._context(),
        )
        return self._refused(refusal, passing=means is CodeMeaning.PASSING)

    def _reply(self, envelope: Envelope) -> Reply[Any] | Failure:
        exchange, model = self._exchange, self._call.operation.reply
        data, problems = (envelope.data, ()) if model is None else decode(model, envelope.data)
        if problems and not self._write:
            message = f"the reply does not fit: {'; '.join(problems[:3])}" + ("; ..." if len(problems) > 3 else "")
            error = DecodeError(message, problems=problems, status=exchange.status, **self._context())
            return Failure(error, repeatable=False)
        return Reply(
            data=data,
            code=envelope.code,
            message=envelope.message,
            request_id=envelope.request_id,
            status=exchange.status,
            headers=exchange.headers,
            raw=self._raw,
            problems=problems,
        )

    # --- parts ---

    def _refused(self, error: PandaponError, *, passing: bool = False) -> Failure:
        """A refusal; if the vendor's own date shows that the time was wrong, it may be signed anew."""
        date = self.vendor_time
        wrong_time = date is not None and abs(date - self._exchange.signed_at) > CLOCK_WINDOW
        return Failure(error, repeatable=passing, signed_wrong_time=wrong_time)

    def _status(self) -> dict[str, Any]:
        return {"status": self._exchange.status}

    def _context(self) -> dict[str, Any]:
        context = _context(self._call, self._profile)
        if self._envelope:
            context["request_id"] = self._cleaned(self._envelope.request_id)
        return context

    def _vendor_message(self) -> str | None:
        return self._cleaned(self._envelope.message) if self._envelope else None

    def _code(self) -> int | str | None:
        code = self._envelope.code if self._envelope else None
        return self._cleaned(code) if isinstance(code, str) else code

    def _cleaned(self, text: str | None) -> str | None:
        return None if text is None else cleaned(text, self._call, self._profile, self._exchange.signed)

    def _retry_after(self) -> float | None:
        """Seconds: ASCII digits, or a date against the reply's own."""
        text = self._exchange.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return float(text)
        until = http_date(text)
        if until is None:
            return None
        now = http_date(self._exchange.headers.get(_DATE))
        return max(0.0, until - (self._exchange.received if now is None else now))


def _vendor_time(exchange: Exchange, envelope: Envelope | None) -> float | None:
    """The vendor's clock in Unix seconds, if the reply can be trusted to tell it: its own word, over TLS or loopback, and from no cache."""
    if envelope is None or not exchange.authentic or _AGE in exchange.headers:
        return None
    return http_date(exchange.headers.get(_DATE))


def cleaned(text: str, call: Call, profile: VendorProfile, signed: tuple[str, ...]) -> str:
    """A vendor's text without control characters, secrets, and what the request holds of a person."""
    request = call.request() if callable(call.request) else call.request
    hidden = personal_texts(request) | {value for value in signed if not value.isdigit()}
    if profile.credentials is not None:
        keys = attrs.astuple(profile.credentials)
        hidden |= {key for key in keys if key}
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) > 1:
            text = text.replace(value, "***")
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 3] + "..."


def _context(call: Call, profile: VendorProfile) -> dict[str, Any]:
    return {"vendor": profile.name, "operation": call.operation.name, "reference": call.reference}
