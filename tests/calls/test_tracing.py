"""OpenTelemetry: calls as spans, attempts as HTTP spans below them, and what is measured."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pandapon_async import (
    ApiError,
    ConfigError,
    NotSentError,
    OutcomeUnknownError,
    PandaPonSession,
    RetryPolicy,
    SessionManager,
)
from pandapon_async.testing import FakeVendor
from tests.support import AT_ONCE, booking, closed_port, error_of, estimate, session_at, until
from tests.test_secrets import HIDDEN, KEYS, PERSON


class Telemetry:
    """What was told, as a collector gets it."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    def calls(self) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.parent is None]

    def attempts(self) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.parent is not None]

    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    found = Telemetry()
    monkeypatch.setattr(trace, "get_tracer", found.tracers.get_tracer)
    monkeypatch.setattr(metrics, "get_meter", found.meters.get_meter)
    yield found
    found.tracers.shutdown()
    found.meters.shutdown()


def traced(vendor: FakeVendor, **changes: Any) -> Any:
    return session_at(vendor.profile("pandapon", retry=AT_ONCE, **changes), telemetry=True)


def test_without_the_extra_it_says_what_to_install(vendor_profile: Any, monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pandapon-async\[otel\]"):
        PandaPonSession(vendor_profile, telemetry=True)


@pytest.fixture
def vendor_profile() -> Any:
    with FakeVendor() as vendor:
        return vendor.profile("pandapon")


OUTCOMES: dict[str, tuple[list[Any], type[Exception] | None, str, int]] = {
    "a yes": (["ok"], None, "ok", 1),
    "a refusal": (["refuse"], ApiError, "failed", 1),
    "a broken connection": (["drop_after"], OutcomeUnknownError, "in_doubt", 1),
    "a yes after a 429": ([429, "ok"], None, "ok", 2),
}


@pytest.mark.parametrize("kind", OUTCOMES)
async def test_a_call_is_a_span_with_its_outcome_and_a_span_for_each_attempt(
    vendor: FakeVendor, telemetry: Telemetry, kind: str
):
    script, error_type, outcome, attempts = OUTCOMES[kind]
    vendor.script(*script)
    async with traced(vendor) as session:
        error = await error_of(session.logistics.book_freight(booking(), reference="order-1"))
    assert type(error) is (error_type or type(None))
    (call,) = telemetry.calls()
    found = call.attributes or {}
    assert (call.name, found["pandapon.outcome"], found["pandapon.reference"]) == (
        "logistics.book_freight", outcome, "order-1",
    )  # fmt: skip
    assert found.get("error.type") == (None if error_type is None else error_type.__name__)
    assert isinstance(found["pandapon.permit.wait"], float)
    assert len(telemetry.attempts()) == attempts
    for number, attempt in enumerate(telemetry.attempts()):
        assert attempt.parent is not None
        assert call.context is not None
        assert attempt.parent.span_id == call.context.span_id
        shown = attempt.attributes or {}
        assert (attempt.kind, shown["http.request.method"]) == (trace.SpanKind.CLIENT, "POST")
        assert str(shown["url.full"]).endswith("/open/pp/logistics/orderBookingFreight")
        assert "?" not in str(shown["url.full"])
        assert shown.get("http.request.resend_count") == (number or None)


async def test_what_was_not_sent_is_told_as_such(vendor: FakeVendor, telemetry: Telemetry):
    profile = vendor.profile("pandapon", base_url=f"http://127.0.0.1:{closed_port()}", retry=RetryPolicy(attempts=1))
    async with session_at(profile, telemetry=True) as session:
        assert isinstance(await error_of(session.logistics.book_freight(booking())), NotSentError)
    (call,) = telemetry.calls()
    assert (call.attributes or {})["pandapon.outcome"] == "not_sent"


async def test_a_cancelled_booking_that_was_sent_is_told_as_in_doubt(vendor: FakeVendor, telemetry: Telemetry):
    vendor.script("stall")
    async with traced(vendor) as session:
        task = asyncio.create_task(session.logistics.book_freight(booking()))
        await until(lambda: vendor.ledger.seen)
        task.cancel()
        await asyncio.wait([task])
    (call,) = telemetry.calls()
    assert (call.attributes or {})["pandapon.outcome"] == "in_doubt"


async def test_what_is_measured_can_be_counted_by_outcome(vendor: FakeVendor, telemetry: Telemetry):
    vendor.script("ok", "drop_after", "refuse")
    async with traced(vendor) as session:
        for _ in range(3):
            await error_of(session.logistics.book_freight(booking()))
    points = telemetry.points()
    calls = {point.attributes["pandapon.outcome"]: point.count for point in points["pandapon.client.call.duration"]}
    assert calls == {"ok": 1, "in_doubt": 1, "failed": 1}
    assert sum(point.count for point in points["http.client.request.duration"]) == 3
    assert [point.value for point in points["pandapon.client.in_doubt"]] == [1]
    assert sum(point.count for point in points["pandapon.client.permit.wait"]) == 3


async def test_the_sessions_own_hooks_are_called_too_whenever_they_are_set(vendor: FakeVendor, telemetry: Telemetry):
    told: list[str] = []
    note: Callable[[str], Any] = lambda name: lambda *_: told.append(name)  # noqa: E731
    async with traced(vendor) as session:
        session.on_start, session.on_attempt, session.on_reply = map(note, ("start", "attempt", "reply"))
        await session.logistics.estimate_freight(estimate())
        session.on_attempt = None
        await session.with_options(retry=RetryPolicy(attempts=1)).logistics.estimate_freight(estimate())
    assert told == ["start", "attempt", "reply", "start", "reply"]
    assert len(telemetry.attempts()) == 2


async def test_streams_are_traced_and_each_call_has_its_own_attempts(vendor: FakeVendor, telemetry: Telemetry):
    requests = [booking(f"R{index}") for index in range(20)]
    async with (
        SessionManager([vendor.profile("pandapon")], telemetry=True) as vendors,
        vendors.pandapon.stream(requests, concurrency=8) as outcomes,
    ):
        assert [outcome.ok async for outcome in outcomes] == [True] * 20
    assert len(telemetry.calls()) == 20
    assert len({span.parent.span_id for span in telemetry.attempts() if span.parent is not None}) == 20


async def test_no_secret_and_nothing_of_a_person_is_told(vendor: FakeVendor, telemetry: Telemetry):
    echo = {"json": {"code": 500, "msg": f"no {PERSON.name}, {PERSON.phone}, {KEYS.access_secret}"}}
    vendor.script(echo, {"status": 502, "body": str(PERSON.name).encode()}, "ok")
    profile = vendor.profile("pandapon", retry=AT_ONCE).evolve(
        credentials=KEYS, base_url=vendor.profile("pandapon").base_url
    )
    async with session_at(profile, telemetry=True) as session:
        for index in range(3):
            await error_of(session.logistics.book_freight(booking(f"R{index}", receiver_address=PERSON)))
    spans = "".join(span.to_json() for span in telemetry.exporter.get_finished_spans())
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    assert len(telemetry.calls()) == 3
    for hidden in HIDDEN:
        assert hidden not in spans + data.to_json()
