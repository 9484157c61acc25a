"""Codes of layer 9: what the language knows and this version refuses."""

from __future__ import annotations

from orchestrator.language.codes.code import Code

LATER: dict[str, Code] = {
    "CLM901": Code(
        "not available yet",
        "The word is part of the language, and this version cannot do it. It is refused by name "
        "rather than ignored.",
        "starts_when: {told_by: [referral]}",
        "starts_when: {did: referred}",
    ),
}
