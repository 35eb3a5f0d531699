"""The operations that the fake vendor serves, read from the contract files next to this module.

The contract is written by hand from the vendors' public documentation: one JSON file per subject, each a list of `Fact`
entries. None of it is generated from `pandapon_async.api`: the fake vendor and the contract tests check the package against
it. An operation added there is served without further code: it answers with its example, or an empty success.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, Literal

import attrs

from pandapon_async.testing._schema import Row, Shape, compile_table

VendorKind = Literal["pandapon", "xportcn_ka"]
Family = Literal["A", "B", "C"]

KINDS: Final[tuple[VendorKind, ...]] = ("pandapon", "xportcn_ka")
PREFIXES: Final[tuple[tuple[str, VendorKind], ...]] = (("/api/", "xportcn_ka"), ("/", "pandapon"))
"""Each vendor's path prefix on the fake vendor's single port; the first match counts."""
SUBJECTS: Final = ("logistics", "taobao", "alibaba1688", "xportcn_ka")


@attrs.frozen(kw_only=True)
class Fact:
    """What the documentation shows of one operation, or (in ``messages.json``) of one message, whose ``body`` is sent.

    A table is a list of rows: ``name``, ``type`` (``string``, ``integer<int64>``, ``array[string]``), ``nullable``,
    ``required`` (absent: the mark couldn't be read), ``example``, ``minimum``, ``maximum``, ``model`` (the vendor's name
    for the type), ``fields`` of an object or of an array's objects, and ``encoded_fields`` of an array sent as JSON inside
    a string. What a page doesn't show is left out, unless the row is marked ``inferred``: then it is from the platform behind the
    vendor (1688, Taobao Global), as are the rows below it, and types where the platform's are unknown are a guess. It is never
    demanded, nor is its type checked.

    Attributes:
        id: the same for every generation of the path.
        alias: its id in another menu.
        vendors: who lists it; ``"xportcn"`` is Xportcn's open menu.
        method, path: None if not seen.
        inferred_method: used if ``method`` is None.
        inferred_paths: by kind, a path inferred from a related one; replaces ``path`` there.
        alt_paths: by kind, the paths of other generations.
        envelope: the reply's family: A (requestId, code, developId, msg, data), B (errorCode, errorMsg, success, data)
            or C (code, msg).
        inferred_envelope: used if ``envelope`` is None.
        path_params, query, body: the request's tables.
        data: the table of the reply's ``data``; for a list, a single row ``[]``; for a plain value, a row alone.
        example_request, example_response: the page's own, with invented people.
        invented: what was never seen in the fake vendor's reply.
        invented_reply: members in which the fake vendor's reply differs from the example.
        coverage: how much of the page could be read.
        platform: the platform's call that is inferred to stand behind it.
        inferred_body: members of that call's request, where the page shows none.
    """

    id: str
    title: str
    vendors: Sequence[str]
    coverage: str
    alias: str | None = None
    method: str | None
    path: str | None
    inferred_method: str = "POST"
    inferred_paths: Mapping[str, str] = attrs.field(factory=dict[str, str])
    alt_paths: Mapping[str, Sequence[str]] = attrs.field(factory=dict[str, Sequence[str]])
    envelope: Family | None = None
    inferred_envelope: Family = "A"
    path_params: Sequence[Row] = ()
    query: Sequence[Row] = ()
    body: Sequence[Row] = ()
    data: Any = None
    example_request: Any = None
    example_response: Any = None
    invented: str = ""
    platform: str = ""
    inferred_body: Sequence[Row] = ()
    invented_reply: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    @property
    def kinds(self) -> Sequence[VendorKind]:
        """The kinds of profile that offer it. Operations only in Xportcn's open menu belong to the KA session."""
        return [kind for kind in KINDS if kind in self.vendors] or ["xportcn_ka"]

    def paths(self, kind: VendorKind) -> Sequence[str]:
        """The operation's paths at a vendor; empty if unknown."""
        path = self.inferred_paths.get(kind, self.path)
        return [] if path is None else [path, *self.alt_paths.get(kind, ())]


@attrs.frozen(kw_only=True)
class ApiOperation:
    """One operation at one path of one vendor; see `Fact`.

    ``signed_query``: the page lists ``?timestamp=&sign=``. ``routed``: added by a test; always answers with
    ``example_reply``.
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
        """Serve ``operation``, replacing any with the same method and path."""
        if "{" in operation.path:
            pattern = re.compile(re.sub(r"\\{[^{}]+\\}", "[^/]+", re.escape(operation.path)))
            self._templates.insert(0, (kind, pattern, operation))
        else:
            self._exact.setdefault((kind, operation.path), {})[operation.method] = operation

    def methods(self, kind: VendorKind, path: str) -> Mapping[str, ApiOperation]:
        """The operations at ``path`` (without the vendor's prefix), by method; empty if the path is unknown."""
        exact = self._exact.get((kind, path))
        if exact is not None:
            return exact
        found: dict[str, ApiOperation] = {}
        for owner, pattern, operation in self._templates:
            if owner == kind and pattern.fullmatch(path):
                found.setdefault(operation.method, operation)
        return found

    def __iter__(self) -> Iterator[tuple[VendorKind, ApiOperation]]:
        for (kind, _), methods in self._exact.items():
            for operation in methods.values():
                yield kind, operation
        for kind, _, operation in self._templates:
            yield kind, operation


def split_vendor(path: str) -> tuple[VendorKind, str]:
    """The vendor of a request path, and the path without that vendor's prefix."""
    for prefix, kind in PREFIXES:
        if path.startswith(prefix):
            return kind, path[len(prefix) - 1 :]
    return "pandapon", path


@functools.cache
def load_facts(subject: str) -> tuple[Fact, ...]:
    """The entries of a contract file, cached."""
    source = files("pandapon_async.testing") / "contract" / f"{subject}.json"
    return tuple(Fact(**entry) for entry in json.loads(source.read_text(encoding="utf-8")))


@functools.cache
def load_operations(kind: VendorKind) -> tuple[ApiOperation, ...]:
    """All operations of a vendor; seen paths come last, so that they replace inferred ones."""
    facts = [fact for subject in SUBJECTS for fact in load_facts(subject) if kind in fact.kinds]
    facts.sort(key=lambda fact: fact.path is not None)
    return tuple(_operation(fact, path) for fact in facts for path in fact.paths(kind))


def _operation(fact: Fact, path: str) -> ApiOperation:
    method = fact.method or fact.inferred_method
    marks = {row["name"]: row.get("required") for row in fact.query}
    signed = "sign" in marks
    example = fact.example_request
    return ApiOperation(
        contract_id=fact.id,
        method=method,
        path=path,
        family=fact.envelope or fact.inferred_envelope,
        signed_query=signed,
        required_query=tuple(name for name in marks if marks[name] and not (signed and name in ("timestamp", "sign"))),
        body=None if method == "GET" else compile_table(fact.body, [] if example is None else [example]),
        example_request=example,
        example_reply=fact.example_response and {**fact.example_response, **fact.invented_reply},
    )
