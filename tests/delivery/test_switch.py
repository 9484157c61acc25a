"""The kill switch fails shut: only what plainly says so lets messages leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import Shop
from sending import carried, drain, greeted, ledger, outlet

from orchestrator.delivery.switch import Switch


@pytest.mark.parametrize("said", ["", "  ", "on", "ON", " on ", "1", "true", "True", "yes\t"])
def test_what_says_on_lets_messages_leave(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLM_SEND", said)
    assert Switch(tmp_path / "STOP").why_off() is None


@pytest.mark.parametrize(
    "said", ["0", "false", "no", "stop", "off ", "OFF", "of", "y", "onn", "2", "none", "\u00a0x"]
)
def test_everything_else_stops_them(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLM_SEND", said)
    switch = Switch(tmp_path / "STOP")
    assert switch.is_off()
    assert "CLM_SEND is " in (switch.why_off() or "")


def test_a_variable_that_says_no_keeps_a_worker_from_calling(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeted(shop, customers=1)
    monkeypatch.setenv("CLM_SEND", "false")
    silent = outlet()
    drain(shop, silent)
    assert (carried(silent), ledger(shop, "state")) == ([], ["queued"])


def test_what_is_told_names_the_half_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = tmp_path / "STOP"
    monkeypatch.delenv("CLM_SEND", raising=False)
    assert Switch(stop).why_off() is None
    stop.touch()
    assert Switch(stop).why_off() == f"{stop} is there"
    monkeypatch.setenv("CLM_SEND", " OFF ")
    assert Switch(stop).why_off() == f"{stop} is there and CLM_SEND is off"
    stop.unlink()
    assert Switch(stop).why_off() == "CLM_SEND is off"
    monkeypatch.setenv("CLM_SEND", "stop\nnow, please, all of it")
    assert Switch(stop).why_off() == "CLM_SEND is 'stop\\nnow, please, al', which is not on"


def test_a_link_to_nothing_stops_as_a_file_does(tmp_path: Path) -> None:
    (tmp_path / "STOP").symlink_to(tmp_path / "gone")
    assert Switch(tmp_path / "STOP").is_off()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_looked_into_stops(tmp_path: Path) -> None:
    folder = tmp_path / ".clm"
    folder.mkdir(mode=0o000)
    try:
        assert "cannot be looked for" in (Switch(folder / "STOP").why_off() or "")
    finally:
        folder.chmod(0o700)
