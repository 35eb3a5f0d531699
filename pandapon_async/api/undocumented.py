"""Operations of which no page shows the path."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast, overload

import attrs

from .._models.base import OpenReply
from .._models.operation import Effect, Evidence, OpenRequest, Operation

if TYPE_CHECKING:
    from typing_extensions import Self
from .service import Service


class path_unknown:  # noqa: N801 - used like a decorator
    """An operation of which the vendor's page, and so its path, couldn't be read; declared as an attribute of its service.

    On the service it is a coroutine method that takes wire JSON and returns an `OpenReply`. It works as soon as the profile
    gives the path; until then it raises a `ConfigError` that says so.

    Args:
        name: the way to its method.
        contract_id: its id in the contract.
        method: HTTP method.
        effect: READ or WRITE.
        title: the vendor's title of the page.
        vendors: the kinds of profile that offer it.
        missing: what of it the documentation doesn't show.
        inferred_path: the path, if its siblings tell it; a warning is logged when it is used.
        why: how it was inferred, or decided what the operation does.

    Attributes:
        request_type: the class of its requests, whose members all stand in ``extra``; for streams and jobs.
    """

    def __init__(
        self,
        name: str,
        *,
        contract_id: str,
        method: str,
        effect: Effect,
        title: str,
        vendors: tuple[str, ...],
        missing: str,
        inferred_path: str | None = None,
        why: str = "",
    ) -> None:
        operation: Operation[OpenReply] = Operation(
            name=name,
            contract_id=contract_id,
            title=title,
            method=method,
            path=inferred_path,
            effect=effect,
            evidence=Evidence.MISSING if inferred_path is None else Evidence.INFERRED,
            reply=OpenReply,
            vendors=vendors,
            missing=missing,
        )
        self.request_type = _open_request_type(operation)
        path = "isn't known" if inferred_path is None else f"is inferred ({inferred_path})"
        kind = "READ" if effect is Effect.READ else "WRITE"
        self.__doc__ = (
            f"{title} ({kind}). Its path {path}; the documentation doesn't show its {missing}. {why}".rstrip()
        )
        self.request_type.__doc__ = self.__doc__

    def __set_name__(self, owner: type[Service], name: str) -> None:
        # Where pickle finds the class.
        self.request_type.__module__ = owner.__module__
        self.request_type.__qualname__ = f"{owner.__qualname__}.{name}.request_type"

    @overload
    def __get__(self, service: None, owner: type[Service]) -> Self: ...
    @overload
    def __get__(self, service: Service, owner: type[Service]) -> _OpenCall: ...
    def __get__(self, service: Service | None, owner: type[Service]) -> Self | _OpenCall:
        if service is None:
            return self

        async def call(members: Mapping[str, Any] | None = None, /) -> OpenReply:
            return await service._data(self.request_type(extra={**(members or {})}))  # pyright: ignore[reportPrivateUsage]

        call.__doc__ = self.__doc__
        return call


class _OpenCall(Protocol):
    async def __call__(self, members: Mapping[str, Any] | None = None, /) -> OpenReply: ...


def _open_request_type(operation: Operation[OpenReply]) -> type[OpenRequest]:
    name = re.sub(r"(?:^|[._])(\w)", lambda found: found[1].upper(), operation.name) + "Request"
    plain = types.new_class(name, (OpenRequest,), {}, lambda body: body.update(operation=operation))
    return cast("type[OpenRequest]", attrs.frozen(kw_only=True)(plain))
