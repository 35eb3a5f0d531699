"""The session manager: profiles in, sessions out, closed together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pandapon_async import (
    PANDAPON,
    XPORTCN_KA,
    ConfigError,
    Credentials,
    PandaPonSession,
    SessionManager,
    VendorProfile,
    VendorSession,
    XportcnKaSession,
)
from pandapon_async.testing import FakeVendor
from tests.support import booking, estimate

KEYS = Credentials(access_key="an-access-key", access_secret="an-access-secret")
PANDA = PANDAPON.evolve(credentials=KEYS)
XPORT = XPORTCN_KA.evolve(credentials=KEYS)


async def test_sessions_are_typed_by_kind(vendor: FakeVendor) -> None:
    async with SessionManager([vendor.profile("pandapon"), vendor.profile("xportcn_ka")]) as vendors:
        assert type(vendors.pandapon) is PandaPonSession
        assert type(vendors.xportcn_ka) is XportcnKaSession
        assert vendors["pandapon"] is vendors.pandapon
        assert vendors.get("xportcn_ka", XportcnKaSession) is vendors.xportcn_ka
        assert vendors.get("xportcn_ka", VendorSession) is vendors.xportcn_ka
        await vendors.pandapon.logistics.book_freight(booking("A"))
        await vendors.xportcn_ka.logistics.book_freight(booking("B"))
    assert vendor.ledger.bookings == {"A": 1, "B": 1}
    assert [record.vendor for record in vendor.ledger.requests] == ["pandapon", "xportcn_ka"]


async def test_several_accounts_of_one_kind_are_taken_by_name() -> None:
    profiles = [PANDA.evolve(name="shop-a"), PANDA.evolve(name="shop-b")]
    async with SessionManager(profiles) as vendors:
        assert vendors.get("shop-a", PandaPonSession).profile.name == "shop-a"
        assert list(vendors) == ["shop-a", "shop-b"]
        with pytest.raises(ConfigError, match="several PandaPonSessions: take one of 'shop-a', 'shop-b' by name"):
            _ = vendors.pandapon


async def test_an_account_of_another_kind_is_named() -> None:
    async with SessionManager([PANDA]) as vendors:
        with pytest.raises(ConfigError, match="there is no XportcnKaSession; there are 'pandapon'"):
            _ = vendors.xportcn_ka
        with pytest.raises(ConfigError, match="'pandapon' is a PandaPonSession, not a XportcnKaSession"):
            vendors.get("pandapon", XportcnKaSession)


def test_a_path_for_an_operation_that_does_not_exist_is_refused_before_it_is_opened() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'logistics.book_freight'\?") as caught:
        SessionManager([PANDA, PANDA.evolve(name="shop-b", paths={"logistics.bok_freight": "/a"})])
    assert caught.value.vendor == "shop-b"


async def test_an_unknown_name_gets_a_suggestion() -> None:
    async with SessionManager([PANDA, XPORT]) as vendors:
        with pytest.raises(ConfigError, match=r"did you mean 'pandapon'\?\); there are 'pandapon', 'xportcn_ka'"):
            _ = vendors["pandapom"]


async def test_a_kind_of_ones_own_gets_a_plain_session() -> None:
    async with SessionManager([PANDA.evolve(kind="other", name="other")]) as vendors:
        assert type(vendors["other"]) is VendorSession


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ([], "at least one profile"),
        ([PANDA, PANDA], "two profiles are named 'pandapon'"),
        ([PANDAPON], "no credentials"),
    ],
)
def test_profiles_that_cannot_work(profiles: list[VendorProfile], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SessionManager(profiles)


def test_a_manager_knows_its_accounts_before_it_is_open() -> None:
    manager = SessionManager([PANDA, XPORT])
    assert len(manager) == 2
    assert "pandapon" in manager
    assert "shop" not in manager
    assert repr(manager) == "<SessionManager of 'pandapon', 'xportcn_ka'>"


def test_a_manager_that_is_not_open_says_so() -> None:
    manager = SessionManager([PANDA])
    for use in (lambda: manager["pandapon"], lambda: manager.pandapon, lambda: list(manager)):
        with pytest.raises(ConfigError, match="isn't open: use `async with`"):
            use()


def test_with_explains_itself() -> None:
    with pytest.raises(TypeError, match="async with"), SessionManager([PANDA]):  # type: ignore[attr-defined]
        pass


async def test_open_and_close_without_a_block(vendor: FakeVendor) -> None:
    vendors = await SessionManager([vendor.profile("pandapon")]).open()
    session = vendors.pandapon
    assert await vendors.open() is vendors
    assert vendors.pandapon is session
    await session.call(estimate())
    await vendors.close()
    await vendors.close()
    with pytest.raises(ConfigError, match="closed"):
        await session.call(booking())
    with pytest.raises(ConfigError, match="isn't open"):
        _ = vendors.pandapon
    assert vendor.ledger.bookings == {}


async def test_a_manager_can_be_opened_again(vendor: FakeVendor) -> None:
    manager = SessionManager([vendor.profile("pandapon")])
    for name in "AB":
        async with manager as vendors:
            await vendors.pandapon.call(booking(name))
    assert vendor.ledger.bookings == {"A": 1, "B": 1}


class Trouble(Exception):
    """What a session raises in these tests when it is closed."""


@pytest.mark.parametrize("kind", [Trouble, KeyboardInterrupt])
async def test_one_that_fails_to_close_does_not_stop_the_others(vendor: FakeVendor, kind: type[BaseException]) -> None:
    profiles = [vendor.profile("pandapon", name=name) for name in ("a", "b", "c")]
    vendors = await SessionManager(profiles).open()
    sessions = [vendors[name] for name in ("a", "b", "c")]
    for session in sessions:
        await session.call(estimate())
    close = sessions[0].close

    async def fail() -> None:
        await close()
        raise kind

    sessions[0].close = fail  # type: ignore[method-assign]
    with pytest.raises(kind):
        await vendors.close()
    for session in sessions:
        with pytest.raises(ConfigError, match="closed"):
            await session.call(estimate())


async def test_options_reach_every_session(vendor: FakeVendor) -> None:
    seen: list[Any] = []
    profiles = [vendor.profile("pandapon"), vendor.profile("xportcn_ka")]
    async with SessionManager(profiles, on_attempt=lambda *told: seen.append(told)) as vendors:
        await vendors.pandapon.call(booking("A"))
        await vendors.xportcn_ka.call(booking("B"))
    assert [reference for _, reference, _ in seen] == ["A", "B"]


async def test_profiles_from_an_environment() -> None:
    environ = {
        "PANDAPON_ACCESS_KEY": "k1",
        "PANDAPON_ACCESS_SECRET": "s1",
        "PANDAPON_USER_ID": "u1",
        "PANDAPON_BASE_URL": "http://127.0.0.1:9",
    }
    async with SessionManager.from_env(environ) as vendors:
        assert list(vendors) == ["pandapon"]
        profile = vendors.pandapon.profile
        assert profile.base_url == "http://127.0.0.1:9"
        assert profile.credentials == Credentials(access_key="k1", access_secret="s1", user_id="u1")


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor_ in ("PANDAPON", "XPORTCN_KA"):
        for name in ("ACCESS_KEY", "ACCESS_SECRET", "USER_ID", "BASE_URL"):
            monkeypatch.delenv(f"{vendor_}_{name}", raising=False)
    with pytest.raises(ConfigError, match="no vendor has keys"):
        SessionManager.from_env()
    monkeypatch.setenv("XPORTCN_KA_ACCESS_KEY", "k")
    monkeypatch.setenv("XPORTCN_KA_ACCESS_SECRET", "s")
    assert "xportcn_ka" in SessionManager.from_env()


async def test_profiles_from_a_file(tmp_path: Path, vendor: FakeVendor) -> None:
    (tmp_path / "secret").write_text("fake-pandapon-secret\n")
    file = tmp_path / "vendors.toml"
    file.write_text(
        f"""
        [vendors.shop-a]
        kind = "pandapon"
        base_url = "{vendor.url}"
        access_key = "fake-pandapon-key"
        access_secret = "file:secret"

        [vendors.shop-b]
        kind = "xportcn_ka"
        base_url = "{vendor.url}/api"
        credentials = {{ access_key = "fake-xportcn_ka-key", access_secret = "fake-xportcn_ka-secret" }}
        """
    )
    async with SessionManager.from_toml(file) as vendors:
        await vendors.get("shop-a", PandaPonSession).logistics.book_freight(booking("A"))
        await vendors.xportcn_ka.logistics.book_freight(booking("B"))
    assert [record.problems for record in vendor.ledger.requests] == [(), ()]


async def test_the_services_that_every_vendor_has() -> None:
    async with SessionManager([PANDA, XPORT]) as vendors:
        for name in vendors:
            assert callable(vendors[name].logistics.book_freight)
            assert callable(vendors[name].addresses.save)
