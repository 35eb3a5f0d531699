"""The exception family.

Every error answers four questions for the person who reads it: what happened, to which booking, was it sent, what to do
next. What it shows of itself (text, repr, log, pickle) holds no URL query, credential or receiver's data; what the vendor sent
is kept beside that, for whoever asks for it by name. Where there is a built-in that people catch, an error is that too.
"""

from __future__ import annotations

import copy
import difflib
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs


class Stage(str, enum.Enum):
    """How far a call, or one attempt of it, had come when it failed."""

    PREPARE = "prepare"
    """Nothing was sent: the request could not be built, or the configuration is wrong."""
    WAIT = "wait"
    """Nothing was sent: the call was waiting for a permit, a rate token or the end of a pause."""
    NOT_SENT = "not sent"
    """No connection was made, so the vendor has not seen the request."""
    UNKNOWN = "unknown"
    """A connection was made and then something broke: the vendor may or may not have acted."""
    REPLIED = "replied"
    """A whole reply arrived, and it decides."""


@attrs.frozen(kw_only=True)
class Attempt:
    """One attempt of a call, as a plain record.

    ``error`` is the type name of what went wrong (None: nothing), ``status`` the HTTP status if a reply came,
    ``code`` the vendor's code if there was an envelope, ``elapsed`` the attempt's length in seconds.
    """

    number: int
    stage: Stage
    error: str | None = None
    status: int | None = None
    code: int | str | None = None
    elapsed: float = 0.0


@attrs.frozen(repr=False, eq=False)
class _Content:
    """What a vendor sent, as it came. It may quote anything back, so it has no repr and is in no pickle."""

    headers: Mapping[str, str] | None = None
    raw: Any = None
    text: str | None = None

    def __deepcopy__(self, memo: object) -> _Content:
        return self


class PandaponError(Exception):
    """Base of everything this package raises on purpose.

    Attributes (None where it doesn't apply):
        message: what happened, without the context that ``str()`` adds.
        vendor: the account name of the profile, such as ``"pandapon"``.
        operation: the operation's name, such as ``"logistics.book_freight"``.
        reference: the caller's reference of the booking, if one was given or can be told from the request.
        stage: how far the call had come.
        attempts: every attempt, as plain records.
        status: HTTP status of the vendor's reply.
        code: the vendor's code (``code`` or ``errorCode``).
        request_id: the vendor's request id; what its log search takes.

    Three more hold what the vendor sent as it came, secrets and personal data included, so they are in no repr, text, log or
    pickle: ``headers``, ``raw`` and ``text``.
    """

    default_stage: Stage | None = None
    advice: str = ""
    """What to do next, one sentence; shown at the end of ``str()``."""
    _content = _Content()

    def __init__(
        self,
        message: str,
        *,
        vendor: str | None = None,
        operation: str | None = None,
        reference: str | None = None,
        stage: Stage | None = None,
        attempts: Sequence[Attempt] = (),
        status: int | None = None,
        code: int | str | None = None,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: Any = None,
        text: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.vendor = vendor
        self.operation = operation
        self.reference = reference
        self.stage: Stage | None = stage or self.default_stage
        self.attempts: tuple[Attempt, ...] = tuple(attempts)
        self.status = status
        self.code = code
        self.request_id = request_id
        if not (headers is raw is text is None):
            self._content = _Content(headers, raw, text)

    @property
    def headers(self) -> Mapping[str, str] | None:
        """The reply's headers, case-insensitive."""
        return self._content.headers

    @property
    def raw(self) -> Any:
        """The JSON of the reply's body; None if it is none."""
        return self._content.raw

    @property
    def text(self) -> str | None:
        """The text of the reply's body, the first 64 KiB."""
        return self._content.text

    @property
    def sent(self) -> bool | None:
        """Whether the request reached the vendor: True, False, or None when that can't be known."""
        if self.stage is None or self.stage is Stage.UNKNOWN:
            return None
        return self.stage is Stage.REPLIED

    def __str__(self) -> str:
        where = " ".join(part for part in (self.vendor, self.operation) if part)
        facts = [
            f"reference {self.reference}" if self.reference else "",
            f"request id {self.request_id}" if self.request_id else "",
            f"{len(self.attempts)} attempts" if len(self.attempts) > 1 else "",
        ]
        details = ", ".join(fact for fact in facts if fact)
        text = f"{where}: {self.message}" if where else self.message
        if details:
            text += f" [{details}]"
        return f"{text}. {self.advice}" if self.advice else text

    def __reduce__(self) -> tuple[Callable[..., PandaponError], tuple[Any, ...]]:
        return _rebuild, (
            type(self),
            self.args,
            {name: self.__dict__[name] for name in self.__dict__ if name != "_content"},
        )

    def __copy__(self) -> PandaponError:
        return _rebuild(type(self), self.args, self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> PandaponError:
        return _rebuild(type(self), *copy.deepcopy((self.args, self.__dict__), memo))


def in_short(error: Exception) -> str:
    """An error as one cell of a table or a journal; of what isn't ours only the type, since its text may quote anything."""
    return f"{type(error).__name__}: {error.message}" if isinstance(error, PandaponError) else type(error).__name__


def _rebuild(cls: type[PandaponError], args: tuple[Any, ...], state: dict[str, Any]) -> PandaponError:
    error = cls.__new__(cls, *args)
    error.args = args  # those that are an OSError, too, get theirs in __init__, which isn't run here
    error.__dict__.update(state)
    return error


class ConfigError(PandaponError, ValueError):
    """The configuration can't work: a wrong or missing setting, a closed session, a second event loop."""

    default_stage: Stage | None = Stage.PREPARE


class RequestError(PandaponError, ValueError):
    """A request is wrong, and nothing was sent.

    ``field`` is the way to the wrong field: Python names when a model was built, wire names from ``from_wire``.
    """

    default_stage: Stage | None = Stage.PREPARE

    def __init__(self, message: str, *, field: str | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.field = field


class LimitExceededError(PandaponError):
    """A permit, a rate token or the end of a pause was further away than ``Limits.max_wait``; nothing was sent."""

    default_stage: Stage | None = Stage.WAIT
    advice = "Nothing was sent: try later, raise Limits.max_wait, or use a stream, which waits"


class NotSentError(PandaponError, ConnectionError):
    """It was not sent, after all retries: the vendor has not seen the request; the message says why."""

    default_stage: Stage | None = Stage.NOT_SENT
    advice = "Nothing was sent: it is safe to send it again; `pandapon doctor` looks for the cause"


class OutcomeUnknownError(PandaponError):
    """A WRITE was sent and its outcome can't be known: it may have been made. It is never sent again by the library.

    It is none of the built-in errors that retry decorators repeat.
    """

    default_stage: Stage | None = Stage.UNKNOWN
    advice = "It may have been made: look it up at the vendor before you send it again"


class DeadlineExceededError(PandaponError, TimeoutError):
    """``Timeouts.total`` ran out while nothing was in doubt: a READ, or a WRITE that had not been sent."""

    default_stage: Stage | None = Stage.NOT_SENT
    advice = "Nothing is in doubt: it is safe to send it again"


class ConnectionLostError(PandaponError, ConnectionError):
    """A READ was sent and its reply never came whole: lost, silent, cut or too large, after all retries."""

    default_stage: Stage | None = Stage.UNKNOWN
    advice = "Nothing is in doubt: it only asked, so it is safe to send it again"


class HttpStatusError(PandaponError):
    """The vendor answered with an HTTP status that refuses the call and no envelope that says why."""

    default_stage: Stage | None = Stage.REPLIED
    advice = "Nothing is in doubt: fix what the status names, or send it again later"
    status: int  # pyright: ignore[reportIncompatibleVariableOverride] - here there always is one

    def __init__(self, message: str, *, status: int, **context: Any) -> None:
        super().__init__(message, status=status, **context)


class AuthError(HttpStatusError):
    """401 or 403, as HTTP status or as the vendor's code: it does not accept the keys, the signature, the clock or the user id.

    ``vendor_message`` is the envelope's text, if there was one, with secrets and the request's personal data taken out.
    """

    advice = "Nothing was done; `pandapon doctor` explains signature, clock and keys"

    def __init__(self, message: str, *, vendor_message: str | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.vendor_message = vendor_message


class RateLimitedError(HttpStatusError):
    """429, as HTTP status or as the vendor's code, and no attempts left, or a ``Retry-After`` beyond the cap; nothing was done.

    ``retry_after`` is the wait the vendor asked for, in seconds (None: it named none).
    """

    advice = "Nothing was done: send it again later, or lower Limits.rate"

    def __init__(self, message: str, *, retry_after: float | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.retry_after = retry_after


class DecodeError(PandaponError):
    """A whole reply to a READ came and makes no sense: it isn't JSON, gives no verdict, or its data fits no model. Or a vendor
    message makes none.

    ``problems`` names the JSON paths that don't fit. Nothing is in doubt.
    """

    default_stage: Stage | None = Stage.REPLIED
    advice = "Nothing is in doubt: it only asked, so it is safe to send it again"

    def __init__(self, message: str, *, problems: Sequence[str] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.problems: tuple[str, ...] = tuple(problems)


class ApiError(PandaponError):
    """The vendor's envelope refuses the call; nothing was done.

    Attributes:
        code: the vendor's code (``code`` or ``errorCode``); None if it named none.
        vendor_message: the vendor's text, with secrets and the request's personal data taken out.
        meaning: what the profile's code table says of the code: ``"passing"``, ``"refused"``, ``"in_doubt"``, ``"stop"``.
    """

    default_stage: Stage | None = Stage.REPLIED
    advice = "Nothing was done: fix what the vendor names before you send it again"

    def __init__(
        self, message: str, *, vendor_message: str | None = None, meaning: str = "refused", **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.vendor_message = vendor_message
        self.meaning = meaning


class MessageRejectedError(PandaponError):
    """A vendor message is not signed with this account's secret: whoever sent it, it must not be believed."""

    advice = (
        "Answer it with HTTP 401; if the vendor did send it, check access_key, access_secret and push_base, "
        "and that the body is verified as it was received"
    )


class JournalError(PandaponError):
    """A booking journal can't be opened, read or written."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"``, or nothing when no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def wrong(path: str, expected: str, value: object) -> RequestError:
    """The error of a member of the wrong type; the value itself is not shown, it may be personal."""
    return RequestError(f"{path}: expected {expected}, not {type(value).__name__}", field=path)
