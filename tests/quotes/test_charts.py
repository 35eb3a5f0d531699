"""Charts: what is drawn can be read, in the letters of the destinations. How it looks was looked at; here is what must hold."""

from __future__ import annotations

import base64
import io
import logging
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import ConfigError, QuoteTable, RequestError
from pandapon_async._quotes import charts, fonts
from tests.support import estimate

from .support import places, quote

SVG = "{http://www.w3.org/2000/svg}"


def table(destinations: int, *, items: int = 1, currency: str = "USD") -> QuoteTable:
    """Two services of two vendors to each destination, dearer from one to the next."""
    return QuoteTable(
        quote(
            f"{10 + index + 3 * number + item + (vendor == 'xportcn_ka')} {currency}",
            index=index,
            vendor=vendor,
            number=number,
            company="顺丰" if number else "UCS",
            category="EXPRESS",
            request=estimate(receiver_address=place, item_id=str(item)),
        )
        for item in range(items)
        for index, place in enumerate(places(destinations))
        for vendor in ("pandapon", "xportcn_ka")
        for number in range(2)
    )


def texts(path: Path) -> list[str]:
    """The texts of an SVG."""
    return ["".join(found.itertext()) for found in ET.parse(path).iter(f"{SVG}text")]


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


@pytest.mark.parametrize("destinations", [2, 12, 60])
def test_an_svg_holds_every_destination_and_its_cheapest_service_as_text(tmp_path: Path, destinations: int) -> None:
    path = tmp_path / "chart.svg"
    assert table(destinations).write_chart(path) == ()
    shown = " ".join(texts(path))
    assert all(row.address.city.split(",")[0] in shown for row in table(destinations).rows if row.address)  # type: ignore[union-attr]
    assert "freight, USD" in shown
    assert "10.00 pandapon · UCS EXPRESS (1)" in re.sub(" +", " ", shown)
    assert "xportcn_ka · 顺丰 EXPRESS (1)" in shown


@pytest.mark.parametrize("destinations", [2, 60])
def test_a_png_grows_with_its_rows(tmp_path: Path, destinations: int) -> None:
    path = tmp_path / "chart.png"
    assert table(destinations).write_chart(path) == ()
    width, height = size(path)
    assert 1400 < width < 1700
    assert 50 * destinations < height < 50 * destinations + 450  # a row is tall enough for two lines of text


def test_the_same_table_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        table(3).write_chart(tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_several_goods_are_drawn_as_median_and_range(tmp_path: Path) -> None:
    table(2, items=5).write_chart(tmp_path / "chart.svg", title="四月 · Tháng tư")
    shown = texts(tmp_path / "chart.svg")
    assert "四月 · Tháng tư" in shown
    assert any("median of 5 goods" in text for text in shown)


def test_currencies_get_a_panel_each_unless_there_is_a_rate(tmp_path: Path) -> None:
    both = QuoteTable([*table(2).rows, *table(2, currency="CNY").rows])
    both.write_chart(tmp_path / "apart.svg")
    both.write_chart(tmp_path / "together.svg", rates={"USD/CNY": 7})
    apart, together = (" ".join(texts(tmp_path / name)) for name in ("apart.svg", "together.svg"))
    assert "freight, USD" in apart
    assert "freight, CNY" in apart
    assert "freight, CNY" not in together


def test_a_destination_without_a_price_is_in_the_chart(tmp_path: Path) -> None:
    rows = [*table(2).rows, quote(index=9, request=estimate(receiver_address=places(3)[2]))]
    QuoteTable(rows).write_chart(tmp_path / "chart.svg")
    shown = texts(tmp_path / "chart.svg")
    assert "CN 广东省 深圳市 518000" in shown
    assert "no price" in shown


def test_too_many_destinations_are_cut_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "MAX_DESTINATIONS", 3)
    (notice,) = table(10).write_chart(tmp_path / "chart.svg")
    assert sum("pandapon ·" in text and "." in text for text in texts(tmp_path / "chart.svg")) == 3
    assert notice == "7 more expensive destinations are not in the chart"


def test_text_that_means_something_in_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    rows = [quote("1 USD", company="<b>&$x^2$", category="%")]
    QuoteTable(rows).write_chart(tmp_path / "chart.svg", title="A & <B> $5 to $9")
    shown = texts(tmp_path / "chart.svg")
    assert "A & <B> $5 to $9" in shown
    assert any("<b>&$x^2$ % (1)" in text for text in shown)


# --- fonts ---


def test_an_svg_brings_the_east_asian_letters_that_it_needs_along(tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    table(6).write_chart(tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    (data,) = re.findall(r"url\(data:font/woff;base64,([^)]*)\)", text)
    font = TTFont(io.BytesIO(base64.b64decode(data)))
    assert {ord(letter) for letter in "广东省臺灣東京都서울顺丰"} <= font.getBestCmap().keys()
    assert len(data) < 20_000
    assert "font-family: 'chart labels', 'DejaVu Sans'" in text


def test_an_svg_without_such_letters_brings_none(tmp_path: Path) -> None:
    QuoteTable([quote("1 USD", company="UCS")]).write_chart(tmp_path / "chart.svg")
    assert "@font-face" not in (tmp_path / "chart.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["Quận 1, Phường Bến Nghé, Thành phố Hồ Chí Minh", "广东省深圳市", "臺灣高雄市", "東京都", "서울특별시"]
)
def test_installed_fonts_have_the_letters(text: str) -> None:
    assert fonts.fonts_for(text).missing == ""


def test_letters_that_no_font_has_are_named_for_a_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candidates: Any = fonts._candidates
    monkeypatch.setattr(fonts, "_candidates", lambda manager: [next(candidates(manager))])
    rows = [quote("1 USD", company="顺丰")]
    (notice,) = QuoteTable(rows).write_chart(tmp_path / "chart.png")
    assert notice.startswith("no installed font has the characters 丰顺: a PNG shows them as boxes. Install a font")
    assert QuoteTable(rows).write_chart(tmp_path / "chart.svg") == ()


def test_without_the_extras_font_an_svg_names_the_usual_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_packaged", lambda: None)
    table(3).write_chart(tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert "@font-face" not in text
    assert "'Microsoft YaHei'" in text
    assert "'PingFang SC'" in text


def test_drawing_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        table(12).write_chart(tmp_path / "chart.svg")
        table(12).write_chart(tmp_path / "chart.png")
    assert caplog.records == []


# --- what can't be drawn ---


def test_another_ending_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"must end in \.svg or \.png, not '\.jpg'"):
        table(2).write_chart(tmp_path / "chart.jpg")
    assert list(tmp_path.iterdir()) == []


def test_no_price_is_no_chart(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no price to draw"):
        QuoteTable([quote()]).write_chart(tmp_path / "chart.svg")


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'pandapon-async\[charts\]'"):
        table(2).write_chart(tmp_path / "chart.svg")
