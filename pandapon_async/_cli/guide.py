"""``pandapon guide``: the guides that come with the package."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

import click

from .shared import BAD_INPUT, Failed, OnceEach, console, new_table, show_table, write_out

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_COMMENT = re.compile(r"^<!-- .* -->\n", re.MULTILINE)


@click.command("guide", cls=OnceEach, short_help="Read the guides.")
@click.argument("topic", required=False)
def command(topic: str | None) -> None:
    """Show the guide to TOPIC; without one, which guides there are. Where it isn't shown in a terminal, it is Markdown."""
    from .._errors import suggestion

    guides = {path.name.removesuffix(".md"): path for path in _folder().iterdir() if path.name.endswith(".md")}
    if topic is None:
        _list(guides)
    elif topic not in guides:
        hint = suggestion(topic, guides) or f"; there are {', '.join(sorted(guides))}"
        raise Failed(f"no guide is named {topic!r}{hint}", BAD_INPUT)
    else:
        _show(_text(guides[topic]))


def _folder() -> Traversable:
    return resources.files(__name__.partition(".")[0]).joinpath("guides")


def _text(guide: Traversable) -> str:
    """A guide without what only the tests read."""
    return _COMMENT.sub("", guide.read_text(encoding="utf-8")).rstrip()


def _list(guides: dict[str, Traversable]) -> None:
    table = new_table()
    table.add_column("topic")
    table.add_column("guide")
    for name, guide in sorted(guides.items()):
        table.add_row(name, _text(guide).partition("\n")[0].removeprefix("# "))
    show_table(table)


def _show(text: str) -> None:
    out = console()
    if not out.is_terminal:
        write_out(text)
        return
    from rich.markdown import Markdown

    out.print(Markdown(text, hyperlinks=False))
