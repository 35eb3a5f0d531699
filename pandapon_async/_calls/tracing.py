"""Calls as OpenTelemetry spans and metrics (extra ``otel``).

A call is a span, with the time that it waited for its permit; each attempt is an HTTP client span below it, by the semantic
conventions. No span or metric holds a secret, a query, a body or what a vendor said: only names, codes, counts and the caller's
reference. A session without telemetry has another client class, so it pays nothing for this.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .._config.profiles import VendorProfile
from .._errors import Attempt, ConfigError, LimitExceededError, NotSentError, OutcomeUnknownError
from .._models.operation import Effect, Operation, Reply
from .._version import __version__
from .client import ApiClient, BeforeSend, ClientState, OnRequeue
from .exchange import Call
from .hooks import Hooks, guarded

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span, Tracer

_NAME: Final = "pandapon_async"


class TracingClient(ApiClient):
    """A client that tells OpenTelemetry of its calls, by the tracer and meter providers that are set globally.

    Raises:
        ConfigError: the extra isn't installed.
    """

    def __init__(self, profile: VendorProfile, state: ClientState, hooks: Hooks) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError:
            raise ConfigError("telemetry: needs the extra: pip install 'pandapon-async[otel]'") from None
        self._tracer: Tracer = trace.get_tracer(_NAME, __version__)
        self._instruments = _Instruments(metrics.get_meter(_NAME, __version__))
        self._began: ContextVar[float] = ContextVar(f"{_NAME}.began")
        told: Any = _TracedHooks(hooks, profile, self._tracer, self._instruments, self._began)
        super().__init__(profile, state, told)

    async def run(
        self,
        call: Call,
        *,
        wait_forever: bool,
        before_send: BeforeSend | None = None,
        on_requeue: OnRequeue | None = None,
    ) -> Reply[Any]:
        """As `ApiClient.run`, inside a span."""
        limiter = self.state.limiter
        if limiter.pause.until > self.clock.monotonic():
            self._instruments.paused.add(1, {"pandapon.account": self.profile.name})
        with self._span(call) as span:
            reply = await super().run(call, wait_forever=wait_forever, before_send=before_send, on_requeue=on_requeue)
            span.set_attribute("pandapon.attempts", reply.attempts)
            return reply

    @contextmanager
    def _span(self, call: Call) -> Generator[Span, None, None]:
        from opentelemetry.trace import Status, StatusCode

        known = {"pandapon.account": self.profile.name, "pandapon.operation": call.operation.name}
        began = time.perf_counter()
        self._began.set(began)
        named = known if call.reference is None else {**known, "pandapon.reference": call.reference}
        # What an exception says may quote the vendor; its type is enough.
        with self._tracer.start_as_current_span(
            call.operation.name, attributes=named, record_exception=False, set_status_on_exception=False
        ) as span:
            outcome = "ok"
            try:
                yield span
            except BaseException as error:
                outcome = _outcome(error, call)
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                span.set_attribute("pandapon.outcome", outcome)
                self._instruments.calls.record(time.perf_counter() - began, {**known, "pandapon.outcome": outcome})


def _outcome(error: BaseException, call: Call) -> str:
    """How a call ended: in one of few words, so that it can be counted."""
    if isinstance(error, OutcomeUnknownError):
        return "in_doubt"
    if isinstance(error, (NotSentError, LimitExceededError)):
        return "not_sent"
    if not isinstance(error, Exception):
        return "in_doubt" if call.written and call.operation.effect is Effect.WRITE else "cancelled"
    return "failed"


class _Instruments:
    """What is measured; seconds, as the semantic conventions have it."""

    def __init__(self, meter: Meter) -> None:
        self.calls = meter.create_histogram(
            "pandapon.client.call.duration", "s", "Calls, from the wait for their permit to their outcome."
        )
        self.permit = meter.create_histogram("pandapon.client.permit.wait", "s", "Waits for a permit.")
        self.attempts = meter.create_histogram("http.client.request.duration", "s", "Attempts.")
        self.in_doubt = meter.create_counter("pandapon.client.in_doubt", "{call}", "WRITEs that ended in doubt.")
        self.paused = meter.create_counter("pandapon.client.paused", "{call}", "Calls that found the account paused.")


class _TracedHooks:
    """Tells telemetry and then the session's own hooks, as they are set at that moment."""

    def __init__(
        self,
        hooks: Hooks,
        profile: VendorProfile,
        tracer: Tracer,
        instruments: _Instruments,
        began: ContextVar[float],
    ) -> None:
        self._hooks = hooks
        self._began = began
        self._tracer = tracer
        self._instruments = instruments
        self._known: Mapping[str, str] = {"pandapon.account": profile.name}
        parts = urlsplit(profile.base_url)
        default = 443 if parts.scheme == "https" else 80
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port or default}{parts.path}"
        self._server = {"server.address": parts.hostname or "", "server.port": parts.port or default}
        self._paths = profile.paths

    def on_start(self, reference: str | None, operation: Operation[Any]) -> None:
        from opentelemetry.trace import get_current_span

        waited = time.perf_counter() - self._began.get()
        get_current_span().set_attribute("pandapon.permit.wait", waited)
        self._instruments.permit.record(waited, {**self._known, "pandapon.operation": operation.name})
        if self._hooks.on_start is not None:
            guarded(self._hooks.on_start, reference, operation)

    def on_attempt(self, attempt: Attempt, reference: str | None, operation: Operation[Any]) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        path = self._paths.get(operation.name) or operation.path or ""
        shown: dict[str, Any] = {"http.request.method": operation.method, **self._server}
        if attempt.status is not None:
            shown["http.response.status_code"] = attempt.status
        if attempt.error is not None:
            shown["error.type"] = attempt.error if attempt.status is None else str(attempt.status)
        self._instruments.attempts.record(attempt.elapsed, {**self._known, **shown})
        end = time.time_ns()
        span = self._tracer.start_span(
            operation.method, kind=SpanKind.CLIENT, start_time=end - round(attempt.elapsed * 1e9), attributes=shown
        )
        span.set_attribute("url.full", self._base + path)
        span.set_attribute("pandapon.stage", attempt.stage.value)
        if attempt.number > 1:
            span.set_attribute("http.request.resend_count", attempt.number - 1)
        if attempt.code is not None:
            span.set_attribute("pandapon.code", str(attempt.code))
        if attempt.error is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)
        if self._hooks.on_attempt is not None:
            guarded(self._hooks.on_attempt, attempt, reference, operation)

    @property
    def on_reply(self) -> Any:
        return self._hooks.on_reply

    def on_in_doubt(self, reference: str | None, operation: Operation[Any]) -> None:
        self._instruments.in_doubt.add(1, {**self._known, "pandapon.operation": operation.name})
        if self._hooks.on_in_doubt is not None:
            guarded(self._hooks.on_in_doubt, reference, operation)
