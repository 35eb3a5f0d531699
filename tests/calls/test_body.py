"""A reply's body in whatever encoding it comes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._calls.envelope import read_json, text_of
from pandapon_async._models.jsonio import JsonError

TEXT = '{"code": 4711, "msg": "余额不足", "data": null}'
JSON = {"code": 4711, "msg": "余额不足", "data": None}


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", None),
        ("utf-8", "application/json"),
        ("utf-8", "application/json; charset=utf-8"),
        ("utf-8", "text/html;charset=ISO-8859-1"),
        ("utf-8", "application/json; charset=idna"),
        ("utf-8", "application/json; charset="),
        ("utf-8-sig", None),
        ("utf-8-sig", "application/json; charset=GBK"),
        ("gbk", None),
        ("gbk", "application/json"),
        ("gbk", "application/json; charset=utf-8"),
        ("gbk", "application/json;charset=GBK"),
        ("gbk", 'application/json; Charset="gb2312"'),
        ("gb18030", "application/json; charset=GB18030"),
        ("utf-16", None),
        ("utf-16-le", None),
        ("utf-16-be", None),
        ("utf-16-le", "application/json; charset=UTF-16LE"),
        ("utf-32", None),
    ],
)
def test_the_encoding_is_found(encoding: str, content_type: str | None) -> None:
    body = TEXT.encode(encoding)
    assert read_json(body, content_type) == JSON
    assert text_of(body, content_type) == TEXT


def test_a_declared_charset_wins_where_utf_8_fits_too() -> None:
    body = '"取"'.encode("gbk")
    assert read_json(body, None) == "ȡ"
    assert read_json(body, "application/json; charset=gbk") == "取"


def test_big5_is_read_if_it_is_declared() -> None:
    assert read_json('"訂單"'.encode("big5"), "application/json; charset=Big5") == "訂單"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xff\xff", b'{"a": 1', '{"a": "余'.encode("gbk"), b"\x00", b"\xff\xfe"]
)
@pytest.mark.parametrize("content_type", [None, "application/json; charset=gbk", "x; charset=utf-16"])
def test_what_is_no_json_in_any_encoding(body: bytes, content_type: str | None) -> None:
    with pytest.raises(JsonError):
        read_json(body, content_type)


def test_a_depth_that_is_refused_is_named() -> None:
    with pytest.raises(JsonError, match="nested more than 400 deep"):
        read_json(b"[" * 500 + b"]" * 500, None)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16-le"])
def test_a_text_ends_after_64_kib_with_a_whole_character(encoding: str) -> None:
    text = "a" + "余" * 100_000
    shown = text_of(text.encode(encoding), None)
    assert text.startswith(shown)
    assert 64 * 1024 - 4 <= len(shown.encode(encoding)) <= 64 * 1024


@given(st.binary(max_size=60), st.none() | st.text(st.characters(codec="ascii"), max_size=30))
@settings(max_examples=300)
def test_any_bytes_have_a_text(body: bytes, content_type: str | None) -> None:
    assert isinstance(text_of(body, content_type), str)
    with contextlib.suppress(JsonError):
        read_json(body, content_type)
