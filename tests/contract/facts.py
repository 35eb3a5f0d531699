"""The contract as its tests read it: what there is, and examples made of its tables where a page shows none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pandapon_async.testing._operations import SUBJECTS, Fact
from pandapon_async.testing._schema import Row, types_of
from tests.conftest import contract

FACTS: Mapping[str, Fact] = {id_: fact for subject in SUBJECTS for id_, fact in contract(subject).items()}
"""Every operation, by contract id."""
WITH_PATH = [id_ for id_, fact in FACTS.items() if fact.path]
WITHOUT_PATH = [id_ for id_, fact in FACTS.items() if not fact.path]


# --- examples: the pages' own, else made of the tables ---


def example_request(fact: Fact) -> dict[str, Any]:
    """The page's own example as wire members, path and query included; else every member of the tables."""
    members: dict[str, Any] = {}
    for field in (*fact.path_params, *fact.query):
        if field["name"] not in ("timestamp", "sign"):
            members[field["name"]] = field.get("example", sample(field))
    return members | (sample_of(fact.body) if fact.example_request is None else fact.example_request)


def example_data(fact: Fact) -> Any:
    """The data of the page's own example of a reply; else of the tables; None if neither shows any."""
    if fact.example_response is not None:
        return fact.example_response.get("data")
    if isinstance(fact.data, dict):
        return sample(fact.data)
    if fact.data and fact.data[0]["name"] == "[]":
        return [sample_of(fact.data[0]["fields"])]
    return sample_of(fact.data) if fact.data else None


def sample_of(fields: Any) -> dict[str, Any]:
    """An object with every field."""
    return {field["name"]: sample(field) for field in fields}


def sample(field: Row) -> Any:
    """A value of a field's type."""
    if "encoded_fields" in field:
        return json.dumps([sample_of(field["encoded_fields"])], separators=(",", ":"))
    kind, item = types_of(field)
    fields = field.get("fields")
    if kind == "object":
        return sample_of(fields or ())
    if kind == "array":
        return [sample_of(fields)] if fields else [sample({"type": item})] if item else []
    return {"string": "7", "integer": 7, "number": 1.5, "boolean": True}.get(kind)


def settled(value: Any) -> Any:
    """A value without what says nothing (null, and lists of nothing), and with the JSON that stands in texts read."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return settled(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: settled(inner) for name, inner in value.items() if inner not in (None, [])}
    return [settled(item) for item in value] if isinstance(value, list) else value
