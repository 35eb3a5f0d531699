"""JSON in and out: the same value, or the same kind of error, with and without orjson."""

from __future__ import annotations

import enum
import json
import math
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings, strategies as st

from pandapon_async._errors import RequestError
from pandapon_async._models import jsonio
from pandapon_async._models.jsonio import (
    MAX_DEPTH,
    JsonError,
    check_json,
    dumps,
    is_array,
    is_object,
    loads,
    member_as_received,
)

# Half surrogate pairs included: Python can hold them, UTF-8 can't.
TEXTS = st.text(st.characters(codec=None), max_size=8) | st.text('\ud800\udfff\\"é中\x00\n', max_size=4)
INTEGERS = st.integers() | st.integers(-(2**64), 2**64) | st.integers(-(10**40), 10**40)
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
UTF8_TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
UTF8_VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | UTF8_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UTF8_TEXTS, inner, max_size=4),
    max_leaves=12,
)
# What JSON is made of, so that random bytes come near it.
PIECES = (
    st.sampled_from(
        [b"9" * 18, b"9" * 19, b"9" * 20, b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", "中".encode(), b"\x00", b"\x0b"]
    )
    | st.sampled_from([rb"{", rb"}", rb"[", rb"]", rb",", rb":", rb'"', rb"\\", rb"\u", rb"d800", rb"dc00", rb"DFFF"])
    | (st.sampled_from([*"-+.eE01a \n", "0041", "400", "true", "null", "NaN", "Infinity"]).map(str.encode))
)
BODIES = st.lists(PIECES, max_size=14).map(b"".join) | st.binary(max_size=20)


needs_orjson = pytest.mark.skipif(jsonio.orjson is None, reason="the extra `speed` is not installed")


def outcome(function: Any, argument: Any) -> tuple[str, Any]:
    """A value with its types, or a kind of error."""
    try:
        return "value", exact(function(argument))
    except (JsonError, RequestError) as error:
        return "error", type(error)


def exact(value: Any) -> Any:
    """Distinguishes 1, 1.0 and True, and the two zeros."""
    if is_object(value):
        return {key: exact(inner) for key, inner in value.items()}
    if is_array(value):
        return [exact(inner) for inner in value]
    return type(value), repr(value)


def both(function: Any, argument: Any) -> tuple[Any, Any]:
    """The outcome as installed and without orjson."""
    with patch.object(jsonio, "orjson", None):
        without = outcome(function, argument)
    return outcome(function, argument), without


@pytest.fixture(params=["as installed", "without orjson"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A test that runs with orjson (if it is there) and without."""
    if request.param == "without orjson":
        monkeypatch.setattr(jsonio, "orjson", None)
    return request.param


# --- the same with and without orjson ---


@needs_orjson
@given(BODIES)
@example(b"-0")
@example(b"-0.0")
@example(b"1e400")
@example(b"-1e400")
@example(b"1e-400")
@example(b"18446744073709551615")
@example(b"18446744073709551616")
@example(b"-9223372036854775808")
@example(b"-9223372036854775809")
@example(b"1" * 5000)
@example(b'{"a":1,"a":2}')
@example(b'"\\ud800"')
@example(b'"\\ud83d\\ude00"')
@example(b'"\\\\ud800"')
@example(b'["\\udc00", 123456789012345678901]')
@example(b"\xef\xbb\xbf1")
@example(b"NaN")
@example(b"-Infinity")
@example(b"")
@example(b"[1] 2")
@example(b"0123")
@example(b'"\t"')
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_the_same_value_or_the_same_error_without_orjson(body: bytes):
    installed, without = both(loads, body)
    assert installed == without


@needs_orjson
@given(VALUES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_json_text_is_the_same_value_or_the_same_error_without_orjson(value: Any, escaped: bool):
    text = json.dumps(value, ensure_ascii=escaped)
    installed, without = both(loads, text.encode("utf-8", "surrogatepass"))
    assert installed == without


@needs_orjson
@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 500, 1100, 100_000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":[', b"]}")])
def test_deep_nesting_is_the_same_without_orjson(depth: int, pair: tuple[bytes, bytes]):
    installed, without = both(loads, pair[0] * depth + b"1" + pair[1] * depth)
    assert installed == without


@needs_orjson
@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_what_is_dumped_is_read_as_the_same_with_and_without_orjson(value: Any):
    installed, without = both(lambda value: loads(dumps(value)), value)
    assert installed == without


# --- each side alone ---


@given(UTF8_VALUES)
@settings(max_examples=100, deadline=None)
def test_dumps_and_loads_are_a_round_trip(value: Any):
    assert exact(loads(dumps(value))) == exact(value)
    with patch.object(jsonio, "orjson", None):
        assert exact(loads(dumps(value))) == exact(value)


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**24, int("1234567890" * 20)])
def test_integers_of_any_length_are_exact(library: str, number: int):
    assert loads(b'{"id": %d}' % number) == {"id": number}
    assert dumps({"id": number}) == b'{"id":%d}' % number


def test_text_is_compact_utf8(library: str):
    assert dumps({"a": "顺丰", "b": [1, 2]}) == '{"a":"顺丰","b":[1,2]}'.encode()


def test_tuples_are_arrays(library: str):
    assert dumps({"a": (1, ("x",))}) == b'{"a":[1,["x"]]}'


def test_subclasses_of_plain_types_are_sent_as_their_base(library: str):
    class Colour(str, enum.Enum):
        RED = "red"

    class Number(int):
        pass

    assert dumps([Colour.RED, Number(7)]) == b'["red",7]'


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"1 2", b"<html>", b'{"a":1e999}'])
def test_what_is_not_json_is_an_error_that_quotes_nothing(library: str, body: bytes):
    with pytest.raises(JsonError) as caught:
        loads(body)
    assert str(caught.value) == "not JSON"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("body", [b'"\\ud800"', b'{"a": "\\uDFFF"}', b'"\xed\xa0\x80"'])
def test_half_a_surrogate_pair_is_not_json(library: str, body: bytes):
    with pytest.raises(JsonError):
        loads(body)


def test_a_whole_surrogate_pair_is_one_character(library: str):
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_is_limited(library: str, opening: bytes):
    closing = b"]" if opening == b"[" else b"}"
    assert loads(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH) is not None
    deep = MAX_DEPTH + 1
    with pytest.raises(JsonError, match=f"nested more than {MAX_DEPTH} deep"):
        loads(opening * deep + b"1" + closing * deep)


def test_many_containers_side_by_side_are_not_deep(library: str):
    body = b"[" + b",".join([b"[]", b"{}", b"1"] * MAX_DEPTH) + b"]"
    assert len(loads(body)) == 3 * MAX_DEPTH


@pytest.mark.parametrize("value", ["\ud800", {"a": ["x\udfff"]}, {"\ud800": 1}])
def test_a_lone_surrogate_cannot_be_sent(library: str, value: Any):
    with pytest.raises(RequestError, match="a lone surrogate") as caught:
        dumps(value)
    assert caught.value.sent is False


def test_an_integer_that_python_cannot_print_is_a_request_error(library: str):
    with pytest.raises(RequestError):
        dumps({"a": 10**5000})


# --- check_json ---


@given(VALUES)
@settings(deadline=None)
def test_every_plain_value_is_accepted(value: Any):
    check_json(value, "extra")


@pytest.mark.parametrize(
    ("value", "field", "said"),
    [
        ({"a": [1, math.nan]}, "extra.a[1]", "JSON has no nan"),
        (math.inf, "extra", "JSON has no inf"),
        ({"a": {"b": {1, 2}}}, "extra.a.b", "set has no JSON form"),
        ([b"x"], "extra[0]", "bytes has no JSON form"),
        ((object(),), "extra[0]", "object has no JSON form"),
        ({"a": {1: 2}}, "extra.a", "a key must be text, not int"),
        ({None: 2}, "extra", "a key must be text, not NoneType"),
    ],
)
def test_what_has_no_json_form_is_named(value: Any, field: str, said: str):
    with pytest.raises(RequestError, match=said) as caught:
        check_json(value, "extra")
    assert caught.value.field == field


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_value_may_be_nested_as_deep_as_a_reply(library: str):
    check_json(nested(MAX_DEPTH), "extra")
    assert loads(dumps(nested(MAX_DEPTH))) == nested(MAX_DEPTH)


def test_a_value_that_is_nested_too_deep_is_refused():
    with pytest.raises(RequestError, match=f"nested more than {MAX_DEPTH} deep"):
        check_json(nested(MAX_DEPTH + 1), "extra")


def test_a_value_that_holds_itself_is_refused():
    loop: list[Any] = []
    loop += [loop, loop]
    with pytest.raises(RequestError, match="nested more than"):
        check_json({"a": loop}, "extra")


@pytest.mark.parametrize(
    ("value", "is_obj", "is_arr"),
    [({}, True, False), ([], False, True), ((), False, True), ("", False, False), (None, False, False)],
)
def test_what_counts_as_an_object_or_an_array(value: Any, is_obj: bool, is_arr: bool):
    assert (is_object(value), is_array(value)) == (is_obj, is_arr)


# --- unique keys, and members as they are written ----------------------------------------------------------------------


@given(BODIES)
@example(b'{"a":1,"b":{"a":1}}')
def test_unique_keys_change_nothing_for_what_has_them(body: bytes):
    strict = outcome(lambda given: loads(given, unique_keys=True), body)
    if strict[0] == "value":
        assert outcome(loads, body) == strict


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"\\u0061":2}}]'])
def test_a_key_that_stands_twice_is_named_as_the_reason(body: bytes):
    assert loads(body)
    with pytest.raises(JsonError, match="an object has a duplicate key"):
        loads(body, unique_keys=True)


@given(UTF8_VALUES, st.sampled_from([None, 1]), st.booleans())
def test_a_member_is_found_as_it_is_written(value: Any, indent: int | None, ascii_only: bool):
    around = {"before": [value, {"wanted": 0}], "wanted": value, "after": value}
    body = json.dumps(around, indent=indent, ensure_ascii=ascii_only).encode()
    found = member_as_received(body, "wanted")
    assert found is not None
    assert found in body or isinstance(value, str)
    assert (found.decode() if isinstance(value, str) else json.loads(found)) == value


@given(BODIES)
def test_no_bytes_make_the_search_for_a_member_fail(body: bytes):
    assert member_as_received(body, "a") is None or b"a" in body


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b"{", b"x", b'{"b":1}', b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1]', b'{"a" 1}'),
        *(b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b'\xef\xbb\xbf{"a":1}', b'{"a":\xff}', b'{"a":' + b"[" * 100_000),
    ],
)
def test_what_is_no_object_with_one_such_member_has_none(body: bytes):
    assert member_as_received(body, "a") is None


@given(before=st.text("abc,:[ ", max_size=30), digits=st.text("0123456789", min_size=15, max_size=22))
def test_a_long_integer_is_found_wherever_it_stands(before: str, digits: str) -> None:
    body = f'["{before}",{int("1" + digits)},"{before}"]'.encode()
    assert loads(body)[1] == int("1" + digits)
