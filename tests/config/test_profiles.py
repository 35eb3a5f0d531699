"""Profiles: what they refuse, and what they never show."""

from __future__ import annotations

import copy
import math
import pickle
import ssl
from typing import Any

import attrs
import pytest

from pandapon_async._config.profiles import (
    PANDAPON,
    PRESETS,
    XPORTCN_KA,
    CodeMeaning,
    Credentials,
    Limits,
    RetryPolicy,
    Timeouts,
    VendorProfile,
    is_loopback,
    normal_code,
)
from pandapon_async._config.signing import documented_signer
from pandapon_async._config.urls import normalised_url
from pandapon_async._errors import ConfigError
from pandapon_async._models.operation import Evidence, Route
from pandapon_async.api.addresses import AddressSaveRequest
from pandapon_async.api.logistics import FreightBookingRequest

KEY, SECRET, USER = "fake-key-7Q2", "fake-secret-9Z4", "1000000000001"
KEYS = Credentials(access_key=KEY, access_secret=SECRET, user_id=USER)


def shows_none(text: str) -> bool:
    return not any(value in text for value in (KEY, SECRET, USER))


# --- presets and defaults ---


def test_the_presets_are_the_vendors_addresses():
    assert (PANDAPON.kind, PANDAPON.name, PANDAPON.base_url) == ("pandapon", "pandapon", "https://api.pandapon.com")
    assert (XPORTCN_KA.kind, XPORTCN_KA.name) == ("xportcn_ka", "xportcn_ka")
    assert XPORTCN_KA.base_url == "https://www.xportcn.com/api"
    assert PRESETS == {"pandapon": PANDAPON, "xportcn_ka": XPORTCN_KA}


def test_the_defaults_are_the_documented_ones():
    assert Limits() == Limits(concurrency=64, rate=None, burst=1, max_wait=30)
    assert Timeouts() == Timeouts(connect=5, read=20, total=60)
    assert RetryPolicy() == RetryPolicy(attempts=4, base=0.5, cap=20, retry_after_cap=120, budget=100)
    assert (PANDAPON.limits, PANDAPON.timeouts, PANDAPON.retry) == (Limits(), Timeouts(), RetryPolicy())
    assert PANDAPON.max_reply_bytes == 32 * 1024 * 1024
    assert PANDAPON.signer is documented_signer
    assert (PANDAPON.timestamp_unit, PANDAPON.signed_query, PANDAPON.credentials) == ("s", True, None)
    assert (dict(PANDAPON.codes), dict(PANDAPON.paths), PANDAPON.proxy) == ({}, {}, None)


# --- numbers ---

COUNTS = [(Limits, "concurrency"), (Limits, "burst"), (RetryPolicy, "attempts")]
POSITIVE = [(Limits, "rate"), (Timeouts, "connect"), (Timeouts, "read"), (Timeouts, "total")]
NOT_NEGATIVE = [(Limits, "max_wait"), *((RetryPolicy, n) for n in ("base", "cap", "retry_after_cap", "budget"))]


@pytest.mark.parametrize(("cls", "name"), COUNTS)
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None])
def test_a_count_is_a_whole_number_of_at_least_one(cls: type, name: str, value: Any):
    with pytest.raises(ConfigError, match=rf"^{name}: must be a whole number of at least 1$"):
        cls(**{name: value})
    assert getattr(cls(**{name: 1}), name) == 1


@pytest.mark.parametrize(("cls", "name"), POSITIVE)
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "5"])
def test_a_time_or_rate_is_above_zero(cls: type, name: str, value: Any):
    with pytest.raises(ConfigError, match=rf"^{name}: must be a number above 0$"):
        cls(**{name: value})
    assert getattr(cls(**{name: 0.5}), name) == 0.5


@pytest.mark.parametrize(("cls", "name"), NOT_NEGATIVE)
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, False, "5", None])
def test_a_wait_may_be_zero(cls: type, name: str, value: Any):
    with pytest.raises(ConfigError, match=rf"^{name}: must be a number of at least 0$"):
        cls(**{name: value})
    assert getattr(cls(**{name: 0}), name) == 0


@pytest.mark.parametrize("value", [0, True, 1.5, "1"])
def test_the_reply_cap_is_a_count(value: Any):
    with pytest.raises(ConfigError, match=r"^max_reply_bytes: "):
        PANDAPON.evolve(max_reply_bytes=value)


# --- base URL ---


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com:8443/deep/path/",
        "http://127.0.0.1:8080",
        "http://127.8.0.1",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://LOCALHOST",
        "http://vendor.localhost",
    ],
)
def test_https_and_loopback_are_accepted(url: str):
    assert PANDAPON.evolve(base_url=url).base_url == normalised_url(url)


def test_profiles_whose_base_urls_mean_the_same_are_equal():
    one, other = (PANDAPON.evolve(base_url=url) for url in ("https://api.example.com", "HTTPS://API.example.com:443//"))
    assert one == other
    assert hash(one) == hash(other)
    assert other.base_url == "https://api.example.com"


def test_plain_http_is_refused_however_it_is_spelled():
    with pytest.raises(ConfigError, match="http:// is refused"):
        PANDAPON.evolve(base_url="HTTP://api.example.com")


@pytest.mark.parametrize("url", ["http://api.example.com", "http://10.0.0.1", "http://localhost.example.com"])
def test_plain_http_to_another_host_is_refused_unless_allowed(url: str):
    with pytest.raises(ConfigError, match="http:// is refused"):
        PANDAPON.evolve(base_url=url)
    assert PANDAPON.evolve(base_url=url, allow_insecure=True).base_url == url


@pytest.mark.parametrize("url", ["", "api.example.com", "ftp://api.example.com", "https://", "https:///path"])
def test_a_base_url_names_scheme_and_host(url: str):
    with pytest.raises(ConfigError, match="base_url: must be http:// or https:// and name a host"):
        PANDAPON.evolve(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@api.example.com",
        f"https://{KEY}@api.example.com",
        f"https://api.example.com?key={KEY}",
        f"https://api.example.com#{KEY}",
    ],
)
def test_a_base_url_with_more_than_host_and_path_is_refused_without_being_shown(url: str):
    with pytest.raises(ConfigError, match="must hold no user, password, query or fragment") as caught:
        PANDAPON.evolve(base_url=url)
    assert shows_none(str(caught.value))


@pytest.mark.parametrize("field", ["base_url", "proxy"])
@pytest.mark.parametrize(
    "url", ["https://[", "https://host:99999", "https://host:port", "https://host:0", 5, b"https://host"]
)
def test_what_is_no_url_is_refused(field: str, url: Any):
    with pytest.raises(
        ConfigError,
        match=rf"^pandapon: {field}: must be http:// or https:// and name a host \(in ASCII, without spaces\)$",
    ):
        PANDAPON.evolve(**{field: url})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("a.localhost", True), ("8.8.8.8", False), ("x", False)],
)
def test_what_is_loopback(host: str, loopback: bool):
    assert is_loopback(host) is loopback


# --- other fields ---


@pytest.mark.parametrize("base", ["", "Body", 1, None])
def test_the_base_of_a_message_signature_is_one_of_two(base: Any):
    with pytest.raises(ConfigError, match="push_base"):
        PANDAPON.evolve(push_base=base)
    assert PANDAPON.push_base == "body"
    assert PANDAPON.evolve(push_base="message_body").push_base == "message_body"


@pytest.mark.parametrize("unit", ["m", "", None, 1])
def test_the_timestamp_unit_is_s_or_ms(unit: Any):
    with pytest.raises(ConfigError, match="timestamp_unit"):
        PANDAPON.evolve(timestamp_unit=unit)
    assert PANDAPON.evolve(timestamp_unit="ms").timestamp_unit == "ms"


@pytest.mark.parametrize("path", ["open/pp", "", "/open?x=1"])
def test_a_path_begins_with_a_slash_and_holds_no_query(path: str):
    with pytest.raises(ConfigError, match=r"paths\['things.get'\]"):
        PANDAPON.evolve(paths={"things.get": path})


@pytest.mark.parametrize("key", ["addresses.save", "foundations.address.add_or_update"])
def test_a_profiles_own_path_wins_by_name_or_contract_id_and_the_evidence_stays(key: str):
    declared = Route(path=None, evidence=Evidence.MISSING)
    profile = PANDAPON.evolve(paths={key: "/mine"})
    assert profile.route(AddressSaveRequest.operation, declared) == Route(path="/mine", evidence=Evidence.MISSING)
    assert profile.route(FreightBookingRequest.operation, declared) is declared


def test_codes_are_kept_in_one_spelling_and_meanings_may_be_text():
    profile = PANDAPON.evolve(codes={"500": "in_doubt", -7: CodeMeaning.PASSING, "BUSY": "stop"})
    assert profile.codes == {500: CodeMeaning.IN_DOUBT, -7: CodeMeaning.PASSING, "BUSY": CodeMeaning.STOP}


@pytest.mark.parametrize("code", [True, 1.5, None, "", " BUSY", "BUSY\n", (1,)])
def test_what_is_no_code_is_refused(code: Any):
    with pytest.raises(ConfigError, match=r"codes: .* is no code"):
        PANDAPON.evolve(codes={code: "refused"})


def test_a_code_that_is_given_two_meanings_is_refused():
    with pytest.raises(ConfigError, match="codes: 500 is given twice, with different meanings"):
        PANDAPON.evolve(codes={"500": "in_doubt", 500: "refused"})
    assert PANDAPON.evolve(codes={"500": "stop", 500: "stop"}).codes == {500: CodeMeaning.STOP}


def test_an_unknown_meaning_of_a_code_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"codes: 'refusd' is not one of .*did you mean 'refused'"):
        PANDAPON.evolve(codes={1: "refusd"})


@pytest.mark.parametrize(
    ("code", "normal"),
    [
        (200, 200),
        ("200", 200),
        ("-1", -1),
        ("007", 7),
        ("OK", "OK"),
        ("٢", "٢"),
        ("", ""),
        ("-", "-"),
        ("1" * 19, "1" * 19),
    ],
)
def test_the_spelling_of_a_code(code: int | str, normal: int | str):
    assert normal_code(code) == normal
    assert type(normal_code(code)) is type(normal)


@pytest.mark.parametrize(
    "change",
    [
        {"limits": 5},
        {"timeouts": None},
        {"retry": {}},
        {"credentials": "fake"},
        {"allow_insecure": "no"},
        {"signed_query": "false"},
        {"retry_after_503_refuses": 0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_field_of_the_wrong_type_is_refused(change: dict[str, Any]):
    with pytest.raises(ConfigError):
        PANDAPON.evolve(**change)


@pytest.mark.parametrize(
    "change",
    [{"paths": 5}, {"paths": {"a": 5}}, {"codes": 5}, {"signer": 5}, {"ssl_context": "x"}],
    ids=str,
)
def test_a_table_or_object_of_the_wrong_type_is_refused(change: dict[str, Any]):
    with pytest.raises(ConfigError):
        PANDAPON.evolve(**change)


# --- evolve ---


def test_evolve_leaves_the_preset_alone():
    assert PANDAPON.evolve(credentials=KEYS).credentials is KEYS
    assert PANDAPON.credentials is None


def test_evolve_refuses_an_unknown_field_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"VendorProfile has no field 'base_ulr' \(did you mean 'base_url'\?\)"):
        PANDAPON.evolve(base_ulr="https://api.example.com")


def test_evolve_checks_the_new_values():
    with pytest.raises(ConfigError):
        PANDAPON.evolve(base_url="http://api.example.com")


def test_a_name_that_is_the_kind_follows_the_kind():
    assert PANDAPON.evolve(kind="other").name == "other"
    assert PANDAPON.evolve(name="shop-a").evolve(kind="other").name == "shop-a"
    assert PANDAPON.evolve(kind="other", name="shop-a").name == "shop-a"


def test_a_profiles_errors_name_the_account():
    with pytest.raises(ConfigError) as caught:
        PANDAPON.evolve(name="shop-a", timestamp_unit="h")
    assert caught.value.vendor == "shop-a"


def test_profiles_are_hashable():
    assert hash(PANDAPON.evolve(codes={1: "stop"}, paths={"a": "/"}, credentials=KEYS)) == hash(
        PANDAPON.evolve(credentials=Credentials(access_key=KEY, access_secret=SECRET, user_id=USER))
    )


# --- credentials ---


@pytest.mark.parametrize("name", ["access_key", "access_secret"])
@pytest.mark.parametrize("value", [None, 5, b"bytes"])
def test_key_and_secret_are_text(name: str, value: Any):
    with pytest.raises(ConfigError, match=rf"^{name}: must be text \(in quotes\)$"):
        attrs.evolve(KEYS, **{name: value})


@pytest.mark.parametrize("name", ["access_key", "access_secret", "user_id"])
def test_credentials_are_not_empty(name: str):
    with pytest.raises(ConfigError, match=rf"^{name}: must not be empty$"):
        attrs.evolve(KEYS, **{name: ""})


@pytest.mark.parametrize("name", ["access_key", "access_secret", "user_id"])
@pytest.mark.parametrize("value", [SECRET + "\n", " " + SECRET, SECRET + "\t", SECRET + "\x00", SECRET + "é"])
def test_credentials_are_what_a_header_can_hold_and_are_not_quoted(name: str, value: str):
    with pytest.raises(ConfigError, match=rf"^{name}: must be printable ASCII") as caught:
        attrs.evolve(KEYS, **{name: value})
    assert shows_none(str(caught.value))


def test_the_user_id_may_be_left_out_but_not_be_empty():
    assert attrs.evolve(KEYS, user_id=None).user_id is None
    with pytest.raises(ConfigError, match=r"^user_id: "):
        attrs.evolve(KEYS, user_id="")


def test_credentials_show_nothing():
    for text in (repr(KEYS), str(KEYS), f"{KEYS}", f"{KEYS!r:>200}", repr([KEYS])):
        assert shows_none(text)
    assert repr(KEYS) == "Credentials(access_key='***', access_secret='***', user_id='***')"
    assert "user_id=None" in repr(attrs.evolve(KEYS, user_id=None))


@pytest.mark.parametrize("value", [KEYS, PANDAPON.evolve(credentials=KEYS)], ids=["credentials", "profile"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_credentials_do_not_pickle(value: Any, protocol: int):
    with pytest.raises(TypeError, match="Credentials can't be pickled") as caught:
        pickle.dumps(value, protocol)
    assert shows_none(str(caught.value))


def test_credentials_can_be_copied_inside_a_process():
    assert copy.copy(KEYS) is KEYS
    assert copy.deepcopy(KEYS) is KEYS
    assert copy.deepcopy({"keys": [KEYS]})["keys"][0] is KEYS


def test_a_fingerprint_tells_keys_apart_without_showing_them():
    other = attrs.evolve(KEYS, access_key="other-key")
    assert KEYS.fingerprint == attrs.evolve(KEYS, access_secret="other").fingerprint
    assert KEYS.fingerprint != other.fingerprint
    assert len(KEYS.fingerprint) == 12
    assert shows_none(KEYS.fingerprint)


# --- what a profile shows ---


def test_the_repr_of_a_profile_shows_no_credentials():
    text = repr(PANDAPON.evolve(credentials=KEYS, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
    assert shows_none(text)
    assert "https://api.pandapon.com" in text


@pytest.mark.parametrize("userinfo", [f"user:{SECRET}", f":{SECRET}", KEY])
def test_the_repr_of_a_profile_shows_the_proxy_without_its_password(userinfo: str):
    text = repr(PANDAPON.evolve(proxy=f"http://{userinfo}@proxy.example.com:3128"))
    assert shows_none(text)
    assert "http://***@proxy.example.com:3128" in text


def test_the_repr_of_a_profile_shows_a_proxy_without_a_password_whole():
    assert "'http://proxy.example.com:3128'" in repr(PANDAPON.evolve(proxy="http://proxy.example.com:3128"))


@pytest.mark.parametrize(
    "proxy",
    [
        f"user:{SECRET}@proxy.example.com:3128",
        f"http://user:{SECRET}@proxy.example.com:99999",
        f"http://user:{SECRET}#more@proxy.example.com:3128",
        f"socks5://user:{SECRET}@proxy.example.com",
        f"http://:{SECRET}@",
    ],
)
def test_a_proxy_that_is_no_url_is_refused_without_being_shown(proxy: str):
    with pytest.raises(ConfigError, match="proxy: must be http:// or https:// and name a host") as caught:
        PANDAPON.evolve(proxy=proxy)
    assert shows_none(str(caught.value))


@pytest.mark.parametrize(
    "proxy", [f"http://user:12/{SECRET}@proxy.example.com", f"http://u@x:{SECRET}@proxy.example.com"]
)
def test_a_password_with_a_separator_in_it_is_not_shown(proxy: str):
    assert shows_none(repr(PANDAPON.evolve(proxy=proxy)))


def test_an_evolved_profile_is_of_the_same_class():
    assert type(PANDAPON.evolve(name="shop-a")) is VendorProfile
