from __future__ import annotations

import json

import pytest

from orchestrator.language.codes import CODES
from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.report import report, summary

TEXTS = {"playbooks/flows/win_back.yaml": "flow: win_back\nsteps:\n  - oldr_than: 60 days\n"}
TYPO = Problem(
    Mark("playbooks/flows/win_back.yaml", 3, 5, 9),
    "CLM104",
    'unknown word "oldr_than"',
    'did you mean "older_than"?',
)
WARNING = Problem(Mark("a,b.yaml", 1, 1), "CLM410", "100% odd", None, "warning")


def test_human_shows_the_line_a_caret_and_what_would_be_right() -> None:
    assert list(report([TYPO], TEXTS, "human")) == [
        'playbooks/flows/win_back.yaml:3:5: error[CLM104]: unknown word "oldr_than"',
        "  |",
        "3 |   - oldr_than: 60 days",
        "  |     ^^^^^^^^^",
        '  = help: did you mean "older_than"?',
        "",
    ]


def test_human_of_a_place_without_text_has_no_excerpt() -> None:
    assert list(report([WARNING], TEXTS, "human")) == [
        "a,b.yaml:1:1: warning[CLM410]: 100% odd",
        "",
    ]


def test_no_control_character_reaches_a_terminal() -> None:
    texts = {"a.yaml": "note: \x1b[2J\ttea\n"}
    problem = Problem(Mark("a.yaml", 1, 7, 3), "CLM110", "bad \x1b[31m")
    shown = "\n".join(report([problem], texts, "human"))
    assert "\x1b" not in shown and "\t" not in shown


def test_the_caret_stands_below_wide_characters() -> None:
    problem = Problem(Mark("a.yaml", 1, 7, 1), "CLM104", "here")
    lines = list(report([problem], {"a.yaml": "a: 茶茶 x\n"}, "human"))
    assert lines[2:4] == ["1 | a: 茶茶 x", "  |         ^"]


def test_a_very_long_line_is_shown_in_part() -> None:
    problem = Problem(Mark("a.yaml", 1, 5_001, 3), "CLM104", "here")
    lines = list(report([problem], {"a.yaml": "x" * 5_000 + "bad" + "y" * 5_000}, "human"))
    assert "bad" in lines[2] and len(lines[2]) < 200
    assert lines[2].index("bad") == lines[3].index("^^^")


def test_json_has_exactly_the_promised_keys() -> None:
    document = json.loads("\n".join(report([TYPO, WARNING], TEXTS, "json")))
    assert document["format"] == "clmctl.check/1"
    assert document["problems"][0] == {
        "path": "playbooks/flows/win_back.yaml",
        "line": 3,
        "column": 5,
        "severity": "error",
        "code": "CLM104",
        "message": 'unknown word "oldr_than"',
        "help": 'did you mean "older_than"?',
    }
    assert document["problems"][1]["help"] is None


def test_github_annotations_escape_what_would_end_them() -> None:
    assert list(report([TYPO, WARNING], TEXTS, "github")) == [
        (
            "::error file=playbooks/flows/win_back.yaml,line=3,col=5,endColumn=14,title=CLM104::"
            'unknown word "oldr_than"%0Ahelp: did you mean "older_than"?'
        ),
        "::warning file=a%2Cb.yaml,line=1,col=1,endColumn=2,title=CLM410::100%25 odd",
    ]


def test_sarif_names_each_rule_once_and_places_each_result() -> None:
    log = json.loads("\n".join(report([TYPO, TYPO, WARNING], TEXTS, "sarif")))
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["CLM104", "CLM410"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 0, 1]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endColumn": 14}
    assert place["artifactLocation"]["uri"] == "playbooks/flows/win_back.yaml"


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_no_problem_is_still_a_document(form: str) -> None:
    assert json.loads("\n".join(report([], {}, form)))


def test_the_summary_counts() -> None:
    assert summary([TYPO, TYPO, WARNING], 3) == "3 files checked: 2 errors, 1 warning"
    assert summary([], 1) == "1 file checked: no problems"


def test_every_code_is_explained() -> None:
    assert all(code.text.endswith((".", "…")) and code.wrong for code in CODES.values())
