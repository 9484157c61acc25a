"""``clmctl demo``: what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.shell import answer


def test_invented_customers_are_not_loaded_where_messages_leave(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = tmp_path / "shop"
    assert answer(["init", str(shop)]) == 0
    channels = "channels:\n  email: {host: 127.0.0.1}\n  sms: {adapter: dry_run}\n"
    (shop / "playbooks" / "channels.yaml").write_text(channels, encoding="utf-8")
    capsys.readouterr()

    assert answer(["demo", str(shop)]) == 4
    told = capsys.readouterr()
    assert "channels.yaml sends email for real" in told.err
    assert told.out == ""
    assert not (shop / ".clm" / "clm.db").exists()
