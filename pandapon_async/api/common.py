"""What several subjects share: money, the base of the services, and operations of which no page shows the path."""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast, overload

import attrs

from ..errors import RequestError
from ..model import NO_EXTRA, OpenReply, ReplyModel, keys_only, to_decimal
from ..operation import Effect, Evidence, OpenRequest, Operation, Reply, VendorRequest
from .paging import Pager, Paging

if TYPE_CHECKING:
    from typing_extensions import Self

R = TypeVar("R")
Item = TypeVar("Item")


class Caller(Protocol):
    """What a service needs of a session."""

    async def call(self, request: VendorRequest[R]) -> Reply[R]: ...


class Service:
    """Base of the services: coroutine methods that send a request and return the reply's data."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _data(self, request: VendorRequest[R]) -> R:
        """The data of the reply; an empty model if the vendor said yes and sent none that fits (see ``Reply.problems``)."""
        reply = await self._caller.call(request)
        if reply.data is not None:
            return reply.data
        empty = cast("Callable[[], R]", type(request).operation.reply)
        return empty()

    def _pages(self, request: VendorRequest[R], paging: Paging[R, Item]) -> Pager[Item]:
        """The list that begins with a request's page."""
        return Pager(self._data, request, paging)


S = TypeVar("S")


class Group:
    """Base of a family of services, such as ``session.taobao``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller


class subject(Generic[S]):  # noqa: N801 - used like a decorator
    """A service (or a group) of a group, made when it is first used: ``orders = subject(OrderService)``."""

    def __init__(self, service: Callable[[Caller], S]) -> None:
        self._service = service

    def __set_name__(self, owner: type[Group], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, group: None, owner: type[Group]) -> Self: ...
    @overload
    def __get__(self, group: Group, owner: type[Group]) -> S: ...
    def __get__(self, group: Group | None, owner: type[Group]) -> Self | S:
        if group is None:
            return self
        made = group.__dict__[self._name] = self._service(group._caller)  # pyright: ignore[reportPrivateUsage]
        return made


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


def _amount(value: Decimal | int | str) -> Decimal:
    return to_decimal(value, "amount")


@functools.total_ordering
@attrs.frozen(kw_only=True, order=False)
class Money(ReplyModel):
    """An amount in one currency (wire: ``{"amount": "322.92", "currency": "USD"}``).

    Adding, subtracting or comparing two currencies is a `RequestError`. ``sum()`` works.
    """

    # What a vendor says of it besides does not change what it is worth.
    extra: Mapping[str, Any] = attrs.field(default=NO_EXTRA, eq=False, repr=keys_only)
    amount: Decimal = attrs.field(converter=_amount)
    currency: str

    def _same(self, other: Money) -> Decimal:
        if self.currency != other.currency:
            raise RequestError(f"{self.currency} and {other.currency} can't be put together without a rate")
        return other.amount

    def __add__(self, other: Any) -> Money:
        if isinstance(other, Money):
            return Money(amount=self.amount + self._same(other), currency=self.currency)
        return self if other == 0 else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Money:
        if isinstance(other, Money):
            return Money(amount=self.amount - self._same(other), currency=self.currency)
        return NotImplemented

    def __mul__(self, factor: Any) -> Money:
        if isinstance(factor, (int, Decimal)):
            return Money(amount=self.amount * factor, currency=self.currency)
        return NotImplemented

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        return self.amount < self._same(other) if isinstance(other, Money) else NotImplemented

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
