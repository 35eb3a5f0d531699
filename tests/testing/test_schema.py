"""The body checker and the contract files."""

from __future__ import annotations

from typing import Any

import pytest

from pandapon_async.testing.operations import KINDS, load_operations
from pandapon_async.testing.schema import compile_schema, find_problems

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": ["string", "null"]},
        "n": {"type": "number"},
        "list": {"type": "array", "items": {"type": "object", "required": ["x", "y"]}},
    },
}


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"a": "x", "n": 1, "list": [{"x": 1, "y": 2}], "new": object}, []),
        ({"a": None, "n": 1.5}, []),
        ({}, ["$.a: is required"]),
        ({"a": 1}, ["$.a: must be string or null, not integer"]),
        ({"a": "", "n": True}, ["$.n: must be number, not boolean"]),
        ({"a": "", "list": [{"x": 1}]}, ["$.list[0].y: is required"]),
        ({"a": "", "list": [[]]}, ["$.list[0]: must be object, not array"]),
        ([], ["$: must be object, not array"]),
        (None, ["$: must be object, not null"]),
    ],
)
def test_problems_are_named_by_their_path(value: Any, problems: list[str]) -> None:
    assert find_problems(value, compile_schema(SCHEMA)) == problems


def test_what_the_documented_example_lacks_is_not_required() -> None:
    shape = compile_schema(SCHEMA, [{"list": [{"x": 1}, {"x": 2, "y": 3}]}])
    assert find_problems({"list": [{"x": 1}]}, shape) == []
    assert find_problems({"list": [{"y": 1}]}, shape) == ["$.list[0].x: is required"]


def test_a_keyword_that_would_be_ignored_is_an_error() -> None:
    with pytest.raises(ValueError, match="oneOf"):
        compile_schema({"oneOf": []})


def test_the_list_of_problems_is_bounded() -> None:
    shape = compile_schema({"type": "array", "items": {"type": "string"}})
    assert len(find_problems([1] * 1000, shape)) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_documented_examples_fit_their_schemas(kind: Any) -> None:
    for operation in load_operations(kind):
        if operation.body is not None and operation.example_request is not None:
            assert find_problems(operation.example_request, operation.body) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_contract_agrees_with_the_facts(kind: Any, logistics: dict[str, dict[str, Any]]) -> None:
    for operation in load_operations(kind):
        fact = logistics.get(operation.contract_id)
        if fact is not None:
            assert operation.method == fact["method"]
            assert operation.example_request == fact["example_request"]
            assert operation.signed_query == any(query["name"] == "sign" for query in fact["query"])
