"""The ground of every model: attrs classes that know their wire names, check themselves, and keep personal data to themselves."""

from __future__ import annotations

import difflib
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar, cast

import attrs

from .errors import RequestError
from .jsonio import check_json, is_array

_WIRE, _PERSONAL, _MINIMUM, _PLACE, _JSON_TEXT, _NUMBER = "wire", "personal", "minimum", "place", "json_text", "number"

Place = Literal["query", "body"]


def masked(value: object) -> str:
    """The repr of a personal or secret value: whether it is set, and nothing else."""
    return "None" if value is None else "'***'"


def keys_only(value: Mapping[str, object]) -> str:
    """The repr of members that this release doesn't know: their names, since their values may be personal."""
    return "{" + ", ".join(f"{key!r}: ***" for key in value) + "}"


def wire(
    name: str | None = None,
    *,
    personal: bool = False,
    minimum: int | None = None,
    place: Place | None = None,
    json_text: bool = False,
    number: bool = False,
) -> dict[str, Any]:
    """Metadata of a member.

    Args:
        name: its wire name, if that isn't the camelCase of its own.
        personal: it is about a person: kept out of errors and logs.
        minimum: the least that a whole number may be.
        place: where a request's own member goes. Unless given: into the path if the path names it, else into the query of a
            GET or DELETE, else into the body.
        json_text: its JSON stands in a text on the wire.
        number: text (an id, digits only) or a Decimal that is a number on the wire; when built, it is taken as either.
    """
    facts = {
        _WIRE: name,
        _PERSONAL: personal or None,
        _MINIMUM: minimum,
        _PLACE: place,
        _JSON_TEXT: json_text or None,
        _NUMBER: number or None,
    }
    return {key: value for key, value in facts.items() if value is not None}


def optional(
    name: str | None = None,
    *,
    personal: bool = False,
    minimum: int | None = None,
    place: Place | None = None,
    json_text: bool = False,
    number: bool = False,
) -> Any:
    """An optional member (None while not set), masked in reprs if it is ``personal``; arguments as of `wire`."""
    metadata = wire(name, personal=personal, minimum=minimum, place=place, json_text=json_text, number=number)
    return attrs.field(default=None, metadata=metadata, repr=masked if personal else True)


def many(name: str | None = None, *, place: Place | None = None, json_text: bool = False, number: bool = False) -> Any:
    """A member that holds several values (an empty tuple while not set); arguments as of `wire`."""
    return attrs.field(default=(), metadata=wire(name, place=place, json_text=json_text, number=number))


def wire_name(member: attrs.Attribute[Any]) -> str:
    """A member's name in the vendor's JSON."""
    given: str | None = member.metadata.get(_WIRE)
    return given or camel_case(member.name)


def is_personal(member: attrs.Attribute[Any]) -> bool:
    """Whether a member holds what is known of a person."""
    return bool(member.metadata.get(_PERSONAL))


def place_of(member: attrs.Attribute[Any]) -> Place | None:
    """Where a request's member is declared to go; None: the operation decides."""
    place: Place | None = member.metadata.get(_PLACE)
    return place


def is_json_text(member: attrs.Attribute[Any]) -> bool:
    """Whether a member's JSON stands in a text on the wire."""
    return _JSON_TEXT in member.metadata


def is_number(member: attrs.Attribute[Any]) -> bool:
    """Whether a text or a Decimal is a number on the wire."""
    return _NUMBER in member.metadata


def camel_case(name: str) -> str:
    """``receiver_address`` -> ``receiverAddress``: the vendors' spelling of a Python name."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def suggestion(name: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"``, or nothing when no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def optional_inner(annotation: Any) -> Any:
    """``X`` of ``X | None``; None if the annotation is something else."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return None
    inner = [part for part in typing.get_args(annotation) if part is not type(None)]
    return inner[0] if len(inner) == 1 and len(typing.get_args(annotation)) == 2 else None


class _NoExtra(dict[str, Any]):
    """An empty mapping that stays empty, so that all models can share it."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("extra can't be changed: make a new model with attrs.evolve(model, extra={...})")

    __setitem__ = __ior__ = update = setdefault = _refuse  # pyright: ignore[reportAssignmentType]

    def __reduce__(self) -> str:
        return "NO_EXTRA"


NO_EXTRA: Mapping[str, Any] = _NoExtra()
"""The ``extra`` of a model that has none."""


@attrs.frozen(kw_only=True)
class Model:
    """Base of every model. ``extra`` holds the members that this release doesn't know, by wire name, as plain JSON."""

    extra: Mapping[str, Any] = attrs.field(default=NO_EXTRA, hash=False, repr=keys_only)


@attrs.frozen(kw_only=True)
class ReplyModel(Model):
    """Base of what a vendor answers: every member is optional, since the documentation may be wrong."""


@attrs.frozen(kw_only=True)
class OpenReply(ReplyModel):
    """A reply whose shape the documentation doesn't show.

    ``value`` is the data as it came, whatever it is. If it is an object, the members that are declared are also read into
    their attributes, and the others stand in ``extra``.
    """

    value: Any = attrs.field(default=None, hash=False, repr=False)


@attrs.frozen(kw_only=True)
class WholeReply(ReplyModel):
    """A reply whose data isn't an object: a subclass has one member, which is the data as a whole (a list, text, ...)."""


@attrs.frozen(kw_only=True)
class RequestModel(Model):
    """Base of what is sent. It is checked when it is built: a missing, unknown or wrong member is a `RequestError`."""

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        init: Callable[..., None] = cls.__init__

        @functools.wraps(init)
        def first_init(self: Any, **members: Any) -> None:
            # Compiled at first use: only then can all annotations be resolved.
            from .fastpath import compile_init

            cls.__init__ = functools.wraps(init)(compile_init(cls))  # type: ignore[method-assign]
            cls.__init__(self, **members)

        cls.__init__ = first_init  # type: ignore[method-assign]


def members_of(cls: type[Model]) -> tuple[tuple[attrs.Attribute[Any], Any], ...]:
    """The typed members of a model with their resolved annotations; ``extra`` and an open reply's ``value`` are not among them."""
    hints = _hints(cast("Any", cls))  # mypy does not see that classes with a generated hash are hashable themselves
    inner = {"extra", "value"} if issubclass(cls, OpenReply) else {"extra"}
    return tuple((member, hints[member.name]) for member in attrs.fields(cls) if member.name not in inner)


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def personal_texts(value: object) -> set[str]:
    """Every text in a model that is marked personal, at any depth: what must not appear in a log or an error."""
    found: set[str] = set()
    if isinstance(value, Model):
        for member, _ in members_of(type(value)):
            inner = getattr(value, member.name)
            if is_personal(member) and inner is not None:
                found.add(str(inner))
            else:
                found |= personal_texts(inner)
    elif is_array(value):
        for item in value:
            found |= personal_texts(item)
    return found


# --- checks of a request, compiled once a class from its annotations ---------------------------------------------------

_Check = Callable[[Any, str], Any]
ModelT = TypeVar("ModelT", bound=Model)


def explain_members(cls: type[RequestModel], members: Mapping[str, Any]) -> None:
    known = {member.name: member.default is attrs.NOTHING for member in attrs.fields(cls)}
    for name in members:
        if name not in known:
            raise RequestError(f"{cls.__name__} has no member {name!r}{suggestion(name, known)}", field=name) from None
    for name, needed in known.items():
        if needed and name not in members:
            raise RequestError(f"{cls.__name__} needs {name!r}", field=name) from None


def check_extra(model: RequestModel) -> None:
    if not isinstance(model.extra, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong("extra", "a mapping", model.extra)
    check_json(dict(model.extra), "extra")
    for member, _ in members_of(type(model)):
        if (name := wire_name(member)) in model.extra:
            raise RequestError(f"extra[{name!r}] is a known member: set {member.name!r} instead", field=f"extra.{name}")


def check_of_member(member: attrs.Attribute[Any], annotation: Any) -> tuple[_Check, bool]:
    """What checks a member's value, given with its name, and returns it as it is to be kept; and whether the type alone decides."""
    minimum, number = member.metadata.get(_MINIMUM), is_number(member)
    inner = optional_inner(annotation) or annotation
    decides = minimum is None and not number and isinstance(inner, type) and inner not in (object, Any, Decimal)
    return check_of(annotation, minimum, number=number), decides and typing.get_origin(inner) is None


def check_of(annotation: Any, minimum: int | None = None, *, number: bool = False) -> _Check:
    inner = optional_inner(annotation)
    if inner is not None:
        check = check_of(inner, minimum, number=number)
        return lambda value, path: None if value is None else check(value, path)
    if typing.get_origin(annotation) is tuple:
        return _tuple_check(check_of(typing.get_args(annotation)[0], number=number))
    if annotation is Decimal:
        return _number if number else to_decimal
    if annotation is int:
        return functools.partial(_integer, minimum=minimum)
    if annotation is str and number:
        return _digits
    if isinstance(annotation, type) and annotation not in (object, Any) and typing.get_origin(annotation) is None:
        return _instance_check(annotation)
    return lambda value, path: value


def wrong(path: str, expected: str, value: object) -> RequestError:
    """The error of a member of the wrong type; the value itself is not shown, it may be personal."""
    return RequestError(f"{path}: expected {expected}, not {type(value).__name__}", field=path)


def _instance_check(cls: type) -> _Check:
    expected = {str: "text", bool: "True or False"}.get(cls, cls.__name__)

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, cls):
            raise wrong(path, expected, value)
        return value

    return check


def _tuple_check(check: _Check) -> _Check:
    def check_all(value: Any, path: str) -> Any:
        if not is_array(value):
            raise wrong(path, "a tuple or list", value)
        return tuple([check(item, f"{path}[{index}]") for index, item in enumerate(value)])

    return check_all


def _integer(value: Any, path: str, minimum: int | None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(path, "a whole number", value)
    if minimum is not None and value < minimum:
        raise RequestError(f"{path}: must be at least {minimum}", field=path)
    return value


def _digits(value: Any, path: str) -> str:
    """An id that is a number on the wire, as text: 19 digits stay exact wherever it is copied to."""
    if type(value) is int and value >= 0:
        return str(value)
    if type(value) is not str:
        raise wrong(path, "a whole number, or text of its digits", value)
    if not is_digits(value):
        raise RequestError(f"{path}: must be digits without leading zeros: it is a number on the wire", field=path)
    return value


def is_digits(text: str) -> bool:
    """Whether text is a whole number as JSON writes it."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and (text[0] != "0" or text == "0")


def _number(value: Any, path: str) -> Decimal:
    number = to_decimal(value, path)
    if Decimal(repr(as_json_number(number))) != number:
        raise RequestError(f"{path}: has more digits than a JSON number keeps", field=path)
    return number


def as_json_number(number: Decimal) -> int | float:
    """A sensible decimal as what is written into JSON: as many places as it has, at least one, or none at all."""
    exponent = number.as_tuple().exponent
    return int(number) if isinstance(exponent, int) and exponent >= 0 else float(number)


def to_decimal(value: Decimal | int | str, path: str) -> Decimal:
    """An exact number.

    Raises:
        RequestError: it is a float, or no number, or an absurd one.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong(path, "a Decimal, or text that holds one (a float loses cents)", value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise RequestError(f"{path}: not a decimal number", field=path) from None
    if not is_sensible(number):
        raise RequestError(f"{path}: must be finite, and of at most {MOST_DIGITS} digits", field=path)
    return number


MOST_DIGITS = 40
"""More digits than this, before or after the point, are nobody's amount."""


def is_sensible(number: Decimal) -> bool:
    """Whether a number is finite and can be written out in `MOST_DIGITS`."""
    return (
        number.is_finite() and len(format(number, "f")) <= 2 * MOST_DIGITS
        if abs(number.adjusted()) < MOST_DIGITS
        else False
    )
