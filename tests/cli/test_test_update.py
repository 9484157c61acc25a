"""``clmctl test --update``: what it writes, and what it tells of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from care_flow import PASSING, care_project, play, save

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "test.schema.json"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return care_project(tmp_path)


def test_update_writes_what_happened_and_leaves_the_rest(project: Path) -> None:
    wrong = PASSING.replace("receives: offer", "receives: hello").replace(
        "    - {after: 2 days, added_to: quiet}\n", ""
    )
    path = save(project, wrong)
    assert play(project, "--update") == 0
    written = path.read_text("utf-8")
    assert "# a remark at the top" in written
    assert "ana:                     # kept\n" in written
    assert "zoe: {receives: nothing, because: audience}   # not from here\n" in written
    assert "- {after: 0 min, receives: hello, channel: email, subject_contains: Hello}" in written
    assert "- {after: 2 days, added_to: quiet}" in written
    assert play(project) == 0
    assert play(project, "--update") == 0
    assert path.read_text("utf-8") == written


def test_update_tells_programs_of_the_tests_as_they_are_now(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = PASSING.replace("leaves: no click", "leaves: bored")
    save(project, wrong)
    assert play(project, "--update", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["result"] for one in document["tests"]] == ["passed"]

    save(project, wrong)
    report = project / "report.xml"
    assert play(project, "--update", "--junit", str(report)) == 0
    assert 'failures="0"' in report.read_text("utf-8")


def test_update_tells_what_it_wrote_and_not_what_was_wrong(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(project, PASSING.replace("receives: offer", "receives: hello"))
    save(project, PASSING.replace("leaves: no click", "leaves: bored"), "other")
    assert play(project, "--update") == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"≠ who clicks gets the offer  tests/playbooks/{name}.test.yaml::who clicks gets the offer"
        for name in ("care", "other")
    ]
    assert "updated 2 tests. Next: read the difference, then run clmctl test again" in told.err
    assert "failed" not in told.err
    assert play(project, "--update") == 0
    assert "nothing to update" in capsys.readouterr().err


def test_update_tells_of_messages_that_no_expectation_can_make_pass(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = project / "templates" / "hello" / "email.md.j2"
    template.write_text("---\nsubject: Hi\n---\n{{ 1 / 0 }}\n", encoding="utf-8")
    path = save(project, PASSING.replace("receives: hello}", "held: hello}"))
    for _ in ("written", "written before"):
        assert play(project, "--update") == 1
        said = " ".join(capsys.readouterr().err.split())
        assert said.count("the message hello to ana cannot be rendered, so the test fails") == 1
        assert "    - {after: 0 min, receives: hello}\n" in path.read_text("utf-8")
    assert play(project) == 1


def test_update_keeps_to_braces(project: Path) -> None:
    begin = PASSING.partition("expect:")[0]
    path = save(project, f"{begin}expect: {{ana: nothing, zoe: nothing}}\n")
    assert play(project, "--update") == 0
    assert path.read_text("utf-8").count("\n") == begin.count("\n") + 1
    assert play(project) == 0
