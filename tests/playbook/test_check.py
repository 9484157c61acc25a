from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

import orchestrator
from orchestrator.language.codes import CODES
from orchestrator.playbook.check import check

BASE = Path(__file__).parent / "corpus" / "base"
FLOW = """\
flow: {name}
owner: crm
status: draft
starts_when: {{did: purchase, where: {{cart_id: c{name}}}}}
audience:
  - {{attribute: country, is_one_of: [DE, AT]}}
  - any: [{{did: purchase, at_least: {number}, in_last: 30 days}}, {{in_stage: active}}]
  - none: [{{in_segment: s{name}}}]
goal: {{did: purchase, within: 14 days}}
steps:
  - send: hello
  - {{wait: 2 days, then_between: 09:00-11:00}}
  - branch:
      - {{if: {{clicked: hello}}, do: [{{send: offer}}]}}
    otherwise: [{{send: nudge}}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the sample shop."""
    shutil.copytree(BASE, tmp_path / "shop")
    return tmp_path / "shop"


def codes(shop: Path) -> list[str]:
    return [problem.code for problem in check(shop).problems]


def test_a_warning_is_silenced_on_its_line_with_a_reason(shop: Path) -> None:
    path = shop / "playbooks/welcome.yaml"
    text = path.read_text().replace("owner: crm\n", "")
    path.write_text(text)
    assert codes(shop) == ["CLM410"]
    path.write_text(text.replace("flow: welcome", "flow: welcome  # clm: ignore CLM410 we all do"))
    assert codes(shop) == []
    path.write_text(f"# clm: ignore CLM410 we all do\n{text}")
    assert codes(shop) == []
    path.write_text(text.replace("flow: welcome", "flow: welcome  # clm: ignore CLM405 we all do"))
    assert codes(shop) == ["CLM410"]


def test_an_error_cannot_be_silenced(shop: Path) -> None:
    path = shop / "playbooks/welcome.yaml"
    path.write_text(path.read_text().replace("owner: crm", "onwer: crm  # clm: ignore CLM104 no"))
    assert "CLM104" in codes(shop)


def test_templates_are_checked(shop: Path) -> None:
    path = shop / "templates/hello/email.md.j2"
    path.write_text(path.read_text() + "{{ customer.frist_name }}\n{% if %}\n")
    assert "CLM501" in codes(shop)


def test_a_broken_flow_does_not_make_its_message_unused(shop: Path) -> None:
    path = shop / "playbooks/welcome.yaml"
    path.write_text(path.read_text().replace("goal:", "gaol:"))
    assert codes(shop) == ["CLM104"]


def test_every_code_in_use_is_in_the_table() -> None:
    package = Path(orchestrator.__file__).parent
    used = {
        code
        for path in package.rglob("*.py")
        if path.parent.name != "codes"
        for code in re.findall(r'"(CLM[0-9]{3})"', path.read_text(encoding="utf-8"))
    }
    assert used == set(CODES)


def seconds(shop: Path, flows: int) -> float:
    """Write that many flows and segments and return how long a check takes."""
    folder = shop / "playbooks/many"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number in range(flows):
        name = f"f{number}"
        (folder / f"{name}.yaml").write_text(FLOW.format(name=name, number=number + 1))
        segment = f"segments: {{s{name}: {{attribute: company_size, at_least: {number}}}}}\n"
        (folder / f"{name}_segment.yaml").write_text(segment)
    started = time.perf_counter()
    loaded = check(shop)
    assert not loaded.problems, loaded.problems[:3]
    return time.perf_counter() - started


@pytest.mark.slow
def test_a_check_of_many_flows_is_linear(shop: Path) -> None:
    seconds(shop, 50)
    few, many = seconds(shop, 100), seconds(shop, 500)
    assert many < 5 * few * 1.8
