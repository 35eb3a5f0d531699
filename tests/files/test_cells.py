"""Cells that a spreadsheet opens: no formula runs, and nothing is lost on the way back."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pandapon_async._files.csv_table import neutral, plain


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-1", "@SUM(A1)", "\tx", "'=1", "''-1"])
def test_what_could_begin_a_formula_gets_an_apostrophe(text: str) -> None:
    assert neutral(text) == "'" + text
    assert plain(neutral(text)) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a;=cmd", "a;'=cmd"),
        ("a,@x", "a,'@x"),
        ("a\t+1", "a\t'+1"),
        ("a\n-1", "a\n'-1"),
        ("＝1", "'＝1"),
        ("\n=1", "'\n'=1"),
    ],
)
def test_behind_a_separator_inside_a_cell_too(text: str, cell: str) -> None:
    assert neutral(text) == cell
    assert plain(cell) == text


@pytest.mark.parametrize("text", ["", "Jane", "4711", "O'Hara", "'quoted'", "广东省"])
def test_other_texts_stay(text: str) -> None:
    assert neutral(text) == plain(text) == text


@given(st.text(alphabet="'=+-@\t\nab"))
def test_there_and_back_is_the_same(text: str) -> None:
    assert plain(neutral(text)) == text
    assert not neutral(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
