"""Heads of requests: nothing that comes from outside begins a line of its own."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st
from yarl import URL

from pandapon_async import PANDAPON, ConfigError, Credentials
from pandapon_async._calls import direct_transport
from pandapon_async._calls.direct_transport import HeadWriter, Signature, SignedHeads, joined_query
from pandapon_async._calls.exchange import Call
from pandapon_async._clock import SystemClock
from pandapon_async._config.signing import documented_signer
from pandapon_async.testing import FakeVendor
from tests.support import booking, session_at

FIXED = {"Host": "vendor.example", "Accept": "application/json"}


def head(
    headers: dict[str, str], *, method: str = "POST", target: str = "/x?a=1", length: int | None = 3
) -> list[bytes]:
    """The lines of a head."""
    written = HeadWriter("shop", FIXED).head(method, target, Signature(headers, "", 0.0, ()), length)
    assert written.endswith(b"\r\n\r\n")
    return written.removesuffix(b"\r\n\r\n").split(b"\r\n")


def test_a_head_is_written() -> None:
    assert head({"signature": "AB%41", "user-id": "7"}) == [
        b"POST /x?a=1 HTTP/1.1",
        b"Host: vendor.example",
        b"Accept: application/json",
        b"Content-Type: application/json",
        b"signature: AB%41",
        b"user-id: 7",
        b"Content-Length: 3",
    ]


@pytest.mark.parametrize(("method", "last"), [("GET", b"Accept: application/json"), ("DELETE", b"Content-Length: 0")])
def test_without_a_body_there_is_no_type_of_it(method: str, last: bytes) -> None:
    lines = head({}, method=method, length=None)
    assert lines[-1] == last
    assert not [line for line in lines if line.startswith(b"Content-Type")]


def test_a_signers_header_replaces_a_fixed_one() -> None:
    lines = head({"accept": "text/json"})
    assert [line for line in lines if line.lower().startswith(b"accept")] == [b"accept: text/json"]


def test_a_percent_sign_is_nothing_special() -> None:
    assert b"x%sy: 100%d" in head({"x%sy": "100%d"})
    assert head({}, target="/%s%d%20")[0] == b"POST /%s%d%20 HTTP/1.1"


def test_text_that_is_no_ascii_is_sent_as_utf_8() -> None:
    assert "x: Grüße".encode() in head({"x": "Grüße"})


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "HOST", "Connection", "Expect", "Upgrade"])
def test_a_signer_does_not_decide_where_a_request_ends(name: str) -> None:
    with pytest.raises(ConfigError, match="signer"):
        head({name: "0"})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä", "a\0"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        head({name: "0"})


def test_a_header_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        head({"x": "1", "X": "2"})


@pytest.mark.parametrize("method", ["", "PO ST", "GET\r\nX: y", "GÉT"])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(ConfigError):
        head({}, method=method)


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/ä", "/\0"])
def test_a_target_that_is_not_encoded_is_refused(target: str) -> None:
    with pytest.raises(ConfigError, match="path"):
        head({}, target=target)


@given(st.text(), st.text())
def test_whatever_a_value_holds_a_head_has_its_lines(value: str, other: str) -> None:
    try:
        lines = head({"x": value, "y": other})
    except (ConfigError, UnicodeEncodeError):
        return
    assert [line.partition(b":")[0] for line in lines[4:]] == [b"x", b"y", b"Content-Length"]


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12),
    paths=st.lists(st.text("%sd{}/0Aé", max_size=12), min_size=1, max_size=4),
    body=st.none() | st.binary(max_size=3),
    method=st.sampled_from(["POST", "GET", "DELETE"]),
    changes=st.fixed_dictionaries({"timestamp_unit": st.sampled_from(["s", "ms"]), "signed_query": st.booleans()}),
    signed_query=st.booleans(),
)
def test_a_head_that_is_filled_in_is_what_would_be_written(
    key: str, paths: list[str], body: bytes | None, method: str, changes: Any, signed_query: bool
) -> None:
    operation = attrs.evolve(booking().operation, method=method, signed_query=signed_query)
    profile = PANDAPON.evolve(credentials=Credentials(access_key=key, access_secret="%s"), **changes)
    heads = SignedHeads(profile, SystemClock(), HeadWriter("shop", FIXED), "http://shop%s")
    for path in paths * 2:
        call = Call(operation, None, None, URL(f"http://shop/{path}"), "", body)
        head, signed_at, (_, timestamp, nonce, digest) = heads.signed(call, -7.5)
        assert digest == documented_signer(key, "%s", timestamp, nonce, operation)[0]["signature"]
        signature = direct_transport._signature(profile, operation, signed_at, timestamp, nonce)
        assert head == heads._written(call, signature, len(body or b""))


async def test_a_signer_whose_value_begins_a_line_sends_nothing(vendor: FakeVendor) -> None:
    def split(*_: Any) -> Any:
        return {"x": "1\r\nuser-id: 9"}, {}

    async with session_at(vendor.profile("pandapon", signer=split)) as session:
        with pytest.raises(ConfigError, match="control character"):
            await session.call(booking())
    assert len(vendor.ledger.requests) == 0


@pytest.mark.parametrize(
    ("queries", "joined"), [(("", ""), ""), (("a=1", ""), "?a=1"), (("", "b=2"), "?b=2"), (("a=1", "b=2"), "?a=1&b=2")]
)
def test_queries_are_joined(queries: tuple[str, str], joined: str) -> None:
    assert joined_query(*queries) == joined
