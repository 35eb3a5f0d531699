"""What can be wrong with one cell: what spreadsheets, exports and encodings do to it.

A cell of an id column must be what somebody typed; a cell of any column must be a value at all. The usual cell passes one
regular expression.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from .._models.jsonio import JsonError, loads
from .encodings import NUL
from .findings import CHECKS

CellKind = Literal["id", "text", "lines", "whole", "decimal", "json"]
"""What a column holds: an id, text of one line, text of several, a whole number, a number, JSON (a list, true or false)."""

BLANKS: Final = " \t\r\n\u00a0\u3000"
_NOTHING: Final = r"(?i:null|none|nan|nat|undefined|n/a)"
_MONTHS: Final = "Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Sept|Oct|Okt|Nov|Dec|Dez"
_DAY: Final = (
    rf"(?:[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}|[0-9]{{1,2}}-(?:{_MONTHS})(?:-[0-9]{{2,4}})?|(?:{_MONTHS})-[0-9]{{2}})"
)
_USUAL_TEXT = re.compile(
    rf"(?!Err|{_NOTHING}\Z)[A-Za-z][A-Za-z0-9 ,.&()/-]*|[0-9]{1, 18}|[0-9]+[a-zA-Z]? [A-Za-z][A-Za-z0-9 ,.-]*"
)
USUAL: Final[Mapping[str, re.Pattern[str]]] = {
    "id": re.compile(rf"(?![0-9]+[eE][0-9]+\Z|{_NOTHING}\Z|{_DAY}\Z|-+\Z|(?i:sum|total|summe|gesamt)\Z)[A-Za-z0-9_-]+"),
    "text": _USUAL_TEXT,
    "lines": _USUAL_TEXT,
    "whole": re.compile(r"[1-9][0-9]{0,8}"),
}
"""What most cells are, by what their column holds: nothing is wrong with them."""

_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_ERROR_SHAPE = re.compile(
    r"#[^\W\d]\S{0,30}[!?]|#[¡¿]\S{1,30}[!?]|#DIV/0[!?]|#{3,}|(?:Err|Fehler|Erreur|Errore|Error|错误)\s?[:：]\s?\d{3}",
    re.I,
)
_ERROR_WORDS: Final = frozenset(
    word.casefold()
    for word in (
        *(
            "#N/A",
            "#NV",
            "#N/D",
            "#N.D.",
            "#ND",
            "#N/B",
            "#N/V",
            "#Н/Д",
            "#НД",
            "#I/T",
            "#BRAK",
            "#YOK",
            "#HIÁNYZIK",
            "#SAKNAS",
        ),
        *(
            "#PUUTTUU",
            "#E/T",
            "#NENÍ_K_DISPOZICI",
            "#NEDOSTUPNÝ",
            "#GETTING_DATA",
            "#Μ/Δ",
            "#Δ/Υ",
            "#UKJENT",
            "#IK",
            "#I/R",
        ),
        *("#NEJSOU_K_DISPOZICI", "#该值不可用"),
    )
)
_FORMULA = re.compile(r"[=＝]")
_APOSTROPHES: Final = "'’‘`´"
_APOSTROPHE = re.compile(rf"[{_APOSTROPHES}][0-9+=@-].*")
_DECIMALS = re.compile(r"[+-]?[0-9]+[.,]0+")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:([.,'’ \u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*(?:[.,]0+)?")
_LOST = re.compile("\ufffd|锟斤拷|\u00ef\u00bf\u00bd|\u00ef\u00bb\u00bf|[├┬]\\S")
_PLAUSIBLE = re.compile("[\u00a0-\u017f\u0370-\u04ff\u2010-\u203a\u20ac\u2122\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
_QUESTION = re.compile(r"[?？]{2}|\w[?？]\w")
_ESCAPED = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
_PLACEHOLDER = re.compile(rf"{_NOTHING}|-+|<NA>|\(null\)|\\N")
_SUM = re.compile(r"(?i:sum|total|summe|gesamt|grand total|subtotal)|合计|总计|小计", re.I)
_DATE = re.compile(
    rf"{_DAY}|[0-9]{{4}}/[0-9]{{1,2}}/[0-9]{{1,2}}|[0-9]{{1,2}}([./])[0-9]{{1,2}}\1[0-9]{{2,4}}|[0-9]{{1,2}}月[0-9]{{1,2}}日"
)
_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_MARKUP = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]+);|<br\s*/?>", re.I)
_SEPARATOR = re.compile(r"[,;|\"{}\[\]]")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_POINT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?")
_DOUBTFUL = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")


def damage(text: str, kind: CellKind, *, meant: bool = False) -> str | None:
    """The code of what is wrong with a cell that isn't empty, or None.

    Args:
        text: the cell, without blanks at its ends.
        kind: what its column holds.
        meant: what looks like damage by a spreadsheet is meant; lost characters never are.
    """
    usual = USUAL.get(kind)
    if usual is not None and usual.fullmatch(text):
        return None
    if not text.isascii() or not text.isprintable():
        code = _characters(text, kind)
        if code is not None:
            return code
    if meant:
        return None
    if kind == "whole" or kind == "decimal":
        return None if _error_word(text) is None else "error-word"
    return _altered(text, kind)


def _characters(text: str, kind: CellKind) -> str | None:
    if NUL not in text and _ESCAPED.search(text):
        return "not-text"
    if NUL in text or _CONTROL.search(text):
        return "control-character"
    if _LOST.search(text) or _is_mojibake(text):
        return "lost-characters"
    if kind in ("text", "lines"):
        return None
    if _INVISIBLE.search(text):
        return "invisible"
    return "full-width" if _FULL_WIDTH.search(text) else None


def _is_mojibake(text: str) -> bool:
    """Whether it is UTF-8 that was read as a Western or Chinese code page, or Chinese that was read as a Western one."""
    for part in re.findall(r"[\u0080-\u017f\u0192\u02c6\u02dc\u2010-\u2122]{2,}", text):
        if any(_reads_as(part, code_page, "utf-8") for code_page in ("cp1252", "latin-1")):
            return True
    if any(_reads_as(part, "latin-1", "gb2312") for part in re.findall(r"[\u00a1-\u00ff]{4,}", text)):
        return True
    for part in re.findall(r"[\u4e00-\u9fff\ue000-\uf8ff\u20ac]{3,}", text):
        if _reads_as(part[: len(part) // 3 * 3], "gb18030", "utf-8"):
            return True
    return False


def _reads_as(text: str, code_page: str, real: str) -> bool:
    """Whether the bytes that a code page makes of a text are a plausible text in the real encoding."""
    try:
        read = text.encode(code_page).decode(real)
    except UnicodeError:
        return False
    return all(_PLAUSIBLE.match(char) for char in read)


def _error_word(text: str) -> str | None:
    return text if _ERROR_SHAPE.fullmatch(text) or text.casefold() in _ERROR_WORDS else None


def _altered(text: str, kind: CellKind) -> str | None:
    if _error_word(text):
        return "error-word"
    if _FORMULA.match(text):
        return "formula"
    if _APOSTROPHE.fullmatch(text) or (kind == "id" and text[0] in _APOSTROPHES):
        return "apostrophe"
    if _SCIENTIFIC.fullmatch(text):
        return "scientific"
    if _DECIMALS.fullmatch(text):
        return "decimals"
    if _GROUPED.fullmatch(text):
        return "grouped"
    if kind == "id" and _DATE.fullmatch(text):
        return "date"
    if _PLACEHOLDER.fullmatch(text) or (kind == "id" and _SUM.fullmatch(text)):
        return "placeholder"
    if _MARKUP.search(text):
        return "markup"
    if kind == "id" and any(char.isspace() for char in text):
        return "blank-inside"
    if kind == "id" and _SEPARATOR.search(text):
        return "separator-inside"
    if kind == "text" and "\n" in text.replace("\r", "\n"):
        return "line-break"
    if _QUESTION.search(text) and "://" not in text:
        return "question-marks"
    return None


def is_damaged(cell: str) -> bool:
    """Whether a cell is a number in scientific notation (``2.04E+15``), or a spreadsheet's own error value."""
    text = cell.strip()
    return _SCIENTIFIC.fullmatch(text) is not None or _error_word(text) is not None


def whole_of(text: str) -> int | str:
    """A whole number, or the code of why it is none."""
    return int(text) if _WHOLE.fullmatch(text) else "whole-number"


def decimal_of(text: str, sign: str, *, meant: bool = False) -> Decimal | str:
    """A number with that decimal sign, or the code of why it is none; three decimals are told from thousands by nobody."""
    if not (_COMMA if sign == "," else _POINT).fullmatch(text):
        return "number"
    if sign == "." and not meant and _DOUBTFUL.fullmatch(text):
        return "thousands"
    return Decimal(text.replace(",", "."))


def trimmed(cell: str) -> str:
    """A cell without blanks at its ends, as the journal takes references."""
    return cell.strip(BLANKS)


def without_zero_width(text: str) -> str:
    """A header's cell as it is seen."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def value_of(text: str, kind: CellKind, sign: str, *, meant: bool) -> tuple[Any, str | None]:
    """A cell's value for the wire, and the code of what is found; the value is None if it can't be sent."""
    code = damage(text, kind, meant=meant)
    if code is not None and CHECKS[code].kind == "wrong":
        return None, code
    if kind == "whole":
        read: Any = whole_of(text)
    elif kind == "decimal":
        read = decimal_of(text, sign, meant=meant)
        if read == "thousands":
            return text, read
        return (None, read) if isinstance(read, str) else (str(read), None)
    elif kind == "json":
        read = json_of(text)
    else:
        return text, code
    return (None, read) if isinstance(read, str) else (read, None)


def json_of(text: str) -> Any:
    """A cell of JSON as its value; a code if it is none: text alone is none either."""
    try:
        value = loads(text.encode(), unique_keys=True)
    except (JsonError, UnicodeError):
        return "json"
    return "json" if isinstance(value, str) else value
