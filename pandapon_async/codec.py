"""Models to wire JSON and back, by cattrs.

Requests are strict both ways: what is wrong is refused before anything is sent. Replies are lenient: what fits is kept,
what doesn't is left out and named, and nothing is coerced that could change its meaning.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.fns import identity
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from .errors import RequestError
from .fastpath import compile_structure
from .jsonio import is_array, is_object
from .model import Model, OpenReply, RequestModel, camel_case, members_of, optional_inner, suggestion, wire_name

ModelT = TypeVar("ModelT", bound=Model)
RequestT = TypeVar("RequestT", bound=RequestModel)


def to_wire(model: Model) -> dict[str, Any]:
    """A model as the vendor's JSON object: None and what was never set left out, empty text kept, ``extra`` merged in."""
    wire: dict[str, Any] = _request_hook(cast("Any", type(model)))(model)
    return wire


def from_wire(cls: type[RequestT], data: Mapping[str, Any]) -> RequestT:
    """A request from the vendor's JSON object, as it stands in a file.

    Members that this release doesn't know are accepted in an object ``"extra"`` only, at any level.

    Raises:
        RequestError: names the first wrong member by its wire path.
    """
    try:
        return _requests().structure(data, cls)
    except RequestError:
        raise
    except Exception as error:  # noqa: BLE001 - cattrs raises a tree of its own and of the hooks' errors
        where, reason = _leaves(error)[0]
        path = _dotted(where).removeprefix(".")
        raise RequestError(f"{path}: {reason}" if path else reason, field=path or None) from None


def decode(cls: type[ModelT], data: Any, path: str = "$.data") -> tuple[ModelT | None, tuple[str, ...]]:
    """A reply model from plain JSON, leniently.

    Returns:
        The model (None if the whole doesn't fit, or is null) and the problems: JSON paths of what was left out, and why.
    """
    if data is None and not issubclass(cls, OpenReply):
        return None, ()
    problems: dict[str, str] = {}
    pruned = data
    while True:
        try:
            model: ModelT = _reply_hook(cast("Any", cls))(pruned, cls)
        except Exception as error:  # noqa: BLE001 - as above
            leaves = _leaves(error)
            for where, reason in leaves:
                problems.setdefault(path + _dotted(where), reason)
            # What lacks a member goes as a whole: there is nothing to take out of it.
            unfit = {where[:-1] if reason == _MISSING else where for where, reason in leaves}
            if () in unfit:
                return None, _listed(problems)
            outermost = [where for where in unfit if not any(where[:cut] in unfit for cut in range(1, len(where)))]
            pruned = functools.reduce(_without, sorted(outermost, key=_order, reverse=True), pruned)
        else:
            if problems and isinstance(model, OpenReply):
                object.__setattr__(model, "value", data)
            return model, _listed(problems)


def _listed(problems: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{path}: {reason}" for path, reason in problems.items())


# --- the two converters, made on first use (their hooks are generated a class at a time) ------------------------------


@functools.cache
def _requests() -> Converter:
    converter = Converter(detailed_validation=True, omit_if_default=True)
    exact = {str: _exact(str, "text"), int: _exact(int, "a whole number"), bool: _exact(bool, "true or false")}
    _register(converter, {**exact, Decimal: _decimal_text})
    converter.register_unstructure_hook(Decimal, _plain_decimal)
    converter.register_unstructure_hook_factory(_is_optional_primitive, _as_it_is)
    converter.register_structure_hook_factory(_is_model, _strict_structure)
    converter.register_unstructure_hook_factory(_is_model, _unstructure)
    return converter


@functools.cache
def _replies() -> Converter:
    converter = Converter(detailed_validation=True)
    _register(converter, {str: _text, int: _integer, bool: _exact(bool, "true or false"), Decimal: _decimal})
    converter.register_structure_hook_factory(_is_model, _lenient_structure)
    return converter


@functools.cache
def _reply_hook(cls: Any) -> _Hook:
    return _replies().get_structure_hook(cls)


@functools.cache
def _request_hook(cls: Any) -> Callable[[Any], dict[str, Any]]:
    return _requests().get_unstructure_hook(cls)


_Hook = Callable[[Any, Any], Any]
_MISSING = "is missing"


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
        # Most values are None or already right: neither needs another call.
        return value if value is None or type(value) is plain else hook(value, inner)

    return structure


def _is_optional_primitive(annotation: Any) -> bool:
    return optional_inner(annotation) in (str, int, bool)


def _as_it_is(annotation: Any) -> Callable[[Any], Any]:
    return identity  # cattrs leaves the call out altogether


def _tuple(annotation: Any, converter: Converter) -> _Hook:
    item = get_args(annotation)[0]
    hook = converter.get_structure_hook(item)
    list_type: Any = types.GenericAlias(list, (item,))
    as_list = converter.get_structure_hook(list_type)

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if value is None:
            return ()
        if not is_array(value):
            raise _UnfitError(f"expected a list, not {_kind(value)}")
        try:
            return tuple([hook(inner, item) for inner in value])
        except Exception:  # noqa: BLE001 - once more, by cattrs' slower way, which says which items and why
            return tuple(as_list(value, list_type))

    return structure


def _is_tuple(annotation: Any) -> bool:
    origin: Any = get_origin(annotation)
    return origin is tuple and get_args(annotation)[1:] == (...,)


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Model)


def _wire_overrides(cls: type[Model]) -> dict[str, Any]:
    names = {member.name: override(rename=wire_name(member)) for member, _ in members_of(cls)}
    omitted = {member.name: override(omit=True) for member in attrs.fields(cls) if member.name not in names}
    return names | omitted


def _known_names(cls: type[Model]) -> frozenset[str]:
    return frozenset(wire_name(member) for member, _ in members_of(cls))


def _strict_structure(cls: type[Model], converter: Converter) -> _Hook:
    typed = make_dict_structure_fn(cls, converter, **_wire_overrides(cls))
    known = _known_names(cls)

    def structure(value: Any, _: Any) -> Any:
        if not is_object(value):
            raise _UnfitError(f"expected an object, not {_kind(value)}")
        for name in value:
            if name not in known and name != "extra":
                raise _UnfitError(f"{cls.__name__} has no member {name!r}{suggestion(name, known)}")
        model = typed(value, cls)
        extra = value.get("extra") if "extra" not in known else None
        if extra is None:
            return model
        if not isinstance(extra, dict):
            raise _UnfitError(f"extra: expected an object, not {_kind(extra)}")
        return attrs.evolve(model, extra=extra)

    return structure


def _lenient_structure(cls: type[Model], converter: Converter) -> _Hook:
    exact = make_dict_structure_fn(cls, converter, **_wire_overrides(cls))
    fast = compile_structure(cls, converter.get_structure_hook)
    open_cls = cls if issubclass(cls, OpenReply) else None

    def structure(value: Any, _: Any) -> Any:
        if not is_object(value):
            if open_cls is not None:
                return open_cls(value=value)
            raise _UnfitError(f"expected an object, not {_kind(value)}")
        try:
            return fast(value)
        except Exception:  # noqa: BLE001 - something doesn't fit: cattrs' way says what
            return exact(value, cls)

    return structure


def _unstructure(cls: type[Model], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    typed = make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **_wire_overrides(cls))

    def unstructure(model: Model) -> dict[str, Any]:
        wire = typed(model)
        if model.extra:
            wire.update(model.extra)
        return wire

    return unstructure


# --- values ------------------------------------------------------------------------------------------------------------


class _UnfitError(ValueError):
    """A value doesn't fit its member; the text names no value, it may be personal."""


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
            raise _UnfitError(f"expected {expected}, not {_kind(value)}")
        return value

    return structure


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return repr(value)
    raise _UnfitError(f"expected text, not {_kind(value)}")


def _integer(value: Any, _: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 40:
        return int(value)
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise _UnfitError(f"expected a whole number, not {_kind(value)}")


def _decimal(value: Any, _: Any) -> Decimal:
    if type(value) is int:
        return Decimal(value)
    if type(value) is float:
        return Decimal(repr(value))
    return _decimal_text(value, _)


def _plain_decimal(number: Decimal) -> str:
    return format(number, "f")


def _decimal_text(value: Any, _: Any) -> Decimal:
    if type(value) is str and value.isascii() and "_" not in value:
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise _UnfitError("not a decimal number") from None
        if number.is_finite():
            return number
        raise _UnfitError("not a finite number")
    raise _UnfitError(f"expected a decimal number as text, not {_kind(value)}")


# --- errors: from cattrs' tree to wire paths ---------------------------------------------------------------------------

_Path = tuple["str | int", ...]


def _leaves(error: BaseException, path: _Path = ()) -> list[tuple[_Path, str]]:
    """Every failure in cattrs' tree, as (wire path, reason)."""
    inner: list[tuple[_Path, BaseException]]
    if isinstance(error, ClassValidationError):
        names = {member.name: wire_name(member) for member, _ in members_of(cast("type[Model]", error.cl))}
        noted, loose = error.group_exceptions()
        inner = [((*path, names.get(note.name, note.name)), sub) for sub, note in noted]
    elif isinstance(error, IterableValidationError):
        noted_items, loose = error.group_exceptions()
        inner = [((*path, note.index), sub) for sub, note in noted_items]
    elif isinstance(error, RequestError) and error.field:
        # Raised by the check of the model that this path leads to; `field` is one of its members, in Python's spelling.
        return [((*path, camel_case(error.field)), error.message.removeprefix(f"{error.field}: "))]
    else:
        return [(path, _reason(error))]
    inner += [(path, sub) for sub in loose]
    return [leaf for where, sub in inner for leaf in _leaves(sub, where)]


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return _MISSING
    if isinstance(error, RequestError):
        return error.message
    return str(error) if isinstance(error, _UnfitError) else type(error).__name__


def _dotted(path: _Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _order(path: _Path) -> list[tuple[int, str]]:
    """Sorts paths so that, taken in reverse, later list items go before earlier ones and indexes stay right."""
    return [(part, "") if isinstance(part, int) else (-1, part) for part in path]


def _without(data: Any, path: _Path) -> Any:
    """A copy of plain JSON without the member or item at a path."""
    first, *rest = path
    copy: Any = dict(data) if is_object(data) else list(data)
    if rest:
        copy[first] = _without(copy[first], tuple(rest))
    else:
        del copy[first]
    return copy
