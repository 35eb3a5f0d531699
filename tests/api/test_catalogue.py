"""Every operation: where it is, who offers it, and the method that it names."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest

from pandapon_async import PANDAPON, XPORTCN_KA, Credentials, Effect, Evidence, Reply, VendorProfile, VendorRequest
from pandapon_async.api import catalogue
from pandapon_async.api.common import Service
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest, LogisticsService
from pandapon_async.model import Model
from pandapon_async.vendors import SESSIONS
from tests.conftest import contract

FACTS = contract("logistics")
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

each = pytest.mark.parametrize("cls", catalogue(), ids=lambda cls: cls.operation.name)
of_the_contract = pytest.mark.parametrize(
    "cls", [cls for cls in catalogue() if cls.operation.contract_id in FACTS], ids=lambda cls: cls.operation.name
)
each_vendor = pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))


def fact(cls: type[VendorRequest[Any]]) -> dict[str, Any]:
    return FACTS[cls.operation.contract_id]


def test_every_logistics_and_address_operation_with_a_known_path_is_there():
    known = {fact_id for fact_id, entry in FACTS.items() if entry["path"]}
    assert known <= {cls.operation.contract_id for cls in catalogue()}


def test_names_and_contract_ids_are_unique():
    names = [cls.operation.name for cls in catalogue()]
    ids = [cls.operation.contract_id for cls in catalogue()]
    assert len(names) == len(set(names))
    assert len(ids) == len(set(ids))


def test_the_catalogue_is_in_the_order_of_files_and_lines():
    names = [cls.operation.name for cls in catalogue()]
    assert names.index("addresses.save") < names.index("logistics.estimate_freight")
    assert names.index("logistics.preview_freight") < names.index("logistics.book_freight")


def test_the_catalogue_is_made_once():
    assert catalogue() is catalogue()


@each_vendor
@each
def test_the_name_leads_to_a_coroutine_method(cls: type[VendorRequest[Any]], profile: VendorProfile):
    if profile.kind not in cls.operation.vendors:
        pytest.skip("another vendor's")
    target: Any = SESSIONS[profile.kind](profile)
    for part in cls.operation.name.split("."):
        target = getattr(target, part)
    assert inspect.iscoroutinefunction(target)
    hints = get_type_hints(target)
    assert hints["request"] is cls
    assert hints["return"] is cls.operation.reply
    assert inspect.getdoc(target)


@each
def test_the_reply_of_an_operation_is_what_its_request_is_generic_in(cls: type[VendorRequest[Any]]):
    bases: Any = cls.__orig_bases__  # type: ignore[attr-defined]
    (base,) = [base for base in bases if getattr(base, "__origin__", None) is VendorRequest]
    assert base.__args__ == (cls.operation.reply,)
    assert issubclass(cls.operation.reply, Model)


@of_the_contract
def test_the_vendors_are_the_contracts(cls: type[VendorRequest[Any]]):
    assert set(cls.operation.vendors) == set(fact(cls)["vendors"]) & set(PROFILES)


@of_the_contract
def test_method_and_path_are_the_contracts(cls: type[VendorRequest[Any]]):
    assert (cls.operation.method, cls.operation.path) == (fact(cls)["method"], fact(cls)["path"])
    assert cls.operation.route("pandapon").path == fact(cls)["path"]


@of_the_contract
def test_a_path_is_marked_inferred_exactly_where_the_contract_infers_it(cls: type[VendorRequest[Any]]):
    inferred = list(fact(cls).get("inferred_paths", {}).values())
    assert cls.operation.route("pandapon").evidence is Evidence.SEEN
    route = cls.operation.route("xportcn_ka")
    assert route.path == (inferred[0] if inferred else fact(cls)["path"])
    assert route.evidence is (Evidence.INFERRED if inferred else Evidence.SEEN)


@of_the_contract
def test_the_query_is_signed_where_the_page_lists_it(cls: type[VendorRequest[Any]]):
    assert cls.operation.signed_query == ("sign" in [parameter["name"] for parameter in fact(cls)["query"]])


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

    async def call(self, request: VendorRequest[Any]) -> Reply[Any]:
        self.requests.append(request)
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


@each
async def test_every_method_sends_what_it_is_given(cls: type[VendorRequest[Any]]):
    session: Any = SESSIONS["pandapon"](PROFILES["pandapon"])
    subject, method = cls.operation.name.rsplit(".", 1)
    caller = Caller(cls.operation.reply())
    service = type(getattr(session, subject))(caller)
    request = cls.__new__(cls)
    assert await getattr(service, method)(request) is caller.data
    assert caller.requests[0] is request
