"""Each rule says what its golden files say, and nothing about sound playbooks.

A case is one text of several files, each after a line ``--- path``; files of ``base`` stand
where the case has none. ``err/x.txt`` must give the lines of ``err/x.out``. After a rule
was changed on purpose, ``CLM_GOLDEN=write`` rewrites them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.language.codes import CODES
from orchestrator.language.marks import Problem
from orchestrator.playbook.load import load, sound_parts
from orchestrator.playbook.read import read_project
from orchestrator.playbook.rules import RULES

HERE = Path(__file__).parent / "rules"
BROKEN = sorted((HERE / "err").glob("*.txt"))
SOUND = sorted((HERE / "ok").glob("*.txt"))


def _write_project(case: str, folder: Path) -> Path:
    for path in (HERE / "base").rglob("*.yaml"):
        target = folder / path.relative_to(HERE / "base")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text("utf-8"), "utf-8")
    parts = re.split(r"^--- (\S+)\n", case, flags=re.MULTILINE)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return folder


def _findings(rule: str, project: Path) -> Iterator[Problem]:
    return iter(sorted(RULES[rule](sound_parts(read_project(project, {})))))


@pytest.mark.parametrize("case", BROKEN, ids=lambda path: path.stem)
def test_a_rule_finds_what_its_golden_file_says(case: Path, tmp_path: Path) -> None:
    project = _write_project(case.read_text("utf-8"), tmp_path)
    found = [
        f"{p.mark}:{p.mark.column} {p.severity} {p.code} {p.message}"
        for p in _findings(case.stem, project)
    ]
    golden = case.with_suffix(".out")
    if os.environ.get("CLM_GOLDEN") == "write":
        golden.write_text("\n".join(found) + "\n", "utf-8")
    assert golden.read_text("utf-8").splitlines() == found
    assert found


@pytest.mark.parametrize("case", SOUND, ids=lambda path: path.stem)
def test_a_rule_is_silent_about_what_can_be_meant(case: Path, tmp_path: Path) -> None:
    project = _write_project(case.read_text("utf-8"), tmp_path)
    assert list(_findings(case.stem, project)) == []


@pytest.mark.parametrize(
    "case", [*BROKEN, *SOUND], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_the_cases_themselves_have_no_errors(case: Path, tmp_path: Path) -> None:
    project = _write_project(case.read_text("utf-8"), tmp_path)
    assert [p for p in load(project).problems if p.severity == "error"] == []


@pytest.mark.parametrize("rule", [name for name in RULES if name.startswith("clm4")])
def test_each_rule_has_its_code_a_case_for_and_a_case_against(rule: str) -> None:
    assert rule.upper() in CODES
    assert (HERE / "err" / f"{rule}.txt").is_file()
    assert (HERE / "ok" / f"{rule}.txt").is_file()
