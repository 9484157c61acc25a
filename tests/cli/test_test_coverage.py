"""``clmctl test --coverage``: what no test has shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from care_flow import CATALOG, FLOW, PASSING, care_project, play, save
from jsonschema import Draft7Validator

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "test.schema.json"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return care_project(tmp_path)


def test_coverage_names_what_no_test_has_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, _, _ = PASSING.partition("expect:")
    only_ana = begin.replace("[ana, ben, zoe]", "ana")
    save(project, f"{only_ana}expect: {{ana: []}}\npartial: true\n")
    assert play(project, "--coverage") == 0
    out = capsys.readouterr().out
    assert "playbooks/flows/care.yaml:4 never false: country is AT" in " ".join(out.split())
    assert "care.yaml:10 never false: clicked hello" in " ".join(out.split())
    assert "the step call was never reached" in out
    assert "the step bonus" not in out
    save(project, PASSING)
    assert play(project, "--coverage") == 0
    assert "never" not in capsys.readouterr().out


SEGMENTS = "segments:\n  big: {total_of: purchase.amount, at_least: 100}\n"
STAGES = """\
stages:
  - {stage: buyer, when: {did: purchase}}
  - {stage: local, when: {attribute: country, is: AT}}
  - {stage: lead, otherwise: true}
"""


def test_coverage_is_of_the_segments_and_stages_too_that_the_flows_ask_about(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audience = "audience: {any: [{in_segment: big}, {in_stage: local}]}"
    flow = FLOW.replace("audience: {attribute: country, is: AT}", audience)
    (project / "playbooks" / "flows" / "care.yaml").write_text(flow, encoding="utf-8")
    (project / "playbooks" / "segments.yaml").write_text(SEGMENTS, encoding="utf-8")
    (project / "playbooks" / "stages.yaml").write_text(STAGES, encoding="utf-8")
    save(project, PASSING)
    assert play(project, "--coverage", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)
    gaps = [(one["kind"], one["name"], one["at"]) for one in document["coverage"]["gaps"]]
    assert ("segment", "big", "playbooks/segments.yaml:2") in gaps
    assert {kind for kind, _, _ in gaps} == {"flow", "segment"}
    save(project, PASSING.replace("did: purchase, amount: 40", "set: {country: AT}"))
    assert play(project, "--coverage") == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "1 flow, 1 segment, 3 stages" in out
    assert "stage buyer playbooks/stages.yaml:2 never true: did purchase" in out


LOOP = """\
flow: loop
starts_when: {did: signed_up}
audience: {did_not: clicked_away}
recheck: true
exits_when: {did: complained_aloud}
steps:
  - until: {did: purchase, since: entry}
    do:
      - send: hello
      - wait: 2 days
  - repeat:
      every: 1 day
      at_most: 3 times
      until: {did: paid, since: entry}
      do: [{send: offer, channel: email}]
"""
LOOPED = """\
test: rounds
flow: loop
clock: 2026-03-02 09:30
customers: {ana: {}, ben: {}, eva: {}, zoe: {}}
timeline:
  - {before: 1 day, customer: zoe, did: complained_aloud}
  - {after: 0 min, customer: [ana, ben, eva, zoe], did: signed_up}
  - {after: 1 day, customer: ana, did: purchase}
  - {after: 25 hours, customer: ana, did: paid}
  - {after: 1 day, customer: eva, did: clicked_away}
partial: true
expect: {ana: [], ben: [], eva: [], zoe: []}
"""


@pytest.mark.parametrize(
    ("left_out", "line", "says"),
    [
        ("  - {after: 1 day, customer: ana, did: purchase}\n", 7, "true: did purchase"),
        ("  - {after: 25 hours, customer: ana, did: paid}\n", 14, "true: did paid"),
        ("  - {after: 1 day, customer: eva, did: clicked_away}\n", 3, "false: did not clicked_away"),
        ("  - {before: 1 day, customer: zoe, did: complained_aloud}\n", 5,
         "true: did complained_aloud"),
    ],
)  # fmt: skip
def test_coverage_sees_what_takes_runs_out_of_their_steps(
    project: Path, capsys: pytest.CaptureFixture[str], left_out: str, line: int, says: str
) -> None:
    events = "  paid: {}\n  clicked_away: {}\n  complained_aloud: {}\n"
    catalog = CATALOG.replace("  signed_up: {}\n", f"  signed_up: {{}}\n{events}")
    (project / "playbooks" / "catalog.yaml").write_text(catalog, encoding="utf-8")
    (project / "playbooks" / "flows" / "loop.yaml").write_text(LOOP, encoding="utf-8")
    save(project, LOOPED)
    assert play(project, "--coverage") == 0
    assert "coverage: 100 %" in capsys.readouterr().out
    assert left_out in LOOPED
    save(project, LOOPED.replace(left_out, ""))
    assert play(project, "--coverage") == 0
    assert f"loop.yaml:{line} never {says}" in " ".join(capsys.readouterr().out.split())
