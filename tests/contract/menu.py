"""The table of operations in the guide to the vendors, made of the catalogue. ``python -m tests.contract.menu`` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pandapon_async._models.base import OpenReply, inferred_members, members_of
from pandapon_async._models.inferred_list import InferredList
from pandapon_async._models.operation import Operation
from pandapon_async.api import catalogue

from ..guides.pages import PAGES

PAGE = PAGES["vendors"]
BEGIN, END = "<!-- operations -->\n", "<!-- end of operations -->"
_SESSIONS = {"pandapon": "panda", "xportcn_ka": "ka"}
_HEAD = "| service | typed | path inferred | path unknown |\n| --- | --- | --- | --- |\n"


def table() -> str:
    """Every operation of every vendor, by service and state."""
    cells: dict[str, dict[str, list[str]]] = {}
    for kind, session in _SESSIONS.items():
        for operation in sorted(_offered(kind), key=lambda operation: operation.name.rpartition(".")[0]):
            service, _, method = operation.name.rpartition(".")
            states = cells.setdefault(f"{session}.{service}", {})
            states.setdefault(operation.state(operation.route(kind)), []).append(f"`{method}`")
    rows = [
        f"| `{service}` | {' | '.join(', '.join(states.get(state, ())) for state in ('typed', 'inferred', 'path unknown'))} |"
        for service, states in cells.items()
    ]
    return _HEAD + "\n".join(re.sub(r"  +\|", " |", row) for row in rows) + "\n\n" + _counts() + "\n"


def _offered(kind: str) -> Iterable[Operation[object]]:
    return (request.operation for request in catalogue() if kind in request.operation.vendors)


def _counts() -> str:
    parts: list[str] = []
    for kind, session in _SESSIONS.items():
        states = [operation.state(operation.route(kind)) for operation in _offered(kind)]
        told = ", ".join(f"{states.count(state)} {state}" for state in ("typed", "inferred", "path unknown"))
        parts.append(f"`{session}`: {len(states)} operations ({told})")
    replies = [reply_state(operation) for kind in _SESSIONS for operation in _offered(kind)]
    told = ", ".join(f"{replies.count(state)} {state}" for state in ("from a page", "inferred", "open"))
    return "; ".join(parts) + f". Shapes of their replies: {told}."


def reply_state(operation: Operation[Any]) -> str:
    """How surely the shape of an operation's reply is known, in words."""
    reply = operation.reply
    if reply is None or (issubclass(reply, OpenReply) and not (members_of(reply) or issubclass(reply, InferredList))):
        return "open"
    seen = len(members_of(reply)) > len(inferred_members(reply))
    return "from a page" if seen else "inferred"


def on_page() -> str:
    """The table as it stands in the guide."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(f"{BEGIN}{on_page()}{END}", f"{BEGIN}{table()}{END}"), encoding="utf-8")
