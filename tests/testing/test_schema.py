"""The body checker and the contract files."""

from __future__ import annotations

from typing import Any

import pytest

from pandapon_async.testing._operations import KINDS, load_operations
from pandapon_async.testing._schema import compile_table, find_problems

TABLE: list[dict[str, Any]] = [
    {"name": "a", "type": "string", "required": True, "nullable": True},
    {"name": "n", "type": "number", "required": False},
    {"name": "id", "type": "integer<int64>"},
    {"name": "tags", "type": "array[string]"},
    {"name": "any"},
    {"name": "list", "type": "array", "fields": [{"name": "x", "required": True}, {"name": "y", "required": True}]},
    {"name": "part", "type": "object", "fields": [{"name": "z", "type": "boolean", "required": True}]},
]


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"a": "x", "n": 1, "list": [{"x": 1, "y": 2}], "any": [1], "new": object}, []),
        ({"a": None, "n": 1.5, "tags": ["t"], "id": 2**60, "part": {"z": False}}, []),
        ({"a": "", "n": None, "tags": None, "list": None, "part": None}, []),
        ({}, ["$.a: is required"]),
        ({"a": 1}, ["$.a: must be string or null, not integer"]),
        ({"a": "", "n": True}, ["$.n: must be number or null, not boolean"]),
        ({"a": "", "id": 1.5}, ["$.id: must be integer or null, not number"]),
        ({"a": "", "tags": ["t", None]}, ["$.tags[1]: must be string, not null"]),
        ({"a": "", "list": [{"x": 1}]}, ["$.list[0].y: is required"]),
        ({"a": "", "list": [[]]}, ["$.list[0]: must be object, not array"]),
        ({"a": "", "part": {"z": None}}, ["$.part.z: must be boolean, not null"]),
        ([], ["$: must be object, not array"]),
        (None, ["$: must be object, not null"]),
    ],
)
def test_problems_are_named_by_their_path(value: Any, problems: list[str]) -> None:
    assert find_problems(value, compile_table(TABLE)) == problems


def test_what_the_documented_example_lacks_is_not_required() -> None:
    shape = compile_table(TABLE, [{"list": [{"x": 1}, {"x": 2, "y": 3}]}])
    assert find_problems({"list": [{"x": 1, "y": None}]}, shape) == []
    assert find_problems({"list": [{"y": 1}]}, shape) == ["$.list[0].x: is required"]


def test_a_type_that_would_be_ignored_is_an_error() -> None:
    with pytest.raises(KeyError, match="strin"):
        compile_table([{"name": "a", "type": "strin"}])
    with pytest.raises(ValueError, match="unknown type syntax"):
        compile_table([{"name": "a", "type": "string|null"}])


def test_the_list_of_problems_is_bounded() -> None:
    shape = compile_table([{"name": "a", "type": "array[string]"}])
    assert len(find_problems({"a": [1] * 1000}, shape)) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_documented_examples_fit_their_tables(kind: Any) -> None:
    for operation in load_operations(kind):
        if operation.body is not None and operation.example_request is not None:
            assert find_problems(operation.example_request, operation.body) == []
