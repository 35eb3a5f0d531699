"""The public names: all there, looked up late, and the same for type checkers as at run time."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pandapon_async
from pandapon_async import push, testing
from tests import public_names

PROMISED = re.findall(
    r"\w+",
    """
    SessionManager VendorSession PandaPonSession XportcnKaSession
    VendorProfile Credentials Limits Timeouts RetryPolicy Signer Clock PANDAPON XPORTCN_KA
    Operation Effect Evidence VendorRequest Reply Outcome
    WriteJob BookingJob Stop Journal NOT_BOOKED QuoteSweep Quote QuoteTable to_wire from_wire
    PandaponError ConfigError RequestError LimitExceededError NotSentError OutcomeUnknownError DeadlineExceededError
    ConnectionLostError HttpStatusError DecodeError ApiError AuthError RateLimitedError JournalError
    MessageRejectedError open_message message_route
    """,
)
LOGISTICS = re.findall(
    r"\w+",
    """
    FreightBookingRequest FreightBooking FreightPreviewRequest FreightPreview FreightEstimateRequest FreightEstimate
    DomesticShipmentUpdate ReceiverAddress BookingItem RenderItem FreightInfo TmallOrderInfo Money
    """,
)
HEAVY = ["aiohttp", "cattrs", "attrs", "backoff", "orjson", "yarl", "ssl", "click", "rich", "asyncio", "matplotlib"]


def fresh(code: str) -> Any:
    """What a fresh interpreter prints, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def for_type_checkers(module: Any) -> dict[str, str]:
    """Name -> module, as the block under TYPE_CHECKING says."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    package = module.__name__
    return {
        alias.name: importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_name_is_there(name: str):
    namespace: dict[str, Any] = {}
    exec(f"from pandapon_async import {name}", namespace)
    assert namespace[name] is getattr(pandapon_async, name)
    assert name in pandapon_async.__all__


@pytest.mark.parametrize("name", LOGISTICS)
def test_a_promised_name_of_logistics_is_there(name: str):
    assert hasattr(importlib.import_module("pandapon_async.api.logistics"), name)


@pytest.mark.parametrize("name", ["FakeVendor", "Faults"])
def test_a_promised_name_for_tests_is_there(name: str):
    assert getattr(testing, name).__name__ == name


def test_type_checkers_let_users_import_money_from_logistics():
    module = importlib.import_module("pandapon_async.api.logistics")
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert "Money" in getattr(module, "__all__", ()) or "Money" in [alias.asname for alias in imported]


@pytest.mark.parametrize("module", [pandapon_async, testing, push], ids=lambda module: module.__name__)
def test_all_is_what_exists(module: Any):
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))


def test_a_star_import_gives_all():
    namespace: dict[str, Any] = {}
    exec("from pandapon_async import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(pandapon_async.__all__)


@pytest.mark.parametrize("module", [pandapon_async, testing, push], ids=lambda module: module.__name__)
def test_type_checkers_see_the_same_names(module: Any):
    assert set(for_type_checkers(module)) == set(module.__all__) - {"__version__"}


@pytest.mark.parametrize("module", [pandapon_async, testing, push], ids=lambda module: module.__name__)
def test_type_checkers_see_the_same_objects(module: Any):
    for name, home in for_type_checkers(module).items():
        assert getattr(importlib.import_module(home), name) is getattr(module, name)


@pytest.mark.parametrize("module", [pandapon_async, testing, push], ids=lambda module: module.__name__)
def test_an_unknown_name_is_an_attribute_error(module: Any):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'BookinJob'"):
        module.BookinJob  # noqa: B018
    assert not hasattr(module, "_private")


def test_importing_the_package_loads_nothing_heavy():
    loaded = fresh(f"import sys, json, pandapon_async; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))")
    assert loaded == []


def test_importing_the_package_loads_no_other_part_of_it():
    loaded = fresh("import sys, json, pandapon_async; print(json.dumps([n for n in sys.modules if 'pandapon' in n]))")
    assert sorted(loaded) == ["pandapon_async", "pandapon_async._lazy", "pandapon_async._version"]


def test_a_name_is_loaded_on_first_use_and_kept():
    before, after, kept = fresh(
        "import sys, json, pandapon_async as p; before = 'pandapon_async._errors' in sys.modules; "
        "error = p.ApiError; after = 'pandapon_async._errors' in sys.modules; "
        "print(json.dumps([before, after, vars(p)['ApiError'] is error]))"
    )
    assert (before, after, kept) == (False, True, True)


def test_the_ground_floor_needs_no_socket():
    """Rule of the house: models, codec, profiles, signing, errors know nothing of aiohttp."""
    loaded = fresh(
        "import sys, json, pandapon_async as p; p.from_wire, p.PANDAPON, p.ApiError, p.Operation; "
        "import pandapon_async.api.logistics, pandapon_async._calls.envelope, pandapon_async._calls.retry, pandapon_async._calls.limiter; "
        "print(json.dumps('aiohttp' in sys.modules))"
    )
    assert loaded is False


def test_every_name_is_found_in_a_fresh_interpreter():
    missing = fresh(
        "import json, pandapon_async as p; print(json.dumps([n for n in p.__all__ if getattr(p, n, None) is None]))"
    )
    assert missing == []


def test_the_version_is_a_version():
    assert [part.isdigit() for part in pandapon_async.__version__.split(".")[:2]] == [True, True]


def test_the_public_names_are_those_that_are_listed():
    listed = public_names.FILE.read_text(encoding="utf-8").splitlines()
    found = public_names.public_names()
    assert sorted(set(found) - set(listed)) == [], "new: python -m tests.public_names"
    assert sorted(set(listed) - set(found)) == [], "gone: python -m tests.public_names"
