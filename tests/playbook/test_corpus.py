"""Every wrong input has its expected report beside it; every right one has none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from goldens import assert_golden

from orchestrator.playbook.check import check
from orchestrator.playbook.load import Loaded
from orchestrator.playbook.report import human

CORPUS = Path(__file__).parent / "corpus"
WRONG = sorted((CORPUS / "err").glob("*.yaml"))
RIGHT = sorted((CORPUS / "ok").glob("*.yaml"))


def checked(case: Path, project: Path) -> Loaded:
    """Check the sample shop with one more file."""
    shutil.copytree(CORPUS / "base", project, dirs_exist_ok=True)
    shutil.copy(case, project / "playbooks" / "case.yaml")
    return check(project)


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.stem)
def test_wrong_input_is_reported_as_expected(case: Path, tmp_path: Path) -> None:
    loaded = checked(case, tmp_path)
    assert_golden(case.with_suffix(".out"), human(loaded.problems, loaded.texts))
    assert loaded.problems


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.stem)
def test_right_input_has_no_problem(case: Path, tmp_path: Path) -> None:
    loaded = checked(case, tmp_path)
    assert not loaded.problems
    assert loaded.playbook is not None


def test_the_sample_shop_has_no_problem() -> None:
    assert check(CORPUS / "base").problems == ()


def test_each_wrong_input_has_its_report() -> None:
    assert {path.stem for path in (CORPUS / "err").glob("*.out")} == {path.stem for path in WRONG}
