"""The closed table of codes: what each problem of ``clmctl check`` means.

The hundreds tell the layer: 1 text and words, 2 names, 3 types, 4 meaning, 5 templates,
6 tests of flows, 9 not available yet. A code is never reused for something else.
"""

from __future__ import annotations

from orchestrator.language.codes.code import Code
from orchestrator.language.codes.later import LATER
from orchestrator.language.codes.meaning import MEANING
from orchestrator.language.codes.names import NAMES
from orchestrator.language.codes.templates import TEMPLATES
from orchestrator.language.codes.tests import TESTS
from orchestrator.language.codes.text import TEXT
from orchestrator.language.codes.types import TYPES

__all__ = ["CODES", "Code"]

CODES: dict[str, Code] = {**TEXT, **NAMES, **TYPES, **MEANING, **TEMPLATES, **TESTS, **LATER}
