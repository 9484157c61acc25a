"""What is pasted into ``channels.yaml`` is repeated nowhere, however it is mistyped."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.shell import answer

FORMS = ("human", "json", "github", "sarif")
CORPUS = (
    "email: {host: smtp.shop.example, username: a, passwrd: CANARY}",
    "email: {host: smtp.shop.example, api_tokn: 'CANARY two CANARY'}",
    "email: {host: 'clm:CANARY@smtp.shop.example'}",
    "email: {host: 'smtp://clm:CANARY@smtp.shop.example:587'}",
    "email: {host: smtp.shop.example, username: CANARY@x, password: [CANARY]}",
    "email: {host: smtp.shop.example, headers: {'X:y': CANARY}}",
    "email: {host: smtp.shop.example, dkim: {key: CANARY, pem: CANARY}}",
    "email: {host: smtp.shop.example, password: 0x0CANARY}",
    "email: {host: smtp.shop.example, password: 0o777, pass: CANARY, pass: CANARY}",
    "sms: {account: env:A, token: [CANARY]}",
    "sms: {account: env:A, token: {value: CANARY}}",
    "sms: {account: env:A, token: CANARY}",
    "sms: {account: env:A, token: $CANARY}",
    "sms: {account: env:A, token:CANARY}",
    "sms: {account: env:A, token: @CANARY}",
    "sms: {account: env:A, token: *CANARY}",
    "sms: {account: env:A, token: &CANARY x}",
    "sms: {account: env:A, token: !CANARY x}",
    "sms: {account: env:A, token: %CANARY}",
    "sms: {account: env:A, token: 'CANARY' CANARY}",
    'sms: {account: env:A, token: "\\qCANARY"}',
    "sms: {account: env:A, token: 'CANARY}",
    "sms: {account: env:A, token: CANARY: CANARY}",
    "sms: CANARY",
    "sms: [CANARY]",
    "whatsapp: {phone_number_id: '1', token: CANARY, app_secret: env:A",
    "whatsapp: {phone_number_id: '1', token: {{ CANARY }}}",
    "chat: {address: 'tgram://CANARY/1'}",
    "chat: {url: 'https://u:CANARY@hooks.example/x'}",
    "webhook: {secret: CANARY, allow: [CANARY@x]}",
    "sms:\n    account: env:A\n    token: CANARY\n   from: x",
    "sms:\n    account: env:A\n\ttoken: CANARY",
    "sms:\n    token: |\n      CANARY\n    tokn: >\n      CANARY CANARY",
    "sms:\n    - CANARY\n    token: CANARY",
    "sms:\n    token CANARY",
)


@pytest.mark.parametrize(
    "canary", ["canary7", "SKcanary2x99887766554433221100aabbcc", "canarysword"]
)
@pytest.mark.parametrize("text", CORPUS)
def test_no_form_repeats_what_may_be_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, canary: str
) -> None:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "project.yaml").write_text("project: shop\ntimezone: UTC\n", encoding="utf-8")
    written = f"channels:\n  {text}\n".replace("CANARY", canary)
    (folder / "channels.yaml").write_text(written, encoding="utf-8")
    where = ["--project", str(tmp_path)]
    for form in FORMS:
        answer(["check", *where, "-o", form])
    answer(["run", "--dry-run", *where])
    answer(["channels", "list", *where])
    answer(["channels", "check", *where])
    printed = "".join(capsys.readouterr())
    assert "canary" not in printed.casefold()
    assert "channels.yaml:" in printed


def test_the_mistyped_word_and_a_harmless_value_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "project.yaml").write_text("project: shop\ntimezone: UTC\n", encoding="utf-8")
    text = "channels:\n  email: {host: smtp.shop.example, passwrd: env:A, rate: 50/s}\n"
    (folder / "channels.yaml").write_text(text, encoding="utf-8")
    answer(["check", "--project", str(tmp_path)])
    printed = capsys.readouterr().out
    assert '"passwrd"' in printed and '"password"' in printed
    assert '"50/s"' in printed and "50 per second" in printed
    assert " | " not in printed
