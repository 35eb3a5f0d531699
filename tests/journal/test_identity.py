"""Which account, reference and parcel are the same."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pandapon_async import PANDAPON, Credentials, JournalError, RequestError
from pandapon_async._journal.identity import (
    AccountKey,
    KnownAccount,
    ParcelKeys,
    _folded_all,
    folded,
    key_of,
    new_facts,
    normal_host,
    normal_reference,
    parcel_keys,
)
from pandapon_async._models.converters import to_wire
from pandapon_async.api.logistics import (
    BookingItem,
    FreightBookingRequest,
    FreightInfo,
    ReceiverAddress,
    TmallOrderInfo,
)

BOOK = FreightBookingRequest.operation.name
BLANKS = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2003\u2009\u202f\u205f\u3000\u2028\u2029\u2800\u3164"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


# --- references --------------------------------------------------------------------------------------------------------


@given(texts, st.text(st.sampled_from(BLANKS), max_size=3), st.text(st.sampled_from(BLANKS), max_size=3))
def test_blanks_around_a_reference_and_its_unicode_form_make_no_other_one(text: str, before: str, after: str):
    try:
        known = normal_reference(text)
    except RequestError:
        with pytest.raises(RequestError):
            normal_reference(f"{before}{text}{after}")
        return
    assert normal_reference(known) == known
    assert normal_reference(f"{before}{text}{after}") == known
    for form in ("NFC", "NFD"):
        assert normal_reference(unicodedata.normalize(form, text)) == known  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reference",
    [
        "", " ", "\u3000", "\u2800", "a\nb", "a\x00", "\x7f", "a\u200bb", "\u200b", "a\ufeff", "\ufefforder-1", "a\u00adb", "a\u2060b",
        "a\u202eb", "a\u034fb", "a\ufe0f", "a\U000e0100", "a\U000e0041", "a\u3164b", "a\u2028b", "a\u00a0b", "a\ud800", 7, 1001.0,
        None, b"a", True,
    ],
)  # fmt: skip
def test_a_reference_with_what_can_not_be_seen_is_refused(reference: Any):
    with pytest.raises(RequestError, match="reference"):
        normal_reference(reference)


@pytest.mark.parametrize("reference", ["order-1", "A 1", "客户-12", "é", "2.04802E+15", "1001.0", "👟"])
def test_a_reference_that_can_be_seen_is_taken_as_it_is(reference: str):
    assert normal_reference(f" {reference}\u3000") == reference


def test_a_key_is_the_same_in_every_release():
    assert key_of("reference", "order-1") == -2895059573882114148
    assert -(2**63) <= key_of("reference", "x") < 2**63
    assert len({key_of("a", "bc"), key_of("ab", "c"), key_of("a", "b", "c"), key_of("", "abc")}) == 4


# --- parcels -----------------------------------------------------------------------------------------------------------


def body(**changes: Any) -> dict[str, Any]:
    receiver = {
        "name": "Jane Example",
        "address": "1 Test Street",
        "zip": "90001",
        "country": "US",
        "phone": "555 0100",
    }
    receiver.update(changes.pop("receiver", {}))
    request = FreightBookingRequest(
        render_id=changes.pop("render_id", "FF1"),
        receiver_address=ReceiverAddress(**receiver),
        line_items=changes.pop("items", (BookingItem(item_id="1", sku_id="2", quantity=3), BookingItem(item_id="9"))),
        tmall_order_info=TmallOrderInfo(tmall_order_id="T1"),
        **changes,
    )
    return to_wire(request)


KEYS = parcel_keys("pandapon", BOOK, body())

SAME: dict[str, dict[str, Any]] = {
    "case": {"receiver": {"name": "JANE example"}},
    "blanks": {"receiver": {"address": " 1  test\u3000Street\u00a0"}},
    "width": {"receiver": {"zip": "９０００１"}},
    "another quote": {"render_id": "FF2"},
    "a remark": {"remark": "soon"},
    "items in another order": {"items": (BookingItem(item_id="9"), BookingItem(item_id="1", sku_id="2", quantity=3))},
    "an item in two lines": {
        "items": (
            BookingItem(item_id="1", sku_id="2", quantity=1),
            BookingItem(item_id="9", quantity=1),
            BookingItem(item_id="1", sku_id="2", quantity=2),
        )
    },
    "service, title and price": {
        "items": (
            BookingItem(
                item_id="1", sku_id="2", quantity=3, title="x", price="7", freight_info=FreightInfo(service_id="S")
            ),
            BookingItem(item_id="9", image_url="y"),
        )
    },
    "an e-mail address": {"receiver": {"email": "jane@example.com"}},
}
OTHER: dict[str, dict[str, Any]] = {
    "name": {"receiver": {"name": "John Example"}},
    "address": {"receiver": {"address": "2 Test Street"}},
    "zip": {"receiver": {"zip": "90002"}},
    "country": {"receiver": {"country": "CA"}},
    "phone": {"receiver": {"phone": "555 0101"}},
    "quantity": {"items": (BookingItem(item_id="1", sku_id="2", quantity=4), BookingItem(item_id="9"))},
    "sku": {"items": (BookingItem(item_id="1", sku_id="3", quantity=3), BookingItem(item_id="9"))},
    "fewer items": {"items": (BookingItem(item_id="1", sku_id="2", quantity=3),)},
}


@pytest.mark.parametrize("kind", SAME)
def test_a_parcel_is_the_same_however_it_is_written(kind: str):
    assert parcel_keys("pandapon", BOOK, body(**SAME[kind])).parcel == KEYS.parcel is not None


@pytest.mark.parametrize("kind", OTHER)
def test_another_receiver_or_other_goods_are_another_parcel(kind: str):
    assert parcel_keys("pandapon", BOOK, body(**OTHER[kind])).parcel not in (None, KEYS.parcel)


def test_there_must_be_a_receiver_and_an_item():
    nobody = {"name": None, "address": " ", "zip": None, "country": None, "phone": None}
    assert parcel_keys("pandapon", BOOK, body(receiver=nobody)).parcel is None
    assert parcel_keys("pandapon", BOOK, body(items=())).parcel is None
    assert parcel_keys("pandapon", BOOK, body(items=(BookingItem(quantity=2),))).parcel is None
    assert parcel_keys("pandapon", BOOK, {}) == ParcelKeys()
    assert (
        parcel_keys("pandapon", BOOK, {"receiverAddress": [1], "lineItems": {"a": 1}, "tmallOrderInfo": 5})
        == ParcelKeys()
    )


def test_a_render_id_belongs_to_its_kind_of_vendor_a_shop_order_to_all():
    other = parcel_keys("xportcn_ka", BOOK, body())
    assert other.render != KEYS.render
    assert (other.tmall, other.parcel) == (KEYS.tmall, KEYS.parcel)


def test_what_is_no_freight_booking_has_no_parcel():
    assert parcel_keys("pandapon", "logistics.update_domestic_shipment", body()) == ParcelKeys()


@given(texts)
def test_folding_twice_changes_nothing(text: str):
    assert folded(folded(text)) == folded(text) == folded(f" {text}\u3000")


@given(st.lists(st.one_of(texts, st.none(), st.integers(), st.sampled_from(["A b", "\x01", "x\x01y", ""])), min_size=1))
def test_folding_a_receiver_at_once_is_folding_each(values: list[Any]):
    assert _folded_all(values) == [folded(value) for value in values]


# --- hosts -------------------------------------------------------------------------------------------------------------

SPELLINGS = [
    ("https://h.example", ["https://h.example/", "HTTPS://H.Example",
      "https://h.example:443/", "https://h.example.//", "http://h.example:80",
      "https://h.example/./"]),
    ("https://h.example/api", ["https://h.example//api/", "https://h.example/x/../api", "https://H.EXAMPLE/%61pi"]),
    ("https://h.example:8443", ["https://h.example:8443/", "http://h.example:8443"]),
    ("http://127.0.0.1", ["http://localhost:5000", "http://127.0.0.1:1", "http://[::1]:7", "http://LocalHost./",
      "http://127.1:9", "http://0.0.0.0:80", "http://[::ffff:127.0.0.1]:8", "http://a.localhost", "http://127.9.9.9"]),
    ("http://127.0.0.1/api", ["http://localhost:8080/api/"]),
    ("https://b\u00fccher.example", ["https://xn--bcher-kva.example/"]),
]  # fmt: skip


@pytest.mark.parametrize(("url", "others"), SPELLINGS)
def test_a_host_is_the_same_however_it_is_written(url: str, others: list[str]):
    assert {normal_host(other) for other in others} == {normal_host(url)}


def test_other_hosts_ports_and_paths_differ():
    urls = [url for url, _ in SPELLINGS]
    assert len({normal_host(url) for url in [*urls, "https://h.example/API", "https://h.example:80"]}) == len(urls) + 2


# --- accounts ----------------------------------------------------------------------------------------------------------


def account(**changes: str) -> AccountKey:
    values = {"vendor": "pandapon", "name": "shop", "operation": BOOK, "host": "h.example", "key": "k1", "user_id": "7"}
    return AccountKey(**{**values, **changes})


def known(*accounts: AccountKey) -> list[KnownAccount]:
    return [KnownAccount(one.vendor, one.name, frozenset(one.facts)) for one in accounts]


def test_a_new_account_is_noted_with_its_facts_and_a_known_one_is_just_known():
    assert new_facts(account(), [], ()) == account().facts
    assert new_facts(account(), known(account()), ()) == ()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"key": "k2"}, "key"),
        ({"host": "i.example"}, "host"),
        ({"user_id": "8"}, "user id"),
        ({"user_id": ""}, "user id"),
    ],
)
def test_a_new_fact_is_refused_and_both_are_named_until_its_kind_is_adopted(change: dict[str, str], kind: str):
    (value,) = change.values()
    others = {"key", "host", "user id"} - {kind}
    with pytest.raises(JournalError, match=rf"another {kind}: {value or 'none'} \(known: "):
        new_facts(account(**change), known(account()), others)
    assert new_facts(account(**change), known(account()), {kind}) == ((kind, value),)


@pytest.mark.parametrize("user_id", ["7", ""])
def test_the_same_facts_under_another_name_are_refused_whatever_is_adopted(user_id: str):
    with pytest.raises(JournalError, match="under the name 'shop'"):
        new_facts(account(name="new", user_id=user_id), known(account()), {"key", "host", "user id"})


@pytest.mark.parametrize("change", [{"user_id": "8"}, {"key": "k2"}, {"host": "i.example"}, {"vendor": "xportcn_ka"}])
def test_another_account_may_have_another_name(change: dict[str, str]):
    other = account(name="new", **change)
    assert new_facts(other, known(account()), ()) == other.facts


@pytest.mark.parametrize(("one", "other"), [("127.0.0.1", "h.example"), ("h.example", "127.0.0.1/api")])
@pytest.mark.parametrize("name", ["shop", "new"])
def test_a_journal_that_served_a_loopback_vendor_never_serves_a_real_one(one: str, other: str, name: str):
    with pytest.raises(JournalError, match="take another journal"):
        new_facts(account(host=other, name=name, key="k9"), known(account(host=one)), {"key", "host", "user id"})


def test_an_account_is_its_profiles_name_and_what_is_noted_of_it():
    keys = Credentials(access_key="K", access_secret="S", user_id="7")
    profile = PANDAPON.evolve(name="shop", credentials=keys, base_url="https://API.pandapon.com:443/")
    key = AccountKey.of(profile, FreightBookingRequest.operation)
    assert key == account(host="api.pandapon.com", key=keys.fingerprint)
