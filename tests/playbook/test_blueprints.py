"""Flows made from blueprints: inputs filled in, problems told where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from goldens import assert_golden

from orchestrator.language.marks import Problem
from orchestrator.playbook.check import check
from orchestrator.playbook.load import load
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.report import human
from orchestrator.report.layout import Page
from orchestrator.report.story import story

PROJECT = "project: shop\ntimezone: Europe/Vienna\nvars: {pause: 3 days}\n"
CATALOG = "events: {buy: {amount: money}, seen: {}}\ntopics: {news: marketing}\n"
BLUEPRINT = """\
blueprint: win_back
inputs:
  lapse: {type: duration, default: 60 days, description: how long without a purchase}
  offer: {type: message, description: what brings them back}
  who: {type: condition, default: {did: buy}}
vars: {wait: 7 days}
starts_when: {matches: [{last: buy, older_than: $lapse}, $who]}
goal: {did: buy, within: 30 days}
steps:
  - wait: $wait
  - {send: $offer, topic: news, subject: Hello}
"""
FLOW = """\
flow: {name}
status: live
owner: crm
from_blueprint: win_back
inputs: {inputs}
"""
OFFER = "{offer: hello}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A shop with one message."""
    write(tmp_path, project=PROJECT, catalog=CATALOG)
    folder = tmp_path / "templates" / "hello"
    folder.mkdir(parents=True)
    (folder / "email.txt.j2").write_text("Hello.\n", "utf-8")
    return tmp_path


def write(root: Path, /, **files: str) -> None:
    """Write playbooks."""
    (root / "playbooks").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / "playbooks" / f"{name}.yaml").write_text(text, "utf-8")


def flow(name: str = "win", inputs: str = OFFER, **words: str) -> str:
    """Return a flow made from the blueprint, with further words of its own."""
    more = "".join(f"{word}: {value}\n" for word, value in words.items())
    return FLOW.replace("{name}", name).replace("{inputs}", inputs) + more


def loaded(project: Path) -> Playbook:
    """Return the playbook, which must have no errors."""
    found = load(project)
    assert found.playbook is not None, "\n".join(map(str, found.problems))
    return found.playbook


def errors(project: Path) -> list[Problem]:
    """Return the errors that a check finds."""
    return [one for one in check(project).problems if one.severity == "error"]


def test_a_flow_is_the_blueprint_with_its_inputs_filled_in(project: Path) -> None:
    write(project, pattern=BLUEPRINT, win=flow(inputs="{lapse: 90 days, offer: hello}"))
    plain = BLUEPRINT.partition("starts_when")[2].replace("$lapse", "90 days")
    plain = (
        plain.replace("$who", "{did: buy}").replace("$offer", "hello").replace("$wait", "7 days")
    )
    write(project, plain=f"flow: plain\nstatus: live\nowner: crm\nstarts_when{plain}")

    flows = loaded(project).flows
    for word in ("starts_when", "goal", "steps", "status", "owner"):
        assert getattr(flows["win"], word) == getattr(flows["plain"], word)


def test_several_flows_are_made_of_one_blueprint(project: Path) -> None:
    write(
        project,
        pattern=BLUEPRINT,
        one=flow("one"),
        two=flow("two", "{offer: hello, lapse: 9 days}"),
    )

    starts = {name: str(one.starts_when) for name, one in loaded(project).flows.items()}
    assert set(starts) == {"one", "two"}
    assert starts["one"] != starts["two"]


def test_a_word_of_the_flow_stands_in_for_the_blueprints(project: Path) -> None:
    write(project, pattern=BLUEPRINT, win=flow(goal="{did: seen, within: $pause}"))

    goal = loaded(project).flows["win"].goal
    assert goal is not None
    assert goal.did == "seen"


def test_an_input_may_be_a_variable_of_the_flow(project: Path) -> None:
    write(
        project,
        pattern=BLUEPRINT,
        win=flow(inputs="{offer: hello, lapse: $mine}", vars="{mine: 5 days}"),
    )

    (start,) = loaded(project).flows["win"].starts_when
    assert "5 days" in start.operand.members[0].says()


def test_a_variable_of_the_flow_is_none_of_the_blueprint(project: Path) -> None:
    text = BLUEPRINT.replace("within: 30 days", "within: $mine")
    write(project, pattern=text, win=flow(vars="{mine: 5 days}"))

    assert {(one.code, one.mark.path) for one in errors(project)} == {
        ("CLM203", "playbooks/pattern.yaml")
    }


def test_a_flow_tells_of_its_blueprint(project: Path) -> None:
    write(project, pattern=BLUEPRINT, win=flow(inputs="{offer: hello, who: {did: seen}}"))

    told = list(story(loaded(project).flows["win"], Page(80)))
    assert "It is made from the blueprint win_back with offer hello, its own who." in told


def test_a_blueprint_is_part_of_the_fingerprint(project: Path) -> None:
    write(project, pattern=BLUEPRINT, win=flow())
    before = loaded(project).fingerprint
    write(project, pattern=BLUEPRINT.replace("60 days", "61 days"))

    assert loaded(project).fingerprint != before


WRONG = {
    "unknown_blueprint": (
        BLUEPRINT,
        flow().replace("from_blueprint: win_back", "from_blueprint: win_bak"),
    ),
    "unknown_input": (BLUEPRINT, flow(inputs="{offer: hello, laps: 90 days}")),
    "missing_input": (BLUEPRINT, flow(inputs="{lapse: 90 days}")),
    "wrong_type": (BLUEPRINT, flow(inputs="{offer: hello, lapse: long}")),
    "unknown_name_given": (BLUEPRINT, flow(inputs="{offer: helo}")),
    "steps_of_its_own": (BLUEPRINT, flow(steps="[{wait: 1 day}]")),
    "inputs_without_blueprint": (BLUEPRINT, flow().replace("from_blueprint: win_back\n", "")),
    "unknown_word": (BLUEPRINT.replace("goal:", "gaol:"), flow()),
    "unknown_event": (BLUEPRINT.replace("goal: {did: buy", "goal: {did: by"), flow()),
    "unknown_event_unused": (BLUEPRINT.replace("goal: {did: buy", "goal: {did: by"), ""),
    "unknown_variable": (BLUEPRINT.replace("$lapse", "$laps"), flow()),
    "bad_default": (BLUEPRINT.replace("default: 60 days", "default: soon"), flow()),
    "unknown_input_type": (BLUEPRINT.replace("type: duration", "type: time span"), flow()),
    "unused_input": (BLUEPRINT.replace("$lapse", "60 days"), flow()),
    "input_and_variable": (BLUEPRINT.replace("wait: 7", "lapse: 1 day, wait: 7"), flow()),
    "status_in_blueprint": (f"{BLUEPRINT}status: live\n", flow()),
    "condition_given_wrong": (BLUEPRINT, flow(inputs="{offer: hello, who: {did: by}}")),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_where_it_stands(project: Path, case: str) -> None:
    pattern, made = WRONG[case]
    write(project, pattern=pattern)
    if made:
        write(project, win=made)

    found = check(project)
    assert [one for one in found.problems if one.severity == "error"]
    wrong = [one for one in found.problems if one.severity == "error"]
    golden = Path(__file__).parent / "blueprints" / f"{case}.out"
    golden.parent.mkdir(exist_ok=True)
    assert_golden(golden, human(wrong, found.texts))


def test_a_problem_of_several_flows_is_told_once(project: Path) -> None:
    text = BLUEPRINT.replace("goal: {did: buy", "goal: {did: by")
    write(project, pattern=text, one=flow("one"), two=flow("two"))

    (only,) = errors(project)
    assert 'made into the flow "one" (playbooks/one.yaml:1), "two"' in (only.help or "")
