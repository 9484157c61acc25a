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


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("sms: {account: env:, token: 'file:'}", "2:18", "write env:NAME"),
        ("sms: {token: env:A, account: file:}", "2:32", "write file:path"),
        ("sms:\n    account: env:\n    token: env:T", "3:14", "write env:NAME"),
    ],
)
def test_a_place_without_a_name_is_told_so(
    tmp_path: Path, text: str, place: str, says: str
) -> None:
    (found,) = errors(tmp_path, f"channels:\n  {text}\n")

    assert f"{found.mark.line}:{found.mark.column}" == place
    assert "nothing stands behind" in found.message
    assert says in (found.help or "")


def test_a_policy_without_a_purpose_is_answered_with_one_that_works(tmp_path: Path) -> None:
    (found,) = errors(tmp_path, EMAIL % "on_in_doubt: park")
    example = (found.help or "").removeprefix("write ").partition(";")[0]

    assert example == "on_in_doubt: {marketing: park, transactional: resend}"
    left = [problem.code for problem in errors(tmp_path, EMAIL % example)]
    assert not any(code.startswith("CLM1") for code in left)


EMAIL = "channels: {email: {host: smtp.shop.example, %s}}"
WEB_PUSH = "channels: {push: {web_push: {key: env:VAPID, contact: %s}}}"
SMS = "channels: {sms: {account: env:A, token: env:T, from: Shop, %s}}"


@pytest.mark.parametrize(
    ("text", "at", "code", "says"),
    [
        (EMAIL % "tls: ssl", "ssl", "CLM106", 'did you mean "implicit"?'),
        (EMAIL % "tls: true", "true", "CLM106", 'mean "starttls" or "implicit"?'),
        (EMAIL % "tls: off", "off", "CLM106", 'did you mean "none"?'),
        (EMAIL % "tls: startls", "startls", "CLM106", 'did you mean "starttls"?'),
        (EMAIL % "ssl: implicit", "ssl", "CLM104", 'did you mean "tls"?'),
        (EMAIL % "port: five", "five", "CLM106", "did you mean 5?"),
        (EMAIL % "port: '587'", "'587'", "CLM106", "did you mean 587, without quotes?"),
        (EMAIL % "port: smtps", "smtps", "CLM106", "did you mean 465?"),
        (EMAIL % "at_once: twenty-five", "twenty", "CLM106", "did you mean 25?"),
        (EMAIL % "concurrency: 5", "concurrency", "CLM104", 'did you mean "at_once"?'),
        (EMAIL % "rate: ten per second", "ten", "CLM106", 'mean "10 per second"?'),
        (EMAIL % "rate: 10", "10", "CLM106", 'say per what, such as "10 per second"'),
        (EMAIL % "on_in_doubt: park", "park", "CLM106", "marketing, transactional"),
        (EMAIL % "headers: {From: x}", "From", "CLM106", "are written for each"),
        (EMAIL % "ehlo: me.example:25", "me.", "CLM106", "a port is no part of it"),
        ("channels: {email: {host: mail.example:587}}", "mail.", "CLM106", '"port": 587'),
        ("channels: {email: {host: mail.example:587}}", "mail.", "CLM106", '"mail.example"?'),
        ("channels: {email: {host: 'smtp://b@m.example/'}}", "'smtp", "CLM106", '"m.example"?'),
        ("channels: {email: {host: '[::1]:25'}}", "'[", "CLM106", '"::1"?'),
        ("channels: {email: {server: h.example}}", "server", "CLM104", 'did you mean "host"?'),
        ("channels: {email: {adapter: smtp}}", "smtp", "CLM246", 'did you mean "email"?'),
        ("channels: {email: {provider: file}}", "provider", "CLM104", 'did you mean "adapter"?'),
        ("channels: {sms: {adapter: Twilio}}", "Twilio", "CLM246", 'did you mean "sms"?'),
        ("channels: {fcm: {}}", "fcm", "CLM210", 'did you mean "push"?'),
        (SMS % "most_segments: three", "three", "CLM106", "did you mean 3?"),
        (SMS % "url: api.example/v1", "api.", "CLM106", 'mean "https://api.example/v1"?'),
        ("channels: {webhook: {allow: [10.0.0.1/8]}}", "10.", "CLM106", '"10.0.0.0/8"?'),
        ("channels: {webhook: {allow: [0.0.0.0/0]}}", "0.", "CLM106", "that is every address"),
        ("channels: {webhook: {allow: ['::/0']}}", "'::", "CLM106", "that is every address"),
        (WEB_PUSH % "me", "me}", "CLM106", "a push service writes there"),
        (WEB_PUSH % "a@b.example", "a@", "CLM106", 'mean "mailto:…"?'),
    ],
)
def test_a_mistake_is_answered_with_what_was_meant(
    tmp_path: Path, text: str, at: str, code: str, says: str
) -> None:
    found = errors(tmp_path, f"{text}\n")

    told = {(one.mark.line, one.mark.column, one.code): one.help or "" for one in found}
    assert says in told[1, text.index(at) + 1, code]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("email: {adapter: smtp, host: h.example, tls: ssl, rate: ten, prot: x}", 5),
        ("mail: {host: h.example, tls: ssl, rate: ten, prot: x, burst: -1}", 6),
        ("email: {adapter: sendgrid, rate: ten, at_once: ten, burst: five}", 4),
        ("email: {adapter: [email], rate: ten}", 2),
    ],
    ids=["the adapter is called otherwise", "so is the channel", "nobody knows it", "no name"],
)
def test_a_wrong_adapter_hides_no_other_mistake(tmp_path: Path, text: str, codes: int) -> None:
    assert len(errors(tmp_path, f"channels:\n  {text}\n")) == codes


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("ENV:CANARY_4711", "begins with env: or file:, no space"),
        ("'env: CANARY_4711'", "begins with env: or file:, no space"),
        ("'${CANARY_4711}'", "without a $"),
        ("$canary_4711", "without a $"),
        ("keys/canary_4711.pem", "a file is written file:path"),
        ("canary_4711", "write env:NAME or file:path here"),
    ],
)
def test_a_secret_that_stands_there_is_told_and_not_repeated(
    tmp_path: Path, written: str, says: str
) -> None:
    text = (SMS % "region: AT").replace("env:T", written)

    (found,) = errors(tmp_path, f"{text}\n")

    assert found.code == "CLM115"
    assert says in (found.help or "")
    assert "4711" not in f"{found.message} {found.help}"


def test_a_word_of_an_adapter_s_own_is_never_taken_for_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_adapters(monkeypatch)

    assert errors(tmp_path, "channels: {drum: {beat: env:BEAT, kind: bass}}\n") == []


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
