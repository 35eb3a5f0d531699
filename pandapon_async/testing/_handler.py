"""Handles one call: checks, script or faults, execution, ledger, answer. Without sockets."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import Any, Final

import attrs

from pandapon_async.testing._envelopes import Code, nothing, refusal
from pandapon_async.testing._faults import FaultDice
from pandapon_async.testing._ledger import Ledger, RequestRecord
from pandapon_async.testing._operations import ApiOperation, Catalogue, split_vendor
from pandapon_async.testing._replies import BOOK, Replier, booking_reference
from pandapon_async.testing._steps import NAMED, REDIRECTS, Step
from pandapon_async.testing._verification import (
    Account,
    Finding,
    HeaderCheck,
    ReceivedCall,
    TimestampUnit,
    check_content,
)

WRONG_CLOCK: Final = 900.0
"""Seconds by which the step ``wrong_clock`` sets the vendor's clock ahead."""
_JSON_HEADERS: Final[Mapping[str, str]] = MappingProxyType({"Content-Type": "application/json;charset=UTF-8"})
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SILENT: Final = frozenset({"drop", "half_header", "garbage", "stall"})


@attrs.frozen(kw_only=True)
class PlannedReply:
    """An answer to send: content, manner (``step.manner``), and delay in seconds."""

    step: Step
    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float


@attrs.define(kw_only=True)
class Rules:
    """The settings of a fake vendor that affect calls; see `FakeVendor`."""

    accounts: Sequence[Account]
    clock_offset: float = 0.0
    timestamp_unit: TimestampUnit = "s"
    require_user_id: bool = False
    require_signed_query: bool = True
    reply_delay: float = 0.0
    seed: int = 0
    now: Callable[[], float] = time.time


@attrs.frozen(kw_only=True)
class _Checked:
    """The result of a call's checks; ``operation`` is None if nothing has that path and method."""

    operation: ApiOperation | None
    body: Any = None
    findings: Sequence[Finding] = ()
    allowed: Sequence[str] = ()


@lru_cache(maxsize=64)
def http_date(seconds: int) -> str:
    """Unix time as an HTTP date."""
    return formatdate(seconds, usegmt=True)


class RequestHandler:
    """Answers calls, on one event loop; ``dice``, ``rules`` and the script may be changed from other threads."""

    def __init__(self, rules: Rules, ledger: Ledger, dice: FaultDice) -> None:
        self.rules = rules
        self.dice = dice
        self.ledger = ledger
        self.url = ""
        self.script: deque[Step] = deque()
        self.catalogue = Catalogue()
        self._header_check = HeaderCheck(
            accounts=rules.accounts,
            timestamp_unit=rules.timestamp_unit,
            require_user_id=rules.require_user_id,
            require_signed_query=rules.require_signed_query,
        )
        self._replier = Replier(ledger, rules.seed)
        self._request_ids = count(1)

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> PlannedReply:
        """Check a complete request, and carry it out if its step says so."""
        step = self._next_step()
        kind, local_path = split_vendor(path)
        now = self.rules.now() + self.rules.clock_offset + (WRONG_CLOCK if step.name == "wrong_clock" else 0.0)
        call = ReceivedCall(
            kind=kind,
            method=method,
            path=local_path,
            headers=headers,
            query=query,
            body=body,
            now=now,
            monotonic=time.monotonic(),
        )
        checked = self._check(call)
        done = step.done and not checked.findings
        answer = self._compose(call, checked, step, done=done)
        self.ledger.add_request(_record(call, path, checked, answer, done=done))
        return answer

    def dropped(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Record a request whose connection was aborted before its body was read; it is not carried out."""
        kind, local_path = split_vendor(path)
        operation = self.catalogue.methods(kind, local_path).get(method)
        self.ledger.add_request(
            RequestRecord(
                operation=operation.contract_id if operation else "",
                vendor=kind,
                method=method,
                path=path,
                reference=None,
                received_at=self.rules.now() + self.rules.clock_offset,
                nonce=headers.get("nonce-str"),
                timestamp=headers.get("timestamp"),
                done=False,
                fault="dead_keepalive",
                problems=(),
                status=0,
            ),
            whole=False,
        )

    def _next_step(self) -> Step:
        try:
            return self.script.popleft()
        except IndexError:
            return self.dice.step()

    def _check(self, call: ReceivedCall) -> _Checked:
        methods = self.catalogue.methods(call.kind, call.path)
        operation = methods.get(call.method)
        if operation is None:
            code, status, text = (
                (Code.WRONG_METHOD, 405, "method: not allowed at this path")
                if methods
                else (Code.UNKNOWN_PATH, 404, "path: unknown at this vendor")
            )
            return _Checked(
                operation=None, findings=[Finding(code=code, status=status, text=text)], allowed=sorted(methods)
            )
        findings = self._header_check.check(call, signed_query=operation.signed_query)
        body, invalid = check_content(call, operation)
        return _Checked(operation=operation, body=body, findings=[*findings, *invalid])

    def _compose(self, call: ReceivedCall, checked: _Checked, step: Step, *, done: bool) -> PlannedReply:
        status, headers, payload = self._regular_answer(call, checked, step, done=done)
        headers = {"Date": http_date(int(call.now)), **headers}
        if step.status is not None:
            status, payload = step.status, step.body or b""
            headers = {"Date": headers["Date"], **self._status_headers(step, call.now)}
        delay = self.rules.reply_delay + self.dice.pause() + step.delay
        return PlannedReply(step=step, status=status, headers={**headers, **step.headers}, body=payload, delay=delay)

    def _regular_answer(
        self, call: ReceivedCall, checked: _Checked, step: Step, *, done: bool
    ) -> tuple[int, Mapping[str, str], bytes]:
        """The answer before a fault changes it. Carries out the operation if ``done``."""
        request_id = f"fake-{next(self._request_ids):08d}"
        operation = checked.operation
        if operation is None or checked.findings:
            finding = checked.findings[0]
            family = operation.family if operation is not None and finding.status == 200 else "A"
            headers = {**_JSON_HEADERS, "Allow": ", ".join(checked.allowed)} if checked.allowed else _JSON_HEADERS
            return finding.status, headers, _dump(refusal(family, finding.code, finding.text, request_id))
        if not done:
            return 200, _JSON_HEADERS, _dump(refusal(operation.family, Code.REFUSED, step.text, request_id))
        reply = self._replier.reply(call.kind, operation, checked.body, request_id, step.percent)
        return 200, _JSON_HEADERS, _dump(nothing(operation.family) if step.null_envelope else reply)

    def _status_headers(self, step: Step, now: float) -> Mapping[str, str]:
        if step.name == "custom":
            names = {name.lower() for name in step.headers}
            redirects = step.status in REDIRECTS and "location" not in names
            return {"Location": f"{self.url}/redirected"} if redirects else {}
        if step.status in REDIRECTS:
            return {"Location": f"{self.url}/redirected"}
        faults = self.dice.faults
        after = faults.retry_after
        if step.status not in (429, 503) or (after is None and step.status == 503):
            return {}
        seconds = math.ceil(1 if after is None else after)
        value = http_date(int(now) + seconds) if faults.retry_after_form == "date" else str(seconds)
        return {"Retry-After": value}


def _record(call: ReceivedCall, path: str, checked: _Checked, answer: PlannedReply, *, done: bool) -> RequestRecord:
    operation = checked.operation
    booking = operation is not None and operation.contract_id == BOOK and checked.body is not None
    return RequestRecord(
        operation=operation.contract_id if operation else "",
        vendor=call.kind,
        method=call.method,
        path=path,
        reference=booking_reference(checked.body) if booking else None,
        received_at=call.now,
        nonce=call.headers.get("nonce-str"),
        timestamp=call.headers.get("timestamp"),
        done=done,
        fault=None if answer.step is NAMED["ok"] else answer.step.name,
        problems=tuple(finding.text for finding in checked.findings),
        status=0 if answer.step.manner in _SILENT else answer.status,
    )


def _dump(reply: Any) -> bytes:
    return _ENCODER.encode(reply).encode("utf-8", "replace")
