"""Models to wire JSON and back, with cattrs.

Requests are strict both ways: anything invalid is rejected before it is sent. Replies are lenient: what fits is kept, what
doesn't is left out and reported, and nothing is coerced in a way that could change its meaning.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
from cattrs import Converter, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from .._errors import RequestError, suggestion
from .base import InferredReply, Model, OpenReply, WholeReply, inferred_members, members_of
from .compiled import compile_structure, compile_unstructure
from .decimals import MAX_DIGITS, is_within_limits
from .fields import optional_inner, wire_name
from .inferred import with_inferred
from .jsonio import is_array, is_object
from .operation import OpenRequest
from .problems import GONE, MISSING, MismatchError, dotted, leaves, without
from .requests import RequestModel
from .wire_types import lenient_reader, strict_reader

_MAX_PROBLEMS = 100

ModelT = TypeVar("ModelT", bound=Model)
RequestT = TypeVar("RequestT", bound=RequestModel)


def to_wire(model: Model) -> dict[str, Any]:
    """A model as the vendor's JSON object: None and unset members left out, empty text kept, ``extra`` merged in."""
    kind: Any = type(model)
    return _request_hook(kind)(model)


def from_wire(cls: type[RequestT], data: Mapping[str, Any], *, keep_unknown: bool = False) -> RequestT:
    """A request from the vendor's JSON object, such as one read from a file.

    Members unknown to this release are accepted only inside an object ``"extra"``, at any level; an `OpenRequest` takes any.

    Args:
        cls: the class of the request.
        data: the object.
        keep_unknown: put unknown members into ``extra``. For the output of `to_wire`, which merges ``extra`` into the others.

    Raises:
        RequestError: names the first invalid member by its wire path.
    """
    if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - files may hold anything
        raise RequestError(f"expected an object, not {_kind(data)}")
    try:
        takes_all = keep_unknown or issubclass(cls, OpenRequest)
        return (_written() if takes_all else _requests()).structure({**data}, cls)
    except Exception as error:  # noqa: BLE001 - cattrs raises a tree of its own and of the hooks' errors
        where, reason = leaves(error)[0]
    path = dotted(where).removeprefix(".")
    # Raised outside the handler, so that it has no __context__: cattrs' tree holds the values, which are personal.
    raise RequestError(f"{path}: {reason}" if path else reason, field=path or None)


def decode(cls: type[ModelT], data: Any, path: str = "$.data") -> tuple[ModelT | None, tuple[str, ...]]:
    """A reply model from plain JSON, leniently.

    Returns:
        The model (None if the data as a whole doesn't fit, or is null), and the first hundred problems: the JSON path of what
        was left out, and why.
    """
    if data is None and not issubclass(cls, OpenReply):
        return None, ()
    kind: Any = cls
    skipped = 0
    if issubclass(cls, WholeReply):
        ((member, _),) = members_of(cls)
        data, skipped = {wire_name(member): data}, 1
    try:
        return _hook_of(_fast_replies, kind)(data, cls), ()
    except Exception:  # noqa: BLE001 - something doesn't fit: cattrs itself explains what
        return _decode_what_fits(cls, data, path, skipped)


def _decode_what_fits(cls: type[ModelT], data: Any, path: str, skipped: int) -> tuple[ModelT | None, tuple[str, ...]]:
    """Decode leniently; ``skipped`` is how many leading parts of a member's path aren't on the wire."""
    if issubclass(cls, InferredReply) and not is_object(data):
        return cls(value=data), ()
    problems: dict[str, str] = {}
    pruned = data
    while True:
        try:
            model: ModelT = _hook_of(_replies, cast("Any", cls))(pruned, cls)
        except Exception as error:  # noqa: BLE001 - cattrs raises a tree of its own and of the hooks' errors
            found = leaves(error)
        else:
            if problems and isinstance(model, OpenReply):
                object.__setattr__(model, "value", data)
            return model, _listed(problems)
        for where, reason in found:
            problems.setdefault(path + dotted(where[skipped:]), reason)
        # An object that lacks a required member is left out as a whole.
        unfit = {where[:-1] if reason == MISSING else where for where, reason in found}
        if any(len(where) <= skipped for where in unfit):
            return None, _listed(problems)
        pruned = without(
            pruned, [where for where in unfit if not any(where[:cut] in unfit for cut in range(1, len(where)))]
        )


def _listed(problems: Mapping[str, str]) -> tuple[str, ...]:
    lines = [f"{path}: {reason}" for path, reason in itertools.islice(problems.items(), _MAX_PROBLEMS)]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"... and {len(problems) - _MAX_PROBLEMS} more")
    return tuple(lines)


# --- the converters, created on first use (their hooks are generated class by class) --------------------------------


@functools.cache
def _requests() -> Converter:
    """For what people write."""
    return _strict(_strict_structure)


@functools.cache
def _written() -> Converter:
    """For the output of `to_wire`."""
    return _strict(_written_structure)


def _strict(structure_hook: Callable[[type[Model], Converter], _Hook]) -> Converter:
    converter = Converter(detailed_validation=True)
    exact = {str: _exact(str, "text"), int: _exact(int, "a whole number"), bool: _exact(bool, "true or false")}
    _register(converter, {**exact, Decimal: _decimal_text})
    converter.register_structure_hook_factory(_is_model, structure_hook)
    converter.register_unstructure_hook_factory(_is_model, _fast_unstructure)
    return converter


@functools.cache
def _replies() -> Converter:
    """Explains what doesn't fit."""
    converter = Converter(detailed_validation=True)
    _register(converter, _LENIENT)
    converter.register_structure_hook_factory(_is_model, _lenient_structure)
    return converter


@functools.cache
def _fast_replies() -> Converter:
    """For data that fits; raises an arbitrary exception otherwise."""
    converter = Converter()
    _register(converter, _LENIENT)
    converter.register_structure_hook_factory(_is_model, _fast_structure)
    return converter


@functools.cache
def _hook_of(converter: Callable[[], Converter], cls: Any) -> _Hook:
    return converter().get_structure_hook(cls)


@functools.cache
def _request_hook(cls: Any) -> Callable[[Any], dict[str, Any]]:
    return _requests().get_unstructure_hook(cls)


_Hook = Callable[[Any, Any], Any]
_Reader = Callable[["attrs.Attribute[Any]", Any, Callable[[Any], _Hook]], "_Hook | None"]


def _register(converter: Converter, primitives: Mapping[type, _Hook]) -> None:
    for cls, hook in primitives.items():
        converter.register_structure_hook(cls, hook)
    converter.register_structure_hook_factory(_is_optional, _optional)
    converter.register_structure_hook_factory(_is_tuple, _tuple)


def _is_optional(annotation: Any) -> bool:
    return optional_inner(annotation) is not None


def _optional(annotation: Any, converter: Converter) -> _Hook:
    inner = optional_inner(annotation)
    hook = converter.get_structure_hook(inner)
    plain = inner if inner in (str, int, bool) else None

    def structure(value: Any, _: Any) -> Any:
        # Most values are None or already of the right type: neither needs another call.
        return value if value is None or type(value) is plain else hook(value, inner)

    return structure


def _tuple(annotation: Any, converter: Converter) -> _Hook:
    item = get_args(annotation)[0]
    hook = converter.get_structure_hook(item)

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if value is None:
            return ()
        if not is_array(value):
            raise MismatchError(f"expected a list, not {_kind(value)}")
        made: list[Any] = []
        failures: list[Exception] = []
        for index, inner in enumerate(value):
            if inner is GONE:
                continue
            try:
                made.append(hook(inner, item))
            except Exception as error:  # noqa: BLE001 - collected, as cattrs itself does
                error.__notes__ = [IterableValidationNote("item", index, item)]
                failures.append(error)
        if failures:
            raise IterableValidationError("items", failures, annotation)  # pyright: ignore[reportCallIssue] - as cattrs does
        return tuple(made)

    return structure


def _is_tuple(annotation: Any) -> bool:
    origin: Any = get_origin(annotation)
    return origin is tuple and get_args(annotation)[1:] == (...,)


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Model)


def _wire_overrides(cls: type[Model], converter: Converter, reader: _Reader) -> dict[str, Any]:
    names = {
        member.name: override(
            rename=wire_name(member), struct_hook=reader(member, annotation, converter.get_structure_hook)
        )
        for member, annotation in members_of(cls)
    }
    omitted = {member.name: override(omit=True) for member in attrs.fields(cls) if member.name not in names}
    return names | omitted


def _known_names(cls: type[Model]) -> frozenset[str]:
    return frozenset(wire_name(member) for member, _ in members_of(cls))


def _strict_structure(cls: type[Model], converter: Converter) -> _Hook:
    typed = make_dict_structure_fn(cls, converter, **_wire_overrides(cls, converter, strict_reader))
    known = _known_names(cls)

    def structure(value: Any, _: Any) -> Any:
        if not is_object(value):
            raise MismatchError(f"expected an object, not {_kind(value)}")
        for name in value:
            if name not in known and name != "extra":
                hint = suggestion(name, known) if known else '; none of its members is typed: put them into "extra"'
                raise MismatchError(f"{cls.__name__} has no member {name!r}{hint}")
        model = typed(value, cls)
        extra = value.get("extra") if "extra" not in known else None
        if extra is None:
            return model
        if not isinstance(extra, dict):
            raise MismatchError(f"extra: expected an object, not {_kind(extra)}")
        return attrs.evolve(model, extra=extra)

    return structure


def _written_structure(cls: type[Model], converter: Converter) -> _Hook:
    typed = make_dict_structure_fn(cls, converter, **_wire_overrides(cls, converter, strict_reader))
    known = _known_names(cls)

    def structure(value: Any, _: Any) -> Any:
        if not is_object(value):
            raise MismatchError(f"expected an object, not {_kind(value)}")
        model = typed(value, cls)
        unknown = {name: value[name] for name in value if name not in known}
        return attrs.evolve(model, extra=unknown) if unknown else model

    return structure


def _lenient_structure(cls: type[Model], converter: Converter) -> _Hook:
    inferred = {member.name: wire_name(member) for member, _ in inferred_members(cls)}
    overrides = _wire_overrides(cls, converter, lenient_reader)
    overrides |= {name: override(omit=True) for name in inferred}
    typed = make_dict_structure_fn(cls, converter, **overrides)
    known = _known_names(cls) - set(inferred.values())
    open_cls = cls if issubclass(cls, OpenReply) else None

    def structure(value: Any, _: Any) -> Any:
        if not is_object(value):
            if open_cls is not None and not issubclass(open_cls, InferredReply):
                return open_cls(value=value)
            raise MismatchError(f"expected an object, not {_kind(value)}")
        model = typed(value, cls)
        if not value.keys() <= known:
            object.__setattr__(model, "extra", {name: value[name] for name in value if name not in known})
        if open_cls is not None:
            object.__setattr__(model, "value", value)
        return model

    return with_inferred(cls, _fast_replies().get_structure_hook, structure)  # a guess isn't explained: it fits or not


def _fast_structure(cls: type[Model], converter: Converter) -> _Hook:
    return with_inferred(cls, converter.get_structure_hook, compile_structure(cls, converter.get_structure_hook))


def _fast_unstructure(cls: type[Model], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    return compile_unstructure(cls, converter.get_unstructure_hook)


# --- values ------------------------------------------------------------------------------------------------------------


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return (
        "null"
        if value is None
        else next((name for kind, name in kinds.items() if type(value) is kind), "something else")
    )


def _exact(cls: type, expected: str) -> _Hook:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not cls:
            raise MismatchError(f"expected {expected}, not {_kind(value)}")
        return value

    return structure


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        if value.is_integer():  # an id: one beyond 53 bits has lost digits
            return str(_integer(value, _))
        return repr(value)
    raise MismatchError(f"expected text, not {_kind(value)}")


def _integer(value: Any, _: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 40:
        return int(value)
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise MismatchError(f"expected a whole number, not {_kind(value)}")


def _decimal(value: Any, _: Any) -> Decimal:
    return _decimal_text(repr(value) if type(value) in (int, float) else value, _)


def _decimal_text(value: Any, _: Any) -> Decimal:
    if type(value) is str and value.isascii() and "_" not in value:
        if len(value) < MAX_DIGITS and value.replace(".", "", 1).isdigit():
            return Decimal(value)  # nearly all amounts: without an exponent, so always valid
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise MismatchError("not a decimal number") from None
        if is_within_limits(number):
            return number
        raise MismatchError(f"not a finite number of at most {MAX_DIGITS} digits")
    raise MismatchError(f"expected a decimal number as text, not {_kind(value)}")


_LENIENT: Mapping[type, _Hook] = {str: _text, int: _integer, bool: _exact(bool, "true or false"), Decimal: _decimal}
