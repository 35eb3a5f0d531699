"""The request signature, against the formula and the contract's vector."""

from __future__ import annotations

import hashlib
import random
import re
from hashlib import md5

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._config.signing import documented_signer, new_nonce, sign
from pandapon_async._errors import ConfigError
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import FreightBookingRequest
from pandapon_async.push._signature import is_push_signature, push_signature

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


# --- vendor messages ---------------------------------------------------------------------------------------------------

KEYS = ("demo-access-key", "demo-access-secret")
MESSAGE = b'{"messageType":"ORDER_CREATE","messageBody":"{}","messagePlatform":1,"timestamp":"1700000000000"}'
MESSAGE_SIGNATURE = "423b9e2748f8fffdc25441615d1096490af472ea67c5551e4f7d724c1ef3de46"


def hmac_of(text: bytes) -> str:
    """HMAC-SHA256 as RFC 2104 writes it, without the standard library's own."""
    key = KEYS[1].encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + text)
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner.digest()).hexdigest()


def test_the_contracts_vector_of_a_message():
    assert push_signature(*KEYS, MESSAGE) == MESSAGE_SIGNATURE
    assert is_push_signature(MESSAGE_SIGNATURE, *KEYS, MESSAGE)


@given(st.binary())
def test_a_message_is_signed_over_the_access_key_and_the_bytes_as_received(body: bytes):
    assert push_signature(*KEYS, body) == hmac_of(KEYS[0].encode() + body)


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (b'{"messageBody":"{\\"orderId\\":\\"\\u4e2d\\"}"}', '{"orderId":"\\u4e2d"}'.replace("\\u4e2d", "中").encode()),
        (
            b' { "a":{"messageBody":1} , "messageBody" : {"b" : [1, 2.50] , "c":"\\u4e2d"} } ',
            b'{"b" : [1, 2.50] , "c":"\\u4e2d"}',
        ),
        (b'{"messageBody":null}', b"null"),
    ],
    ids=["what a text says", "an object as it is written", "null"],
)
def test_the_other_base_is_the_message_body_alone(body: bytes, signed: bytes):
    signature = push_signature(*KEYS, body, "message_body")
    assert signature == hmac_of(KEYS[0].encode() + signed)
    assert is_push_signature(signature, *KEYS, body, "message_body")
    assert not is_push_signature(signature, *KEYS, body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"messageBody":1', b'{"messageBody":1,"messageBody":1}', b"\xff", b"[" * 100_000]
)
def test_what_has_no_message_body_has_no_such_signature(body: bytes):
    with pytest.raises(ValueError, match="isn't a JSON object with a messageBody"):
        push_signature(*KEYS, body, "message_body")
    assert not is_push_signature("0" * 64, *KEYS, body, "message_body")


def test_upper_case_and_blanks_around_a_message_signature_do_not_matter():
    assert is_push_signature(f" {MESSAGE_SIGNATURE.upper()} ", *KEYS, MESSAGE)


@pytest.mark.parametrize(
    "given_", ["", "0" * 64, MESSAGE_SIGNATURE[:-1], MESSAGE_SIGNATURE + "0", "é" * 64, "\ud800", "Bearer x"]
)
def test_another_message_signature_does_not_fit(given_: str):
    assert not is_push_signature(given_, *KEYS, MESSAGE)


@pytest.mark.parametrize("keys", [("", "secret"), ("key", ""), ("", "")])
def test_without_a_secret_nothing_is_signed_and_nothing_verified(keys: tuple[str, str]):
    with pytest.raises(ConfigError, match="without access_key and access_secret"):
        push_signature(*keys, MESSAGE)
    with pytest.raises(ConfigError, match="without access_key and access_secret"):
        is_push_signature(hmac_of(MESSAGE), *keys, MESSAGE)


def test_an_unknown_base_is_named():
    with pytest.raises(ConfigError, match="push_base: must be one of"):
        push_signature(*KEYS, MESSAGE, "message")
