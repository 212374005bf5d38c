"""Names of countries as sanctions lists write them, to ISO 3166-1 alpha-2 codes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from types import MappingProxyType
from typing import Final

_NAMES: Final = """
AF Afghanistan|AL Albania|DZ Algeria|AO Angola|AR Argentina|AM Armenia|AW Aruba|AU Australia|AT Austria|AZ Azerbaijan
BS Bahamas|BH Bahrain|BD Bangladesh|BB Barbados|BY Belarus|BE Belgium|BZ Belize|BJ Benin|BM Bermuda|BT Bhutan|BO Bolivia
BA Bosnia and Herzegovina|BA Bosnia-Herzegovina|BW Botswana|BR Brazil|BN Brunei|BN Brunei Darussalam|BG Bulgaria
BF Burkina Faso|MM Burma|MM Myanmar|BI Burundi|CV Cabo Verde|CV Cape Verde|KH Cambodia|CM Cameroon|CA Canada
KY Cayman Islands|CF Central African Republic|TD Chad|CL Chile|CN China|CN People's Republic of China|CO Colombia|KM Comoros
CG Congo|CG Republic of the Congo|CD Democratic Republic of the Congo|CR Costa Rica|CI Cote d'Ivoire|CI Cote d Ivoire
CI Ivory Coast|HR Croatia|CU Cuba|CW Curacao|CY Cyprus|CZ Czech Republic|CZ Czechia|DK Denmark|DJ Djibouti|DM Dominica
DO Dominican Republic|EC Ecuador|EG Egypt|SV El Salvador|GQ Equatorial Guinea|ER Eritrea|EE Estonia|SZ Eswatini|SZ Swaziland
ET Ethiopia|FJ Fiji|FI Finland|FR France|GA Gabon|GM Gambia|GE Georgia|DE Germany|GH Ghana|GI Gibraltar|GR Greece|GD Grenada
GT Guatemala|GG Guernsey|GN Guinea|GW Guinea-Bissau|GY Guyana|HT Haiti|HN Honduras|HK Hong Kong|HU Hungary|IS Iceland|IN India
ID Indonesia|IR Iran|IR Islamic Republic of Iran|IQ Iraq|IE Ireland|IM Isle of Man|IL Israel|IT Italy|JM Jamaica|JP Japan
JE Jersey|JO Jordan|KZ Kazakhstan|KE Kenya|KI Kiribati|KP North Korea|KP Democratic People's Republic of Korea|KP DPRK
KR South Korea|KR Republic of Korea|XK Kosovo|KW Kuwait|KG Kyrgyzstan|LA Laos|LA Lao People's Democratic Republic|LV Latvia
LB Lebanon|LS Lesotho|LR Liberia|LY Libya|LI Liechtenstein|LT Lithuania|LU Luxembourg|MO Macau|MO Macao|MK North Macedonia
MK Macedonia|MK The Former Yugoslav Republic of Macedonia|MG Madagascar|MW Malawi|MY Malaysia|MV Maldives|ML Mali|MT Malta
MH Marshall Islands|MR Mauritania|MU Mauritius|MX Mexico|FM Micronesia|MD Moldova|MD Republic of Moldova|MC Monaco|MN Mongolia
ME Montenegro|MA Morocco|MZ Mozambique|NA Namibia|NR Nauru|NP Nepal|NL Netherlands|AN Netherlands Antilles|NZ New Zealand
NI Nicaragua|NE Niger|NG Nigeria|NO Norway|OM Oman|PK Pakistan|PW Palau|PS Palestinian|PS State of Palestine|PS West Bank
PS Palestine|PS Region: Gaza|PA Panama|PG Papua New Guinea|PY Paraguay|PE Peru|PH Philippines
PL Poland|PT Portugal|PR Puerto Rico|QA Qatar
RO Romania|RU Russia|RU Russian Federation|RW Rwanda|KN Saint Kitts and Nevis|LC Saint Lucia|VC Saint Vincent and the Grenadines
WS Samoa|SM San Marino|ST Sao Tome and Principe|SA Saudi Arabia|SN Senegal|RS Serbia|SC Seychelles|SL Sierra Leone|SG Singapore
SK Slovakia|SI Slovenia|SB Solomon Islands|SO Somalia|ZA South Africa|SS South Sudan|ES Spain|LK Sri Lanka|SD Sudan|SR Suriname
SE Sweden|CH Switzerland|SY Syria|SY Syrian Arab Republic|TW Taiwan|TJ Tajikistan|TZ Tanzania|TZ United Republic of Tanzania
TH Thailand|TL Timor-Leste|TG Togo|TO Tonga|TT Trinidad and Tobago|TN Tunisia|TR Turkey|TR Turkiye|TM Turkmenistan|TV Tuvalu
UG Uganda|UA Ukraine|UA Region: Crimea|AE United Arab Emirates|GB United Kingdom
GB United Kingdom of Great Britain and Northern Ireland|US United States|US United States of America|UY Uruguay|UZ Uzbekistan
VU Vanuatu|VA Holy See|VE Venezuela|VN Vietnam|VN Viet Nam|VG British Virgin Islands
VI United States Virgin Islands|EH Western Sahara|YE Yemen|ZM Zambia|ZW Zimbabwe
"""


def country_code(name: str) -> str:
    """ISO 3166-1 alpha-2 code of a country's English name ("Korea, North" too), or "" when it is none."""
    plain = _plain(name)
    return _codes().get(plain, "")


@cache
def _codes() -> MappingProxyType[str, str]:
    items = (item.strip() for line in _NAMES.splitlines() for item in line.split("|"))
    return MappingProxyType({_plain(item[3:]): item[:2] for item in items if item})


def _plain(name: str) -> str:
    """Lower case without marks; `Congo, Republic of the` turned round; without brackets, "the" and "possibly"."""
    if "(" in name:
        head, _, rest = name.partition("(")
        name = f"{rest.rstrip(') ')} {head.strip()}" if " of" in rest else head
    if ", " in name:
        head, _, rest = name.partition(", ")
        name = f"{rest} {head}"
    apart = unicodedata.normalize("NFKD", name.replace("\u2019", "'")).casefold()
    words = "".join(c for c in apart if not unicodedata.combining(c)).split()
    return re.sub(r"\s+", " ", " ".join(word for word in words if word not in ("the", "possibly")))
