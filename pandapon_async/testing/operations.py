"""The operations that the fake vendor serves, read from the contract files shipped beside this module.

The files are OpenAPI 3.1, one a vendor; an operation that is added there is served without further code: it answers
with its example, or with an empty success. So is one that only the package's catalogue has, its body unchecked.
``x-invented`` in an operation tells which part of its reply was never seen in the vendor's documentation.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final, Literal, cast

import attrs

from pandapon_async.testing.schema import Shape, compile_schema

VendorKind = Literal["pandapon", "xportcn_ka"]
Family = Literal["A", "B", "C"]

KINDS: Final[tuple[VendorKind, ...]] = ("pandapon", "xportcn_ka")
PREFIXES: Final[tuple[tuple[str, VendorKind], ...]] = (("/api/", "xportcn_ka"), ("/", "pandapon"))
"""Where each vendor lives on the fake's one port; the first that fits counts."""


@attrs.frozen(kw_only=True)
class ApiOperation:
    """One operation of one vendor.

    ``contract_id`` is the id in the contract, the same for every generation of the path. ``signed_query`` tells that
    the page lists ``?timestamp=&sign=``. ``family`` is the envelope: A (requestId, code, developId, msg, data),
    B (errorCode, errorMsg, success, data) or C (code, msg). ``routed``: added by a test, answers with
    ``example_reply`` whatever it is.
    """

    contract_id: str
    method: str
    path: str
    family: Family = "A"
    signed_query: bool = False
    required_query: tuple[str, ...] = ()
    body: Shape | None = None
    example_request: Any = None
    example_reply: Any = None
    routed: bool = False


class Catalogue:
    """Both vendors' operations, found by method and path."""

    def __init__(self) -> None:
        self._exact: dict[tuple[VendorKind, str], dict[str, ApiOperation]] = {}
        self._templates: list[tuple[VendorKind, re.Pattern[str], ApiOperation]] = []
        for kind in KINDS:
            for operation in load_operations(kind):
                self.add(kind, operation)

    def add(self, kind: VendorKind, operation: ApiOperation) -> None:
        """Serve ``operation``; it replaces what had the same method and path."""
        if "{" in operation.path:
            self._templates.insert(0, (kind, _pattern(operation.path), operation))
        else:
            self._exact.setdefault((kind, operation.path), {})[operation.method] = operation

    def methods(self, kind: VendorKind, path: str) -> Mapping[str, ApiOperation]:
        """The operations at ``path`` (without the vendor's prefix) by method; empty if the path is unknown."""
        exact = self._exact.get((kind, path))
        if exact is not None:
            return exact
        found: dict[str, ApiOperation] = {}
        for owner, pattern, operation in self._templates:
            if owner == kind and pattern.fullmatch(path):
                found.setdefault(operation.method, operation)
        if not found:
            found = {op.method: op for op in unlisted_operations(kind) if _pattern(op.path).fullmatch(path)}
        return found

    def __iter__(self) -> Iterator[tuple[VendorKind, ApiOperation]]:
        for (kind, _), methods in self._exact.items():
            for operation in methods.values():
                yield kind, operation
        for kind, _, operation in self._templates:
            yield kind, operation


def split_vendor(path: str) -> tuple[VendorKind, str]:
    """Which vendor a request path belongs to, and the path without that vendor's prefix."""
    for prefix, kind in PREFIXES:
        if path.startswith(prefix):
            return kind, path[len(prefix) - 1 :]
    return "pandapon", path


@functools.cache
def load_operations(kind: VendorKind) -> tuple[ApiOperation, ...]:
    """One vendor's contract file, read once: nothing changes what it holds."""
    source = files("pandapon_async.testing") / "contract" / f"{kind}.json"
    text = source.read_text(encoding="utf-8")
    paths = cast("dict[str, dict[str, dict[str, Any]]]", json.loads(text)["paths"])
    return tuple(
        _operation(path, method.upper(), entry) for path, methods in paths.items() for method, entry in methods.items()
    )


@functools.cache
def unlisted_operations(kind: VendorKind) -> tuple[ApiOperation, ...]:
    """The operations of the package's catalogue that a vendor's contract file lacks."""
    from pandapon_async.api import catalogue  # when it is needed first: it imports every subject

    listed = {operation.contract_id for operation in load_operations(kind)}
    offered = [request.operation for request in catalogue() if kind in request.operation.vendors]
    return tuple(
        ApiOperation(
            contract_id=operation.contract_id,
            method=operation.method,
            path=path,
            signed_query=operation.signed_query,
        )
        for operation in offered
        if operation.contract_id not in listed and (path := operation.route(kind).path) is not None
    )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[^{}]+\\}", "[^/]+", re.escape(path)))


def _operation(path: str, method: str, entry: Mapping[str, Any]) -> ApiOperation:
    query = {p["name"]: bool(p.get("required")) for p in entry.get("parameters", ()) if p["in"] == "query"}
    request = _json_media(entry.get("requestBody", {}))
    answer = _json_media(entry["responses"]["200"])
    example = request.get("example")
    return ApiOperation(
        contract_id=entry.get("x-contract-id", entry["operationId"]),
        method=method,
        path=path,
        family=entry.get("x-envelope") or _family(answer),
        signed_query="sign" in query,
        required_query=tuple(
            name for name, required in query.items() if required and name not in ("timestamp", "sign")
        ),
        body=compile_schema(request["schema"], [] if example is None else [example]) if "schema" in request else None,
        example_request=example,
        example_reply=answer.get("example"),
    )


def _json_media(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", part.get("content", {}).get("application/json", {}))


def _family(answer: Mapping[str, Any]) -> Family:
    return "B" if "errorCode" in answer.get("schema", {}).get("properties", {}) else "A"
