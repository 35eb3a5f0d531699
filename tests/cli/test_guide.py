"""`pandapon guide`."""

from __future__ import annotations

import pytest

from ..guides.pages import GUIDES
from .conftest import Pandapon

TOPICS = sorted(path.stem for path in GUIDES.glob("*.md"))


def test_without_a_topic_it_lists_the_guides(pandapon: Pandapon) -> None:
    listed = pandapon("guide").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_in_a_pipe_a_guide_is_its_markdown_without_what_the_tests_read(pandapon: Pandapon, topic: str) -> None:
    shown = pandapon("guide", topic).stdout
    text = (GUIDES / f"{topic}.md").read_text(encoding="utf-8")
    assert shown.startswith("# ")
    assert [line for line in text.splitlines() if line not in shown.splitlines() and not line.startswith("<!-- ")] == []
    assert "<!--" not in shown


def test_in_a_terminal_it_is_laid_out(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = pandapon("guide", "doubt").stdout
    assert "In doubt, and what to do" in shown
    assert "# In doubt" not in shown
    assert "```" not in shown


def test_a_topic_that_is_not_there_is_bad_input_with_a_suggestion(pandapon: Pandapon) -> None:
    result = pandapon("guide", "error")
    assert result.exit_code == 2
    assert result.stderr == "Error: no guide is named 'error' (did you mean 'errors'?)\n"
