"""The vendors' facts as the contract tests read them, and the few rules by which they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.conftest import contract

SUBJECTS = ("logistics", "taobao", "alibaba1688", "xportcn_ka")
KINDS = ("pandapon", "xportcn_ka")

ALIASES: Mapping[str, str] = {
    "taobao.ka.product.get": "ka.taobao.product_detail",
    "taobao.ka.product.search": "ka.taobao.product_keywords",
    "taobao.ka.product.search_image": "ka.taobao.product_image",
    "taobao.ka.order.render": "ka.taobao.order_render",
    "taobao.ka.order.create": "ka.taobao.order_create",
    "taobao.ka.order.list": "ka.taobao.order_list",
}
"""Entries of one menu that stand in another too: the same operation."""


def _whole_names(fact: Any) -> Any:
    """Facts without the fields whose name is cut off in the vendor's copy."""
    if isinstance(fact, dict):
        return {name: _whole_names(inner) for name, inner in fact.items()}
    if isinstance(fact, list):
        return [_whole_names(item) for item in fact if not (isinstance(item, dict) and _is_cut(item))]
    return fact


def _is_cut(field: Mapping[str, Any]) -> bool:
    return str(field.get("name")).endswith("...")


_ALL: Mapping[str, dict[str, Any]] = {
    id_: _whole_names(fact) for subject in SUBJECTS for id_, fact in contract(subject).items()
}


def _is_message(id_: str) -> bool:
    """Whether an entry is something that the vendor sends, not an operation."""
    return ".callback." in id_ or id_ == "ka.message.push"


_OF_ALIASES = {id_: {"inferred_paths": _ALL[alias].get("inferred_paths", {})} for alias, id_ in ALIASES.items()}
FACTS: Mapping[str, dict[str, Any]] = {
    id_: _OF_ALIASES.get(id_, {}) | fact for id_, fact in _ALL.items() if not _is_message(id_) and id_ not in ALIASES
}
"""Every operation, by contract id."""
WITH_PATH = [id_ for id_, fact in FACTS.items() if fact["path"]]
WITHOUT_PATH = [id_ for id_, fact in FACTS.items() if not fact["path"]]


def kinds_of(fact: Mapping[str, Any]) -> set[str]:
    """The kinds of profile that offer an operation. What only Xportcn's open menu lists belongs to its KA session."""
    return set(fact["vendors"]) & set(KINDS) or {"xportcn_ka"}


def method_of(fact: Mapping[str, Any]) -> str:
    """The HTTP method that the contract shows or infers; POST, as most have, where it does neither."""
    method: str = fact["method"] or fact.get("inferred_paths", {}).get("method", "POST")
    return method


def inferred_path_of(fact: Mapping[str, Any]) -> str | None:
    """The path that the contract infers for an operation whose own wasn't seen."""
    path: str | None = fact.get("inferred_paths", {}).get("path")
    return path


# --- examples: the pages' own, else made of the tables ---


def example_request(fact: Mapping[str, Any]) -> dict[str, Any]:
    """The page's own example as wire members, path and query included; else every member of the tables."""
    members: dict[str, Any] = {}
    for field in (*fact.get("path_params", ()), *fact["query"]):
        if field["name"] not in ("timestamp", "sign"):
            members[field["name"]] = field.get("example", sample(field))
    body: dict[str, Any] | None = fact["example_request"]
    return members | (sample_of(fact["body"] or ()) if body is None else body)


def example_data(fact: Mapping[str, Any]) -> Any:
    """The data of the page's own example of a reply; else of the tables; None if neither shows any."""
    if fact["example_response"] is not None:
        return fact["example_response"].get("data")
    data = fact["response"]["data"]
    if isinstance(data, dict):
        return sample(data)
    if data and data[0]["name"] == "[]":
        return [sample_of(data[0]["fields"])]
    return sample_of(data) if data else None


def sample_of(fields: Any) -> dict[str, Any]:
    """An object with every field."""
    return {field["name"]: sample(field) for field in fields}


def sample(field: Mapping[str, Any]) -> Any:
    """A value of a field's type."""
    if "encoded_fields" in field:
        return json.dumps([sample_of(field["encoded_fields"])], separators=(",", ":"))
    kind = base_type(field)
    if kind == "object":
        return sample_of(field.get("fields", ()))
    if kind == "array":
        if field.get("fields"):
            return [sample_of(field["fields"])]
        return [sample({"type": item_type(field)})] if item_type(field) else []
    return {"string": "7", "integer": 7, "number": 1.5, "boolean": True}.get(kind)


def base_type(field: Mapping[str, Any]) -> str:
    """``integer<int64>`` is ``integer``, ``array[string]`` is ``array``."""
    return re.split(r"[<\[]", field.get("type") or "?")[0]


def item_type(field: Mapping[str, Any]) -> str | None:
    """``string`` of ``array[string]``."""
    found = re.fullmatch(r"array\[(\w+)\]", field.get("type") or "")
    return found[1] if found else None


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
