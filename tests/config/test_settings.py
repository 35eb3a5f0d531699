"""The settings of a desk: where they are found, and what may stand in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pandapon_async import ConfigError
from pandapon_async._config.settings import FileSettings, Settings, find_settings, read_settings

ALL = """
journal = "data/all.db"
time_zone = "Asia/Shanghai"
not_booked_after = 600
preview_hours = 12
max_increase = 2.5
language = "zh_CN"
[files.shop]
columns = {"Order #" = "reference"}
keep = ["Cost centre"]
ignore_columns = true
text = ["itemId"]
encoding = "gb18030"
decimal = ","
sheet = "Orders"
constants = {"freightInfo.serviceId" = "2"}
by_country = {US = {"freightInfo.serviceId" = "3"}}
sku_table = "skus.csv"
"""


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pandapon.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_is_read_and_paths_are_relative_to_the_file(tmp_path: Path):
    path = written(tmp_path, ALL)
    assert read_settings(path) == Settings(
        path=path,
        journal=tmp_path / "data/all.db",
        time_zone="Asia/Shanghai",
        not_booked_after=600,
        preview_hours=12,
        max_increase=2.5,
        language="zh_CN",
        files={
            "shop": FileSettings(
                columns={"Order #": "reference"},
                keep=("Cost centre",),
                ignore_columns=True,
                text=("itemId",),
                encoding="gb18030",
                decimal=",",
                sheet="Orders",
                constants={"freightInfo.serviceId": "2"},
                by_country={"US": {"freightInfo.serviceId": "3"}},
                sku_table=tmp_path / "skus.csv",
            )
        },
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("jurnal = 'x'", "'jurnal' (did you mean 'journal'?)"),
        ("journal = 5", "journal: must be text"),
        ("journal = ''", "journal: must be text"),
        ("time_zone = 'Asia/Shangai'", "time_zone"),
        ("not_booked_after = -1", "not_booked_after: must be a number"),
        ("not_booked_after = true", "not_booked_after: must be a number"),
        ("preview_hours = nan", "preview_hours: must be a number"),
        ("max_increase = '5'", "max_increase: must be a number"),
        ("files = 5", "files: must be a table"),
        ("[files]\nshop = 5", "[files.shop]: must be a table"),
        ("[files.shop]\ncolums = {}", "[files.shop] has no field 'colums' (did you mean 'columns'?)"),
        ("[files.shop]\ncolumns = {a = 1}", "[files.shop]: columns.a: must be text"),
        ("[files.shop]\ndecimal = ';'", "[files.shop]: decimal"),
        ("[files.shop]\nkeep = 'a'", "[files.shop]: keep: must be a list"),
        ("[files.shop]\nkeep = [1]", "[files.shop]: keep: must be a list"),
        ("[files.shop]\nby_country = {US = 3}", "[files.shop]: US: must be a table"),
        ("journal = ", "pandapon.toml: "),
    ],
)
def test_what_is_unknown_or_wrong_is_named(tmp_path: Path, text: str, named: str):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_settings(path)
    assert str(path) in caught.value.message
    assert named in caught.value.message


def test_the_nearest_folder_above_goes_first_then_the_users_own(tmp_path: Path):
    own, shop = tmp_path / "own", tmp_path / "shop"
    environ = {"XDG_CONFIG_HOME": str(own), "APPDATA": str(own), "HOME": str(tmp_path)}
    (shop / "may").mkdir(parents=True)
    assert find_settings(shop / "may", environ) == Settings()
    if sys.platform != "darwin":
        users = written(own / "pandapon", "language = 'en'")
        assert find_settings(shop / "may", environ).path == users
    above = written(shop, "")
    assert find_settings(shop / "may", environ).path == above
    beside = written(shop / "may", "")
    assert find_settings(shop / "may", environ).path == beside


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG")
@pytest.mark.parametrize("given", [{}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "relative"}])
def test_without_a_usable_xdg_folder_it_is_dot_config(tmp_path: Path, given: dict[str, str]):
    path = written(tmp_path / "home" / ".config" / "pandapon", "")
    assert find_settings(tmp_path / "elsewhere", {"HOME": str(tmp_path / "home"), **given}).path == path


def test_without_a_home_there_are_no_settings(tmp_path: Path):
    assert find_settings(tmp_path, {}) == Settings()


def test_a_relative_start_is_looked_up_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = written(tmp_path, "")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert find_settings(Path(), {}).path == path


def test_a_file_with_a_journal_s_url_is_relative_to_the_settings(tmp_path: Path):
    path = written(tmp_path, 'journal = "file:url.txt"')
    assert read_settings(path).journal == f"file:{tmp_path / 'url.txt'}"
    assert read_settings(written(tmp_path, 'journal = "env:URL"')).journal == "env:URL"


@pytest.mark.skipif(os.name != "posix", reason="names may be longer elsewhere")
def test_settings_that_can_not_be_looked_for_are_no_settings_that_are_missing(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"pandapon\.toml: can't be read: File name too long"):
        find_settings(tmp_path / ("a" * 300), {})


@pytest.mark.skipif(os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_settings_that_can_not_be_read_are_no_settings_that_are_missing(tmp_path: Path):
    written(tmp_path, "").chmod(0)
    with pytest.raises(ConfigError, match="can't be read"):
        find_settings(tmp_path, {})
