"""Base classes of the services: sending a method's request, and groups of services on a session."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, cast, get_type_hints

import attrs

from .._models.base import OpenReply
from .._models.operation import OpenRequest, Operation, Reply, VendorRequest
from .paging import Pager, Paging
from .undocumented import Undocumented, undocumented

if sys.version_info >= (3, 11):
    from typing import Unpack as Unpack
else:
    from typing_extensions import Unpack as Unpack
R = TypeVar("R")
Item = TypeVar("Item")
OpenReplyT = TypeVar("OpenReplyT", bound=OpenReply, covariant=True)


class CallOptions(TypedDict, total=False):
    """The options of every service method.

    ``reference``: the caller's own id for the call, included in errors and hooks.
    ``timeout``: seconds that the call may take, instead of the profile's ``Timeouts.total``. Exceeding it raises
    `OutcomeUnknownError` for a WRITE that was sent, otherwise `DeadlineExceededError`.
    """

    reference: str | None
    timeout: float | None


class Caller(Protocol):
    """The part of a session that services need."""

    async def call(
        self, request: VendorRequest[R], *, reference: str | None = None, timeout: float | None = None
    ) -> Reply[R]:
        """Send a request; ``timeout`` is in seconds. See `VendorSession.call`."""
        ...


class Service:
    """Base of the services, whose coroutine methods send a request and return the reply's data."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _data(self, request: VendorRequest[R], **options: Unpack[CallOptions]) -> R:
        """The reply's data; an empty model if a success had none that fits (see ``Reply.problems``)."""
        reply = await self._caller.call(request, **options)
        return reply.data if reply.data is not None else _empty(request)

    async def _reply(self, request: VendorRequest[R], **options: Unpack[CallOptions]) -> Reply[R]:
        reply = await self._caller.call(request, **options)
        return reply if reply.data is not None else attrs.evolve(reply, data=_empty(request))

    def _pages(self, request: VendorRequest[R], paging: Paging[R, Item], **options: Unpack[CallOptions]) -> Pager[Item]:
        """The list starting at a request's page; the options apply to each page's call."""

        async def fetch(page: VendorRequest[R]) -> Reply[R]:
            return await self._reply(page, **options)

        return Pager(fetch, request, paging)


def _empty(request: VendorRequest[R]) -> R:
    return cast("Callable[[], R]", type(request).operation.reply)()


# --- undocumented operations -------------------------------------------------------------------------------------------


class OpenCall(Protocol[OpenReplyT]):
    """The method of an undocumented operation: takes wire JSON.

    Raises `ConfigError` until the profile's ``paths`` provide its path.

    Attributes:
        request_type: the class of its requests, with all members in ``extra``; for streams and jobs.
    """

    request_type: type[OpenRequest]

    async def __call__(
        self, members: Mapping[str, Any] | None = None, /, **options: Unpack[CallOptions]
    ) -> OpenReplyT: ...


class OpenService(Service):
    """A service with untyped methods for the undocumented operations listed under its name."""

    def __init_subclass__(cls, *, name: str = "") -> None:
        super().__init_subclass__()
        for row in undocumented(name):
            setattr(cls, row.method, _open_method(row, cls))

    if TYPE_CHECKING:
        # Accepts any name, but not with a typed request, so that a misspelt typed method is still an error.
        def __getattr__(self, name: str, /) -> OpenCall[OpenReply]: ...


def _open_method(row: Undocumented, owner: type[Service]) -> Any:
    request_type = _open_request_type(row.operation)

    async def call(
        self: Service, members: Mapping[str, Any] | None = None, /, **options: Unpack[CallOptions]
    ) -> OpenReply:
        return await self._data(request_type(extra={**(members or {})}), **options)  # pyright: ignore[reportPrivateUsage]

    method = cast("Any", call)
    method.request_type = request_type
    method.__name__, method.__qualname__ = row.method, f"{owner.__qualname__}.{row.method}"
    # For pickle to find the class.
    request_type.__qualname__ = f"{method.__qualname__}.request_type"
    request_type.__module__ = method.__module__ = owner.__module__
    request_type.__doc__ = method.__doc__ = row.doc
    return method


def _open_request_type(operation: Operation[OpenReply]) -> type[OpenRequest]:
    name = re.sub(r"(?:^|[._])(\w)", lambda found: found[1].upper(), operation.name) + "Request"
    plain = types.new_class(name, (OpenRequest,), {}, lambda body: body.update(operation=operation))
    return cast("type[OpenRequest]", attrs.frozen(kw_only=True)(plain))


# --- groups of services ------------------------------------------------------------------------------------------------


class Group:
    """Base of a group of services, such as ``session.taobao``; creates the services that its annotations name."""

    def __init__(self, caller: Caller) -> None:
        for name, service in get_type_hints(type(self)).items():
            setattr(self, name, service(caller))
