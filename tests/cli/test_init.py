"""``clmctl init``: what it prints once the project is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.shell import answer
from orchestrator.scaffold.sources import TEMPLATES


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_to_do_next_fits_eighty_columns(
    template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(["init", "shop", "--template", template]) == 0

    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["Next:", "  cd shop"]
    assert any(line.startswith("  clmctl run --dry-run --") for line in said)
    assert max(map(len, said)) <= 80
