"""``channels.yaml``: each mistake at its place, with the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest
from brought import install_adapters
from small_project import write_project

from orchestrator.language.marks import Problem
from orchestrator.playbook.check import check


def errors(folder: Path, text: str) -> list[Problem]:
    write_project(folder)
    (folder / "playbooks" / "channels.yaml").write_text(text)
    return [problem for problem in check(folder).problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("text", "place", "code", "says"),
    [
        ("channels: {sms: {adapter: fil}}", "1:27", "CLM246", 'did you mean "file"'),
        ("channels: {emial: {adapter: file}}", "1:12", "CLM210", 'did you mean "email"'),
        ("channels: {emial: {}}", "1:12", "CLM210", 'did you mean "email"'),
        ("channels: {sms: {adapter: whatsapp, token: env:T}}", "1:27", "CLM248", "not sms"),
        ("channels: {sms: {adaptr: dry_run}}", "1:18", "CLM104", 'did you mean "adapter"'),
        ("channels: {sms: {adapter: 5}}", "1:27", "CLM106", "the name of an adapter"),
        ("channels: {sms: dry_run}", "1:17", "CLM106", "a mapping such as {adapter: file}"),
        ("channels: {sms: }", "1:12", "CLM105", "needs its settings"),
        ("channels: {}", "1:11", "CLM106", "a mapping of channels"),
        ("channels: [sms]", "1:11", "CLM106", "a mapping of channels"),
        ("chanels: {sms: {adapter: file}}", "1:1", "CLM117", 'did you mean "channels"'),
        ("channels: {drum: {beet: env:BEAT}}", "1:19", "CLM104", 'did you mean "beat"'),
        ("channels: {drum: {adapter: drun, beat: env:BEAT}}", "1:28", "CLM246", '"drum"'),
        ("channels: {drum: {adapter: raises}}", "1:28", "CLM247", "this drum"),
        ("channels: {smoke: {adapter: drum, beat: env:B}}", "1:29", "CLM248", "carries drum"),
    ],
)
def test_each_mistake_is_told_at_its_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    place: str,
    code: str,
    says: str,
) -> None:
    install_adapters(monkeypatch)

    found = errors(tmp_path, f"{text}\n")

    first = found[0]
    assert (f"{first.mark.line}:{first.mark.column}", first.code) == (place, code)
    assert says in f"{first.message} {first.help}"


def test_a_channel_of_a_package_is_unknown_until_channels_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_adapters(monkeypatch)
    write_project(tmp_path)
    (tmp_path / "templates" / "hello" / "drum.txt.j2").write_text("Hello.\n")

    before = [problem.code for problem in check(tmp_path).problems]
    (tmp_path / "playbooks" / "channels.yaml").write_text("channels: {drum: {beat: env:B}}\n")
    after = [problem.code for problem in check(tmp_path).problems if problem.severity == "error"]

    assert "CLM119" in before
    assert after == []


def test_channels_that_cannot_be_read_hide_no_other_problem(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "playbooks" / "channels.yaml").write_text("channels: {drum: [}\n")
    flow = (
        "flow: x\nstarts_when: {did: signed_up}\nsteps: [{send: hello, channel: drum}, {wait: 1}]\n"
    )
    (tmp_path / "playbooks" / "flows" / "x.yaml").write_text(flow)

    codes = {problem.code for problem in check(tmp_path).problems}

    assert "CLM210" not in codes
    assert "CLM106" in codes


LIVE = "flow: mails\nowner: crm\nstatus: {}\nstarts_when: {{did: signed_up}}\nsteps: [{{send: hello{}}}]\n"
SMTP = "channels: {email: {host: smtp.shop.example}}\n"
PROJECT = "project: small_shop\ntimezone: Europe/Vienna\n"
LINKS = "links: {{base_url: '{}'}}\n"
ADDRESS = "postal_address: Shop, Street 1, 1010 Wien\n"


@pytest.mark.parametrize(
    ("channels", "project", "status", "send", "places"),
    [
        (SMTP, "", "live", "", ["channels.yaml:1", "channels.yaml:1"]),
        (SMTP, LINKS.format("https://shop.example"), "live", "", ["channels.yaml:1"]),
        (SMTP, LINKS.format("http://shop.example") + ADDRESS, "live", "", ["project.yaml:3"]),
        (SMTP, LINKS.format("https://shop.example") + ADDRESS, "live", "", []),
        (SMTP, LINKS.format("http://127.0.0.1:8080") + ADDRESS, "live", "", []),
        (
            SMTP,
            LINKS.format("http://127.0.0.1.evil.example") + ADDRESS,
            "live",
            "",
            ["project.yaml:3"],
        ),
        (SMTP, "", "paused", "", ["channels.yaml:1", "channels.yaml:1"]),
        (SMTP, "", "draft", "", []),
        (SMTP, "", "live", ", purpose: transactional", []),
        (SMTP, "", "live", ", channels: [preferred, push]", ["channels.yaml:1"] * 2),
        (SMTP, "", "live", ", channel: push", []),
        ("channels: {email: {adapter: file}}\n", "", "live", "", []),
    ],
)
def test_marketing_mail_leaves_only_with_a_way_to_end_it_and_an_address(
    tmp_path: Path, channels: str, project: str, status: str, send: str, places: list[str]
) -> None:
    write_project(tmp_path, playbooks__project=PROJECT + project)
    flows = tmp_path / "playbooks" / "flows"
    (flows / "welcome.yaml").write_text(LIVE.format(status, send))
    (flows / "win_back.yaml").unlink()
    (tmp_path / "playbooks" / "channels.yaml").write_text(channels)

    found = [problem for problem in check(tmp_path).problems if problem.code == "CLM422"]

    assert [str(problem.mark).removeprefix("playbooks/") for problem in found] == places
    assert {problem.severity for problem in found} <= {"error"}


def test_without_channels_nothing_is_missing(tmp_path: Path) -> None:
    codes = {problem.code for problem in check(write_project(tmp_path)).problems}

    assert not codes & {"CLM421", "CLM422"}
