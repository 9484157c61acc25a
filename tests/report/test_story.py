from __future__ import annotations

from pathlib import Path

import pytest
from goldens import assert_golden
from small_project import write_project

from orchestrator.app import open_project
from orchestrator.report.layout import Page
from orchestrator.report.story import story

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["welcome", "win_back"])
def test_flow_is_told_in_english(name: str, tmp_path: Path) -> None:
    flow = open_project(write_project(tmp_path)).flow(name)

    assert_golden(GOLDEN / f"story-{name}.txt", story(flow, Page(80)))


def test_every_shipped_flow_can_be_told() -> None:
    opened = open_project(Path(__file__).parents[2])

    for flow in opened.playbook.flows.values():
        text = "\n".join(story(flow, Page(80)))
        assert "Steps\n  1. " in text
        assert "object at" not in text
        assert "Mark(" not in text
