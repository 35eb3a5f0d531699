"""The catalogue of what clerks read."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from pandapon_async import ConfigError
from pandapon_async._cli.reasons import plain_text, reason_of
from pandapon_async._cli.sentences import FRAGMENTS, SENTENCES
from pandapon_async._cli.texts import TEXTS
from pandapon_async._cli.words import FOLDER, Words, read_po, words_of
from pandapon_async._errors import NotSentError, PandaponError
from pandapon_async._files.findings import CHECKS
from pandapon_async._journal.rows import STATES

from .conftest import Pandapon
from .sentences import VALUE, all_texts, bare, refusals

CONTEXTS = (*SENTENCES, *FRAGMENTS)
LANGUAGES = sorted(FOLDER.glob("*.po"))


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def entries(path: Path) -> dict[tuple[str, str], str]:
    return dict(read_po(path.read_text("utf-8")))


def has_words(text: str) -> bool:
    return re.search("[a-z]{3}", text.replace(VALUE, "")) is not None


def templates(path: Path, *contexts: str) -> set[str]:
    return {bare(english) for context, english in entries(path) if context in contexts}


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_language_has_every_text_as_it_is_now(path: Path):
    assert {entry for entry in entries(path) if entry[0] not in CONTEXTS} == set(TEXTS.items())


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_language_has_every_sentence_by_which_something_is_refused(path: Path):
    known = templates(path, "sentence", "fragment")
    assert [f"{where}: {text}" for where, text in refusals() if text not in known and has_words(text)] == []


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_sentence_in_a_language_is_one_that_the_source_still_says(path: Path):
    said = all_texts()
    assert templates(path, "sentence") - said == set()
    assert [part for part in templates(path, "fragment") if not any(part in text for text in said)] == []


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_translation_names_the_same_values(path: Path):
    differing = {text for (_, english), text in entries(path).items() if values_in(english) != values_in(text)}
    assert differing == set()


def test_a_thing_has_one_word_in_chinese():
    older = re.compile("预订|预定|日志|账簿")  # 下单 and 订单, 账本
    assert [text for text in entries(FOLDER / "zh_CN.po").values() if older.search(text)] == []


def test_every_finding_and_every_state_has_a_text():
    chinese = words_of("zh_CN")
    codes = [*(f"row.{code}" for code in CHECKS), *(f"state.{state}" for state in STATES)]
    assert [code for code in codes if code not in TEXTS or (code, TEXTS[code]) not in chinese.table] == []


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "已下单"),
        ({"LANG": "zh_TW"}, "已下单"),
        ({"LANGUAGE": "en:zh_CN", "LANG": "zh_CN.UTF-8"}, "booked"),
        ({"LANGUAGE": "xx:zh_CN"}, "已下单"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "booked"),
        ({"LANG": "xx_YY"}, "booked"),
        ({}, "booked"),
    ],
)
def test_the_language_is_the_systems(environ: dict[str, str], text: str):
    assert words_of(None, environ=environ)("state.done") == text


def test_a_language_that_was_named_and_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match="zh_CN"):
        words_of("zz")


def test_another_language_is_a_file(tmp_path: Path):
    (tmp_path / "de.po").write_text('msgctxt "state.done"\nmsgid "booked"\nmsgstr "ge"\n"bucht"\n', encoding="utf-8")
    words = words_of("de.po", tmp_path)
    assert words("state.done") == "gebucht"
    assert words("state.void") == "cancelled"


def test_an_outdated_or_uncertain_translation_is_not_used(tmp_path: Path):
    text = 'msgctxt "state.done"\nmsgid "made"\nmsgstr "x"\n\n#, fuzzy\nmsgctxt "state.void"\nmsgid "cancelled"\nmsgstr "y"\n'
    (tmp_path / "xx.po").write_text(text, encoding="utf-8")
    words = words_of("xx.po", tmp_path)
    assert (words("state.done"), words("state.void")) == ("booked", "cancelled")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"hello", b'msgid "open'])
def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "xx.po").write_bytes(content)
    with pytest.raises(ConfigError, match=r"xx\.po"):
        words_of("xx.po", tmp_path)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ApiError: no such render id", "no such render id"),
        ("no connection could be made, ClientConnectorError", "no connection could be made"),
        ("reconcile raised KeyError: 'x'", "a fault in the program itself"),
        ("KeyError", "a fault in the program itself"),
        ("expected text, not NoneType", "a fault in the program itself"),
        ("the spend limit of 600 USD is reached", "the spend limit of 600 USD is reached"),
    ],
)
def test_pythons_own_words_are_left_out(text: str, plain: str):
    assert plain_text(text, Words()) == plain


def test_a_reason_is_told_in_words():
    chinese = words_of("zh_CN")
    assert reason_of(NotSentError("x"), chinese) == "无法连接供应商"
    assert reason_of(ZeroDivisionError("x"), Words()) == "a fault in the program itself"
    assert reason_of(PandaponError("the job was left before it was sent"), Words()).startswith("the run was ended")


def test_a_fault_of_ours_is_told_without_a_traceback(
    pandapon: Pandapon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def broken(config: object) -> None:
        raise ZeroDivisionError("SECRET".lower())

    monkeypatch.setattr("pandapon_async._cli.doctor.load_profiles", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = pandapon("doctor")
    assert result.exit_code == 1
    assert "a fault in the program itself" in result.stderr
    assert not any(word in result.stderr for word in ("Traceback", "ZeroDivisionError", "secret"))
    (details,) = tmp_path.glob("pandapon-fault-*")
    assert details.stat().st_mode & 0o077 == 0
    text = details.read_text()
    assert "ZeroDivisionError" in text
    assert "secret" not in text


def test_a_file_that_is_refused_is_refused_in_the_clerks_language(
    pandapon: Pandapon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    (tmp_path / "orders.csv").write_bytes(b"%PDF-1.7")
    (tmp_path / "more.csv").write_text("reference,country,Foo\n1,US,x\n", encoding="utf-8")
    files = ("orders.csv", "more.csv", "none.csv")
    told = [pandapon("book", str(tmp_path / name), "--journal", str(tmp_path / "b.db")).stderr for name in files]
    assert [text.partition(f"{name}: ")[2].strip() for name, text in zip(files, told, strict=True)] == [
        "是另一种文件（PDF），无论文件名是什么：请把表格另存为 xlsx 或 CSV",
        "第 1 行，Foo 列：是未知的列。属于系统的列请用 --map 对应，自己要保留的用 --keep，其余的用 --ignore-columns 跳过",
        "不存在",
    ]
