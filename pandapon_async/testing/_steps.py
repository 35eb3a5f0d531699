"""The steps that decide what happens to a call, named in scripts or drawn as faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from pandapon_async.testing._platform_texts import PLATFORM_TEXTS, platform_text

Manner = Literal["plain", "drop", "half_header", "half_body", "garbage", "slow_body", "stall", "huge_body", "gzip_bomb"]
ScriptStep: TypeAlias = "str | int | Mapping[str, Any]"

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
HTML: Final = b"<!doctype html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>"
_KEYS: Final = ("status", "headers", "json", "body", "done", "delay")


@attrs.frozen(kw_only=True)
class Step:
    """What happens to one call.

    Attributes:
        name: the fault's name in the ledger; ``"ok"`` for none.
        done: carry out the operation, if the call passes the checks.
        manner: how the answer is sent.
        status: answer with this HTTP status instead of the regular reply.
        headers: sent in addition to, or instead of, the answer's own.
        body: sent instead of the regular reply.
        delay: seconds before the answer, in addition to the latency.
        null_envelope: set all members of the reply to null.
        text: of the refusal, if the call isn't carried out and nothing is sent instead.
        percent: by how much a preview or a booking costs more than it would.
    """

    name: str
    done: bool = True
    manner: Manner = "plain"
    status: int | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    delay: float = 0.0
    null_envelope: bool = False
    text: str = "refused by script or fault"
    percent: int = 0


NAMED: Final[Mapping[str, Step]] = MappingProxyType(
    {
        step.name: step
        for step in (
            Step(name="ok"),
            Step(name="drop_before", done=False, manner="drop"),
            Step(name="drop_after", manner="drop"),
            Step(name="dead_keepalive"),
            Step(name="half_header", manner="half_header"),
            Step(name="half_body", manner="half_body"),
            Step(name="garbage", manner="garbage"),
            Step(name="html", status=200, headers={"Content-Type": "text/html; charset=utf-8"}, body=HTML),
            Step(name="empty", status=200, body=b""),
            Step(name="no_content", status=204, body=b""),
            Step(name="slow_body", manner="slow_body"),
            Step(name="stall", manner="stall"),
            Step(name="huge_body", manner="huge_body"),
            Step(name="gzip_bomb", manner="gzip_bomb"),
            Step(name="wrong_clock"),
            Step(name="refuse", done=False),
            Step(name="null_envelope", null_envelope=True),
            # INVENTED: no page says how long a preview holds, nor that a booking costs what it said.
            Step(name="price_moved", percent=10),
            Step(name="render_expired", done=False, text="renderId: expired, preview again (invented text)"),
        )
    }
)


def parse_step(step: ScriptStep) -> Step:
    """Turn a word, an HTTP status or a dict into a `Step`.

    Raises:
        ValueError: the step is unknown.
    """
    if isinstance(step, str):
        if step in PLATFORM_TEXTS:
            return platform_step(step)
        if step not in NAMED:
            raise ValueError(
                f"unknown step {step!r}; there are {', '.join(NAMED)}, a code of 1688 or Taobao Global "
                f"({', '.join(PLATFORM_TEXTS)}), an HTTP status, or a dict"
            )
        return NAMED[step]
    if isinstance(step, Mapping):
        return _custom_step(step)
    return status_step(step)


def status_step(status: int, *, done: bool = False) -> Step:
    """The step that answers with ``status`` and a generic page.

    Raises:
        ValueError: ``status`` is not a final HTTP status.
    """
    return Step(
        name=f"status_{_checked_status(status)}",
        done=done,
        status=status,
        headers={"Content-Type": "text/html; charset=utf-8"},
        body=f"<html><body><h1>{status}</h1></body></html>".encode(),
    )


def platform_step(code: str) -> Step:
    """The step that refuses with a text that carries a code of 1688 or Taobao Global.

    Raises:
        ValueError: the code isn't known.
    """
    if code not in PLATFORM_TEXTS:
        raise ValueError(f"unknown code {code!r}; there are {', '.join(PLATFORM_TEXTS)}")
    return Step(name=code, done=False, text=platform_text(code))


def _custom_step(step: Mapping[str, Any]) -> Step:
    unknown = [str(key) for key in step if key not in _KEYS]
    if unknown:
        raise ValueError(f"unknown keys in a step: {', '.join(unknown)}; there are {', '.join(_KEYS)}")
    if "json" in step and "body" in step:
        raise ValueError("a step takes json or body, not both")
    status = _checked_status(step.get("status", 200))
    done = bool(step.get("done", False))
    delay = float(step.get("delay", 0.0))
    headers = {str(name): str(value) for name, value in step.get("headers", {}).items()}
    if done and status == 200 and not ("json" in step or "body" in step):
        return Step(name="custom", headers=headers, delay=delay)
    body, media = _custom_body(step)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = media
    return Step(name="custom", done=done, status=status, headers=headers, body=body, delay=delay)


def _custom_body(step: Mapping[str, Any]) -> tuple[bytes, str]:
    if "json" in step:
        return json.dumps(step["json"], ensure_ascii=False).encode(), "application/json"
    body = cast("str | bytes", step.get("body", b""))
    return body if isinstance(body, bytes) else body.encode(), "application/json"


def _checked_status(status: Any) -> int:
    if type(status) is not int or not 200 <= status <= 599:
        raise ValueError(f"a step's HTTP status must be a number from 200 to 599, not {status!r}")
    return status
