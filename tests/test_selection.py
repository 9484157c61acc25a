from __future__ import annotations

from pathlib import Path

import pytest
from small_project import write_project

from orchestrator.app import open_project
from orchestrator.errors import UsageError
from orchestrator.playbook.model import Playbook
from orchestrator.selection import select_flows


@pytest.fixture(scope="module")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Playbook:
    folder: Path = write_project(tmp_path_factory.mktemp("project"))
    return open_project(folder).playbook


@pytest.mark.parametrize(
    ("selectors", "flows"),
    [
        ([], {"welcome", "win_back"}),
        (["welcome"], {"welcome"}),
        (["w*"], {"welcome", "win_back"}),
        (["flow:win*"], {"win_back"}),
        (["tag:onboarding"], {"welcome"}),
        (["tag:first week"], {"welcome"}),
        (["owner:crm"], {"welcome"}),
        (["channel:push"], {"welcome"}),
        (["channel:email"], {"welcome", "win_back"}),
        (["win_back,welcome"], {"welcome", "win_back"}),
        (["win_back", "tag:onboarding"], {"welcome", "win_back"}),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, list) else None,
)
def test_selectors_choose_flows(playbook: Playbook, selectors: list[str], flows: set[str]) -> None:
    assert select_flows(playbook, selectors).flows == flows


def test_only_selected_flows_are_named(playbook: Playbook) -> None:
    assert select_flows(playbook).named == frozenset()
    assert select_flows(playbook, ["win*"]).named == {"win_back"}


def test_excluded_flows_are_not_shown(playbook: Playbook) -> None:
    chosen = select_flows(playbook, ["w*"], ["tag:onboarding"])

    assert chosen.flows == chosen.named == {"win_back"}
    assert not chosen.shows("welcome")


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("welcom", 'did you mean "welcome"'),
        ("flow:winback", 'did you mean "win_back"'),
        ("w?lcom", "flows are: welcome, win_back"),
        ("tag:onbording", 'did you mean "onboarding"? tags are: first week, onboarding'),
        ("channel:fax", "channels are: email, push, sms"),
        ("owner:growth", "owners are: crm"),
        ("chanel:sms", 'did you mean "channel"'),
        ("result:failed", "there are flow:NAME"),
        ("tag:", "there are flow:NAME"),
    ],
)
def test_what_matches_nothing_is_refused_with_a_hint(
    playbook: Playbook, selector: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        select_flows(playbook, [selector])
    with pytest.raises(UsageError) as left_out:
        select_flows(playbook, (), [selector])

    assert hint in str(refused.value.help)
    assert str(left_out.value) == str(refused.value)
