"""``clmctl test``: what it plays, what it refuses, what it says, what it writes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from databases import opened_at
from harness import at
from jsonschema import Draft7Validator
from small_project import write_project
from sqlalchemy import insert

from orchestrator import tables
from orchestrator.cli.shell import answer

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schemas" / "cli" / "test.schema.json"
FLOW = """\
flow: care
status: draft
starts_when: {did: signed_up}
audience: {attribute: country, is: AT}
goal: {did: purchase, within: 30 days}
steps:
  - {send: hello}
  - {wait: 2 days}
  - branch:
      - {if: {clicked: hello}, do: [{send: offer, id: bonus, channel: email}]}
    otherwise: [{task: Call them, id: call}, {add_to: quiet}, {exit: no click}]
"""
CATALOG = """\
events:
  purchase: {amount: money}
  signed_up: {}
attributes: {country: text}
topics: {newsletter: marketing, sms_offers: {purpose: marketing, channels: [sms]}}
lists: [quiet]
webhooks: {points: {url: "https://shop.example/points", gives: {balance: number}}}
"""
PASSING = """\
# a remark at the top
test: who clicks gets the offer
flow: care
clock: 2026-03-02 09:30   # a Monday
customers:
  ana: {country: AT}
  ben: {country: AT}
  zoe: {country: DE}
timeline:
  - {after: 0 min, customer: [ana, ben, zoe], did: signed_up}
  - {after: 1 day, customer: ana, clicked: hello}
  - {after: 3 days, customer: ana, did: purchase, amount: 40}
run_for: 21 days
expect:
  ana:                     # kept
    - {after: 0 min, receives: hello, channel: email, subject_contains: Hello}
    - {after: 2 days, receives: offer, text_contains: An offer}
    - {after: 2 days, leaves: completed}
    - {after: 3 days, reaches: goal}
  ben:
    - {after: 0 min, receives: hello}
    - {after: 2 days, task: Call them}
    - {after: 2 days, added_to: quiet}
    - {after: 2 days, leaves: no click}
  zoe: {receives: nothing, because: audience}   # not from here
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with a flow to test, and the folder of its tests."""
    folder = write_project(tmp_path / "shop")
    (folder / "playbooks" / "flows" / "care.yaml").write_text(FLOW, encoding="utf-8")
    (folder / "playbooks" / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "tests" / "playbooks").mkdir(parents=True)
    return folder


def save(project: Path, text: str, name: str = "care") -> Path:
    path = project / "tests" / "playbooks" / f"{name}.test.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def play(project: Path, *words: str) -> int:
    return answer(["test", "--project", str(project), *words])


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


def test_a_customers_facts_make_a_masked_test(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "playbooks" / "catalog.yaml").write_text(
        CATALOG.replace("{country: text}", "{country: text, name: {type: text, personal: true}}"),
        encoding="utf-8",
    )
    people, events = tmp_path / "people.csv", tmp_path / "events.csv"
    people.write_text("id,email,country,name\nc_7,rosa@mail.example,AT,Rosa\n", encoding="utf-8")
    events.write_text(
        "customer_id,event,at,amount\nc_7,signed_up,2026-03-02T08:30:20Z,\n"
        "c_7,purchase,2026-03-04T08:30:00Z,12\n",
        encoding="utf-8",
    )
    where = ["--project", str(project)]
    assert answer(["import", "customers", str(people), *where]) == 0
    assert answer(["import", "events", str(events), *where]) == 0
    capsys.readouterr()
    asked = ["--from-customer", "c_7", "--flow", "care", "--at", "2026-03-02T08:00"]
    assert play(project, *asked) == 0
    text = capsys.readouterr().out
    assert "rosa" not in text.lower()
    assert "c_7" not in text
    assert "country: AT" in text
    save(project, text)
    assert play(project) == 0
    assert play(project, "--from-customer", "c_8", "--flow", "care") == 1
    assert play(project, "--from-customer", "c_7") == 2


FADING = """\
flow: fading
status: live
starts_when: {did: signed_up}
steps:
  - {send: hello}
  - {wait: 2 days}
  - {send: offer, channel: email}
  - {wait: 1 day}
  - {unsubscribe_from: newsletter}
"""


def acts_of_one_minute(url: str, begin: str) -> None:
    """Let the first customer withdraw from the newsletter, and subscribe 40 seconds later."""
    engine = opened_at(url)
    act = {"customer_id": 1, "topic": "newsletter", "source": "customer"}
    with engine.begin() as connection:
        for seconds, withdrawn in ((0, 1), (40, 0)):
            later = at(begin) + timedelta(seconds=seconds)
            connection.execute(insert(tables.consent).values(**act, at=later, withdrawn=withdrawn))
    engine.dispose()


def test_consents_given_and_withdrawn_on_the_way_are_in_a_customers_test(
    project: Path, tmp_path: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "playbooks" / "flows" / "fading.yaml").write_text(FADING, encoding="utf-8")
    people, events = tmp_path / "people.csv", tmp_path / "events.csv"
    events.write_text("customer_id,event,at\nc_7,signed_up,2026-03-02T10:00\n", encoding="utf-8")
    where = ["--project", str(project), "--db", sqlite_url]
    run = ["run", *where, "--at"]
    people.write_text(
        "id,email,created_at,subscribed_to,consented_at\n"
        "c_7,rosa@mail.example,2026-03-02T10:00,newsletter,2026-03-02T11:00:20\n",
        encoding="utf-8",
    )
    assert answer(["import", "customers", str(people), *where]) == 0
    acts_of_one_minute(sqlite_url, begin="2026-03-03T11:00Z")
    assert answer([*run, "2026-03-02T09:59"]) == 0
    assert answer(["import", "events", str(events), *where]) == 0
    for instant in ("2026-03-02T10:00", "2026-03-04T10:00", "2026-03-05T10:00"):
        assert answer([*run, instant]) == 0
    capsys.readouterr()
    asked = ["--from-customer", "c_7", "--flow", "fading", "--at", "2026-03-06T10:00"]
    asked += ["--db", sqlite_url]
    assert play(project, *asked) == 0
    text = capsys.readouterr().out
    assert "subscribed_to: []" in text
    told = re.findall(r"at: (\S+ \S+), customer: \S+, (\w+: \w+)}", text)
    assert sorted(told) == [
        ("2026-03-02 10:00", "did: signed_up"),
        ("2026-03-02 11:00", "subscribes: newsletter"),
        ("2026-03-03 12:00", "subscribes: newsletter"),
    ]
    for said in ("suppressed: hello, because: consent", "{after: 2 days, receives: offer}",
                 "{after: 3 days, unsubscribed_from: newsletter}"):  # fmt: skip
        assert said in text
    save(project, text, "fading")
    assert play(project) == 0


def test_the_example_programmes_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert play(ROOT) == 0
    assert capsys.readouterr().out.count("✓") >= 18
