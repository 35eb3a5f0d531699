"""The guide's table of errors, made of the classes. ``python -m tests.guides.errors`` writes it anew."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pandapon_async import PandaponError, _errors

from .pages import PAGES

PAGE = PAGES["errors"]
BEGIN, END = "<!-- errors -->\n", "<!-- end of errors -->"
_SENT = {
    None: "-",
    _errors.Stage.PREPARE: "no",
    _errors.Stage.WAIT: "no",
    _errors.Stage.NOT_SENT: "no",
    _errors.Stage.UNKNOWN: "perhaps",
    _errors.Stage.REPLIED: "yes",
}


def table() -> str:
    """Each error: what it says, the built-in it is too, whether the request was sent, and its advice."""
    lines = ["| error | it means | was it sent? | what to do |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {_name(error)} | {_meaning(error)} | {_SENT[error.default_stage]} | {error.advice or '-'} |"
        for error in _errors_of()
    ]
    return "\n".join(lines) + "\n"


def _errors_of() -> Iterator[type[PandaponError]]:
    for value in vars(_errors).values():
        if inspect.isclass(value) and issubclass(value, PandaponError) and value is not PandaponError:
            yield value


def _name(error: type[PandaponError]) -> str:
    builtin = [base.__name__ for base in error.__bases__ if not issubclass(base, PandaponError)]
    return f"`{error.__name__}`" + "".join(f" (`{name}`)" for name in builtin)


def _meaning(error: type[PandaponError]) -> str:
    first = (inspect.getdoc(error) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return first.replace("|", "\\|")


def on_page() -> str:
    """The table as it stands in the guide."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(f"{BEGIN}{on_page()}{END}", f"{BEGIN}{table()}{END}"), encoding="utf-8")
