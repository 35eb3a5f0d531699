"""README and guides as what they promise: fences in the order in which a reader tries them.

A fence says by its language what it is: ``python`` is executed, ``console`` is a transcript, ``powershell`` holds commands that
must parse, ``text`` is output, ``sh`` is how to install. HTML comments in front of it, which no reader sees, say the rest:

- ``file: NAME``: it is a file of that name, beside the ones before it;
- ``vendor: STEP ...``: what happens to the vendor's next calls, as in `FakeVendor.script`;
- ``terminal: NAME``: the transcript of a server, which goes on while the page does; ``^C`` in it interrupts;
- ``paste: NAME``: what that server has printed is pasted in front of the transcript;
- ``run by: PATH``: another test runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

import pandapon_async

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = Path(pandapon_async.__file__).parent / "guides"
PAGES = {"README": README, **{path.stem: path for path in sorted(GUIDES.glob("*.md"))}}
LANGUAGES = {"python", "console", "powershell", "text", "sh", "bat", "csv", "toml", "json", "html", "sql"}

_FENCE = re.compile(r"((?:^<!-- [a-z ]+: [^\n]* -->\n)*)^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SAYS = re.compile(r"<!-- ([a-z ]+): (.*) -->")


@attrs.frozen(kw_only=True)
class Fence:
    """A code block: its language, its text, what the comments in front of it say, and its line in the page."""

    language: str
    text: str
    says: Mapping[str, str]
    line: int


def fences(page: str) -> Iterator[Fence]:
    """The fences of a page."""
    text = PAGES[page].read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Fence(
            language=found[2],
            text=found[3],
            says=dict(_SAYS.findall(found[1])),
            line=text.count("\n", 0, found.start(3)),
        )


def block(page: str, containing: str, language: str = "python") -> str:
    """The one fence of a page that contains a text."""
    (found,) = [fence.text for fence in fences(page) if fence.language == language and containing in fence.text]
    return found
