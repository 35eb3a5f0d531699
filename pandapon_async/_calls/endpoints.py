"""Where a request goes: the operation's path at an account, and which members go into path, query and body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import attrs
from yarl import URL

from .._config.profiles import VendorProfile
from .._errors import ConfigError, RequestError
from .._models.base import members_of
from .._models.fields import place_of, wire_name
from .._models.jsonio import dumps
from .._models.operation import Evidence, Operation, Route, VendorRequest
from .hooks import Observer

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_BODILESS = ("GET", "DELETE")
_PATH = "/%:@!$&'()*+,;=~"


@attrs.frozen
class Target:
    """Where a request goes: what is fixed about it, put together once.

    ``url`` is the whole URL, unless the path has placeholders; then ``texts`` and ``names`` alternate to make it. ``is_plain``
    tells that all members of a request go into the body, as most do.
    """

    url: URL
    texts: tuple[str, ...]
    names: tuple[str, ...]
    query: frozenset[str]
    body: frozenset[str]
    bodiless: bool
    is_plain: bool

    def placed(self, members: Mapping[str, Any]) -> tuple[URL, str, bytes | None]:
        """A request's members as URL, query and body.

        Raises:
            RequestError: one can't stand where it is to go.
        """
        rest = dict(members)
        url = self._filled(rest) if self.names else self.url
        asked = {name: rest.pop(name) for name in list(rest) if self._is_asked(name)}
        query = encoded_query({name: value for name, value in asked.items() if value is not None})
        return url, query, dumps(rest) if rest or not self.bodiless else None

    def _is_asked(self, name: str) -> bool:
        return name not in self.body if self.bodiless else name in self.query

    def _filled(self, rest: dict[str, Any]) -> URL:
        path = self.texts[0]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            path += _segment(name, rest.pop(name, None)) + text
        return URL(path, encoded=True)


def target_of(request_type: type[VendorRequest[Any]], base: str, path: str) -> Target:
    """The target of a class of requests.

    Args:
        request_type: the class.
        base: the vendor's base URL, without a slash at its end.
        path: the operation's path; ``{name}`` in it stands for the member of that wire name.
    """
    places = {wire_name(member): place_of(member) for member, _ in members_of(request_type)}
    parts = _PLACEHOLDER.split(path)
    names, query = tuple(parts[1::2]), frozenset(name for name, place in places.items() if place == "query")
    bodiless = request_type.operation.method in _BODILESS
    return Target(
        url=URL(base + path),
        texts=(str(URL(base + parts[0])), *(quote(text, safe=_PATH) for text in parts[2::2])),
        names=names,
        query=query,
        body=frozenset(name for name, place in places.items() if place == "body"),
        bodiless=bodiless,
        is_plain=not (names or query or bodiless),
    )


def encoded_query(members: Mapping[str, Any]) -> str:
    """Texts, numbers, true and false as a query string.

    Raises:
        RequestError: a query can't hold a member.
    """
    query = ""
    for name, value in members.items():
        if not isinstance(value, (str, int, float)):
            kind = type(value).__name__
            raise RequestError(f"{name}: a query holds text, numbers, true and false, not {kind}", field=name)
        text = value if isinstance(value, str) else dumps(value).decode()
        query += f"&{_quoted(name, name)}={_quoted(text, name)}"
    return query[1:]


def _segment(name: str, value: Any) -> str:
    """A value as one segment of a path."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        what = "is part of the path, so it is needed" if value is None else "a path holds text and whole numbers only"
        raise RequestError(f"{name}: {what}", field=name)
    text = str(value)
    if text in ("", ".", ".."):
        raise RequestError(f"{name}: is part of the path, so it can't be empty or dots", field=name)
    return _quoted(text, name)


def _quoted(text: str, name: str) -> str:
    if text.isalnum() and text.isascii():
        return text
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        pass
    raise RequestError(f"{name}: holds half a surrogate pair, so it can't be sent as UTF-8", field=name)


class Targets(dict[Any, Target]):
    """The targets of one account's classes of requests, each put together once, when it is first looked up.

    Args:
        profile: the account.
        observer: told when a path is used that was never seen.
        warned: the operations of which it has been told already; shared by a session and its copies.

    Raises (on looking one up):
        ConfigError: the path of the operation isn't known.
    """

    def __init__(self, profile: VendorProfile, observer: Observer, warned: set[str]) -> None:
        super().__init__()
        self._profile = profile
        self._observer = observer
        self._warned = warned
        self._base = profile.base_url

    def __missing__(self, request_type: type[VendorRequest[Any]]) -> Target:
        target = self[request_type] = self._made(request_type.operation, request_type)
        return target

    def url_of(self, path: str) -> URL:
        """The URL of any path."""
        return URL(self._base + path)

    def _made(self, operation: Operation[Any], request_type: type[VendorRequest[Any]]) -> Target:
        declared = operation.route(self._profile.kind)
        route = self._profile.route(operation, declared)
        if route.path is None:
            raise ConfigError(unknown_path(operation), vendor=self._profile.name, operation=operation.name)
        if route is declared:
            self._warn_once_if_inferred(operation, route)
        return target_of(request_type, self._base, route.path)

    def _warn_once_if_inferred(self, operation: Operation[Any], route: Route) -> None:
        if route.evidence is Evidence.INFERRED and operation.name not in self._warned:
            self._warned.add(operation.name)
            self._observer.inferred(operation, route.path)


def unknown_path(operation: Operation[Any]) -> str:
    """What to tell of an operation whose path isn't known."""
    lacks = f"the documentation doesn't show its {operation.missing}" if operation.missing else "no page shows it"
    return (
        f"the path of {operation.title or operation.name!r} isn't known ({lacks}); once you know it, give it in the "
        f'profile as paths = {{"{operation.name}" = "/..."}}, or use call_raw'
    )
