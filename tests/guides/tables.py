"""The guides' tables that are made of the code: errors, settings, findings. ``python -m tests.guides.tables`` writes them anew."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping

import attrs

import pandapon_async
from pandapon_async import PANDAPON, PandaponError, _errors
from pandapon_async._config.settings import FileSettings, QuoteRules, Settings
from pandapon_async._files.findings import CHECKS

from .pages import PAGES

_SENT = {
    None: "-",
    _errors.Stage.PREPARE: "no",
    _errors.Stage.WAIT: "no",
    _errors.Stage.NOT_SENT: "no",
    _errors.Stage.UNKNOWN: "perhaps",
    _errors.Stage.REPLIED: "yes",
}
_ENTRY = re.compile(r"^    (\w[\w, ]*): (.*?)(?=^    \w|\Z)", re.DOTALL | re.MULTILINE)
_NOT_IN_A_FILE = {
    "quotes",
    "credentials",
    "limits",
    "timeouts",
    "retry",
    "signer",
    "ssl_context",
    "name",
    "path",
    "files",
}
_PARTS = ("", "limits", "timeouts", "retry")


def errors() -> str:
    """Each error: what it says, the built-in it is too, whether the request was sent, and its advice."""
    lines = ["| error | it means | was it sent? | what to do |", "| --- | --- | --- | --- |"]
    public = (getattr(pandapon_async, name) for name in pandapon_async.__all__)
    found = (value for value in (*vars(_errors).values(), *public) if inspect.isclass(value))
    for error in dict.fromkeys(kind for kind in found if issubclass(kind, PandaponError) and kind is not PandaponError):
        meaning = (inspect.getdoc(error) or "").split("\n\n")[0]
        lines.append(_row(_name(error), meaning, _SENT[error.default_stage], error.advice or "-"))
    return "\n".join(lines) + "\n"


def _name(error: type[PandaponError]) -> str:
    builtin = [base.__name__ for base in error.__bases__ if not issubclass(base, PandaponError)]
    return f"`{error.__name__}`" + "".join(f" (`{name}`)" for name in builtin)


def settings() -> str:
    """Each setting of a profile that a file can hold."""
    return _settings({part: getattr(PANDAPON, part) if part else PANDAPON for part in _PARTS})


def desk() -> str:
    """Each setting of ``pandapon.toml``."""
    return _settings({"": Settings(), "quotes": QuoteRules()})


def files() -> str:
    """Each setting of ``[files.NAME]`` there."""
    return _settings({"": FileSettings()})


def _settings(owners: Mapping[str, object]) -> str:
    """What these objects are made of: the default, and what the docstring says."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for part, owner in owners.items():
        meanings = dict(_attributes(type(owner)))
        for name in (field.name for field in attrs.fields(type(owner))):
            if name not in _NOT_IN_A_FILE:
                way = f"{part}.{name}".lstrip(".")
                lines.append(_row(f"`{way}`", _default(name, getattr(owner, name)), meanings[name]))
    return "\n".join(lines) + "\n"


def findings() -> str:
    """Each check of a row: its code, whether the row is wrong or held, and the sentence."""
    lines = ["| code | the row is | it says |", "| --- | --- | --- |"]
    for code, check in CHECKS.items():
        said = re.sub(r"\{\w+\}", "...", check.text)
        lines.append(_row(f"`{code}`", check.kind, "what exactly is wrong" if said == "..." else said))
    return "\n".join(lines) + "\n"


def _attributes(owner: type) -> Iterator[tuple[str, str]]:
    text = (inspect.getdoc(owner) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    for names, meaning in _ENTRY.findall(text):
        yield from ((name.strip(), meaning) for name in names.split(","))


def _default(name: str, value: object) -> str:
    if name in ("kind", "base_url"):
        return "the vendor's"
    if value is None or value == () or value == {}:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,g}" if isinstance(value, int | float) and value < 1e6 else str(value)


def _row(*cells: str) -> str:
    texts = (re.sub(r"\s+", " ", cell).strip().replace("``", "`").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"


TABLES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "errors": ("errors", errors),
    "settings": ("configuration", settings),
    "desk": ("configuration", desk),
    "file settings": ("files", files),
    "findings": ("files", findings),
}
"""What the comments around a table call it -> its page, and what makes it."""


def on_page(table: str) -> str:
    """The table as it stands in its guide."""
    text = PAGES[TABLES[table][0]].read_text(encoding="utf-8")
    return text.partition(f"<!-- {table} -->\n")[2].partition(f"<!-- end of {table} -->")[0]


if __name__ == "__main__":
    for table, (page, made) in TABLES.items():
        text = PAGES[page].read_text(encoding="utf-8")
        begin, end = f"<!-- {table} -->\n", f"<!-- end of {table} -->"
        PAGES[page].write_text(text.replace(f"{begin}{on_page(table)}{end}", f"{begin}{made()}{end}"), encoding="utf-8")
