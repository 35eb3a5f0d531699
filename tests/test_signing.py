"""The request signature, against the formula and the contract's vector."""

from __future__ import annotations

import random
import re
from hashlib import md5

from hypothesis import given, settings
from hypothesis import strategies as st

from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import FreightBookingRequest
from pandapon_async.signing import documented_signer, new_nonce, sign

VECTOR = ("demo-access-key", "demo-access-secret", "1700000000", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
SIGNATURE = "C5482417D038615D51673E82D12E50AF"


def test_the_contracts_vector():
    assert sign(*VECTOR) == SIGNATURE


@given(st.text(), st.text(), st.text(), st.text())
@settings(deadline=None)
def test_the_signature_is_the_md5_of_the_four_in_order(key: str, secret: str, timestamp: str, nonce: str):
    digest = md5(b"".join(part.encode() for part in (key, timestamp, nonce, secret)))
    signature = sign(key, secret, timestamp, nonce)
    assert bytes.fromhex(signature) == digest.digest()
    assert re.fullmatch("[0-9A-F]{32}", signature)


def test_a_nonce_is_32_characters_that_need_no_encoding():
    assert re.fullmatch("[0-9A-Z]{32}", new_nonce())


def test_every_nonce_is_fresh():
    assert len({new_nonce() for _ in range(1000)}) == 1000


def test_nonces_do_not_come_from_a_source_that_can_be_seeded():
    random.seed(1)
    first = new_nonce()
    random.seed(1)
    assert new_nonce() != first


def test_the_documented_scheme_has_four_headers():
    headers, _ = documented_signer(*VECTOR, FreightBookingRequest.operation)
    assert headers == {
        "access-key": "demo-access-key",
        "timestamp": "1700000000",
        "nonce-str": "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
        "signature": SIGNATURE,
    }


def test_the_logistics_operations_get_the_same_values_in_the_query():
    _, query = documented_signer(*VECTOR, FreightBookingRequest.operation)
    assert query == {"timestamp": "1700000000", "sign": SIGNATURE}


def test_an_operation_without_a_signed_query_gets_none():
    _, query = documented_signer(*VECTOR, AddressSaveRequest.operation)
    assert query == {}


def test_no_header_holds_the_secret():
    headers, query = documented_signer(*VECTOR, FreightBookingRequest.operation)
    assert "demo-access-secret" not in {*headers.values(), *query.values()}
