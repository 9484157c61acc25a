from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.health.secret_checks import secret_findings
from orchestrator.signing import SECRET_FILE, keys_of


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLM_SECRET_KEY", raising=False)
    monkeypatch.delenv("CLM_SECRET_KEYS_OLD", raising=False)


def test_a_secret_that_was_not_needed_yet_is_no_finding_and_is_not_made(tmp_path: Path) -> None:
    assert list(secret_findings(tmp_path)) == []
    assert not (tmp_path / SECRET_FILE).exists()


def test_a_secret_that_was_made_here_is_well(tmp_path: Path) -> None:
    keys_of(tmp_path)
    assert list(secret_findings(tmp_path)) == []


def test_a_secret_that_others_can_read_is_told_of(tmp_path: Path) -> None:
    keys_of(tmp_path)
    (tmp_path / SECRET_FILE).chmod(0o644)
    [found] = secret_findings(tmp_path)
    assert (found.severity, found.area) == ("warning", "secret")
    assert found.fix == f"chmod 600 {tmp_path / SECRET_FILE}"


def test_a_secret_that_is_too_short_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLM_SECRET_KEY", "short")
    [found] = secret_findings(tmp_path)
    assert found.severity == "error"
    assert "too short" in found.says
    assert "short" not in found.says.replace("too short", "")
