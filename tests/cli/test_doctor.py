"""`pandapon doctor`."""

from __future__ import annotations

import asyncio
import datetime
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import assume, given, strategies as st

from pandapon_async import PANDAPON
from pandapon_async._cli.config_sources import settings
from pandapon_async._cli.probe import variations
from pandapon_async._config.profiles import Credentials, without_userinfo
from pandapon_async.testing import FakeVendor

from .conftest import SECRETS, Pandapon, environment

Accounts = Callable[[str], str]
KEYS = "access_key = 'fake-pandapon-key'\naccess_secret = 'fake-pandapon-secret'\n"


def origin(shown: str, setting: str) -> str:
    """The line of one setting, without its name; blanks squeezed."""
    found = re.search(rf"^{re.escape(setting)} +(.*\S)", shown, re.MULTILINE)
    return re.sub(r" +", " ", found[1]) if found else ""


# --- settings and where they came from ---


@pytest.mark.usefixtures("keys")
def test_the_environment_is_named_by_its_variables(pandapon: Pandapon, shop: FakeVendor) -> None:
    result = pandapon("doctor")
    assert result.exit_code == 0
    assert origin(result.stdout, "base_url") == f"{shop.url} environment variable PANDAPON_BASE_URL"
    assert origin(result.stdout, "access_secret") == "*** (20 characters) environment variable PANDAPON_ACCESS_SECRET"
    assert origin(result.stdout, "limits.concurrency") == "64 default"


def test_a_files_settings_are_named_by_their_tables(
    pandapon: Pandapon, shop: FakeVendor, accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "fake-pandapon-key")
    (tmp_path / "secret").write_text("fake-pandapon-secret\n")
    config = accounts(
        f"[vendors.shop]\nkind = 'pandapon'\nbase_url = '{shop.url}'\naccess_key = 'env:SHOP_KEY'\nuser_id = '77'\n"
        "codes = {'501' = 'passing'}\npaths = {'addresses.save' = '/x'}\n"
        "[vendors.shop.credentials]\naccess_secret = 'file:secret'\n"
        "[vendors.shop.limits]\nconcurrency = 8\n"
    )
    shown = pandapon("doctor", "--config", config).stdout
    assert origin(shown, "kind") == "pandapon vendors.toml, [vendors.shop]"
    assert origin(shown, "access_key").endswith("environment variable SHOP_KEY, named by vendors.toml")
    assert origin(shown, "access_secret") == "*** (20 characters) file secret, named by vendors.toml"
    assert origin(shown, "user_id") == "*** vendors.toml, [vendors.shop]"
    assert origin(shown, "codes") == "501 = passing vendors.toml, [vendors.shop]"
    assert origin(shown, "paths") == "addresses.save = /x vendors.toml, [vendors.shop]"
    assert origin(shown, "limits.concurrency") == "8 vendors.toml, [vendors.shop.limits]"
    assert origin(shown, "limits.rate") == "none default"


def test_the_settings_of_a_file_with_a_byte_order_mark_are_shown(
    pandapon: Pandapon, shop: FakeVendor, accounts: Accounts
) -> None:
    config = accounts(f"\ufeff[vendors.pandapon]\nbase_url = '{shop.url}'\n{KEYS}")
    assert origin(pandapon("doctor", "--config", config).stdout, "base_url").endswith("[vendors.pandapon]")


def test_a_path_for_an_operation_that_the_vendor_does_not_have_is_told(
    pandapon: Pandapon, shop: FakeVendor, accounts: Accounts
) -> None:
    paths = "paths = {'addresses.get' = '/a', 'foundations.address.add_or_update' = '/b', 'adresses.get' = '/c', 'wms.x' = '/d'}"
    shown = pandapon(
        "doctor", "--config", accounts(f"[vendors.pandapon]\nbase_url = '{shop.url}'\n{KEYS}{paths}\n")
    ).stdout
    told = " ".join(shown.split())
    assert "'adresses.get' is not in this vendor's catalogue (did you mean 'addresses.get'?)" in told
    assert "'wms.x' is not in" in told
    assert "'addresses.get' is no" not in told
    assert "'foundations.address.add_or_update' is no" not in told


def test_a_kind_that_is_the_accounts_name_is_a_default(
    pandapon: Pandapon, shop: FakeVendor, accounts: Accounts
) -> None:
    config = accounts(f"[vendors.pandapon]\nbase_url = '{shop.url}'\n{KEYS}")
    assert origin(pandapon("doctor", "--config", config).stdout, "kind") == "pandapon default: the account's name"


def test_an_account_without_keys_shows_so() -> None:
    shown = {setting.name: setting.value for setting in settings(PANDAPON, None, {})}
    assert [shown[name] for name in ("access_key", "access_secret", "user_id")] == ["not set"] * 3


def test_without_keys_it_still_shows_versions_and_the_environment(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANDAPON_SECRET", "x-marks-the-spot")
    result = pandapon("doctor")
    assert result.exit_code == 2
    assert re.search(r"^Uses +aiohttp \d+\.\d+", result.stdout, re.MULTILINE)
    assert "PANDAPON_SECRET is not read (did you mean 'PANDAPON_ACCESS_SECRET'?)" in result.stdout
    assert "no vendor has keys" in result.stderr
    assert "x-marks-the-spot" not in result.output


def test_a_package_that_is_not_installed_is_told(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    def version(name: str) -> str:
        if name == "orjson":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    assert "aiohttp 1.0, orjson not installed" in pandapon("doctor").stdout


def test_one_account_of_several_can_be_chosen(pandapon: Pandapon, shop: FakeVendor, both: None) -> None:
    assert re.findall(r"^Account '(.*)'", pandapon("doctor").stdout, re.MULTILINE) == ["pandapon", "xportcn_ka"]
    chosen = pandapon("doctor", "--vendor", "xportcn_ka").stdout
    assert re.findall(r"^Account '(.*)'", chosen, re.MULTILINE) == ["xportcn_ka"]


@pytest.mark.parametrize("arguments", [[], ["--try"]])
def test_no_secret_is_shown(
    pandapon: Pandapon, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    environ = environment(shop, "pandapon", "xportcn_ka")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    shown = pandapon("doctor", *arguments).output
    hidden = [value for name, value in environ.items() if not name.endswith("BASE_URL")]
    assert not [value for value in (*hidden, *SECRETS) if value in shown]


@given(user=st.from_regex(r"[a-z]{4}", fullmatch=True), password=st.from_regex(r"[A-Z@:/]{1,9}", fullmatch=True))
def test_a_proxys_password_is_never_shown(user: str, password: str) -> None:
    assume(not password.startswith("//"))  # "user://@proxy" is a scheme and no password
    for scheme in ("http://", ""):
        assert without_userinfo(f"{scheme}{user}:{password}@proxy.example:8080") == f"{scheme}***@proxy.example:8080"


def test_a_proxy_without_a_user_is_shown_whole() -> None:
    assert without_userinfo("http://proxy.example:8080") == "http://proxy.example:8080"


# --- the signature ---


@pytest.mark.usefixtures("keys")
def test_the_signature_is_explained_with_the_keys_masked(pandapon: Pandapon) -> None:
    shown = pandapon("doctor").stdout
    assert re.search(r"signed +\*\*\* \+ \d{10} \+ [0-9A-F]{32} \+ \*\*\*$", shown, re.MULTILINE)
    assert "a known example is correct: C5482417D038615D51673E82D12E50AF" in shown
    assert "sent as    headers access-key, timestamp, nonce-str, signature, user-id; logistics calls also ?" in shown


def test_the_signature_follows_the_profile(pandapon: Pandapon, shop: FakeVendor, accounts: Accounts) -> None:
    config = accounts(
        f"[vendors.pandapon]\nbase_url = '{shop.url}'\n{KEYS}timestamp_unit = 'ms'\nsigned_query = false\n"
    )
    shown = pandapon("doctor", "--config", config).stdout
    assert re.search(r"timestamp +\d{13} \(now, in milliseconds\)", shown)
    assert re.search(r"headers access-key, timestamp, nonce-str, signature$", shown, re.MULTILINE)


# --- TLS ---


class TlsHost:
    """A listener on the loopback that speaks TLS, or doesn't, in a thread of its own."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> int:
        self._thread.start()
        self._ready.wait()
        return self.port

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda *_: None)  # handshakes that fail are what some tests want

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._context is None:
                writer.write(b"HTTP/1.1 400 no TLS here\r\n\r\n")
            else:
                await reader.read()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=self._context)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stop.wait()
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_context(authority: trustme.CA, *names: str, days: int = 365) -> ssl.SSLContext:
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, not_after=until, common_name=f"{names[0]} of the tests").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the authority."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


def tls_config(accounts: Accounts, port: int, more: str = "") -> str:
    return accounts(f"[vendors.pandapon]\nbase_url = 'https://localhost:{port}'\n{KEYS}{more}")


def tls_line(shown: str) -> str:
    return origin(shown, "TLS")


@pytest.fixture
def tls_port(authority: trustme.CA) -> Iterator[int]:
    with TlsHost(tls_context(authority, "localhost")) as port:
        yield port


@pytest.mark.usefixtures("trusted")
def test_a_good_certificate_is_described(pandapon: Pandapon, accounts: Accounts, tls_port: int) -> None:
    result = pandapon("doctor", "--config", tls_config(accounts, tls_port))
    assert result.exit_code == 0
    shown = tls_line(result.stdout)
    assert re.fullmatch(
        r"TLSv1\.3, certificate of localhost of the tests by .+, until \d{4}-\d\d-\d\d \(36[45] days\)", shown
    )


def test_a_certificate_that_is_not_trusted_is_status_1(pandapon: Pandapon, accounts: Accounts, tls_port: int) -> None:
    result = pandapon("doctor", "--config", tls_config(accounts, tls_port))
    assert result.exit_code == 1
    assert "the certificate is not accepted: " in tls_line(result.stdout)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_is_not_accepted(
    pandapon: Pandapon, accounts: Accounts, authority: trustme.CA
) -> None:
    with TlsHost(tls_context(authority, "vendor.example")) as port:
        result = pandapon("doctor", "--config", tls_config(accounts, port))
    assert result.exit_code == 1
    assert "not valid for 'localhost'" in tls_line(result.stdout)


def test_a_host_that_speaks_no_tls_is_told(pandapon: Pandapon, accounts: Accounts) -> None:
    with TlsHost(None) as port:
        result = pandapon("doctor", "--config", tls_config(accounts, port))
    assert result.exit_code == 1
    assert tls_line(result.stdout).startswith("no TLS: ")


def test_a_host_that_does_not_listen_is_told(pandapon: Pandapon, accounts: Accounts, unused_tcp_port: int) -> None:
    result = pandapon("doctor", "--config", tls_config(accounts, unused_tcp_port))
    assert result.exit_code == 1
    assert tls_line(result.stdout).startswith("no connection")


def test_a_name_that_does_not_resolve_is_told(pandapon: Pandapon, accounts: Accounts) -> None:
    config = accounts(f"[vendors.pandapon]\nbase_url = 'https://vendor.invalid'\n{KEYS}")
    assert tls_line(pandapon("doctor", "--config", config).stdout) == "the name vendor.invalid can't be resolved"


def test_behind_a_proxy_tls_is_not_checked(pandapon: Pandapon, accounts: Accounts) -> None:
    config = accounts(
        f"[vendors.pandapon]\nbase_url = 'https://vendor.invalid'\n{KEYS}proxy = 'http://me:pass-word@127.0.0.1:1'\n"
    )
    result = pandapon("doctor", "--config", config)
    assert result.exit_code == 0
    assert tls_line(result.stdout) == "not checked: calls go through the proxy http://***@127.0.0.1:1"
    assert "pass-word" not in result.output


# --- --try ---


def tried(result_text: str) -> list[str]:
    """The lines of the attempts: what was tried, and how it ended."""
    after = result_text.partition("Vendor ")[2].splitlines()[1:]
    return [line.strip() for line in after if line.startswith(" " * 13) and ": " in line]


@pytest.mark.usefixtures("keys")
def test_without_try_nothing_is_sent(pandapon: Pandapon, shop: FakeVendor) -> None:
    shown = pandapon("doctor").stdout
    assert "--try sends one signed READ" in shown
    assert not shop.ledger.requests


@pytest.mark.usefixtures("keys")
def test_settings_that_work_need_one_read(pandapon: Pandapon, shop: FakeVendor) -> None:
    result = pandapon("doctor", "--try")
    assert result.exit_code == 0
    assert tried(result.stdout) == ["as configured: accepted"]
    assert [request.operation for request in shop.ledger.requests] == ["logistics.item_price.estimate"]


def strict(monkeypatch: pytest.MonkeyPatch, vendor: FakeVendor, **changes: str) -> None:
    for name, value in (environment(vendor, "pandapon") | changes).items():
        monkeypatch.setenv(name, value)


def test_the_timestamp_unit_is_found(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeVendor(timestamp_unit="ms") as vendor:
        strict(monkeypatch, vendor)
        result = pandapon("doctor", "--try")
    assert result.exit_code == 0
    assert tried(result.stdout)[-1] == 'timestamp_unit = "ms": accepted'


def test_the_way_to_the_timestamp_unit_is_shown_as_toml_that_works(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch, accounts: Accounts
) -> None:
    with FakeVendor(timestamp_unit="ms") as vendor:
        strict(monkeypatch, vendor)
        shown = pandapon("doctor", "--try").stdout
        remedy = shown.partition("Works with")[2]
        config = accounts("\n".join(line.strip() for line in remedy.splitlines()))
        assert tried(pandapon("doctor", "--try", "--config", config).stdout) == ["as configured: accepted"]


def test_the_signed_query_is_found(pandapon: Pandapon, shop: FakeVendor, accounts: Accounts) -> None:
    config = accounts(f"[vendors.pandapon]\nbase_url = '{shop.url}'\n{KEYS}signed_query = false\n")
    result = pandapon("doctor", "--try", "--config", config)
    assert result.exit_code == 0
    assert tried(result.stdout)[-1] == "signed_query = true: accepted"
    assert re.search(r"^Works with +\[vendors.pandapon\]\n +signed_query = true$", result.stdout, re.MULTILINE)


def test_a_user_id_too_many_is_found(pandapon: Pandapon, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    strict(monkeypatch, shop, PANDAPON_USER_ID="9999999999999")
    result = pandapon("doctor", "--try")
    assert result.exit_code == 0
    assert tried(result.stdout)[-1] == "# without user_id: accepted"
    assert "user_id =" not in result.stdout.partition("Works with")[2]


def test_two_settings_that_are_wrong_at_once_are_found(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeVendor(timestamp_unit="ms") as vendor:
        strict(monkeypatch, vendor, PANDAPON_USER_ID="9999999999999")
        result = pandapon("doctor", "--try")
    assert result.exit_code == 0
    assert tried(result.stdout)[-1] == 'timestamp_unit = "ms", # without user_id: accepted'


def test_each_variation_is_tried_once() -> None:
    keys = Credentials(access_key="k", access_secret="s", user_id="7")
    found = [
        (profile.timestamp_unit, profile.signed_query, profile.credentials and profile.credentials.user_id)
        for profile in (variation.profile for variation in variations(PANDAPON.evolve(credentials=keys)))
    ]
    assert len(set(found)) == len(found) == 7
    assert ("s", True, "7") not in found
    assert [sum(one != two for one, two in zip(kind, ("s", True, "7"), strict=True)) for kind in found] == [
        1, 1, 1, 2, 2, 2, 3,
    ]  # fmt: skip


def test_keys_that_never_work_are_status_1(
    pandapon: Pandapon, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict(monkeypatch, shop, PANDAPON_ACCESS_SECRET="another-secret")
    result = pandapon("doctor", "--try")
    assert result.exit_code == 1
    assert len(tried(result.stdout)) >= 8
    assert "No variation was accepted" in result.stdout
    assert "another-secret" not in result.output


def test_a_user_id_that_is_missing_is_hinted_at(pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeVendor(require_user_id=True) as vendor:
        strict(monkeypatch, vendor)
        monkeypatch.delenv("PANDAPON_USER_ID")
        result = pandapon("doctor", "--try")
    assert result.exit_code == 1
    assert "the vendor may require one" in result.stdout


@pytest.mark.usefixtures("keys")
def test_what_is_no_refusal_ends_the_search(pandapon: Pandapon, shop: FakeVendor) -> None:
    shop.script(429, 429, 429)
    shop.faults = type(shop.faults)(retry_after=0)
    result = pandapon("doctor", "--try")
    assert result.exit_code == 1
    assert [line.partition(":")[0] for line in tried(result.stdout)] == ["as configured"]


@pytest.mark.usefixtures("keys")
def test_a_search_that_breaks_off_is_status_1(pandapon: Pandapon, shop: FakeVendor) -> None:
    shop.script("refuse", 404)
    result = pandapon("doctor", "--try")
    assert result.exit_code == 1
    assert [line.partition(": ")[0] for line in tried(result.stdout)] == ["as configured", 'timestamp_unit = "ms"']


def test_a_vendor_that_is_not_there_is_status_1(pandapon: Pandapon, accounts: Accounts, unused_tcp_port: int) -> None:
    config = accounts(f"[vendors.pandapon]\nbase_url = 'http://127.0.0.1:{unused_tcp_port}'\n{KEYS}")
    result = pandapon("doctor", "--try", "--config", config)
    assert result.exit_code == 1
    assert "as configured: it was not sent: the connection was refused" in result.stdout
    assert origin(result.stdout, "Clock") == "the vendor sent no time"


def test_one_account_that_fails_is_status_1(
    pandapon: Pandapon, shop: FakeVendor, both: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANDAPON_ACCESS_SECRET", "another-secret")
    result = pandapon("doctor", "--try")
    assert result.exit_code == 1
    assert "as configured: accepted" in result.stdout.partition("Account 'xportcn_ka'")[2]


@pytest.mark.parametrize(
    ("offset", "told"),
    [
        (0, "agrees with the vendor's to the second"),
        (120, r"the vendor's is 1(19|20|21) s ahead of ours"),
        (-120, r"the vendor's is 1(19|20|21) s behind ours"),
        (5000, r"the vendor's is (4999|500[01]) s ahead of ours: more than the allowed 600 s; set this .*"),
    ],
)
@pytest.mark.usefixtures("keys")
def test_the_vendors_clock_is_told(pandapon: Pandapon, shop: FakeVendor, offset: float, told: str) -> None:
    shop.clock_offset = offset
    result = pandapon("doctor", "--try")
    assert result.exit_code == 0
    assert re.fullmatch(told, origin(result.stdout, "Clock"))


@pytest.mark.usefixtures("keys")
def test_the_clock_is_told_by_a_refusal_too(pandapon: Pandapon, shop: FakeVendor) -> None:
    shop.clock_offset = 120
    shop.script("refuse")
    assert "s ahead of ours" in origin(pandapon("doctor", "--try").stdout, "Clock")


def test_in_a_pipe_there_is_no_colour(pandapon: Pandapon, shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    strict(monkeypatch, shop)
    assert "\x1b" not in pandapon("doctor", "--try").output


# --- defects found on the way, in other files ---
