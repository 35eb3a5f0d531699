"""Every operation agrees with the vendors' facts: where it is, what it takes, what it answers."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import pytest

from pandapon_async import (
    PANDAPON,
    XPORTCN_KA,
    ConfigError,
    Credentials,
    Effect,
    Evidence,
    OutcomeUnknownError,
    RequestError,
    RetryPolicy,
    VendorRequest,
    from_wire,
    to_wire,
)
from pandapon_async._models.base import InferredReply, Model, OpenReply, WholeReply, inferred_members, members_of
from pandapon_async._models.converters import decode
from pandapon_async._models.fields import is_json_text, is_number, optional_inner, place_of, wire_name
from pandapon_async._models.inferred_list import InferredList
from pandapon_async._models.operation import OpenRequest
from pandapon_async._vendors import SESSIONS
from pandapon_async.api import catalogue
from pandapon_async.push import AlibabaPriceChange, OrderSummary, RefundSummary, TaobaoPriceChange
from pandapon_async.testing import FakeVendor
from pandapon_async.testing._operations import Catalogue, Fact
from pandapon_async.testing._schema import Row, types_of
from tests.conftest import contract
from tests.support import RawRequest, RawServer, error_of, http_reply, says

from .facts import FACTS, WITH_PATH, WITHOUT_PATH, example_data, example_request, settled

REQUESTS = {request.operation.contract_id: request for request in catalogue()}
PROFILES = {
    profile.kind: profile.evolve(credentials=Credentials(access_key="k1", access_secret="s1"))
    for profile in (PANDAPON, XPORTCN_KA)
}
OFFERS = [(request.operation, kind) for request in catalogue() for kind in request.operation.vendors]
_SEARCH_PAGE = {"totalRecords", "totalPage", "pageSize", "currentPage", "data"}
OF_OUR_OWN: Mapping[str, set[str]] = {
    "logistics.order.render_freight": {"renderId"},
    "alibaba1688.product.search_keyword": _SEARCH_PAGE,
    "alibaba1688.product.search_image": _SEARCH_PAGE,
    "alibaba1688.product.search_store": _SEARCH_PAGE,
    "ka.product.search_keyword": _SEARCH_PAGE,
}
"""Members of replies that no page shows: inferred, and said so where they are declared."""
_ADDRESS = ("cityText", "provinceText", "areaText", "townText", "address", "districtCode")
SENT_OF_OUR_OWN: Mapping[str, set[str]] = {
    "ka.product.search_keyword": {field["name"] for field in FACTS["alibaba1688.product.search_keyword"].body},
    "ka.order.create": {"cargoParamList", *(f"addressParam.{name}" for name in _ADDRESS)},
}
"""The same of requests."""

each = pytest.mark.parametrize("id_", FACTS)
each_with_path = pytest.mark.parametrize("id_", WITH_PATH)
each_without_path = pytest.mark.parametrize("id_", WITHOUT_PATH)
on_each_vendor = pytest.mark.parametrize(
    ("id_", "kind"), [(id_, kind) for id_ in WITH_PATH for kind in FACTS[id_].kinds]
)


# --- what there is ---


def test_the_catalogue_is_the_menus():
    assert sorted(REQUESTS) == sorted(FACTS)


@each
def test_the_vendors_that_offer_it(id_: str):
    assert set(REQUESTS[id_].operation.vendors) == set(FACTS[id_].kinds)


@each
def test_the_title_is_the_pages(id_: str):
    assert REQUESTS[id_].operation.title == FACTS[id_].title


@each
def test_the_method_is_the_one_that_was_seen_else_the_inferred_one(id_: str):
    operation, fact = REQUESTS[id_].operation, FACTS[id_]
    assert operation.method == (fact.method or fact.inferred_method)
    assert fact.method or "method" in operation.missing


@each
def test_a_path_says_at_each_vendor_whether_it_was_seen_inferred_or_is_missing(id_: str):
    operation, fact = REQUESTS[id_].operation, FACTS[id_]
    for kind in fact.kinds:
        route, paths = operation.route(kind), fact.paths(kind)
        assert route.path == (paths[0] if paths else None)
        known = {Evidence.SEEN, Evidence.CLIENT} if fact.path else {Evidence.MISSING}
        assert route.evidence in ({Evidence.INFERRED} if kind in fact.inferred_paths else known)


@each_with_path
def test_an_operation_whose_path_was_seen_is_typed(id_: str):
    assert not issubclass(REQUESTS[id_], OpenRequest)


@each_without_path
def test_an_operation_whose_path_was_not_seen_says_what_is_missing(id_: str):
    assert REQUESTS[id_].operation.missing


@each_with_path
def test_the_query_is_signed_where_the_page_lists_it(id_: str):
    names = [parameter["name"] for parameter in FACTS[id_].query]
    assert REQUESTS[id_].operation.signed_query == ("sign" in names)


# --- requests: the tables ---


def fields_of(fact: Fact) -> Iterable[tuple[str, Row]]:
    """Every field of a request, with its place."""
    yield from (("path", field) for field in fact.path_params)
    yield from (("query", field) for field in fact.query if field["name"] not in ("timestamp", "sign"))
    yield from (("body", field) for field in fact.body)


@each_with_path
def test_a_request_has_the_members_of_the_table_and_no_others(id_: str):
    fact, request = FACTS[id_], REQUESTS[id_]
    fields = [field for _, field in fields_of(fact)]
    if not fields and fact.example_request:
        fields = [{"name": name} for name in fact.example_request]
    own = {f"{name}: not in the contract" for name in SENT_OF_OUR_OWN.get(id_, ())}
    assert set(disagreements(request, fields, exactly=True)) == own


@each_with_path
def test_a_request_puts_its_members_where_the_table_has_them(id_: str):
    operation = REQUESTS[id_].operation
    places = {wire_name(member): place_of(member) for member, _ in members_of(REQUESTS[id_])}
    usual = "query" if operation.method in ("GET", "DELETE") else "body"
    for place, field in fields_of(FACTS[id_]):
        in_path = f"{{{field['name']}}}" in str(operation.path)
        assert ("path" if in_path else places[field["name"]] or usual) == place, field["name"]


@each_with_path
def test_a_request_needs_what_the_table_marks_required(id_: str):
    fact, request = FACTS[id_], REQUESTS[id_]
    example = fact.example_request
    needed = {
        field["name"]
        for place, field in fields_of(fact)
        if field.get("required") and (place != "body" or example is None or field["name"] in example)
    }
    # What is always sent: it has no default, or one that isn't left out.
    ours = {wire_name(member) for member, _ in members_of(request) if member.default not in (None, ())}
    assert ours == needed


def disagreements(
    cls: type[Model], fields: Iterable[Row], *, exactly: bool, at: str = "", inferred: bool = False
) -> list[str]:
    """What a model and the rows of a table don't have in common; ``inferred``: all of the table is."""
    members = {wire_name(member): (member, annotation) for member, annotation in members_of(cls)}
    guesses = {wire_name(member) for member, _ in inferred_members(cls)}
    found: list[str] = []
    names = set()
    for field in fields:
        name = field["name"]
        names.add(name)
        if name not in members:
            found.append(f"{at}{name}: not in {cls.__name__}")
        else:
            guessed = bool(field.get("inferred"))
            found += mismatch(*members[name], field, f"{at}{name}", exactly=exactly, inferred=inferred or guessed)
            if not inferred and guessed != (name in guesses):
                found.append(
                    f"{at}{name}: {'inferred, but declared as seen' if guessed else 'seen, but declared inferred'}"
                )
    if exactly:
        found += [f"{at}{name}: not in the contract" for name in members.keys() - names]
    return found


def mismatch(
    member: attrs.Attribute[Any], annotation: Any, field: Row, path: str, *, exactly: bool, inferred: bool = False
) -> list[str]:
    """Whether a member's type is that of its row."""
    inner = optional_inner(annotation) or annotation
    item = get_args(inner)[0] if get_origin(inner) is tuple else None
    kind, item_kind = types_of(field)
    encoded = field.get("encoded_fields")
    if encoded:
        if not is_json_text(member):
            return [f"{path}: its JSON stands in a text"]
    elif kind == "array" and item is None and inner is not Any:
        return [f"{path}: an array, not {annotation}"]
    elif not is_json_text(member) and not _fits(kind, inner, number=is_number(member)):
        return [f"{path}: {field.get('type')}, not {annotation}"]
    elif item and item_kind and not _fits(item_kind, item, number=is_number(member)):
        return [f"{path}: {field['type']}, not {annotation}"]
    below, model = encoded or field.get("fields"), item or inner
    if not below:
        return []
    if not (isinstance(model, type) and issubclass(model, Model)):
        return [f"{path}: has fields of its own, so it needs a model"]
    return disagreements(model, below, exactly=exactly, at=f"{path}.", inferred=inferred)


def _fits(kind: str, annotation: Any, *, number: bool) -> bool:
    if kind == "integer":
        return annotation is int or (number and annotation in (str, Decimal))
    if kind == "number":
        return annotation is Decimal and number
    if kind == "string":
        return annotation in (str, Decimal) and not number
    return annotation is bool if kind == "boolean" else True


# --- requests: the examples ---


@each_with_path
def test_the_example_of_a_request_is_read_and_written_without_a_loss(id_: str):
    wire = example_request(FACTS[id_])
    assert settled(to_wire(from_wire(REQUESTS[id_], wire))) == settled(wire)


async def raw_request_of(request: VendorRequest[Any], kind: str) -> RawRequest:
    async with RawServer(says(http_reply(200, {"code": 200, "data": None}))) as server:
        profile = PROFILES[kind].evolve(base_url=f"http://127.0.0.1:{server.port}/base", retry=RetryPolicy(attempts=1))
        session = SESSIONS[kind](profile)
        try:
            await session.call(request)
        finally:
            await session.close()
        return server.requests[0]


def ordered(value: Any) -> str:
    return json.dumps(settled(value), sort_keys=True, ensure_ascii=False)


@on_each_vendor
async def test_the_example_is_what_is_sent(id_: str, kind: str):
    fact, request = FACTS[id_], REQUESTS[id_]
    sent = await raw_request_of(from_wire(request, example_request(fact)), kind)
    url = urlsplit(sent.target)
    path, query = str(request.operation.route(kind).path), dict(parse_qsl(url.query, keep_blank_values=True))
    for name in ("timestamp", "sign"):
        assert (name in query) == request.operation.signed_query
        query.pop(name, None)
    wire = example_request(fact)
    for field in fact.path_params:
        path = path.replace(f"{{{field['name']}}}", wire.pop(field["name"]))
    assert (sent.method, unquote(url.path)) == (fact.method, f"/base{path}")
    expected = {field["name"]: wire.pop(field["name"]) for place, field in fields_of(fact) if place == "query"}
    assert query == expected
    if fact.method == "GET":
        assert sent.body == b""
    else:
        assert ordered(json.loads(sent.body)) == ordered(wire)


# --- replies ---


@each
def test_a_reply_has_the_members_of_the_table(id_: str):
    data, reply = FACTS[id_].data, REQUESTS[id_].operation.reply
    assert reply is not None
    own = OF_OUR_OWN.get(id_, set())
    if isinstance(data, list) and data[0]["name"] == "[]" and data[0].get("inferred"):
        assert issubclass(reply, InferredList)
        assert disagreements(reply.item_type, data[0]["fields"], exactly=True, inferred=True) == []
    elif not data:
        assert {wire_name(member) for member, _ in members_of(reply)} == own
    elif isinstance(data, list) and data[0]["name"] == "[]":
        ((member, annotation),) = members_of(reply)
        assert issubclass(reply, WholeReply)
        assert mismatch(member, annotation, data[0], "[]", exactly=True) == []
    elif isinstance(data, list):
        assert set(disagreements(reply, data, exactly=True)) == {f"{name}: not in the contract" for name in own}
    else:
        assert issubclass(reply, (OpenReply, WholeReply))


def data_as_wire(data: Any) -> Any:
    """What a reply model holds, as it came."""
    if isinstance(data, OpenReply) and not isinstance(data.value, dict):
        return data.value
    wire = to_wire(data)
    return next(iter(wire.values()), None) if isinstance(data, WholeReply) else wire


def unknown_members(data: Any, path: str = "$") -> list[str]:
    """The members that a decoded reply keeps in ``extra``, at any depth."""
    if isinstance(data, tuple):
        return [name for item in data for name in unknown_members(item, f"{path}[]")]
    if not isinstance(data, Model):
        return []
    found = [f"{path}.{name}" for name in data.extra]
    for member, _ in members_of(type(data)):
        found += unknown_members(getattr(data, member.name), f"{path}.{wire_name(member)}")
    return found


@on_each_vendor
async def test_the_example_of_a_reply_arrives_without_a_loss(id_: str, kind: str):
    fact, request = FACTS[id_], REQUESTS[id_]
    data = example_data(fact)
    body = {**(fact.example_response or {"requestId": "r1", "data": data}), "code": 200}
    if "errorCode" in body:
        del body["code"]
    async with RawServer(says(http_reply(200, body))) as server:
        session = SESSIONS[kind](PROFILES[kind].evolve(base_url=f"http://127.0.0.1:{server.port}"))
        try:
            reply = await session.call(from_wire(request, example_request(fact)))
            raw, decoded, problems = reply.raw, reply.data, reply.problems
        except OutcomeUnknownError as error:  # an example has all members, also those that say what failed
            raw, (decoded, problems) = error.raw, decode(request.operation.reply, data)
        finally:
            await session.close()
    assert problems == ()
    assert raw == body
    if data is None:
        assert decoded in (None, request.operation.reply and request.operation.reply())
        return
    assert settled(data_as_wire(decoded)) == settled(data)
    if fact.data:
        assert unknown_members(decoded) == []


@pytest.mark.parametrize("id_", [id_ for id_, fact in FACTS.items() if fact.data and not fact.path])
def test_the_inferred_reply_of_an_undocumented_operation_is_read_without_a_loss(id_: str):
    reply, data = REQUESTS[id_].operation.reply, example_data(FACTS[id_])
    assert reply is not None
    decoded, problems = decode(reply, data)
    assert problems == ()
    if isinstance(decoded, InferredList):
        assert [settled(to_wire(item)) for item in decoded.items] == [settled(item) for item in data]
        assert unknown_members(decoded.items) == []
    else:
        assert settled(data_as_wire(decoded)) == settled(data)
        assert unknown_members(decoded) == []


# --- what is inferred ---


def models_of(cls: type[Model], found: set[type[Model]]) -> set[type[Model]]:
    """A model and all that its members hold."""
    if cls not in found:
        found.add(cls)
        parts = [annotation for _, annotation in members_of(cls)]
        parts += [cls.item_type] if issubclass(cls, InferredList) else []
        for part in parts:
            inner = optional_inner(part) or part
            item = get_args(inner)[0] if get_origin(inner) is tuple else inner
            if isinstance(item, type) and issubclass(item, Model):
                models_of(item, found)
    return found


REPLIES = {
    model for request in REQUESTS.values() if (reply := request.operation.reply) for model in models_of(reply, set())
}


@each
def test_nothing_inferred_is_called_seen(id_: str):
    fact, operation = FACTS[id_], REQUESTS[id_].operation
    for kind in fact.kinds:
        evidence = operation.route(kind).evidence
        assert (evidence is Evidence.INFERRED) == (kind in fact.inferred_paths)
        assert operation.state(operation.route(kind)) != "typed" or kind not in fact.inferred_paths
    rows = fact.data if isinstance(fact.data, list) else []
    if any(row.get("inferred") for row in [*rows, *fact.body]) or fact.inferred_body:
        assert fact.platform
    if fact.inferred_body:
        assert not fact.body
    told = (operation.reply.__doc__ if operation.reply else "") or ""
    if rows and all(row.get("inferred") for row in rows):
        assert re.search("infer", told), operation.reply
        assert ("1688" if "1688: " in fact.platform else "Taobao Global") in told


@each
def test_what_the_platforms_call_takes_is_said_where_it_is_called(id_: str):
    request, fact = REQUESTS[id_], FACTS[id_]
    if fact.inferred_body and issubclass(request, OpenRequest):
        platform, call = fact.platform.split(": ")[0], fact.platform.split(": ")[-1]
        told = request.__doc__ or ""
        assert f"inferred, {platform}'s " in told
        assert call in told
        assert [row["name"] for row in fact.inferred_body if row["name"] not in told] == []


@pytest.mark.parametrize("model", sorted(REPLIES, key=lambda model: f"{model.__module__}.{model.__name__}"))
def test_an_inferred_shape_never_refuses_a_reply(model: type[Model]):
    guesses = inferred_members(model)
    odd = {wire_name(member): {"odd": [None, 1.5]} for member, _ in guesses}
    decoded, problems = decode(model, odd) if guesses else (None, ())
    assert problems == ()
    if guesses:
        assert decoded is not None
        assert to_wire(decoded) == odd
    if issubclass(model, InferredReply):
        for value in (None, [], "x", 7, [{"a": 1}]):
            whole, problems = decode(model, value)
            assert (problems, whole is not None and whole.value) == ((), value)


UNITS = {"fen": "fen (1/100", "yuan": "yuan (CNY)", "kg": "kilograms", "cm": "centimetres"}


@pytest.mark.parametrize(
    "module", sorted({model.__module__ for model in REPLIES} | {r.__module__ for r in REQUESTS.values()})
)
def test_a_member_whose_unit_is_known_has_it_in_its_name_and_in_its_docstring(module: str):
    found = dict[str, str]()
    for cls in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        if isinstance(cls, ast.ClassDef):
            for member, after in itertools.pairwise([*cls.body, ast.Pass()]):
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    doc = (
                        after.value.value
                        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                        else ""
                    )
                    found[f"{cls.name}.{member.target.id}"] = str(doc)
    for name, doc in found.items():
        for suffix, words in UNITS.items():
            assert name.endswith(f"_{suffix}") == (words.lower() in doc.lower()), f"{name}: {doc}"


# --- messages ---


@pytest.mark.parametrize(
    ("id_", "row", "body"),
    [
        ("taobao.callback.order_price_modify", "messageBody", TaobaoPriceChange),
        ("alibaba1688.callback.order_price_modify", "messageBody", AlibabaPriceChange),
        ("ka.message.push", "messageBody (order messages)", OrderSummary),
        ("ka.message.push", "messageBody (refund message)", RefundSummary),
    ],
)
def test_the_body_of_a_message_has_the_members_of_the_table(id_: str, row: str, body: type[Model]):
    (fields,) = [field["fields"] for field in contract("messages")[id_].body if field["name"] == row]
    assert disagreements(body, fields, exactly=True) == []


# --- at the fake vendor ---


@on_each_vendor
async def test_the_fake_vendor_takes_the_example_and_answers_it(vendor: FakeVendor, id_: str, kind: Any):
    fact, request = FACTS[id_], REQUESTS[id_]
    session = SESSIONS[kind](vendor.profile(kind))
    try:
        reply = await session.call(from_wire(request, example_request(fact)))
    finally:
        await session.close()
    assert (reply.code, reply.problems) == (200, ())
    record = vendor.ledger.requests[-1]
    assert (record.operation, record.vendor, record.done, record.problems) == (id_, kind, True, ())


@on_each_vendor
async def test_the_method_of_its_name_sends_it(vendor: FakeVendor, id_: str, kind: Any):
    request = REQUESTS[id_]
    session: Any = SESSIONS[kind](vendor.profile(kind))
    method: Any = session
    for part in request.operation.name.split("."):
        method = getattr(method, part)
    try:
        data = await method(from_wire(request, example_request(FACTS[id_])))
    finally:
        await session.close()
    assert [record.operation for record in vendor.ledger.requests] == [id_]
    assert isinstance(getattr(data, "reply", data), request.operation.reply or object)


def test_the_fake_vendor_serves_every_route_of_the_catalogue():
    served = Catalogue()
    for operation, kind in OFFERS:
        path = operation.route(kind).path
        assert path is None or operation.method in served.methods(kind, path), (operation.name, kind)


# --- without a path ---


@each_without_path
async def test_without_a_path_it_says_so_and_with_one_it_works(id_: str):
    request = REQUESTS[id_]
    operation = request.operation
    kind = operation.vendors[0]
    members = {"a": 1, "b": "c"}
    if operation.path is None:
        session = SESSIONS[kind](PROFILES[kind])
        error = await error_of(session.call(from_wire(request, members)))
        await session.close()
        assert isinstance(error, ConfigError)
        assert f'paths = {{"{operation.name}" = ' in error.message
        assert operation.missing in error.message
    async with RawServer(says(http_reply(200, {"code": 200, "data": {"d": [1]}}))) as server:
        url = f"http://127.0.0.1:{server.port}"
        session = SESSIONS[kind](PROFILES[kind].evolve(base_url=url, paths={id_: "/open/given"}))
        try:
            target: Any = session
            for part in operation.name.split("."):
                target = getattr(target, part)
            reply = await target(members)
        finally:
            await session.close()
        sent = server.requests[0]
    assert isinstance(reply, OpenReply)
    assert reply.value == {"d": [1]}
    bodiless = operation.method == "GET"
    assert sent.target == ("/open/given?a=1&b=c" if bodiless else "/open/given")
    assert sent.body == (b"" if bodiless else b'{"a":1,"b":"c"}')


# --- effects ---


WORDS_OF_WRITES = (
    *["create", "cancel", "pay", "refund", "submit", "confirm", "add", "edit", "delete", "update", "upload"],
    *["modify", "save", "book", "inbound", "forecast"],
)


@each
def test_what_an_operation_does_is_said_where_it_is_called(id_: str):
    operation = REQUESTS[id_].operation
    session: Any = SESSIONS[operation.vendors[0]](PROFILES[operation.vendors[0]])
    for part in operation.name.split("."):
        session = getattr(session, part)
    told = session.__doc__ or ""
    assert ("WRITE" if operation.effect is Effect.WRITE else "READ") in told
    if operation.effect is Effect.WRITE:  # ... and why
        is_open = issubclass(REQUESTS[id_], OpenRequest)
        assert not told.endswith(f"{operation.missing}.") if is_open else re.search(r"\(WRITE[:,] \w+", told)


def test_an_unknown_member_of_a_request_is_refused_everywhere():
    for id_ in WITH_PATH:
        with pytest.raises(RequestError, match="has no member 'madeUp'"):
            from_wire(REQUESTS[id_], {**example_request(FACTS[id_]), "madeUp": 1})


def test_what_the_type_checkers_are_told_of_an_undocumented_reply_is_its_class():
    told: dict[tuple[str, str], str] = {}
    for module in {request.__module__ for request in REQUESTS.values()}:
        for cls in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
            if isinstance(cls, ast.ClassDef):
                declared = [item for block in cls.body if isinstance(block, ast.If) for item in block.body]
                for item in declared:
                    assert isinstance(item, ast.AnnAssign)
                    name, annotation = ast.unparse(item.target), ast.unparse(item.annotation)
                    told[module, f"{cls.name}.{name}"] = annotation
    found = {
        (request.__module__, request.__qualname__.removesuffix(".request_type")): f"OpenCall[{reply.__name__}]"
        for request in REQUESTS.values()
        if issubclass(request, OpenRequest) and (reply := request.operation.reply) is not OpenReply and reply
    }
    assert told == found


def test_how_many_operations_are_in_which_state():
    states = Counter((operation.state(operation.route(kind)), kind) for operation, kind in OFFERS)
    assert states == {
        ("typed", "pandapon"): 57,
        ("inferred", "pandapon"): 12,
        ("path unknown", "pandapon"): 58,
        ("typed", "xportcn_ka"): 11,
        ("inferred", "xportcn_ka"): 3,
        ("path unknown", "xportcn_ka"): 33,
    }
