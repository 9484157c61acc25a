"""``clmctl explain CUSTOMER --flow F`` and ``clmctl resume``, from files to what is printed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from databases import opened_at
from goldens import assert_golden
from jsonschema import Draft7Validator
from reference.loading import load
from reference.world import ConsentAct, Happening, Person, World
from small_project import FILES, write_project

from orchestrator.cli.shell import answer

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SINCE = ("--as-live-since", "2026-03-01")
CAPPED = FILES["playbooks/flows/welcome.yaml"].replace(
    "goal:", "guardrails: {quiet_hours: none, stop_if_more_than: {customers: 1, per: 1 day}}\ngoal:"
)
WORLD = World(
    people=(
        Person("c_1", email="anna@example.com", attributes={"country": "AT"}),
        Person("c_2", email="ben@example.com", attributes={"country": "FR"}),
        Person("c_3", email="cleo@example.com", attributes={"country": "DE"}),
    ),
    happenings=(
        Happening("e_1", "c_1", "signed_up", NOW - timedelta(hours=1)),
        Happening("e_2", "c_2", "signed_up", NOW - timedelta(hours=1)),
        Happening("e_3", "c_3", "signed_up", NOW - timedelta(hours=1)),
        Happening("e_4", "c_2", "purchase", NOW - timedelta(days=3), {"amount": "64.00"}),
    ),
    consents=tuple(ConsentAct(id, "newsletter") for id in ("c_1", "c_2", "c_3")),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", playbooks__flows__welcome=CAPPED)


@pytest.fixture
def url(database_url: str) -> str:
    engine = opened_at(database_url)
    load(engine, WORLD, ZoneInfo("Europe/Vienna"))
    engine.dispose()
    return database_url


@pytest.fixture
def say(project: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.setenv("COLUMNS", "100")  # pages are as wide as the terminal, if there is one
    return Say(project, url)


class Say:
    """Calls ``clmctl`` on one project and database."""

    def __init__(self, project: Path, url: str) -> None:
        self.located = ["--project", str(project), "--db", url]

    def __call__(self, verb: str, *more: str, at: datetime = NOW) -> int:
        return answer([verb, *self.located, "--at", at.isoformat(), *more])


@pytest.mark.parametrize(
    ("name", "customer", "flow", "more"),
    [
        ("enters", "c_1", "welcome", SINCE),
        ("does_not", "c_2", "welcome", SINCE),
        ("never_live", "c_1", "welcome", ()),
        ("draft", "c_2", "win_back", ()),
    ],
)
def test_the_page_is_as_somebody_has_looked_at_it(
    say: Say, capsys: pytest.CaptureFixture[str], name: str, customer: str, flow: str,
    more: tuple[str, ...],
) -> None:  # fmt: skip
    assert say("explain", customer, "--flow", flow, *more) == 0

    assert_golden(GOLDEN / f"explain-{name}.txt", capsys.readouterr().out.splitlines())


def test_json_fits_its_schema(say: Say, capsys: pytest.CaptureFixture[str]) -> None:
    assert say("explain", "c_2", "--flow", "welcome", "-o", "json", *SINCE) == 0

    document = json.loads(capsys.readouterr().out)
    schema = ROOT / "schemas" / "cli" / "explain.schema.json"
    Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(document)
    assert not document["enters"]
    found = {one["path"]: one for one in document["conditions"]}
    assert found["audience.1.any.0.big"]["nearest"] == "needs 36.00 more"
    assert found["audience.1.any.0.big"]["at"] == "playbooks/segments.yaml:2"


KEYED = """\
flow: orders
status: live
key: amount
starts_when: {did: purchase}
steps: [{wait_until: {clicked: hello}, id: look, at_most: 5 days}, {send: hello}]
"""


def test_runs_are_told_by_their_key_with_what_they_wait_for(
    say: Say, project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "playbooks" / "flows" / "orders.yaml").write_text(KEYED, encoding="utf-8")
    assert say("run", at=NOW - timedelta(days=1)) == 0
    engine = opened_at(url)
    for number, amount in enumerate(("7", "8.50")):
        bought = Happening(f"p_{number}", "c_1", "purchase", NOW, {"amount": amount})
        load(engine, World(happenings=(bought,)), ZoneInfo("Europe/Vienna"), whole=WORLD)
    engine.dispose()
    assert say("run") == 0
    capsys.readouterr()

    assert say("explain", "c_1", "--flow", "orders") == 0
    page = capsys.readouterr().out.splitlines()
    assert page[0] == "c_1 does not enter orders with key 8.50 now."
    assert "  waits until" in page
    assert "Another run, with key 7:" in page
    assert say("explain", "c_1", "--flow", "orders", "--key", "7.00", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    schema = ROOT / "schemas" / "cli" / "explain.schema.json"
    Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(document)
    assert document["key"] == "7"
    assert [one["key"] for one in document["other_keys"]] == ["8.50"]
    assert document["waits_for"][0]["path"] == "wait_until"


def test_an_unknown_customer_is_exit_code_1_an_unknown_flow_2(
    say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say("explain", "c_9", "--flow", "welcome") == 1
    assert 'there is no customer "c_9"' in capsys.readouterr().err
    assert say("explain", "c_1", "--flow", "wellcome") == 2
    assert "welcome" in capsys.readouterr().err


def test_a_send_cannot_be_explained_yet(say: Say) -> None:
    assert answer(["explain", "send", "17"]) == 2


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (["flow"], "clmctl explain flow NAME"),
        (["ded"], 'did you mean "dead"?'),
        (["quiet_hour"], 'did you mean "quiet_hours"? for a customer say which flow'),
        (["win_back"], "a flow is told by: clmctl explain flow win_back"),
        (["c_1", "welcome"], "for a customer and a flow: clmctl explain c_1 --flow welcome"),
    ],
)
def test_what_is_no_code_is_told_how_to_ask(
    arguments: list[str], help: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["explain", *arguments]) == 2
    assert help in capsys.readouterr().err


def test_resume_lets_a_tripped_flow_send(say: Say, capsys: pytest.CaptureFixture[str]) -> None:
    assert say("run", at=NOW - timedelta(days=1)) == 0
    assert say("run") == 0
    assert "clmctl resume welcome" in capsys.readouterr().out

    assert say("resume", "welcome", "--yes") == 0
    assert "welcome may send again" in capsys.readouterr().err
    assert say("run", "-o", "jsonl", at=NOW + timedelta(minutes=5)) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["customer"], one["decision"]) for one in told] == [
        ("c_1", "send"),
        ("c_3", "send"),
    ]
    assert say("resume", "welcome", "--yes", at=NOW + timedelta(minutes=6)) == 0
    assert "neither paused nor tripped" in capsys.readouterr().err


def test_resume_of_something_unknown_is_exit_code_2(
    say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say("resume", "wellcome") == 2
    assert (
        'did you mean "welcome"? flows are: welcome, win_back; '
        '"small_shop" is the project, for its own breaker'
    ) in capsys.readouterr().err
    assert say("resume", "small_shop", "--yes") == 0
