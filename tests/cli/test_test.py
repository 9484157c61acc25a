"""``clmctl test``: what it plays, what it refuses, what it says."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from care_flow import FLOW, PASSING, care_project, play, save
from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schemas" / "cli" / "test.schema.json"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return care_project(tmp_path)


def test_a_test_that_is_as_expected_passes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(project, PASSING)
    assert play(project) == 0
    assert capsys.readouterr().out.startswith("✓ who clicks gets the offer")


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ("after: 2 days, receives: offer", "after: 3 days, receives: offer", "another time"),
        ("receives: offer, text", "held: offer, text", "goes with"),
        ("subject_contains: Hello", "subject_contains: Bye", 'the subject is "Hello"'),
        ("text_contains: An offer", "text_contains: A discount", 'the text has no "A discount"'),
        ("channel: email, ", "channel: push, ", "by email"),
        ("    - {after: 3 days, reaches: goal}\n", "", "this was not expected"),
        ("leaves: completed", "leaves: goal", "expected leaves goal"),
        ("because: audience", "because: consent", "reasons there were: audience"),
        ("zoe: {receives: nothing, because: audience}", "zoe: [{after: 0 min, receives: hello}]",
         "this did not happen"),
    ],
)  # fmt: skip
def test_every_difference_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], written: str, instead: str, says: str
) -> None:
    assert written in PASSING
    save(project, PASSING.replace(written, instead))
    assert play(project) == 1
    assert says in capsys.readouterr().out


def test_a_failure_shows_both_ways_and_explains_the_first_difference(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "zoe: [{after: 0 min, receives: hello}]"
    save(project, PASSING.replace("zoe: {receives: nothing, because: audience}", wrong))
    play(project)
    out = capsys.readouterr().out
    told = " ".join(out.split())
    assert "expected actual ≠ 0 min: receives hello – this did not happen" in told
    assert "the first difference is zoe's, after 0 min" in out
    assert "zoe does not enter care now." in out
    assert "✗ country is AT" in out


def test_partial_tests_allow_what_is_not_listed(project: Path) -> None:
    listed = "    - {after: 2 days, leaves: no click}\n"
    save(project, PASSING.replace(listed, ""))
    assert play(project) == 1
    save(project, PASSING.replace(listed, "").replace("run_for", "partial: true\nrun_for"))
    assert play(project) == 0


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ("clock:", "clok:", 'unknown word "clok"'),
        ("flow: care", "flow: car", 'unknown flow "car"'),
        ("did: signed_up", "did: signd_up", 'unknown event "signd_up"'),
        ("clicked: hello", "clicked: helo", 'unknown message "helo"'),
        ("amount: 40", "amuont: 40", 'the event "purchase" has no property "amuont"'),
        ("amount: 40", "amount: lots", '"lots" is no money'),
        ("zoe: {country", "zoe: {contry", 'unknown attribute "contry"'),
        ("customer: ana, clicked", "customer: ann, clicked", 'unknown customer "ann"'),
        ("  zoe: {rec", "  zoo: {rec", 'unknown customer "zoo"'),
        ("because: audience", "because: audiences", '"audiences" is no reason'),
        ("added_to: quiet", "added_to: quite", 'unknown list "quite"'),
        ("after: 3 days, reaches", "after: 30 days, reaches", "after the end of the test"),
        ("after: 1 day, customer", "aftr: 1 day, customer", 'unknown word "aftr"'),
        ("after: 3 days, customer: ana, did", "aftr: 3 days, customer: ana, did",
         'unknown word "aftr"'),
        ("after: 1 day,", "after: 1 dya,", 'did you mean "1 day"?'),
        ("leaves: no click", "leaves: no click, receives: hello", "one item says one thing"),
        ("ben: {country: AT}", "ben: {email: nonsense}", "not one address"),
        ("ben: {country: AT}", "ben: {subscribed_to: [news]}", 'unknown topic "news"'),
        ("ben: {country: AT}", "ben: {country: AT, timezone: Mars}", "is no time zone"),
        ("run_for: 21 days", "vars: {lapse: 3 days}", "no playbook has a variable"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_where_it_stands(
    project: Path, capsys: pytest.CaptureFixture[str], written: str, instead: str, says: str
) -> None:
    assert written in PASSING
    save(project, PASSING.replace(written, instead, 1))
    code = play(project)
    told = capsys.readouterr()
    assert says in told.out + told.err
    assert code in ({0} if "no time zone" in says else {1, 2})


def test_a_test_without_expectations_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(project, PASSING.partition("expect:")[0])
    assert play(project) == 1
    assert 'a test needs "expect"' in capsys.readouterr().out


def test_tests_are_chosen_by_file_name_and_words(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(project, PASSING)
    save(project, PASSING.replace("who clicks", "another"), "other")
    assert play(project, str(path)) == 0
    assert "another" not in capsys.readouterr().out
    assert play(project, "-k", "ANOTHER") == 0
    assert capsys.readouterr().out.count("✓") == 1
    assert play(project, "tests/playbooks::another gets the offer") == 0
    assert capsys.readouterr().out.count("✓") == 1
    assert play(project, f"{path}::who cliks gets the offer") == 2
    assert 'did you mean "who clicks gets the offer"' in capsys.readouterr().err
    assert play(project, "nowhere.test.yaml") == 2


def test_machines_read_json_and_junit(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(project, PASSING.replace("reaches: goal", "leaves: exit"))
    save(project, PASSING.replace("flow: care", "flow: cares"), "broken")
    junit = tmp_path / "junit.xml"
    assert play(project, "-o", "json", "--coverage", "--junit", str(junit)) == 1
    document = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)
    assert [one["result"] for one in document["tests"]] == ["broken", "failed"]
    root = ET.parse(junit).getroot()  # noqa: S314  # written by the verb itself
    assert [len(root.findall(f".//{kind}")) for kind in ("testcase", "error", "failure")] == [
        2,
        1,
        1,
    ]


def test_a_flow_may_ask_for_the_variant_of_another(project: Path) -> None:
    asked = "audience: {any: [{in_variant: win_back/copy/short}, {attribute: country, is: AT}]}"
    flow = FLOW.replace("audience: {attribute: country, is: AT}", asked)
    (project / "playbooks" / "flows" / "care.yaml").write_text(flow, encoding="utf-8")
    save(
        project,
        PASSING.replace("zoe: {country: DE}", "zoe: {country: AT}")
        .replace("zoe: {receives: nothing, because: audience}", "zoe: []")
        .replace("run_for:", "partial: true\nrun_for:"),
    )
    assert play(project) == 0


def test_a_task_that_no_step_gives_cannot_be_done(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(project, PASSING.replace("clicked: hello}", "task_done: cal}"))
    assert play(project) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "[CLM602]" in out
    assert 'no step "cal" of this test (care) gives a task' in out
    assert 'did you mean "call"' in out


def test_customers_may_stand_in_a_table(project: Path) -> None:
    begin, customers, _ = PASSING.partition("customers:")
    rest = PASSING[PASSING.index("timeline:") :]
    path = save(project, f"{begin}customers: people.csv\n{rest}")
    table = path.with_name("people.csv")
    table.write_text("id,country\nana,AT\nben,AT\nzoe,DE\n", encoding="utf-8")
    assert customers
    assert play(project) == 0
    table.unlink()
    assert play(project) == 1


def test_webhooks_answer_and_tasks_are_done(project: Path) -> None:
    flow = """\
flow: reward
starts_when: {did: purchase}
steps:
  - {webhook: points, id: given, at_most: 2 days, if_it_fails: skip}
  - branch: [{if: {attribute: given.balance, at_least: 100}, do: [{send: hello}]}]
    otherwise: [{task: Call them, id: call}]
  - {wait: 1 day}
  - {send: offer, channel: email, only_if: {task_done: call}}
"""
    (project / "playbooks" / "flows" / "reward.yaml").write_text(flow, encoding="utf-8")
    save(
        project,
        """\
test: rich people are greeted, others called
flow: reward
clock: 2026-03-02 09:30
customers: {ana: {}, ben: {}}
timeline:
  - {after: 0 min, customer: [ana, ben], did: purchase, amount: 4}
  - {after: 1 hour, customer: ana, answers: points, fields: {balance: 120}}
  - {after: 1 hour, customer: ben, answers: points, fields: {balance: 20}}
  - {after: 3 hours, customer: ben, task_done: call}
expect:
  ana:
    - {after: 0 min, webhook: points}
    - {after: 1 hour, receives: hello}
    - {after: 1 day 1 hour, leaves: completed}
  ben:
    - {after: 0 min, webhook: points}
    - {after: 1 hour, task: Call them}
    - {after: 1 day 1 hour, receives: offer}
    - {after: 1 day 1 hour, leaves: completed}
""",
        "reward",
    )
    assert play(project) == 0


def test_the_example_programmes_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert play(ROOT) == 0
    assert capsys.readouterr().out.count("✓") >= 18
