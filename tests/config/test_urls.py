"""Base URLs: one spelling for all that mean the same, and none for what can't be meant."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pandapon_async._config.urls import normalised_url, parsed_url, url_identity


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("HTTPS://API.Example.COM", "https://api.example.com"),
        ("HTTP://127.0.0.1", "http://127.0.0.1"),
        ("https://api.example.com:443", "https://api.example.com"),
        ("https://api.example.com:", "https://api.example.com"),
        ("http://localhost:80/", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://api.example.com:8443/", "https://api.example.com:8443"),
        ("https://api.example.com///", "https://api.example.com"),
        ("https://api.example.com/api/", "https://api.example.com/api"),
        ("https://api.example.com/API", "https://api.example.com/API"),
        ("https://api.example.com/./api/../v2/.", "https://api.example.com/v2"),
        ("https://api.example.com/%2e/api/%2E%2e/v2", "https://api.example.com/v2"),
        ("https://api.example.com/../../api", "https://api.example.com/api"),
        ("https://api.example.com/a/..", "https://api.example.com"),
        ("https://api.example.com/a//b", "https://api.example.com/a//b"),
        ("https://api.example.com/a%2Fb/...", "https://api.example.com/a%2Fb/..."),
        ("https://api.example.com.", "https://api.example.com."),
        ("http://[0:0:0::1]:80", "http://[::1]"),
        ("http://[::FFFF:7f00:1]:8080/x", "http://[::ffff:127.0.0.1]:8080/x"),
    ],
)
def test_one_spelling(url: str, normal: str):
    assert normalised_url(url) == normal
    assert normalised_url(normal) == normal


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("http://localhost:8080", "http://127.0.0.1:8080"),
        ("HTTP://LocalHost.:80/", "http://127.0.0.1"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]", "http://[::1]"),
        ("https://API.example.com./", "https://api.example.com"),
        ("https://localhost.example.com", "https://localhost.example.com"),
    ],
)
def test_identity_knows_this_machine_by_one_name(url: str, identity: str):
    assert url_identity(url) == identity


def test_for_connecting_the_two_names_of_this_machine_stay_apart():
    assert normalised_url("http://localhost") != normalised_url("http://127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "//api.example.com",
        "ftp://api.example.com",
        "https://",
        "https:///path",
        "https://host:0",
        "https://..",
        "https://a..b",
        "https://.a",
        "https://host:99999",
        "https://host:port",
        "https://[",
        "https://[::1",
        "https://[nonsense]",
        "https://a b.example.com",
        " https://api.example.com",
        "https://api.example.com\n",
        "https://api.example\t.com",
        "https://api.example.com\\path",
        "https://bücher.example",
        "https://api%2eexample.com",
        "\ufeffhttps://api.example.com",
        '"https://api.example.com"',
        5,
        None,
        b"https://api.example.com",
    ],
)
def test_what_is_no_base_url(url: object):
    assert parsed_url(url) is None


@pytest.mark.parametrize("spelled", [normalised_url, url_identity])
def test_what_is_none_is_a_value_error_that_does_not_show_it(spelled: object):
    assert callable(spelled)
    with pytest.raises(ValueError, match=r"^not an absolute http or https URL$"):
        spelled("ftp://user:secret@host")


@given(
    st.from_regex(
        r"(?i)https?://[a-z0-9-]{1,5}(\.[a-z0-9-]{1,5}){0,2}\.?(:[1-9][0-9]{0,3})?(/[a-z.%2e]{0,4}){0,6}",
        fullmatch=True,
    )
)
def test_the_spelling_is_stable(url: str):
    normal = normalised_url(url)
    assert normalised_url(normal) == normal
    assert not normal.endswith("/")
    assert url_identity(normal) == url_identity(url)
