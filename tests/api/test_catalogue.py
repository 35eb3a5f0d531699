"""Every operation of the catalogue, whoever offers it: its name, the method that it names, and what that does.

What the vendors' pages say of it is checked in ``tests/contract``.
"""

from __future__ import annotations

import inspect
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import pytest

from pandapon_async import PANDAPON, XPORTCN_KA, Credentials, Effect, Reply, VendorProfile, VendorRequest
from pandapon_async._models.base import Model
from pandapon_async._models.operation import OpenRequest
from pandapon_async._vendors import SESSIONS
from pandapon_async.api import catalogue
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest, LogisticsService
from pandapon_async.api.paging import Page, Pager
from pandapon_async.api.service import Service

PROFILES = {
    profile.kind: profile.evolve(credentials=Credentials(access_key="k1", access_secret="s1"))
    for profile in (PANDAPON, XPORTCN_KA)
}
EFFECTS = {
    "logistics.estimate_freight": Effect.READ,
    "logistics.preview_freight": Effect.READ,
    "logistics.book_freight": Effect.WRITE,
    "logistics.update_domestic_shipment": Effect.WRITE,
    "addresses.save": Effect.WRITE,
}


def named(cls: type[VendorRequest[Any]]) -> str:
    return cls.operation.contract_id


TYPED = [cls for cls in catalogue() if not issubclass(cls, OpenRequest)]

each = pytest.mark.parametrize("cls", catalogue(), ids=named)
each_typed = pytest.mark.parametrize("cls", TYPED, ids=named)
each_offer = pytest.mark.parametrize(
    ("cls", "profile"),
    [(cls, PROFILES[kind]) for cls in catalogue() for kind in cls.operation.vendors],
    ids=lambda value: value.operation.contract_id if isinstance(value, type) else value.kind,
)


def method_of(cls: type[VendorRequest[Any]], profile: VendorProfile) -> Any:
    """The method that an operation's name leads to."""
    found: Any = SESSIONS[profile.kind](profile)
    for part in cls.operation.name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("kind", PROFILES)
def test_names_are_unique_at_a_vendor(kind: str):
    names = [cls.operation.name for cls in catalogue() if kind in cls.operation.vendors]
    assert len(names) == len(set(names))


def test_contract_ids_are_unique():
    ids = [cls.operation.contract_id for cls in catalogue()]
    assert len(ids) == len(set(ids))


def test_the_catalogue_is_in_the_order_of_files_and_lines():
    names = [cls.operation.name for cls in catalogue()]
    assert names.index("addresses.save") < names.index("logistics.estimate_freight")
    assert names.index("logistics.preview_freight") < names.index("logistics.book_freight")


def test_the_catalogue_is_made_once():
    assert catalogue() is catalogue()


@each_offer
def test_the_name_leads_to_a_method(cls: type[VendorRequest[Any]], profile: VendorProfile):
    method = method_of(cls, profile)
    assert inspect.getdoc(method)
    if issubclass(cls, OpenRequest):
        assert inspect.iscoroutinefunction(method)
        return
    hints = get_type_hints(method)
    assert hints["request"] is cls
    if get_origin(hints["return"]) is Pager:
        assert cls.operation.effect is Effect.READ  # its pages are fetched ahead
        assert get_args(hints["return"])
    else:
        assert inspect.iscoroutinefunction(method)
        assert hints["return"] is cls.operation.reply


@each
def test_the_reply_of_an_operation_is_what_its_request_is_generic_in(cls: type[VendorRequest[Any]]):
    bases: Any = cls.__orig_bases__  # type: ignore[attr-defined]
    (base,) = [base for base in bases if getattr(base, "__origin__", None) is VendorRequest]
    if issubclass(cls, OpenRequest):  # made in a loop: its own reply is known to the type checkers from its service
        assert issubclass(cls.operation.reply, *base.__args__)
    else:
        assert base.__args__ == (cls.operation.reply,)
    assert issubclass(cls.operation.reply, Model)


@pytest.mark.parametrize(("name", "effect"), EFFECTS.items())
def test_what_an_operation_does(name: str, effect: Effect):
    (cls,) = [cls for cls in catalogue() if cls.operation.name == name]
    assert cls.operation.effect is effect


@each
def test_a_bare_zero_is_success_for_the_address_book_only(cls: type[VendorRequest[Any]]):
    assert cls.operation.zero_is_success == (cls.operation.name == "addresses.save")


@each
def test_an_operation_is_documented(cls: type[VendorRequest[Any]]):
    assert cls.operation.title
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")


# --- services ---


class Caller:
    """Answers every call with the same reply."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.requests: list[Any] = []
        self.options: list[tuple[str | None, float | None]] = []

    async def call(
        self, request: VendorRequest[Any], *, reference: str | None = None, timeout: float | None = None
    ) -> Reply[Any]:
        self.requests.append(request)
        self.options.append((reference, timeout))
        return Reply(data=self.data, code=200, message=None, request_id=None, status=200, headers={}, raw={})


async def test_a_method_sends_its_request_and_returns_the_data():
    caller = Caller(FreightBooking(order_id="21"))
    request = FreightBookingRequest(render_id="FF1")
    booking = await LogisticsService(caller).book_freight(request)
    assert booking is caller.data
    assert caller.requests == [request]


@each
async def test_a_yes_without_data_is_an_empty_model(cls: type[VendorRequest[Any]]):
    service = Service(Caller(None))
    assert await service._data(cls.__new__(cls)) == cls.operation.reply()


@each_typed
async def test_every_method_sends_what_it_is_given_with_its_options(cls: type[VendorRequest[Any]]):
    method = method_of(cls, PROFILES[cls.operation.vendors[0]])
    caller = Caller(cls.operation.reply())
    service = type(method.__self__)(caller)
    request = _empty(cls)
    made = await getattr(service, method.__name__)(request, reference="mine", timeout=1.5)
    assert (made.reply if isinstance(made, Page) else made) is caller.data
    assert caller.requests[0] is request
    assert caller.options[0] == ("mine", 1.5)


def _empty(cls: type[VendorRequest[Any]]) -> VendorRequest[Any]:
    """A request of which nothing is set, whatever it needs."""
    request = cls.__new__(cls)
    for member in attrs.fields(cls):
        object.__setattr__(request, member.name, None)
    return request
