"""Profiles from the environment and from TOML: what is read, what is refused, and that no secret stands in an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pandapon_async._config.loading import profiles_from_env, profiles_from_toml
from pandapon_async._config.profiles import (
    PANDAPON,
    CodeMeaning,
    Credentials,
    Limits,
    RetryPolicy,
    Timeouts,
    VendorProfile,
)
from pandapon_async._errors import ConfigError

SECRET = "fake-secret-9Z4"
KEYS = f'access_key = "k1"\naccess_secret = "{SECRET}"\n'


@pytest.fixture
def toml(tmp_path: Path):
    """Reads TOML text, with the given environment."""

    def read(text: str | bytes, **environ: str) -> list[VendorProfile]:
        path = tmp_path / "vendors.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return profiles_from_toml(path, environ)

    return read


def refused(read: Any, text: str | bytes, **environ: str) -> str:
    """The text of the error, which must name the file and no secret."""
    with pytest.raises(ConfigError) as caught:
        read(text, **environ)
    said = str(caught.value)
    assert "vendors.toml" in said
    assert SECRET not in said
    assert caught.value.__cause__ is None
    return said


# --- environment ---


def test_the_environment_gives_a_profile_for_each_vendor_with_keys():
    pandapon, xportcn = profiles_from_env(
        {
            "PANDAPON_ACCESS_KEY": "k1",
            "PANDAPON_ACCESS_SECRET": SECRET,
            "PANDAPON_USER_ID": "1000000000001",
            "PANDAPON_BASE_URL": "http://127.0.0.1:8080",
            "XPORTCN_KA_ACCESS_KEY": "k2",
            "XPORTCN_KA_ACCESS_SECRET": "s2",
            "XPORTCN_KA_USER_ID": "1000000000002",
            "XPORTCN_KA_BASE_URL": "https://ka.example.com/api",
        }
    )
    assert (pandapon.kind, pandapon.name, pandapon.base_url) == ("pandapon", "pandapon", "http://127.0.0.1:8080")
    assert pandapon.credentials == Credentials(access_key="k1", access_secret=SECRET, user_id="1000000000001")
    assert (xportcn.kind, xportcn.base_url) == ("xportcn_ka", "https://ka.example.com/api")
    assert xportcn.credentials == Credentials(access_key="k2", access_secret="s2", user_id="1000000000002")


def test_key_and_secret_are_enough():
    (profile,) = profiles_from_env({"PANDAPON_ACCESS_KEY": "k1", "PANDAPON_ACCESS_SECRET": SECRET})
    assert profile == PANDAPON.evolve(credentials=Credentials(access_key="k1", access_secret=SECRET))


def test_an_empty_variable_counts_as_unset():
    (profile,) = profiles_from_env(
        {
            "PANDAPON_ACCESS_KEY": "k1",
            "PANDAPON_ACCESS_SECRET": SECRET,
            "PANDAPON_USER_ID": "",
            "PANDAPON_BASE_URL": "",
            "XPORTCN_KA_ACCESS_KEY": "",
        }
    )
    assert profile.credentials.user_id is None
    assert profile.base_url == PANDAPON.base_url


def test_the_process_environment_is_read_unless_another_is_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPORTCN_KA_ACCESS_KEY", "k2")
    monkeypatch.setenv("XPORTCN_KA_ACCESS_SECRET", SECRET)
    assert "xportcn_ka" in [profile.kind for profile in profiles_from_env()]


@pytest.mark.parametrize(
    ("given", "missing"),
    [("PANDAPON_ACCESS_KEY", "PANDAPON_ACCESS_SECRET"), ("XPORTCN_KA_ACCESS_SECRET", "XPORTCN_KA_ACCESS_KEY")],
)
def test_half_a_pair_of_keys_is_refused(given: str, missing: str):
    with pytest.raises(ConfigError, match=f"{missing} is not set") as caught:
        profiles_from_env({given: SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("environ", [{}, {"PANDAPON_USER_ID": "1", "PANDAPON_BASE_URL": "https://api.example.com"}])
def test_no_keys_at_all_is_refused_and_says_what_to_set(environ: dict[str, str]):
    with pytest.raises(ConfigError, match="PANDAPON_ACCESS_KEY and PANDAPON_ACCESS_SECRET or XPORTCN_KA_ACCESS_KEY"):
        profiles_from_env(environ)


MANGLED = {
    "line end": "{}\n",
    "carriage return": "{}\r\n",
    "spaces": "  {} ",
    "byte order mark": "\ufeff{}",
    "double quotes": '"{}"',
    "single quotes": "'{}'",
    "all of it": "\ufeff '{}'\r\n",
}


@pytest.mark.parametrize("kind", MANGLED)
def test_a_variable_is_read_as_it_is_meant(kind: str):
    def mangled(text: str) -> str:
        return MANGLED[kind].format(text)

    (profile,) = profiles_from_env(
        {
            "PANDAPON_ACCESS_KEY": mangled("k1"),
            "PANDAPON_ACCESS_SECRET": mangled(SECRET),
            "PANDAPON_USER_ID": mangled("1000000000001"),
            "PANDAPON_BASE_URL": mangled("https://api.example.com"),
        }
    )
    assert profile.credentials == Credentials(access_key="k1", access_secret=SECRET, user_id="1000000000001")
    assert profile.base_url == "https://api.example.com"


@pytest.mark.parametrize("empty", ["", " ", '""', "''", "\n"])
def test_a_variable_that_is_empty_but_for_its_wrapping_counts_as_unset(empty: str):
    (profile,) = profiles_from_env(
        {"PANDAPON_ACCESS_KEY": "k1", "PANDAPON_ACCESS_SECRET": SECRET, "PANDAPON_BASE_URL": empty}
    )
    assert profile.base_url == PANDAPON.base_url


@pytest.mark.parametrize("value", [f'"{SECRET}', f"{SECRET}'", f"\"{SECRET}'", '"'])
def test_half_a_pair_of_quotes_is_refused_by_name_without_being_shown(value: str):
    with pytest.raises(
        ConfigError, match="the environment variable PANDAPON_ACCESS_SECRET: begins or ends with an unmatched quote"
    ) as caught:
        profiles_from_env({"PANDAPON_ACCESS_KEY": "k1", "PANDAPON_ACCESS_SECRET": value})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [f"{SECRET}\n2", f"{SECRET}\u200b", f'" {SECRET}"'])
def test_a_secret_that_cannot_be_meant_is_refused_without_being_shown(value: str):
    with pytest.raises(ConfigError, match="access_secret: must be printable") as caught:
        profiles_from_env({"PANDAPON_ACCESS_KEY": "k1", "PANDAPON_ACCESS_SECRET": value})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("mark", ["\ufeff", "\udcef\udcbb\udcbf", "ï»¿"])
def test_a_byte_order_mark_before_a_variables_name_is_told(mark: str):
    with pytest.raises(ConfigError, match="variable PANDAPON_BASE_URL has a byte order mark before its name"):
        profiles_from_env(
            {
                f"{mark}PANDAPON_BASE_URL": "http://127.0.0.1:8080",
                "PANDAPON_ACCESS_KEY": "k1",
                "PANDAPON_ACCESS_SECRET": SECRET,
            }
        )


# --- TOML: what is read ---


def test_flat_keys(toml: Any):
    (profile,) = toml(f'[vendors.pandapon]\n{KEYS}user_id = "1000000000001"\nbase_url = "http://127.0.0.1:8080"\n')
    assert (profile.kind, profile.name, profile.base_url) == ("pandapon", "pandapon", "http://127.0.0.1:8080")
    assert profile.credentials == Credentials(access_key="k1", access_secret=SECRET, user_id="1000000000001")


def test_keys_in_a_table_of_their_own(toml: Any):
    (profile,) = toml(f"[vendors.pandapon.credentials]\n{KEYS}")
    assert profile.credentials == Credentials(access_key="k1", access_secret=SECRET)


def test_flat_and_nested_keys_together(toml: Any):
    (profile,) = toml(f'[vendors.pandapon]\nuser_id = "1000000000001"\n[vendors.pandapon.credentials]\n{KEYS}')
    assert profile.credentials == Credentials(access_key="k1", access_secret=SECRET, user_id="1000000000001")


def test_every_field_that_a_file_can_hold(toml: Any):
    (profile,) = toml(
        f"""
        [vendors.shop-a]
        kind = "xportcn_ka"
        {KEYS}
        timestamp_unit = "ms"
        push_base = "message_body"
        signed_query = false
        retry_after_503_refuses = true
        allow_insecure = true
        base_url = "http://ka.example.com/api"
        proxy = "http://proxy.example.com:3128"
        max_reply_bytes = 1024
        limits = {{concurrency = 8, rate = 2.5, burst = 3, max_wait = 0}}
        timeouts = {{connect = 1, read = 2, total = 3}}
        retry = {{attempts = 2, base = 0.1, cap = 1, retry_after_cap = 5, budget = 7}}
        [vendors.shop-a.paths]
        "logistics.book_freight" = "/open/mine"
        [vendors.shop-a.codes]
        500 = "in_doubt"
        BUSY = "passing"
        """
    )
    assert (profile.kind, profile.name) == ("xportcn_ka", "shop-a")
    assert (profile.timestamp_unit, profile.signed_query, profile.retry_after_503_refuses) == ("ms", False, True)
    assert profile.push_base == "message_body"
    assert (profile.base_url, profile.allow_insecure) == ("http://ka.example.com/api", True)
    assert (profile.proxy, profile.max_reply_bytes) == ("http://proxy.example.com:3128", 1024)
    assert profile.limits == Limits(concurrency=8, rate=2.5, burst=3, max_wait=0)
    assert profile.timeouts == Timeouts(connect=1, read=2, total=3)
    assert profile.retry == RetryPolicy(attempts=2, base=0.1, cap=1, retry_after_cap=5, budget=7)
    assert profile.paths == {"logistics.book_freight": "/open/mine"}
    assert profile.codes == {500: CodeMeaning.IN_DOUBT, "BUSY": CodeMeaning.PASSING}


def test_several_accounts_of_one_kind(toml: Any):
    first, second = toml(
        f'[vendors.shop-a]\nkind = "pandapon"\n{KEYS}[vendors.shop-b]\nkind = "pandapon"\n{KEYS.replace("k1", "k2")}'
    )
    assert [(first.kind, first.name), (second.kind, second.name)] == [("pandapon", "shop-a"), ("pandapon", "shop-b")]
    assert (first.credentials.access_key, second.credentials.access_key) == ("k1", "k2")


def test_an_account_without_keys_can_be_read(toml: Any):
    (profile,) = toml("[vendors.pandapon]")
    assert profile.credentials is None


def test_a_secret_from_the_environment(toml: Any):
    (profile,) = toml('[vendors.pandapon]\naccess_key = "env:K"\naccess_secret = "env:S"', K="k1", S=SECRET)
    assert profile.credentials == Credentials(access_key="k1", access_secret=SECRET)


def test_the_process_environment_resolves_secrets_unless_another_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TEST_SHOP_SECRET", SECRET)
    path = tmp_path / "vendors.toml"
    path.write_text('[vendors.pandapon]\naccess_key = "k1"\naccess_secret = "env:TEST_SHOP_SECRET"')
    (profile,) = profiles_from_toml(str(path))
    assert profile.credentials.access_secret == SECRET


def test_a_secret_from_a_file_beside_the_configuration(toml: Any, tmp_path: Path):
    (tmp_path / "secret.txt").write_text(SECRET + " \n")
    (profile,) = toml('[vendors.pandapon]\naccess_key = "k1"\naccess_secret = "file:secret.txt"')
    assert profile.credentials.access_secret == SECRET


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", [kind for kind in MANGLED if "mark" not in kind and "all" not in kind])
def test_a_secret_file_is_read_as_it_is_meant(toml: Any, tmp_path: Path, kind: str, encoding: str):
    (tmp_path / "secret.txt").write_bytes(MANGLED[kind].format(SECRET).encode(encoding))
    (profile,) = toml('[vendors.pandapon]\naccess_key = "k1"\naccess_secret = "file:secret.txt"')
    assert profile.credentials.access_secret == SECRET


@pytest.mark.parametrize("kind", MANGLED)
def test_a_secret_from_a_variable_is_read_as_it_is_meant(toml: Any, kind: str):
    (profile,) = toml('[vendors.pandapon]\naccess_key = "k1"\naccess_secret = "env:S"', S=MANGLED[kind].format(SECRET))
    assert profile.credentials.access_secret == SECRET


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_file_with_a_byte_order_mark_is_read(toml: Any, encoding: str):
    text = f"[vendors.pandapon]\r\n{KEYS}"
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    (profile,) = toml(mark + text.encode(encoding))
    assert profile.credentials == Credentials(access_key="k1", access_secret=SECRET)


def test_a_secret_from_a_file_with_an_absolute_path(toml: Any, tmp_path: Path):
    (tmp_path / "deep").mkdir()
    secret = tmp_path / "deep" / "secret.txt"
    secret.write_text(SECRET)
    (profile,) = toml(f"[vendors.pandapon]\naccess_key = 'k1'\naccess_secret = 'file:{secret}'")
    assert profile.credentials.access_secret == SECRET


@pytest.mark.parametrize("value", ["other:thing", "env", "file"])
def test_a_secret_that_only_looks_like_a_reference_is_taken_as_it_is(toml: Any, value: str):
    (profile,) = toml(f'[vendors.pandapon]\naccess_key = "k1"\naccess_secret = "{value}"')
    assert profile.credentials.access_secret == value


# --- TOML: what is refused ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no table [vendors.NAME]"),
        ("vendors = 5", "holds no table [vendors.NAME]"),
        ("[vendors]", "holds no table [vendors.NAME]"),
        ("[vendor.pandapon]", "has no field 'vendor' (did you mean 'vendors'?)"),
        ("[vendors]\npandapon = 5", "[vendors.pandapon]: must be a table"),
        (f"[vendors.shop-a]\n{KEYS}", "kind must be one of ['pandapon', 'xportcn_ka'], not 'shop-a'"),
        ("[vendors.shop-a]\nkind = 'pandapn'", "(did you mean 'pandapon'?)"),
        ("[vendors.shop-a]\nkind = 5", "kind must be one of"),
        ("[vendors.pandapon]\nbase_ulr = 'x'", "no field 'base_ulr' (did you mean 'base_url'?)"),
        ("[vendors.pandapon]\nacces_secret = 'x'", "no field 'acces_secret' (did you mean 'access_secret'?)"),
        ("[vendors.pandapon]\nname = 'x'", "no field 'name'"),
        ("[vendors.pandapon]\nsigner = 'x'", "no field 'signer'"),
        ("[vendors.pandapon]\nssl_context = 'x'", "no field 'ssl_context'"),
        ("[vendors.pandapon.limits]\nconcurency = 1", "limits has no field 'concurency' (did you mean 'concurrency'?)"),
        ("[vendors.pandapon.group_limits.quotes]\nrate = 1", "no field 'group_limits' (did you mean 'limits'?)"),
        ("[vendors.pandapon.credentials]\nkey = 'x'", "credentials has no field 'key'"),
        ("[vendors.pandapon]\naccess_key = 'k1'", "access_secret is missing"),
        (f"[vendors.pandapon]\naccess_secret = '{SECRET}'", "access_key is missing"),
        ("[vendors.pandapon]\nlimits = 5", "limits: must be a table"),
        ("[vendors.pandapon]\ncredentials = 'x'", "credentials: must be a table"),
        ("[vendors.pandapon.limits]\nconcurrency = '8'", "concurrency: must be a whole number"),
        ("[vendors.pandapon.timeouts]\ntotal = 0", "total: must be a number above 0"),
        ("[vendors.pandapon.codes]\n500 = 'doubt'", "codes: 'doubt' is not one of"),
        ("[vendors.pandapon.codes]\n500 = 5", "codes: 5 is not one of"),
        ("[vendors.pandapon]\ncodes = 5", "codes: must be a table"),
        ("[vendors.pandapon]\npaths = 5", "paths: must be a table"),
        ("[vendors.pandapon.paths]\na = 5", "paths: must be a table of texts"),
        ("[vendors.pandapon]\nprice_paths = 5", "price_paths: must be a list of texts"),
        ("[vendors.pandapon]\nstrict = 1", "strict: must be true or false"),
        (f"[vendors.pandapon]\n{KEYS}user_id = 1000000000001", "user_id: must be text (in quotes)"),
        ("[vendors.pandapon]\nbase_url = 5", "base_url: must be http:// or https://"),
        (f"[vendors.pandapon]\n{KEYS}credentials = 5", "a value has the wrong type"),
        (f"[vendors.pandapon]\nproxy = 'user:{SECRET}@proxy.example.com:3128'", "proxy: must be http:// or https://"),
        ("[vendors.pandapon]\nbase_url = 'http://api.example.com'", "http:// is refused"),
        (f"[vendors.pandapon]\nbase_url = 'https://u:{SECRET}@api.example.com'", "must hold no user"),
        (f"[vendors.pandapon]\naccess_key = 5\naccess_secret = '{SECRET}'", "access_key: must be text"),
        (f"[vendors.pandapon]\naccess_key = 'k1'\naccess_secret = ['{SECRET}']", "access_secret: must be text"),
        (f"[vendors.pandapon]\naccess_key = 'k1'\naccess_secret = '{SECRET} '", "access_secret: must be printable"),
        ("[vendors.pandapon]\naccess_key = 'env:NO_SUCH'\naccess_secret = 'x'", "variable NO_SUCH is not set"),
        ("[vendors.pandapon]\naccess_key = 'env:'\naccess_secret = 'x'", "is not set"),
        ("[vendors.pandapon]\naccess_key = 'file:none.txt'\naccess_secret = 'x'", "the file none.txt can't be read"),
        ("[vendors.pandapon]\naccess_key = 'file:.'\naccess_secret = 'x'", "the file . can't be read"),
    ],
)
def test_what_is_wrong_is_named(toml: Any, text: str, said: str):
    assert said in refused(toml, text)


def test_a_kind_that_is_a_list_is_refused(toml: Any):
    assert "kind must be one of" in refused(toml, "[vendors.shop-a]\nkind = ['pandapon']")


@pytest.mark.parametrize("switch", ["allow_insecure", "signed_query", "retry_after_503_refuses"])
def test_a_switch_that_is_text_is_refused(toml: Any, switch: str):
    with pytest.raises(ConfigError):
        toml(f"[vendors.pandapon]\n{switch} = 'false'")


def test_the_table_at_fault_is_named(toml: Any):
    said = refused(toml, f"[vendors.pandapon]\n{KEYS}[vendors.shop-b]\nkind = 'pandapon'\nproxi = 'x'")
    assert "[vendors.shop-b]" in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (SECRET.encode() + b"\xff", "not UTF-8: save it as UTF-8"),
        (b"\xff\xfe" + SECRET.encode("utf-16-le") + b"\x00", "not valid UTF-16: save it as UTF-8"),
        (SECRET.encode("utf-16-le"), "contains NUL characters"),
        (f'"{SECRET}'.encode(), "begins or ends with an unmatched quote"),
    ],
)
def test_a_secret_file_that_cannot_be_meant_is_refused_by_name(toml: Any, tmp_path: Path, content: bytes, why: str):
    (tmp_path / "secret.txt").write_bytes(content)
    said = refused(toml, "[vendors.pandapon]\naccess_key = 'k1'\naccess_secret = 'file:secret.txt'")
    assert f"access_secret: the file secret.txt: {why}" in said


def test_a_variable_that_cannot_be_meant_is_refused_by_name(toml: Any):
    said = refused(toml, "[vendors.pandapon]\naccess_key = 'k1'\naccess_secret = 'env:S'", S=f'"{SECRET}')
    assert "the environment variable S: begins or ends with an unmatched quote" in said


def test_an_empty_secret_file_is_refused(toml: Any, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("\n")
    said = refused(toml, "[vendors.pandapon]\naccess_key = 'k1'\naccess_secret = 'file:secret.txt'")
    assert "access_secret: must not be empty" in said


@pytest.mark.parametrize(
    "text",
    [
        f"[vendors.pandapon]\naccess_secret = {SECRET}",
        f"[vendors.pandapon]\naccess_secret = '{SECRET}",
        f"[vendors.pandapon]\naccess_secret = '{SECRET}'\naccess_secret = '{SECRET}'",
        f'[vendors.pandapon]\naccess_secret = "{SECRET}\\q"',
        f"[vendors.pandapon]\naccess_secret '{SECRET}'",
    ],
)
def test_invalid_toml_is_refused_with_its_place_and_without_its_text(toml: Any, text: str):
    assert "(at " in refused(toml, text)


def test_a_file_that_is_not_utf8_is_refused(toml: Any):
    assert "not UTF-8" in refused(toml, f"access_secret = '{SECRET}'".encode() + b"\xff\xfe")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_another_unicode_is_refused_with_what_to_do(toml: Any, encoding: str):
    assert "save it as UTF-8" in refused(toml, f"[vendors.pandapon]\n{KEYS}".encode(encoding))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: can't be read: No such file"):
        profiles_from_toml(tmp_path / "none.toml")
