"""The reference is the docstrings: every public name has one that says what it means, in what unit, what it raises, and how
a vendor's fact is known, as far as a program can tell."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import attrs

import pandapon_async
from pandapon_async import Evidence
from pandapon_async.api import catalogue
from pandapon_async.testing._operations import load_facts
from tests.public_names import public_modules

CONTRIBUTING = Path(__file__).parents[1] / ".github" / "CONTRIBUTING.md"
SUBJECTS = ("logistics", "alibaba1688", "taobao", "xportcn_ka")
UNITS = re.compile(
    r"second|minute|hour|day|byte|KiB|MiB|Unix|probabilit|attempts|factor|percent|calls|messages|times|rate|price|amount"
)
"""What tells a number's unit."""


@cache
def public() -> dict[str, Any]:
    """Every public class and function, and the methods and properties of those classes that are ours, by their way."""
    found: dict[str, Any] = {}
    for module in public_modules():
        promised = getattr(module, "__all__", ())
        for name in sorted({*vars(module), *promised}):
            value = getattr(module, name)
            home = getattr(value, "__module__", None) or ""
            own = name in promised or (home == module.__name__ and not name.startswith("_"))
            if not own or not (inspect.isclass(value) or inspect.isfunction(value)) or value.__name__ == "TypeAlias":
                continue
            found[f"{home}.{value.__qualname__}"] = value
            if inspect.isclass(value):
                found.update((f"{home}.{value.__qualname__}.{name}", member) for name, member in members(value))
    return found


def members(owner: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class defines itself."""
    for name, member in vars(owner).items():
        kinds = (property, cached_property, classmethod, staticmethod, FunctionType)
        if not name.startswith("_") and isinstance(member, kinds):
            yield name, member


def doc(value: Any) -> str:
    return inspect.getdoc(value) or ""


def function(value: Any) -> Any:
    """The function behind a method or a property."""
    for name in ("fget", "func", "__func__"):
        value = getattr(value, name, None) or value
    return inspect.unwrap(value)


def test_every_public_name_says_what_it_means() -> None:
    silent = [name for name, value in public().items() if len(doc(value).split()) < 3]
    assert silent == []


def test_no_docstring_of_a_class_is_made_by_attrs_or_inherited() -> None:
    """A generated one says nothing that the signature doesn't."""
    inherited = [name for name, value in public().items() if inspect.isclass(value) and not vars(value).get("__doc__")]
    assert inherited == []


def raised(value: Any) -> set[str]:
    """The names of the errors that a function's own body raises."""
    try:
        source = textwrap.dedent(inspect.getsource(function(value)))
    except (OSError, TypeError):
        return set()
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            found.add(node.exc.func.id)
    return {name for name in found if name.endswith(("Error", "Exception"))}


def test_what_a_function_raises_is_told() -> None:
    untold = [
        f"{name}: {error}"
        for name, value in public().items()
        if not inspect.isclass(value)
        for error in sorted(raised(value))
        if error not in doc(value)
    ]
    assert untold == []


def numbers(value: Any) -> Iterator[str]:
    """The fields and parameters that are a fraction of something: only a unit gives them a meaning."""
    if inspect.isclass(value) and attrs.has(value):
        yield from (field.name for field in attrs.fields(value) if "float" in str(field.type) and field.init)
    elif not inspect.isclass(value) and callable(function(value)):
        hints = getattr(function(value), "__annotations__", {})
        yield from (name for name, hint in hints.items() if "float" in str(hint) and name != "return")


def said_of(value: Any, name: str) -> str:
    """What the docstring says of a field or parameter: its entry, else the sentence or the comment that names it."""
    text = doc(value)
    if inspect.isclass(value):
        text += inspect.getsource(value)
    return "\n".join(re.findall(rf"[^\n]*\b{name}\b[^\n]*(?:\n[^\n]*)?", text))


def test_numbers_have_a_unit() -> None:
    bare = [
        f"{name}: {field}"
        for name, value in public().items()
        for field in numbers(value)
        if not UNITS.search(said_of(value, field))
    ]
    assert bare == []


def test_the_documented_command_builds_the_reference(tmp_path: Path) -> None:
    (line,) = re.findall(r"^python (-m pdoc .*)$", CONTRIBUTING.read_text(encoding="utf-8"), re.MULTILINE)
    command = [sys.executable, *shlex.split(line.replace("-o reference", f"-o {tmp_path.as_posix()}"))]
    subprocess.run(command, cwd=CONTRIBUTING.parents[1], check=True, capture_output=True)
    page = (tmp_path / "pandapon_async.html").read_text(encoding="utf-8")
    assert [name for name in pandapon_async.__all__ if f'id="{name}"' not in page] == []
    assert (tmp_path / "pandapon_async" / "api" / "logistics.html").exists()


def test_a_fact_about_a_vendor_says_how_it_is_known() -> None:
    """The operation's evidence is its source; what was inferred or isn't known names what the pages don't show."""
    operations = [request.operation for request in catalogue()]
    assert all(isinstance(operation.evidence, Evidence) and operation.contract_id for operation in operations)
    assert [op.name for op in operations if op.evidence is Evidence.MISSING and not op.missing] == []
    facts = {fact.id for subject in SUBJECTS for fact in load_facts(subject)}
    assert [op.name for op in operations if op.contract_id not in facts] == []
