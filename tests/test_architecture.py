"""The house is as ARCHITECTURE.md draws it: rooms, floors, no arrow up, no circle."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import types
from pathlib import Path

import grimp
import pytest

import pandapon_async
from pandapon_async import PandaPonSession
from tests.support import booking

HOME = Path(pandapon_async.__file__).parent
TEXT = (HOME / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS_BLOCK, NEVER_BLOCK, WAY_BLOCK = (match.splitlines() for match in re.findall(r"```\n(.*?)```", TEXT, re.S))
ROOMS = [line.split()[0] for line in ROOMS_BLOCK]
NEVER = {line.split()[0]: line.split()[1:] for line in NEVER_BLOCK}
WAY = [line.split()[0] for line in WAY_BLOCK]
MOST_LINES = 400
MOST_LINES_OF_CODE = 40
HAPPY_PATH = {"_calls/client.py:run": 80, "_calls/direct_transport.py:attempt": 80}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import of the package: those in functions and under TYPE_CHECKING, too."""
    return grimp.build_graph("pandapon_async", include_external_packages=True, cache_dir=None)


def room(module: str) -> str | None:
    """The room that a module is in; None of the package's own files and the command's entry."""
    name = module.removeprefix("pandapon_async").removeprefix(".").split(".")[0]
    return None if name in ("", "__main__") else name


def test_the_rooms_are_those_on_disk():
    found = {path.stem for path in HOME.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found - {"__init__", "__main__"} == set(ROOMS)


def test_no_import_points_up(graph: grimp.ImportGraph):
    floor = {name: number for number, name in enumerate(ROOMS)}
    ours = {module for module in graph.modules if module.startswith("pandapon_async") and room(module)}
    up = [
        f"{module} -> {imported}"
        for module in sorted(ours)
        for imported in sorted(graph.find_modules_directly_imported_by(module) & ours)
        if floor[room(imported) or ""] < floor[room(module) or ""]
    ]
    assert up == []


def test_no_modules_import_each_other(graph: grimp.ImportGraph):
    ours = {module for module in graph.modules if module.startswith("pandapon_async.")}
    edges = {module: graph.find_modules_directly_imported_by(module) & ours for module in ours}
    graphlib.TopologicalSorter(edges).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("name", NEVER)
def test_what_a_room_never_imports(name: str, graph: grimp.ImportGraph):
    inside = {module for module in graph.modules if room(module) == name}
    imported = {found for module in inside for found in graph.find_modules_directly_imported_by(module)}
    forbidden = [found for found in imported if any((f"{found}.").startswith(f"{stem}.") for stem in NEVER[name])]
    assert forbidden == []


@pytest.mark.parametrize("path", sorted(HOME.rglob("*.py")), ids=lambda path: str(path.relative_to(HOME)))
def test_no_module_is_too_long(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def functions() -> dict[str, int]:
    """Every function and the lines of its body, without its docstring."""
    found: dict[str, int] = {}
    for path in HOME.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = len((ast.get_docstring(node, clean=False) or "").splitlines())
                name = f"{path.relative_to(HOME).as_posix()}:{node.name}"
                found[name] = max(found.get(name, 0), (node.end_lineno or 0) - node.body[0].lineno + 1 - docstring)
    return found


def test_no_function_is_too_long_but_the_happy_path():
    long = {name: lines for name, lines in functions().items() if lines > HAPPY_PATH.get(name, MOST_LINES_OF_CODE)}
    assert long == {}


async def test_an_ordinary_booking_enters_the_files_that_are_listed(panda: PandaPonSession):
    await panda.logistics.book_freight(booking("first"))
    entered: dict[str, None] = {}

    def note(frame: types.FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(HOME) and "testing" not in path.parts:
            entered[path.relative_to(HOME).as_posix()] = None

    request, service = booking("second"), panda.logistics
    entered.clear()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        await service.book_freight(request)
    finally:
        sys.setprofile(before)
    entered.pop("_clock.py", None)  # once a second: a reply's date is new
    assert list(entered) == WAY
