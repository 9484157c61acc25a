"""``clmctl pause`` and ``clmctl resume``: what is printed, and what a run does then."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from databases import opened_at
from harness import at
from jsonschema import Draft7Validator
from reference.loading import load
from reference.world import ConsentAct, Happening, Person, World
from small_project import FILES, write_project

from orchestrator.cli.shell import answer

WORLD = World(
    people=(Person("c_1", email="anna@example.com", attributes={"country": "AT"}),),
    happenings=(Happening("e_1", "c_1", "signed_up", at("2026-03-02T08:00")),),
    consents=(ConsentAct("c_1", "newsletter"),),
)
SHADOW = FILES["playbooks/flows/welcome.yaml"].replace("status: live", "status: shadow")


class Shell:
    """Runs verbs on one project and database."""

    def __init__(self, project: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.project, self.url, self.capsys = project, url, capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, results and messages of a verb."""
        code = answer([*words, "--project", str(self.project), "--db", self.url])
        told = self.capsys.readouterr()
        return code, told.out, told.err


@pytest.fixture
def first_shell(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A project whose flows are live, and nothing was sent yet."""
    engine = opened_at(database_url)
    load(engine, WORLD, ZoneInfo("Europe/Vienna"))
    engine.dispose()
    shell = Shell(write_project(tmp_path / "project"), database_url, capsys)
    assert shell("run", "--at", "2026-03-02T08:30")[0] == 0
    return shell


@pytest.fixture
def shell(first_shell: Shell) -> Shell:
    assert first_shell("run", "--at", "2026-03-02T10:00")[0] == 0
    return first_shell


def test_a_paused_flow_stands_still_until_it_is_resumed(shell: Shell) -> None:
    code, _, said = shell("pause", "welcome", "--reason", "wrong prices")
    assert code == 0
    assert "welcome is paused: 1 run stands still." in said

    _, out, _ = shell("run", "--at", "2026-03-05T10:00")
    assert "welcome is paused: 1 run stands still" in out
    _, out, _ = shell("run", "--dry-run", "--at", "2026-03-05T10:01", "-o", "json")
    document = json.loads(out)
    assert (document["paused"], document["flows"]) == ({"welcome": 1}, {})

    _, _, said = shell("resume", "welcome", "--yes")
    assert "welcome goes on." in said
    _, out, _ = shell("run", "--at", "2026-03-05T10:02", "-o", "json")
    assert json.loads(out)["flows"]["welcome"]["exited"] == {"step": 1}


def test_pausing_twice_changes_nothing(shell: Shell) -> None:
    assert shell("pause", "--all")[0] == 0
    code, _, said = shell("pause", "--all")
    assert (code, said) == (0, "Everything was paused already; nothing was changed.\n")


def test_everything_goes_on_but_what_was_paused_by_name(shell: Shell) -> None:
    shell("pause", "welcome")
    shell("pause", "--all")
    _, _, said = shell("resume", "welcome", "--yes")
    assert "All flows are still paused: clmctl resume --all" in said
    shell("pause", "welcome")
    _, _, said = shell("resume", "--all", "--yes")
    assert "Everything goes on." in said
    assert "welcome stays paused: clmctl resume welcome" in said


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize("words", [(), ("welcome", "--all")])
def test_a_flow_or_all_must_be_said(shell: Shell, verb: str, words: tuple[str, ...]) -> None:
    code, _, said = shell(verb, *words)
    assert code == 2
    assert "name one FLOW, or say --channel or --all" in said


def test_a_flow_that_is_not_there_is_named_with_the_nearest(shell: Shell) -> None:
    code, _, said = shell("pause", "wellcome")
    assert code == 2
    assert 'did you mean "welcome"?' in said


def test_pause_works_although_other_files_have_errors(shell: Shell) -> None:
    (shell.project / "playbooks/flows/win_back.yaml").write_text("flow: [", encoding="utf-8")
    assert shell("run", "--at", "2026-03-05T10:00")[0] != 0
    assert shell("pause", "welcome")[0] == 0
    assert shell("pause", "--all")[0] == 0


def test_explain_says_that_a_flow_is_paused(shell: Shell) -> None:
    shell("pause", "welcome")
    _, out, _ = shell(
        "explain", "c_1", "--flow", "welcome", "--at", "2026-03-05T10:00", "-o", "json"
    )
    status = json.loads(out)["conditions"][0]
    assert (status["path"], status["holds"], status["actual"]) == ("status", False, "is paused")


def test_the_page_of_a_run_names_flows_in_shadow(shell: Shell) -> None:
    hidden = SHADOW.replace("flow: welcome", "flow: hidden")
    (shell.project / "playbooks/flows/welcome.yaml").write_text(hidden, encoding="utf-8")
    since = ("--as-live-since", "2026-03-02T08:00", "--at", "2026-03-02T10:30")
    _, out, _ = shell("run", "--dry-run", *since)
    assert "hidden  in shadow" in out
    _, out, _ = shell("run", "--dry-run", *since, "-o", "json")
    assert json.loads(out)["flows"]["hidden"]["shadow"] is True


def test_ls_shows_what_is_paused_by_hand(shell: Shell) -> None:
    assert "paused" not in shell("ls")[1]
    assert shell("pause", "welcome", "--reason", "wrong prices")[0] == 0
    _, page, _ = shell("ls")
    assert "live, paused" in page
    _, out, _ = shell("ls", "-o", "json")
    document = json.loads(out)
    schema = Path(__file__).parents[2] / "schemas" / "cli" / "ls.schema.json"
    Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(document)
    paused = {one["name"]: one["paused"] for one in document["items"]}
    assert paused["win_back"] is None
    assert paused["welcome"]["reason"] == "wrong prices"
    assert shell("pause", "--all")[0] == 0
    assert shell("ls")[1].count(", paused") == 2


def test_ls_lists_without_a_database_too(tmp_path: Path) -> None:
    project = ["--project", str(write_project(tmp_path / "project"))]
    assert answer(["ls", *project]) == 0
    assert answer(["ls", *project, "--db", str(tmp_path / "none" / "x.db")]) == 0


def test_nothing_leaves_on_a_paused_channel_until_it_is_resumed(first_shell: Shell) -> None:
    shell = first_shell
    code, _, said = shell("pause", "--channel", "email", "--reason", "the relay is moved")
    assert code == 0
    assert "Nothing leaves on email: 0 messages wait." in said
    _, _, said = shell("pause", "--channel", "email")
    assert "email was paused already; nothing was changed." in said
    standing = json.loads(shell("status", "-o", "json")[1])
    assert [(one["flow"], one["channel"]) for one in standing["paused"]] == [(None, "email")]
    assert "email, since" in shell("status")[1]
    assert "clmctl resume --channel email" in shell("doctor")[1]

    shell("run", "--at", "2026-03-02T10:00")
    listed = json.loads(shell("outbox", "list", "-o", "json")[1])
    assert [one["state"] for one in listed["messages"]] == ["queued"]

    code, _, said = shell("resume", "--channel", "email")
    assert (code, "Messages leave on email again." in said) == (0, True)
    shell("run", "--at", "2026-03-02T10:01")
    assert json.loads(shell("outbox", "list", "-o", "json")[1])["count"] == 0
    _, _, said = shell("resume", "--channel", "email")
    assert "email was not paused; nothing was changed." in said


def test_a_channel_that_is_none_is_named_with_the_nearest(shell: Shell) -> None:
    for verb in ("pause", "resume"):
        code, _, said = shell(verb, "--channel", "emial")
        assert (code, 'did you mean "email"?' in said) == (2, True)
