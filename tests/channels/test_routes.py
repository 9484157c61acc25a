"""Routes: what carries each channel of a project, opened with its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from brought import install_adapters
from small_project import write_project

from orchestrator.channels.dry_run import DryRunChannel
from orchestrator.channels.file import FileChannel
from orchestrator.channels.spec import CHANNELS
from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.check import check
from orchestrator.playbook.load import Loaded
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.routes import open_channels
from orchestrator.testing.channels import sample_message


def load(folder: Path, channels: str, **files: str) -> Loaded:
    write_project(folder)
    for name, text in {"channels": channels, **files}.items():
        path = folder / "playbooks" / f"{name}.yaml"
        path.write_text(text)
    return check(folder)


def playbook(folder: Path, channels: str) -> Playbook:
    loaded = load(folder, channels)
    assert loaded.playbook, loaded.problems
    return loaded.playbook


def test_a_project_without_channels_hands_everything_to_the_outbox(tmp_path: Path) -> None:
    loaded = check(write_project(tmp_path))
    assert loaded.playbook

    routes = open_channels(loaded.playbook, tmp_path)

    assert list(routes) == list(CHANNELS)
    assert {route.adapter for route in routes.values()} == {FileChannel}


def test_each_channel_is_carried_by_what_it_names(tmp_path: Path) -> None:
    said = "channels:\n  email: {adapter: file, folder: mails, at_once: 7}\n  sms: {adapter: dry_run}\n"

    routes = open_channels(playbook(tmp_path, said), tmp_path)

    assert {name: route.adapter for name, route in routes.items()} == {
        "email": FileChannel,
        "sms": DryRunChannel,
    }
    assert (routes["email"].at_once, routes["sms"].at_once) == (7, 1000)
    adapter = routes["email"].open()
    assert adapter.send(sample_message(CHANNELS["email"])).kind == "accepted"
    assert len(list((tmp_path / "mails").iterdir())) == 1


def test_a_channel_of_a_package_can_be_sent_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_adapters(monkeypatch)
    monkeypatch.setenv("BEAT", "bum bum")
    (tmp_path / "templates" / "hello").mkdir(parents=True)
    (tmp_path / "templates" / "hello" / "drum.txt.j2").write_text("Hello.\n")
    flow = (
        "flow: drums\nstatus: live\nstarts_when: {did: signed_up}\n"
        "steps: [{send: hello, channel: drum, purpose: transactional}]\n"
    )

    loaded = load(tmp_path, "channels:\n  drum: {beat: env:BEAT}\n", drums=flow)

    assert loaded.playbook, loaded.problems
    route = open_channels(loaded.playbook, tmp_path)["drum"]
    outcome = route.open().send(sample_message(CHANNELS["drum"]))
    assert outcome.provider_id == "7 beats"


def test_a_missing_secret_is_told_when_the_route_is_opened_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_adapters(monkeypatch)
    monkeypatch.delenv("BEAT", raising=False)

    route = open_channels(playbook(tmp_path, "channels: {drum: {beat: env:BEAT}}\n"), tmp_path)[
        "drum"
    ]

    with pytest.raises(EnvironmentFault, match="the variable BEAT is not set"):
        route.open()


def test_an_adapter_that_cannot_be_made_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no such drum\nat all")

    monkeypatch.setattr(DryRunChannel, "__init__", fails)
    route = open_channels(playbook(tmp_path, "channels: {sms: {adapter: dry_run}}\n"), tmp_path)[
        "sms"
    ]

    with pytest.raises(EnvironmentFault) as fault:
        route.open()

    assert str(fault.value) == 'the adapter "dry_run" cannot be opened: OSError: no such drum'


def test_channels_can_be_included_and_set_once_only(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "channels.yaml").write_text("channels: {sms: {adapter: dry_run}}\n")
    said = "include: [../shared/channels.yaml]\nchannels: {email: {adapter: file}}\n"

    assert set(playbook(tmp_path, said).channels) == {"email", "sms"}

    (shared / "channels.yaml").write_text("channels: {email: {adapter: dry_run}}\n")
    problems = check(tmp_path).problems
    assert [problem.code for problem in problems if problem.severity == "error"] == ["CLM212"]
