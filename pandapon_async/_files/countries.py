"""The countries that a booking can name: their two-letter codes (ISO 3166-1), and their names in English, German and Chinese."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping
from typing import Final

_ZIP_DIGITS: Final = {
    "US": 5,
    "PR": 5,
    "DE": 5,
    "FR": 5,
    "IT": 5,
    "ES": 5,
    "MX": 5,
    "CN": 6,
    "RO": 6,
    "SG": 6,
    "AU": 4,
    "JP": 7,
    "BR": 8,
}
"""How many digits a zip has where it may begin with a zero, which spreadsheets drop."""

_NAMES: Final = """\
AD Andorra|安道尔
AE United Arab Emirates|Vereinigte Arabische Emirate|阿拉伯联合酋长国|UAE
AF Afghanistan|阿富汗
AG Antigua & Barbuda|Antigua und Barbuda|安提瓜和巴布达
AI Anguilla|安圭拉
AL Albania|Albanien|阿尔巴尼亚
AM Armenia|Armenien|亚美尼亚
AO Angola|安哥拉
AQ Antarctica|Antarktis|南极洲
AR Argentina|Argentinien|阿根廷
AS American Samoa|Amerikanisch-Samoa|美属萨摩亚
AT Austria|Österreich|奥地利
AU Australia|Australien|澳大利亚
AW Aruba|阿鲁巴
AX Åland Islands|Ålandinseln|奥兰群岛
AZ Azerbaijan|Aserbaidschan|阿塞拜疆
BA Bosnia & Herzegovina|Bosnien und Herzegowina|波斯尼亚和黑塞哥维那|Bosnia and Herzegovina
BB Barbados|巴巴多斯
BD Bangladesh|Bangladesch|孟加拉国
BE Belgium|Belgien|比利时
BF Burkina Faso|布基纳法索
BG Bulgaria|Bulgarien|保加利亚
BH Bahrain|巴林
BI Burundi|布隆迪
BJ Benin|贝宁
BL St. Barthélemy|圣巴泰勒米
BM Bermuda|百慕大
BN Brunei|Brunei Darussalam|文莱
BO Bolivia|Bolivien|玻利维亚
BQ Caribbean Netherlands|Karibische Niederlande|荷属加勒比区
BR Brazil|Brasilien|巴西
BS Bahamas|巴哈马
BT Bhutan|不丹
BV Bouvet Island|Bouvetinsel|布韦岛
BW Botswana|Botsuana|博茨瓦纳
BY Belarus|白俄罗斯
BZ Belize|伯利兹
CA Canada|Kanada|加拿大
CC Cocos (Keeling) Islands|Kokosinseln|科科斯（基林）群岛
CD Congo - Kinshasa|Kongo-Kinshasa|刚果（金）
CF Central African Republic|Zentralafrikanische Republik|中非共和国
CG Congo - Brazzaville|Kongo-Brazzaville|刚果（布）
CH Switzerland|Schweiz|瑞士
CI Côte d'Ivoire|科特迪瓦|Ivory Coast|Elfenbeinküste
CK Cook Islands|Cookinseln|库克群岛
CL Chile|智利
CM Cameroon|Kamerun|喀麦隆
CN China|中国|People's Republic of China|PRC|中华人民共和国
CO Colombia|Kolumbien|哥伦比亚
CR Costa Rica|哥斯达黎加
CU Cuba|Kuba|古巴
CV Cape Verde|Cabo Verde|佛得角
CW Curaçao|库拉索
CX Christmas Island|Weihnachtsinsel|圣诞岛
CY Cyprus|Zypern|塞浦路斯
CZ Czechia|Tschechien|捷克|Czech Republic|Tschechische Republik
DE Germany|Deutschland|德国|BRD
DJ Djibouti|Dschibuti|吉布提
DK Denmark|Dänemark|丹麦
DM Dominica|多米尼克
DO Dominican Republic|Dominikanische Republik|多米尼加共和国
DZ Algeria|Algerien|阿尔及利亚
EC Ecuador|厄瓜多尔
EE Estonia|Estland|爱沙尼亚
EG Egypt|Ägypten|埃及
EH Western Sahara|Westsahara|西撒哈拉
ER Eritrea|厄立特里亚
ES Spain|Spanien|西班牙
ET Ethiopia|Äthiopien|埃塞俄比亚
FI Finland|Finnland|芬兰
FJ Fiji|Fidschi|斐济
FK Falkland Islands|Falklandinseln|福克兰群岛
FM Micronesia|Mikronesien|密克罗尼西亚
FO Faroe Islands|Färöer|法罗群岛
FR France|Frankreich|法国
GA Gabon|Gabun|加蓬
GB United Kingdom|Vereinigtes Königreich|英国|UK|U.K.|Great Britain|Großbritannien
GD Grenada|格林纳达
GE Georgia|Georgien|格鲁吉亚
GF French Guiana|Französisch-Guayana|法属圭亚那
GG Guernsey|根西岛
GH Ghana|加纳
GI Gibraltar|直布罗陀
GL Greenland|Grönland|格陵兰
GM Gambia|冈比亚
GN Guinea|几内亚
GP Guadeloupe|瓜德罗普
GQ Equatorial Guinea|Äquatorialguinea|赤道几内亚
GR Greece|Griechenland|希腊
GS South Georgia & South Sandwich Islands|Südgeorgien und die Südlichen Sandwichinseln|南乔治亚和南桑威奇群岛
GT Guatemala|危地马拉
GU Guam|关岛
GW Guinea-Bissau|几内亚比绍
GY Guyana|圭亚那
HK Hong Kong SAR China|Sonderverwaltungsregion Hongkong|中国香港特别行政区|Hong Kong|Hongkong|香港
HM Heard & McDonald Islands|Heard und McDonaldinseln|赫德岛和麦克唐纳群岛
HN Honduras|洪都拉斯
HR Croatia|Kroatien|克罗地亚
HT Haiti|海地
HU Hungary|Ungarn|匈牙利
ID Indonesia|Indonesien|印度尼西亚
IE Ireland|Irland|爱尔兰
IL Israel|以色列
IM Isle of Man|马恩岛
IN India|Indien|印度
IO British Indian Ocean Territory|Britisches Territorium im Indischen Ozean|英属印度洋领地
IQ Iraq|Irak|伊拉克
IR Iran|伊朗
IS Iceland|Island|冰岛
IT Italy|Italien|意大利
JE Jersey|泽西岛
JM Jamaica|Jamaika|牙买加
JO Jordan|Jordanien|约旦
JP Japan|日本
KE Kenya|Kenia|肯尼亚
KG Kyrgyzstan|Kirgisistan|吉尔吉斯斯坦
KH Cambodia|Kambodscha|柬埔寨
KI Kiribati|基里巴斯
KM Comoros|Komoren|科摩罗
KN St. Kitts & Nevis|St. Kitts und Nevis|圣基茨和尼维斯
KP North Korea|Nordkorea|朝鲜
KR South Korea|Südkorea|韩国|Republic of Korea|Korea (South)|大韩民国
KW Kuwait|科威特
KY Cayman Islands|Kaimaninseln|开曼群岛
KZ Kazakhstan|Kasachstan|哈萨克斯坦
LA Laos|老挝
LB Lebanon|Libanon|黎巴嫩
LC St. Lucia|圣卢西亚
LI Liechtenstein|列支敦士登
LK Sri Lanka|斯里兰卡
LR Liberia|利比里亚
LS Lesotho|莱索托
LT Lithuania|Litauen|立陶宛
LU Luxembourg|Luxemburg|卢森堡
LV Latvia|Lettland|拉脱维亚
LY Libya|Libyen|利比亚
MA Morocco|Marokko|摩洛哥
MC Monaco|摩纳哥
MD Moldova|Republik Moldau|摩尔多瓦
ME Montenegro|黑山
MF St. Martin|法属圣马丁
MG Madagascar|Madagaskar|马达加斯加
MH Marshall Islands|Marshallinseln|马绍尔群岛
MK North Macedonia|Nordmazedonien|北马其顿
ML Mali|马里
MM Myanmar (Burma)|Myanmar|缅甸|Burma
MN Mongolia|Mongolei|蒙古
MO Macao SAR China|Sonderverwaltungsregion Macau|中国澳门特别行政区|Macau|Macao|澳门
MP Northern Mariana Islands|Nördliche Marianen|北马里亚纳群岛
MQ Martinique|马提尼克
MR Mauritania|Mauretanien|毛里塔尼亚
MS Montserrat|蒙特塞拉特
MT Malta|马耳他
MU Mauritius|毛里求斯
MV Maldives|Malediven|马尔代夫
MW Malawi|马拉维
MX Mexico|Mexiko|墨西哥
MY Malaysia|马来西亚
MZ Mozambique|Mosambik|莫桑比克
NA Namibia|纳米比亚
NC New Caledonia|Neukaledonien|新喀里多尼亚
NE Niger|尼日尔
NF Norfolk Island|Norfolkinsel|诺福克岛
NG Nigeria|尼日利亚
NI Nicaragua|尼加拉瓜
NL Netherlands|Niederlande|荷兰|The Netherlands|Holland
NO Norway|Norwegen|挪威
NP Nepal|尼泊尔
NR Nauru|瑙鲁
NU Niue|纽埃
NZ New Zealand|Neuseeland|新西兰
OM Oman|阿曼
PA Panama|巴拿马
PE Peru|秘鲁
PF French Polynesia|Französisch-Polynesien|法属波利尼西亚
PG Papua New Guinea|Papua-Neuguinea|巴布亚新几内亚
PH Philippines|Philippinen|菲律宾
PK Pakistan|巴基斯坦
PL Poland|Polen|波兰
PM St. Pierre & Miquelon|St. Pierre und Miquelon|圣皮埃尔和密克隆群岛
PN Pitcairn Islands|Pitcairninseln|皮特凯恩群岛
PR Puerto Rico|波多黎各
PS Palestinian Territories|Palästinensische Autonomiegebiete|巴勒斯坦领土
PT Portugal|葡萄牙
PW Palau|帕劳
PY Paraguay|巴拉圭
QA Qatar|Katar|卡塔尔
RE Réunion|留尼汪
RO Romania|Rumänien|罗马尼亚
RS Serbia|Serbien|塞尔维亚
RU Russia|Russland|俄罗斯|Russian Federation
RW Rwanda|Ruanda|卢旺达
SA Saudi Arabia|Saudi-Arabien|沙特阿拉伯
SB Solomon Islands|Salomonen|所罗门群岛
SC Seychelles|Seychellen|塞舌尔
SD Sudan|苏丹
SE Sweden|Schweden|瑞典
SG Singapore|Singapur|新加坡
SH St. Helena|圣赫勒拿
SI Slovenia|Slowenien|斯洛文尼亚
SJ Svalbard & Jan Mayen|Spitzbergen und Jan Mayen|斯瓦尔巴和扬马延
SK Slovakia|Slowakei|斯洛伐克|Slovak Republic
SL Sierra Leone|塞拉利昂
SM San Marino|圣马力诺
SN Senegal|塞内加尔
SO Somalia|索马里
SR Suriname|苏里南
SS South Sudan|Südsudan|南苏丹
ST São Tomé & Príncipe|São Tomé und Príncipe|圣多美和普林西比
SV El Salvador|萨尔瓦多
SX Sint Maarten|荷属圣马丁
SY Syria|Syrien|叙利亚
SZ Eswatini|斯威士兰
TC Turks & Caicos Islands|Turks- und Caicosinseln|特克斯和凯科斯群岛
TD Chad|Tschad|乍得
TF French Southern Territories|Französische Süd- und Antarktisgebiete|法属南部领地
TG Togo|多哥
TH Thailand|泰国
TJ Tajikistan|Tadschikistan|塔吉克斯坦
TK Tokelau|托克劳
TL Timor-Leste|东帝汶
TM Turkmenistan|土库曼斯坦
TN Tunisia|Tunesien|突尼斯
TO Tonga|汤加
TR Türkiye|Türkei|土耳其|Turkey
TT Trinidad & Tobago|Trinidad und Tobago|特立尼达和多巴哥
TV Tuvalu|图瓦卢
TW Taiwan|台湾
TZ Tanzania|Tansania|坦桑尼亚
UA Ukraine|乌克兰
UG Uganda|乌干达
UM U.S. Outlying Islands|Amerikanische Überseeinseln|美国本土外小岛屿
US United States|Vereinigte Staaten|美国|USA|U.S.A.|United States of America|Vereinigte Staaten von Amerika|美利坚合众国
UY Uruguay|乌拉圭
UZ Uzbekistan|Usbekistan|乌兹别克斯坦
VA Vatican City|Vatikanstadt|梵蒂冈
VC St. Vincent & Grenadines|St. Vincent und die Grenadinen|圣文森特和格林纳丁斯
VE Venezuela|委内瑞拉
VG British Virgin Islands|Britische Jungferninseln|英属维尔京群岛
VI U.S. Virgin Islands|Amerikanische Jungferninseln|美属维尔京群岛
VN Vietnam|越南|Viet Nam
VU Vanuatu|瓦努阿图
WF Wallis & Futuna|Wallis und Futuna|瓦利斯和富图纳
WS Samoa|萨摩亚
YE Yemen|Jemen|也门
YT Mayotte|马约特
ZA South Africa|Südafrika|南非
ZM Zambia|Sambia|赞比亚
ZW Zimbabwe|Simbabwe|津巴布韦
"""


def country_code(text: str) -> str | None:
    """The code that a text is, whatever its case, or an exact name of the country; None if it is neither."""
    return _codes().get(_folded(text))


def digits_of_zip(country: str) -> int | None:
    """How many digits a country's zips have, if they may begin with a zero."""
    return _ZIP_DIGITS.get(country)


@functools.cache
def _codes() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in _NAMES.splitlines():
        code, _, names = line.partition(" ")
        found[_folded(code)] = code
        for name in names.split("|"):
            found[_folded(name)] = code
    return found


def _folded(text: str) -> str:
    return "".join(
        char for char in unicodedata.normalize("NFKC", text).casefold() if not char.isspace() and char != "."
    )
