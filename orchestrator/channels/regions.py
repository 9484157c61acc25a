"""Countries that phone numbers without one can be of."""

from __future__ import annotations

from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, ScalarShape

_LISTED = """
AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
BR BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO
DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU
GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW
KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT
PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA
TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK
YE YT ZA ZM ZW
"""
REGIONS = tuple(_LISTED.split())
"""What ``phonenumbers`` knows: ISO 3166-1 alpha-2, and a few more with numbers of their own."""


class RegionShape(ScalarShape[str]):
    """A country with phone numbers, by its two letters."""

    says = "a country by its two letters, such as AT"
    sample = "AT"
    hint = "ISO 3166-1 alpha-2, in capitals; the United Kingdom is GB"

    def parse(self, node: ScalarNode) -> str | None:
        return node.value if isinstance(node.value, str) and node.value in REGIONS else None

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there; small letters are a country all the same."""
        if isinstance(node, ScalarNode) and node.text.upper() in REGIONS:
            help = f'did you mean "{node.text.upper()}"?'
        return super().refuse(node, reader, help=help)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "enum": list(REGIONS)}
