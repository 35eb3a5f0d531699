"""From what came back to a reply or a failure, without a socket.

What "in doubt" means. A WRITE costs money, and the vendors know no idempotency key: to send it again is to make it again. Of a
WRITE, then, one of three things is told. It was made: a whole reply says so. It was not made: not a byte left, or the vendor's
"no" stands uncontradicted. Anything else is in doubt, is never sent again, and somebody looks it up. The two mistakes aren't
alike: "in doubt" said of what was refused costs a look, "refused" said of what was made costs a second parcel. So what can't be
known is in doubt. A READ changes nothing, so it is never in doubt, and is sent again where another attempt may go better.

Why the table is as it is:

- Whatever its status, a reply that names something made (an order id, a fee, a tracking number), or says success in one place
  and not in another, is no refusal. This comes first: a 429 beside an order id would else be sent again.
- 429, 401 and 403 are said at the door, before any work; the vendor may say them as a code inside an HTTP 200 as well. The words
  of 1688's gateway for a 429 count as one, passed on by the vendor in a refusal, unless its code says that something broke.
- 5xx and 408 say that something broke, not when: before the booking or after it.
- Any other 4xx refuses the request as it is; if an envelope came with it, that is the vendor's own word.
- 301, 307 and 308 say that the work is to be done elsewhere; 302 and 303 are what servers answer once a POST is done.
- A yes that holds a no (1688's second level, ``data.success: false``; an error's code; lines that failed) is in doubt as well: what
  was asked for may have been made in part.
- Below 300 the envelope decides. Its one documented code is 200. A code like 5xx, 408 or a negative one says that something
  broke, like the status; one that the profile's table knows means what that says; any other refuses.
- No whole reply, no envelope, or one without a verdict decides nothing.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import attrs

from .._clock import http_date
from .._config.profiles import CodeMeaning, VendorProfile
from .._config.signing import CLOCK_WINDOW
from .._errors import (
    ApiError,
    AuthError,
    ConnectionLostError,
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
from .._models.jsonio import JsonError
from .._models.operation import Effect, Reply
from .envelope import (
    CONTENT_TYPE,
    Envelope,
    Verdict,
    judge,
    meaning,
    no_clear_yes,
    read_envelope,
    read_json,
    text_of,
    vendor_time,
)
from .exchange import BrokenExchangeError, Call, Exchange
from .hints import hint, is_rate_limit, words_of
from .made import made, says_success, says_twice
from .retry import Failure

R = TypeVar("R")

_AT_THE_DOOR = (401, 403, 429)
_SAME_METHOD_REDIRECTS = (301, 307, 308)
_LONGEST_MESSAGE = 300
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?")


def failure_of_broken(broken: BrokenExchangeError, call: Call, profile: VendorProfile) -> Failure:
    """No whole reply came: a failure by its stage."""
    context = _context(call, profile)
    write = call.operation.effect is Effect.WRITE
    if broken.stage is Stage.NOT_SENT:
        if broken.deadline:
            return Failure(DeadlineExceededError("the deadline passed before it was sent", **context), repeatable=False)
        error = NotSentError(f"it was not sent: {broken.reason}", **context)
        if broken.hopeless:
            error.advice = (
                "Nothing was sent: check base_url, the proxy and the trust store before you send it again; "
                "`pandapon doctor` looks for the cause"
            )
        return Failure(error, repeatable=not broken.hopeless)
    if write:
        why = f"there is no whole reply: {broken.reason}, after it was sent"
        told = "the deadline passed after it was sent" if broken.deadline else why
        return Failure(OutcomeUnknownError(told, **context), repeatable=False)
    if broken.deadline:
        late = DeadlineExceededError("no reply before the deadline", stage=Stage.UNKNOWN, **context)
        return Failure(late, repeatable=False)
    message = f"there is no whole reply: {broken.reason}"
    return Failure(ConnectionLostError(message, **context), repeatable=True)


def classify(exchange: Exchange, call: Call, profile: VendorProfile) -> tuple[Reply[Any] | Failure, float | None]:
    """A whole reply came: a reply if it says yes, else a failure; and the vendor's clock, if it can be told."""
    classifier = _Classifier(exchange, call, profile)
    return classifier.result(), classifier.vendor_time


class _Classifier:
    """Reads one reply by the table above."""

    def __init__(self, exchange: Exchange, call: Call, profile: VendorProfile) -> None:
        self._exchange = exchange
        self._call = call
        self._profile = profile
        self._write = call.operation.effect is Effect.WRITE
        self._raw: Any = None
        self._unreadable = ""
        try:
            self._raw = read_json(exchange.body, exchange.headers.get(CONTENT_TYPE))
        except JsonError as error:
            self._unreadable = str(error) if exchange.body else "empty"
        self._envelope = read_envelope(self._raw)
        self._verdict = judge(self._envelope, call.operation)
        self.vendor_time = None if self._envelope is None else vendor_time(exchange)

    def result(self) -> Reply[Any] | Failure:
        result = self._judged()
        if isinstance(result, Failure) and (known := hint(self._call.operation.contract_id, words_of(self._raw))):
            result.error.advice = f"{result.error.advice}; {known}"
        return result

    def _judged(self) -> Reply[Any] | Failure:
        if self._verdict is Verdict.YES and 200 <= self._exchange.status < 300:
            return self._reply(cast("Envelope", self._envelope))
        if self._write and (contradiction := self._contradiction()):
            return self._in_doubt(contradiction)
        status = self._status()
        if status == 429:
            return self._rate_limited()
        if status >= 500 or status == 408 or status < 200:
            return self._broken_vendor()
        if status in (401, 403):
            return self._not_authorised()
        if status < 300:
            return self._refusal() if self._verdict is Verdict.NO else self._no_verdict()
        return self._other_4xx() if status >= 400 else self._redirected()

    def _status(self) -> int:
        """The HTTP status, or what the vendor says in its place: that it turned the call away at the door."""
        status, code = self._exchange.status, self._envelope.code if self._envelope else None
        if self._verdict is not Verdict.NO or code in self._profile.codes or status >= 500 or status == 408:
            return status
        if is_rate_limit(words_of(self._raw)) and meaning(code, self._call.operation.effect, {}) is CodeMeaning.REFUSED:
            return 429
        return code if code in _AT_THE_DOOR and 200 <= status < 300 else status

    def _contradiction(self) -> str | None:
        """Why a reply to a WRITE that isn't a clear yes may not be taken for a no."""
        text = _masked(self._text(), self._call, self._profile, self._exchange.signed) if self._raw is None else ""
        if named := made(self._raw, text, self._call):
            return self._cleaned(f"no clear yes, but it names {', '.join(named)}")
        if says_success(self._raw) or (self._envelope is not None and self._verdict is not Verdict.NO):
            return "no clear yes, but it says success"
        if self._verdict is Verdict.NO and says_twice(self._exchange.body):
            return "no clear no: a member stands in it twice"
        return None

    # --- failures ---

    def _in_doubt(self, why: str = "") -> Failure:
        message = f"the vendor answered {self._said()}" + (f": {why}" if why else "")
        return Failure(OutcomeUnknownError(message, **self._context()), repeatable=False)

    def _rate_limited(self) -> Failure:
        seconds = self._retry_after()
        asked = "" if seconds is None else f", and asks to wait {seconds:g} s"
        error = RateLimitedError(f"the vendor answered {self._said()}{asked}", retry_after=seconds, **self._context())
        return Failure(error, repeatable=True, pauses=True, asked=seconds)

    def _broken_vendor(self) -> Failure:
        status = self._exchange.status
        if status == 503 and self._profile.retry_after_503_refuses and (asked := self._retry_after()) is not None:
            return Failure(self._http_error(), repeatable=True, pauses=True, asked=asked)
        return self._in_doubt() if self._write else Failure(self._http_error(), repeatable=True)

    def _not_authorised(self) -> Failure:
        message = f"the vendor does not accept the call: {self._said()}"
        return self._refused(AuthError(message, vendor_message=self._vendor_message(), **self._context()))

    def _other_4xx(self) -> Failure:
        if self._verdict is Verdict.NO:
            return self._refusal()
        return Failure(self._http_error(), repeatable=False)

    def _redirected(self) -> Failure:
        why = "redirects are never followed"
        if self._write and self._exchange.status not in _SAME_METHOD_REDIRECTS:
            return self._in_doubt(why)
        error = self._http_error(why)
        error.advice = "Check base_url: the address it points to was not called"
        return Failure(error, repeatable=False)

    def _no_verdict(self) -> Failure:
        what = f"the body is {self._unreadable}" if self._unreadable else "the envelope gives no verdict"
        if self._write:
            return self._in_doubt(what)
        error = DecodeError(f"the vendor answered {self._said()}: {what}", problems=(f"$: {what}",), **self._context())
        # A body that isn't JSON was cut or replaced on its way: another may get through. JSON, or nothing, is the vendor's word.
        return Failure(error, repeatable=bool(self._unreadable and self._exchange.body))

    def _refusal(self) -> Failure:
        code = cast("Envelope", self._envelope).code
        means = meaning(code, self._call.operation.effect, self._profile.codes)
        if means is CodeMeaning.IN_DOUBT and self._write:
            return self._in_doubt("that does not tell whether it was made")
        refusal = ApiError(
            f"the vendor refused it, {self._said()}",
            vendor_message=self._vendor_message(),
            meaning=means.value,
            **self._context(),
        )
        return self._refused(refusal, passing=means is CodeMeaning.PASSING)

    def _refused(self, error: PandaponError, *, passing: bool = False) -> Failure:
        """A refusal; if the vendor's own date shows that the time was wrong, it may be signed anew."""
        date = self.vendor_time
        wrong_time = date is not None and abs(date - self._exchange.signed_at) > CLOCK_WINDOW
        return Failure(error, repeatable=passing, signed_wrong_time=wrong_time)

    def _http_error(self, why: str = "") -> HttpStatusError:
        message = f"the vendor answered {self._said()}" + (f"; {why}" if why else "")
        return HttpStatusError(message, **self._context())

    # --- success ---

    def _reply(self, envelope: Envelope) -> Reply[Any] | Failure:
        exchange, model = self._exchange, self._call.operation.reply
        if self._write and (doubt := no_clear_yes(exchange, self._call, envelope, self._raw)):
            return Failure(OutcomeUnknownError(self._cleaned(doubt) or "", **self._context()), repeatable=False)
        data, problems = (envelope.data, ()) if model is None else decode(model, envelope.data)
        if problems and not self._write and (data is None or self._profile.strict):
            message = f"the reply does not fit: {'; '.join(problems[:3])}" + ("; ..." if len(problems) > 3 else "")
            return Failure(DecodeError(message, problems=problems, **self._context()), repeatable=False)
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

    def _context(self) -> dict[str, Any]:
        exchange, envelope = self._exchange, self._envelope
        return {
            **_context(self._call, self._profile),
            "status": exchange.status,
            "code": self._code(),
            "request_id": self._cleaned(envelope.request_id) if envelope else None,
            "headers": exchange.headers,
            "raw": self._raw,
            "text": self._text(),
        }

    def _said(self) -> str:
        """Status, code and text, as far as they tell something."""
        status, code, text = self._exchange.status, self._code(), self._vendor_message()
        parts = [f"HTTP {status}"] if code is None or not 200 <= status < 300 else []
        parts += [] if code is None else [f"code {code}"]
        return ", ".join(parts) + (f": {text}" if text else "")

    def _text(self) -> str:
        return text_of(self._exchange.body, self._exchange.headers.get(CONTENT_TYPE))

    def _vendor_message(self) -> str | None:
        return self._cleaned(self._envelope.message) if self._envelope else None

    def _code(self) -> int | str | None:
        code = self._envelope.code if self._envelope else None
        return self._cleaned(code) if isinstance(code, str) else code

    def _cleaned(self, text: str | None) -> str | None:
        return None if text is None else cleaned(text, self._call, self._profile, self._exchange.signed)

    def _retry_after(self) -> float | None:
        """Seconds: ASCII digits, with or without a fraction, or a date against the reply's own."""
        text = self._exchange.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(text):
            return float(text)
        until = http_date(text)
        if until is None:
            return None
        now = http_date(self._exchange.headers.get("Date"))
        return max(0.0, until - (self._exchange.received if now is None else now))


def cleaned(text: str, call: Call, profile: VendorProfile, signed: tuple[str, ...]) -> str:
    """A vendor's text without control characters, secrets, and what the request holds of a person, cut to a readable length."""
    text = "".join(char if char.isprintable() else " " for char in _masked(text, call, profile, signed))
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 3] + "..."


def _masked(text: str, call: Call, profile: VendorProfile, signed: tuple[str, ...]) -> str:
    request = call.request() if callable(call.request) else call.request
    hidden = personal_texts(request) | {value for value in signed if not value.isdigit()}
    if profile.credentials is not None:
        keys = attrs.astuple(profile.credentials)
        hidden |= {key for key in keys if key}
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) > 1:
            text = text.replace(value, "***")
    return text


def _context(call: Call, profile: VendorProfile) -> dict[str, Any]:
    return {"vendor": profile.name, "operation": call.operation.name, "reference": call.reference}
