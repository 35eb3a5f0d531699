"""Every code block of the README and the guides runs as it stands there, from the top of its page to the bottom."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from pandapon_async._cli.app import app
from pandapon_async.testing import FakeVendor

from ..cli.conftest import environment
from ..contract import menu
from . import tables
from .pages import LANGUAGES, PAGES, ROOT, Fence, fences
from .terminal import Server, Shell, agree, steps

PORT = "8080"
"""The port that the pages name; the tests take a free one in its place."""


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody who tries a page, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with FakeVendor() as vendor:
        reader = Reader(tmp_path, vendor, monkeypatch)
        try:
            yield reader
        finally:
            reader.close()


class Reader:
    """Does what a page says, in its order."""

    def __init__(self, folder: Path, vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._vendor = folder, vendor
        self._keys = environment(vendor, "pandapon", "xportcn_ka")
        for name, value in self._keys.items():
            monkeypatch.setenv(name, value)
        self._shell: Shell | None = None
        self._servers: dict[str, Server] = {}
        self._printed = ""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])

    def try_fence(self, fence: Fence) -> None:
        self._vendor.script(*(int(step) if step.isdigit() else step for step in fence.says.get("vendor", "").split()))
        if "file" in fence.says:
            (self._folder / fence.says["file"]).write_text(fence.text, encoding="utf-8")
        elif "run by" in fence.says or fence.language == "sh":
            pass
        elif "terminal" in fence.says:
            self._serve(fence)
        else:
            getattr(self, f"_try_{fence.language}")(fence)

    def _try_python(self, fence: Fence) -> None:
        code = compile(fence.text, f"line {fence.line}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        printed = io.StringIO()
        namespace: dict[str, Any] = {"__name__": "page"}
        with contextlib.redirect_stdout(printed):
            result = eval(code, namespace)
            if inspect.iscoroutine(result):  # a notebook's cell
                asyncio.run(result)
        self._printed = printed.getvalue()

    def _try_text(self, fence: Fence) -> None:
        assert agree(fence.text, self._printed), f"it printed:\n{self._printed}"

    def _try_powershell(self, fence: Fence) -> None:
        for line in fence.text.splitlines():
            if line.startswith("pandapon "):
                parses(shlex.split(line.partition("#")[0], posix=False)[1:])

    def _try_console(self, fence: Fence) -> None:
        if self._shell is None:
            self._shell = Shell(self._folder, {} if self._servers else self._keys)
        if "paste" in fence.says:
            lines = [line for line in self._servers[fence.says["paste"]].printed.splitlines() if "=" in line]
            assert self._shell.run("\n".join(lines)) == (0, "")
        last = 0
        for step in steps(fence.text):
            if last:
                assert step.command == "echo $?", f"its status was {last}, which isn't shown"
            last, printed = self._shell.run(step.command)
            assert agree(step.shown, printed), f"$ {step.command}\n{printed}"
        assert last == 0

    def _serve(self, fence: Fence) -> None:
        server = self._servers.setdefault(fence.says["terminal"], Server(self._folder, {}))
        for step in steps(fence.text.replace(PORT, self._port)):
            if step.command == "^C":
                printed = server.interrupt()
            else:
                server.start(step.command, step.shown)
                printed = server.printed
            assert agree(step.shown, printed), f"$ {step.command}\n{printed}"

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        if self._shell is not None:
            self._shell.close()


def parses(arguments: list[str]) -> None:
    """A command's line has options that there are."""
    group = click.Context(app)
    command = app.get_command(group, arguments[0])
    assert command is not None, arguments[0]
    command.make_parser(click.Context(command, parent=group)).parse_args(arguments[1:])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_shows(page: str, tried: Reader) -> None:
    for fence in fences(page):
        try:
            tried.try_fence(fence)
        except AssertionError as error:
            error.args = (f"{page}, the fence at line {fence.line}: {error}",)
            raise


@pytest.mark.parametrize("page", PAGES)
def test_every_fence_says_what_it_is(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    found = list(fences(page))
    assert text.count("\n```") == 2 * len(found), "a fence that isn't closed, or is indented"
    for fence in found:
        where = f"{page}, line {fence.line}"
        assert fence.language in LANGUAGES, where
        if fence.language in ("bat", "csv", "toml", "json", "html"):
            assert fence.says.keys() & {"file", "run by"}, f"{where}: which file is it?"
        if "run by" in fence.says:
            assert page in (ROOT / fence.says["run by"]).read_text(encoding="utf-8"), where


def test_the_table_of_operations_is_the_catalogue() -> None:
    assert menu.on_page() == menu.table(), "write it anew: python -m tests.contract.menu"


@pytest.mark.parametrize("table", tables.TABLES)
def test_a_table_is_what_the_code_says(table: str) -> None:
    assert tables.on_page(table) == tables.TABLES[table][1](), "write it anew: python -m tests.guides.tables"


def test_the_readmes_two_commands_are_its_only_shell_blocks() -> None:
    demo, tests = (fence.text for fence in fences("README") if fence.language == "sh")
    assert "pandapon demo --bookings 1000" in demo
    assert "pytest" in tests
    assert demo.count("\n") == tests.count("\n") == 1


def test_the_readme_is_short_and_names_every_guide() -> None:
    text = PAGES["README"].read_text(encoding="utf-8")
    assert text.count("\n") <= 200
    assert [name for name in PAGES if name != "README" and f"guides/{name}.md" not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", PAGES[page].read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [target for target in targets if not (PAGES[page].parent / target.partition("#")[0]).exists()] == []
