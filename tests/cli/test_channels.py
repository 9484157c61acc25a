"""``clmctl channels``: the list, the check, one real message for trial."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from small_project import write_project

from orchestrator.cli.shell import answer

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "channels.schema.json"
CHANNELS = """\
channels:
  email: {adapter: file, rate: 90 per minute, burst: 5, on_in_doubt: {marketing: park}}
  sms: {account: env:SMS_ACCOUNT, token: file:secrets/sms token, from: "+43660000000"}
"""
CANARY = "canary-4711-of-the-provider"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SMS_ACCOUNT", "CLM_SEND", "CLM_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    write_project(tmp_path)
    (tmp_path / "playbooks" / "channels.yaml").write_text(CHANNELS)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what was printed as JSON, which fits its schema."""
    printed = json.loads(capsys.readouterr().out)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(printed)
    return printed


def test_the_list_says_what_carries_each_channel_and_what_is_missing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_ACCOUNT", CANARY)

    assert answer(["channels", "list", "-o", "json", "--project", str(project)]) == 0

    printed = capsys.readouterr().out
    email, sms, push = json.loads(printed)["channels"]
    assert CANARY not in printed
    assert (email["adapter"], email["rate"], email["burst"]) == ("file", "90 per minute", 5)
    assert email["on_in_doubt"] == {"marketing": "park", "transactional": "retry"}
    assert email["where"] == {"path": "playbooks/channels.yaml", "line": 2}
    assert email["flows"] == ["welcome", "win_back"]
    assert sms["secrets"][0] == {"place": "env:SMS_ACCOUNT", "wrong": None}
    assert "secrets/sms token cannot be read" in sms["secrets"][1]["wrong"]
    assert (push["channel"], push["adapter"], push["flows"]) == ("push", None, ["welcome"])


CALLING = """\
flow: points
starts_when: {did: purchase}
steps:
  - branch: [{if: {attribute: country, is: AT}, do: [{webhook: loyalty}]}]
    otherwise: [{send: offer}, {webhook: loyalty}]
"""


@pytest.mark.parametrize(
    ("channels", "adapter"),
    [("webhook: {}", "webhook"), ("email: {adapter: file}", None), (None, None)],
    ids=["set", "not set", "no channels.yaml"],
)
def test_the_flows_that_call_are_those_of_the_webhook_channel(
    project: Path, capsys: pytest.CaptureFixture[str], channels: str | None, adapter: str | None
) -> None:
    playbooks = project / "playbooks"
    (playbooks / "flows" / "points.yaml").write_text(CALLING)
    (playbooks / "hooks.yaml").write_text("webhooks: {loyalty: {url: 'https://shop.example/p'}}")
    (playbooks / "channels.yaml").unlink()
    if channels:
        (playbooks / "channels.yaml").write_text(f"channels: {{{channels}}}\n")

    assert answer(["channels", "list", "-o", "json", "--project", str(project)]) == 0
    found = {one["channel"]: one for one in told(capsys)["channels"]}
    assert (found["webhook"]["adapter"], found["webhook"]["flows"]) == (adapter, ["points"])
    assert answer(["channels", "list", "--project", str(project)]) == 0
    page = capsys.readouterr().out
    assert ("its calls stay queued" in page) == (adapter is None)


def test_the_list_is_a_page_for_people_and_json_for_programs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["channels", "list", "--project", str(project)]) == 0
    page = capsys.readouterr().out
    assert answer(["channels", "list", "-o", "json", "--project", str(project)]) == 0

    assert told(capsys)["format"] == "clmctl.channels/1"
    assert "email  file  playbooks/channels.yaml:2" in page
    assert "pace: 90 per minute, up to 5 after a pause" in page
    assert "secrets: env:SMS_ACCOUNT missing, file:secrets/sms token missing" in page
    assert "stay queued until playbooks/channels.yaml says" in page


def test_without_a_channels_file_every_channel_in_use_goes_to_the_outbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path)

    assert answer(["channels", "list", "-o", "json", "--project", str(tmp_path)]) == 0

    found = {one["channel"]: one["adapter"] for one in told(capsys)["channels"]}
    assert found == {"email": "file", "sms": "file", "push": "file"}


def test_the_check_names_the_secret_that_is_missing_and_where_it_is_asked_for(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["channels", "check", "-o", "json", "--project", str(project)]) == 1

    email, sms = told(capsys)["checked"]
    assert email == {"channel": "email", "wrong": []}
    (wrong,) = sms["wrong"]
    assert "the variable SMS_ACCOUNT is not set" in wrong
    assert "playbooks/channels.yaml:3:18 asks for env:SMS_ACCOUNT" in wrong


def test_one_channel_can_be_checked_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["channels", "check", "email", "--project", str(project)]) == 0
    assert "email" in capsys.readouterr().out
    assert answer(["channels", "check", "emial", "--project", str(project)]) == 2
    assert 'did you mean "email"' in capsys.readouterr().err


def test_an_outbox_that_cannot_be_written_is_found(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "outbox").write_text("a file")

    assert answer(["channels", "check", "email", "--project", str(project)]) == 1
    assert "cannot be written" in capsys.readouterr().out


def test_a_trial_sends_one_message_and_shows_no_address(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["channels", "test-send", "email", "--to", "ayu@mail.example", "-o", "json"]

    assert answer([*words, "--project", str(project), "--yes"]) == 0

    sent = told(capsys)["sent"]
    (file,) = (project / "outbox").iterdir()
    assert json.loads(file.read_text())["to"] == "ayu@mail.example"
    assert (sent["outcome"], sent["to"]) == ("accepted", "a***@m***.example")


def test_each_trial_is_a_message_of_its_own(project: Path) -> None:
    words = ["channels", "test-send", "email", "--to", "a@b.example", "--yes", "--quiet"]

    for _ in range(2):
        assert answer([*words, "--project", str(project)]) == 0

    assert len(list((project / "outbox").iterdir())) == 2


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--to", "a@b.example"], 4, "nothing was sent"),
        (["--yes"], 2, "needs an address"),
        (["--to", "a@b.example", "--customer", "c_1", "--yes"], 2, "name one with --message"),
        (["--to", "a@b.example", "--message", "hello", "--yes"], 2, "name one with --customer"),
        (["--to", "a@b.example", "--message", "helo", "--yes"], 2, 'did you mean "hello"'),
    ],
)
def test_what_is_not_sent_is_told_and_leaves_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, says: str
) -> None:
    words = ["channels", "test-send", "email", "--project", str(project)]

    assert answer([*words, *more]) == code

    assert says in capsys.readouterr().err
    assert not (project / "outbox").exists()


def test_nothing_leaves_for_trial_while_sending_is_switched_off(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["channels", "test-send", "email", "--to", "a@b.example", "--yes"]
    monkeypatch.setenv("CLM_SEND", "0")

    assert answer([*words, "--project", str(project)]) == 4

    assert "switched off (CLM_SEND is '0', which is not on)" in capsys.readouterr().err
    assert not (project / "outbox").exists()


def test_a_message_goes_as_a_customer_would_get_it_with_links_of_nobody(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{project / 'clm.db'}"
    customers = project / "customers.csv"
    customers.write_text("id,email,country\nc_1,ben@mail.example,AT\n")
    options = ["--project", str(project), "--db", url]
    assert answer(["db", "upgrade", *options]) == 0
    assert answer(["import", "customers", str(customers), *options]) == 0
    words = ["channels", "test-send", "email", "--to", "ayu@mail.example", "--yes"]

    assert answer([*words, "--message", "hello", "--customer", "c_1", *options]) == 0

    (file,) = (project / "outbox").iterdir()
    sent = json.loads(file.read_text())
    assert (sent["to"], sent["subject"]) == ("ayu@mail.example", "Hello")
    assert (sent["customer"], sent["flow"]) == ("test-send", "test-send")


def test_a_secret_that_cannot_be_used_is_told_by_list_and_check_and_never_shown(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_ACCOUNT", f"“{CANARY}”")
    monkeypatch.setenv("HOOK", f"whsec_{CANARY}")
    said = CHANNELS + "  webhook: {secret: env:HOOK}\n"
    (project / "playbooks" / "channels.yaml").write_text(said)

    assert answer(["channels", "list", "--project", str(project)]) == 0
    for channel in ("sms", "webhook"):
        assert answer(["channels", "check", channel, "--project", str(project)]) == 1

    printed = " ".join("".join(capsys.readouterr()).split())
    assert "the variable SMS_ACCOUNT holds typographic quotes" in printed
    assert "after whsec_ stands a key in base64" in printed
    assert CANARY not in printed
