"""Field metadata for all models: wire names, where a member goes, what is personal."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

import attrs

_WIRE, _PERSONAL, _MINIMUM, _PLACE, _JSON_TEXT, _NUMBER = "wire", "personal", "minimum", "place", "json_text", "number"
_INFERRED = "inferred"


Place = Literal["query", "body"]


def masked(value: object) -> str:
    """The repr of a personal or secret value: shows only whether it is set."""
    return "None" if value is None else "'***'"


def keys_only(value: Mapping[str, object]) -> str:
    """The repr of unknown members: their names only, since their values may be personal."""
    return "{" + ", ".join(f"{key!r}: ***" for key in value) + "}"


def wire(
    name: str | None = None,
    *,
    personal: bool = False,
    minimum: int | None = None,
    place: Place | None = None,
    json_text: bool = False,
    number: bool = False,
    inferred: bool = False,
) -> dict[str, Any]:
    """Metadata for a member.

    Args:
        name: the wire name; default: the member's name in camelCase.
        personal: about a person, so kept out of errors and logs.
        minimum: the smallest allowed integer.
        place: where a request sends the member. Default: in the path if the path names it, else in the query of a GET or
            DELETE, else in the body.
        json_text: sent as JSON inside a string.
        number: a numeric id held as text, or a Decimal, that is a number on the wire; the constructor accepts text or numbers.
        inferred: on no page of the vendor's, but in the API of the platform behind it (1688, Taobao Global). In a reply, a value
            that doesn't fit such a member stays in ``extra``, as if the member weren't declared.
    """
    facts = {
        _WIRE: name,
        _PERSONAL: personal or None,
        _MINIMUM: minimum,
        _PLACE: place,
        _JSON_TEXT: json_text or None,
        _NUMBER: number or None,
        _INFERRED: inferred or None,
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
    inferred: bool = False,
) -> Any:
    """An optional member (default None), masked in reprs if it is ``personal``. See `wire` for the arguments."""
    metadata = wire(
        name, personal=personal, minimum=minimum, place=place, json_text=json_text, number=number, inferred=inferred
    )
    return attrs.field(default=None, metadata=metadata, repr=masked if personal else True)


def many(
    name: str | None = None,
    *,
    place: Place | None = None,
    json_text: bool = False,
    number: bool = False,
    inferred: bool = False,
) -> Any:
    """A member that holds several values (default: an empty tuple). See `wire` for the arguments."""
    metadata = wire(name, place=place, json_text=json_text, number=number, inferred=inferred)
    return attrs.field(default=(), metadata=metadata)


def wire_name(member: attrs.Attribute[Any]) -> str:
    """A member's name in the vendor's JSON."""
    given: str | None = member.metadata.get(_WIRE)
    return given or camel_case(member.name)


def is_personal(member: attrs.Attribute[Any]) -> bool:
    """Whether a member holds personal data."""
    return bool(member.metadata.get(_PERSONAL))


def minimum_of(member: attrs.Attribute[Any]) -> int | None:
    """The smallest allowed integer; None: no minimum."""
    minimum: int | None = member.metadata.get(_MINIMUM)
    return minimum


def place_of(member: attrs.Attribute[Any]) -> Place | None:
    """Where a request sends the member, as declared; None: the operation decides."""
    place: Place | None = member.metadata.get(_PLACE)
    return place


def is_json_text(member: attrs.Attribute[Any]) -> bool:
    """Whether a member is sent as JSON inside a string."""
    return _JSON_TEXT in member.metadata


def is_number(member: attrs.Attribute[Any]) -> bool:
    """Whether a text or Decimal member is a number on the wire."""
    return _NUMBER in member.metadata


def is_inferred(member: attrs.Attribute[Any]) -> bool:
    """Whether a member is on no page of the vendor's; see `wire`."""
    return _INFERRED in member.metadata


def camel_case(name: str) -> str:
    """``receiver_address`` -> ``receiverAddress``: the vendors' spelling of a Python name."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def optional_inner(annotation: Any) -> Any:
    """``X`` of ``X | None``; None for any other annotation."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return None
    inner = [part for part in typing.get_args(annotation) if part is not type(None)]
    return inner[0] if len(inner) == 1 and len(typing.get_args(annotation)) == 2 else None
