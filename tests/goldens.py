"""Compare printed text with a file that a person has looked at.

``CLM_UPDATE_GOLDEN=1`` writes the files instead; look at the diff before you commit it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def assert_golden(path: Path, lines: Iterable[str]) -> None:
    """Assert that the lines are the text of the file."""
    text = "\n".join(lines) + "\n"
    if os.environ.get("CLM_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
