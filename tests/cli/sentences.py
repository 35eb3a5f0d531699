"""The English sentences that the package's source says, as the catalogues name them: xgettext for this package."""

from __future__ import annotations

import ast
import builtins
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandapon_async

PACKAGE: Final = Path(pandapon_async.__file__).parent
_FOR_PROGRAMMERS: Final = (
    *(
        "api",
        "push",
        "testing",
        "_fleet",
        "_streams",
        "_manager.py",
        "_session.py",
        "_quotes/charts.py",
        "_quotes/sweep.py",
    ),
    *("_quotes/ordering.py", "_quotes/requests.py", "_models/compiled.py", "_models/inferred", "_models/operation.py"),
    *("_models/money.py", "_models/wire_types.py"),
    *("_jobs/job.py", "_jobs/lookup.py", "_jobs/settings.py", "_jobs/claims.py", "_config/price_paths.py"),
    *(
        "_calls/client.py",
        "_calls/connections.py",
        "_calls/decoding.py",
        "_calls/direct_transport.py",
        "_calls/endpoints.py",
    ),
    *("_calls/hooks.py", "_calls/limiter.py", "_calls/plain_transport.py", "_calls/tracing.py", "_calls/transport.py"),
    *(
        f"_cli/{name}.py"
        for name in ("call", "demo", "demo_fleet", "fake_vendor", "guide", "listen", "operations", "doctor")
    ),
)
"""Rooms and commands whose refusals a programmer causes, not a clerk: they stay English where no translation happens to be there."""
VALUE: Final = "\0"
"""Stands for a value in a template: what it is called matters to a catalogue only."""
_REFUSALS: Final = ("Error", "Failed", "UsageError", "BadParameter", "Usage")


def templates_of(expression: ast.expr) -> Iterator[str]:
    """The templates of a text, with `VALUE` for each value: several if it has alternatives; none if it is no literal."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.JoinedStr):
        parts = expression.values
        yield "".join(str(one.value) if isinstance(one, ast.Constant) else VALUE for one in parts)
    elif isinstance(expression, ast.IfExp):
        yield from templates_of(expression.body)
        yield from templates_of(expression.orelse)


def refusals(folder: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Where, and what, each error says that a clerk may meet."""
    for path in sorted(folder.rglob("*.py")):
        where = path.relative_to(folder).as_posix()
        if where.startswith(_FOR_PROGRAMMERS):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.endswith(_REFUSALS) and not hasattr(builtins, name):
                for text in templates_of(node.args[0]):
                    yield f"{where}:{node.lineno}", text


def all_texts(folder: Path = PACKAGE) -> set[str]:
    """Every text of the source, as a template, and what stands in it behind a place."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.expr):
                found.update(templates_of(node))
    return found | {text.removeprefix(f"{VALUE}: ") for text in found}


def bare(template: str) -> str:
    """A catalogue's template with `VALUE` for each value, as the others here."""
    return "".join(
        literal + (VALUE if name is not None else "") for literal, name, *_ in string.Formatter().parse(template)
    )
