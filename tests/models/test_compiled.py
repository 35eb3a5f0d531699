"""The generated converters against cattrs' own, over all models: the same result, or none."""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from typing import Any, get_args, get_origin

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from pandapon_async._errors import RequestError
from pandapon_async._models import converters
from pandapon_async._models.base import Model, ReplyModel, members_of
from pandapon_async._models.converters import from_wire, to_wire
from pandapon_async._models.fields import is_json_text, optional_inner, wire_name
from pandapon_async._models.operation import VendorRequest
from pandapon_async._models.wire_types import is_special, writer
from pandapon_async.api import catalogue


def inner_of(annotation: Any) -> Any:
    """A type without its None and its tuple."""
    plain = optional_inner(annotation) or annotation
    return get_args(plain)[0] if get_origin(plain) is tuple else plain


def with_nested(classes: set[Any]) -> list[Any]:
    """Models and all that they are made of, by name."""
    waiting, found = list(classes), set[Any]()
    while waiting:
        cls = waiting.pop()
        if cls not in found and isinstance(cls, type) and issubclass(cls, Model):
            found.add(cls)
            waiting += [inner_of(annotation) for _, annotation in members_of(cls)]
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


REPLIES = with_nested({cls.operation.reply for cls in catalogue() if cls.operation.reply})
REQUESTS = with_nested({cls for cls in catalogue() if members_of(cls)})

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.decimals(min_value=0, max_value=10**6, places=2).map(lambda number: format(number, "f"))
JUNK = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
JUNK |= st.lists(JUNK, max_size=2) | st.dictionaries(TEXTS, JUNK, max_size=2)


@functools.cache
def data_of(annotation: Any, *, in_text: bool, junk: bool) -> st.SearchStrategy[Any]:
    """Wire JSON for a member of a type."""
    plain = optional_inner(annotation) or annotation
    if get_origin(plain) is tuple:
        found: st.SearchStrategy[Any] = st.lists(data_of(get_args(plain)[0], in_text=False, junk=junk), max_size=2)
    elif isinstance(plain, type) and issubclass(plain, Model):
        found = st.deferred(lambda: object_of(plain, junk=junk))  # a category holds categories
    elif plain is str:
        found = st.sampled_from(["1", "2024", "US"]) | TEXTS
    elif plain is Decimal:
        found = NUMBERS if not junk else NUMBERS | st.integers(0, 99) | st.floats(0, 99)
    else:
        found = st.booleans() if plain is bool else st.integers(1, 10**6)
    if in_text:
        found = found.map(json.dumps) | found if junk else found.map(json.dumps)
    if junk:
        found = st.one_of(found, found, found, found, found, found, found, JUNK)
    return found


def object_of(cls: type[Model], *, junk: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Wire JSON for a model: members that may be missing are so now and then; with ``junk``, anything may stand anywhere."""
    needed: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for member, annotation in members_of(cls):
        found = data_of(annotation, in_text=is_json_text(member), junk=junk)
        into = needed if member.default is attrs.NOTHING and not junk else optional
        into[wire_name(member)] = found
    known = st.fixed_dictionaries(needed, optional=optional)
    if not junk:
        return known
    return st.tuples(st.dictionaries(TEXTS, JUNK, max_size=1), known).map(lambda parts: parts[0] | parts[1])


QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def result(hook: Any, cls: Any, data: Any) -> Any:
    """What a hook makes of data, or None."""
    try:
        return hook(data, cls)
    except Exception:
        return None


@pytest.mark.parametrize("cls", REPLIES, ids=lambda cls: cls.__qualname__)
@pytest.mark.parametrize("junk", [False, True], ids=["fits", "may not fit"])
def test_what_is_decoded_is_what_cattrs_decodes(cls: type[ReplyModel], junk: bool):
    fast = converters._hook_of(converters._fast_replies, cls)
    slow = converters._hook_of(converters._replies, cls)

    @given(object_of(cls, junk=junk))
    @QUICK
    def check(data: dict[str, Any]) -> None:
        found, wanted = result(fast, cls, data), result(slow, cls, data)
        assert wanted is not None or found is None
        if found is None:  # cattrs then decides; but what fits must not take its way
            assert junk
        else:
            assert (type(found), found) == (type(wanted), wanted)
        assert data == json.loads(json.dumps(data))  # untouched

    check()


@functools.cache
def oracle() -> Converter:
    """cattrs' own generated functions, told what our wire format is."""
    converter = Converter()
    converter.register_unstructure_hook(Decimal, lambda number: format(number, "f"))

    def hook(cls: Any) -> Any:
        overrides: dict[str, Any] = {"extra": override(omit=True)}
        for member, annotation in members_of(cls):
            special = writer(member, annotation, converter.get_unstructure_hook) if is_special(member) else None
            overrides[member.name] = override(
                rename=wire_name(member), omit_if_default=member.default in (None, ()), unstruct_hook=special
            )
        typed = make_dict_unstructure_fn(cls, converter, **overrides)
        return lambda model: {**typed(model), **model.extra}

    converter.register_unstructure_hook_factory(lambda cls: isinstance(cls, type) and issubclass(cls, Model), hook)
    return converter


@pytest.mark.parametrize(
    "cls", [cls for cls in REQUESTS if issubclass(cls, VendorRequest)], ids=lambda cls: cls.__qualname__
)
def test_what_is_encoded_is_what_cattrs_encodes(cls: type[VendorRequest[Any]]):
    encoded = 0

    @given(object_of(cls, junk=False), st.dictionaries(st.sampled_from(["own1", "own2"]), JUNK, max_size=1))
    @QUICK
    def check(data: dict[str, Any], extra: dict[str, Any]) -> None:
        nonlocal encoded
        try:
            request = attrs.evolve(from_wire(cls, data), extra=extra)
        except RequestError:  # its own check wants more than its types tell
            assume(False)
        wire, wanted = to_wire(request), oracle().unstructure(request, cls)
        assert json.dumps(wire, sort_keys=True) == json.dumps(wanted, sort_keys=True)
        encoded += 1

    check()
    assert encoded
