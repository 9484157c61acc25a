from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.cli.shell import answer

BASE = Path(__file__).parents[1] / "playbook" / "corpus" / "base"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the sample shop."""
    shutil.copytree(BASE, tmp_path / "shop")
    return tmp_path / "shop"


def spoil(shop: Path, old: str, new: str) -> None:
    path = shop / "playbooks/welcome.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_a_good_project_exits_0(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["check", "--project", str(shop)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "11 files checked: no problems" in printed.err


def test_an_error_exits_1_with_its_place(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(shop, "goal: {did: purchase", "goal: {did: purchse")
    assert answer(["check", "--project", str(shop)]) == 1
    assert capsys.readouterr().out.startswith(
        'playbooks/welcome.yaml:6:13: error[CLM201]: unknown event "purchse"\n'
    )


def test_a_warning_exits_1_only_if_asked(shop: Path) -> None:
    spoil(shop, "owner: crm\n", "")
    assert answer(["check", "--project", str(shop)]) == 0
    assert answer(["check", "--project", str(shop), "--fail-on", "warning"]) == 1


def test_the_next_step_explains_an_error_before_a_warning(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(shop, "owner: crm\n", "")
    answer(["check", "--project", str(shop)])
    assert "Next: clmctl explain CLM410 says more about the first" in capsys.readouterr().err
    spoil(shop, "send: nudge", "send: nugde")
    answer(["check", "--project", str(shop)])
    assert "Next: clmctl explain CLM207 says more about the first error" in capsys.readouterr().err


def test_json_stands_alone_on_stdout(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(shop, "goal:", "gaol:")
    assert answer(["check", "--project", str(shop), "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [problem["code"] for problem in document["problems"]] == ["CLM104"]


def test_paths_choose_what_is_shown(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(shop, "goal:", "gaol:")
    monkeypatch.chdir(shop / "playbooks")
    assert answer(["check", "carts.yaml"]) == 0
    assert answer(["check", "welcome.yaml"]) == 1
    assert answer(["check", "playbooks"]) == 1
    assert answer(["check", "nowhere.yaml"]) == 2


def test_a_variable_of_the_command_line_is_checked(shop: Path) -> None:
    assert answer(["check", "--project", str(shop), "--var", "lapse=90 days"]) == 0
    assert answer(["check", "--project", str(shop), "--var", "lapse=soon"]) == 1
    assert answer(["check", "--project", str(shop), "--var", "laps=90 days"]) == 2


@pytest.mark.parametrize(
    "option", [["-o", "xml"], ["--fail-on", "never"], ["--project", "/nowhere"]]
)
def test_a_wrong_option_exits_2(shop: Path, option: list[str]) -> None:
    assert answer(["check", "--project", str(shop), *option]) == 2
