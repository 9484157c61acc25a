"""Adapters of packages for the time of one test: what joined the language leaves it again."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import PACKAGES

from orchestrator.channels import registry
from orchestrator.channels.spec import CHANNELS


def install_adapters(monkeypatch: pytest.MonkeyPatch, packages: Path = PACKAGES) -> None:
    """Let the packages in a folder be installed until the test ends."""
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setattr(registry, "_brought", {})
    monkeypatch.setattr(CHANNELS, "_specs", dict(CHANNELS))
