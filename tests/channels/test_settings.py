"""What channels are told: rates, spans, addresses; and secrets, which are never shown."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.channels.secret import Secret
from orchestrator.channels.settings import ChannelSettings, opened, secrets_of
from orchestrator.channels.shapes import (
    ContactShape,
    FolderShape,
    NetworkShape,
    Rate,
    RateShape,
    SecretShape,
    SpanShape,
    UrlShape,
)
from orchestrator.errors import EnvironmentFault
from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.marks import Mark
from orchestrator.language.names import NewName
from orchestrator.language.nodes import ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import Shape
from orchestrator.language.words import Rules, Sentence, word

HERE = Mark("playbooks/channels.yaml", 3, 12)
CANARY = "canary-of-the-vault-4711"


def read(shape: Shape[Any], written: Any) -> Any:
    """Return what a shape reads, or the problem it reports."""
    reader = Reader()
    found = shape.read(ScalarNode(HERE, str(written), written), reader)
    return reader.problems[0] if isinstance(found, Invalid) else found


@pytest.mark.parametrize(
    ("written", "rate"),
    [("50 per second", 50.0), ("1000 per hour", 1000 / 3600), ("6 per minute", 0.1)],
)
def test_a_rate_is_so_many_in_a_time(written: str, rate: float) -> None:
    found = read(RateShape(), written)

    assert isinstance(found, Rate)
    assert found.per_second == pytest.approx(rate)
    assert str(found) == written


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        (RateShape(), "50/s"),
        (RateShape(), "0 per second"),
        (RateShape(), "50 per second\n"),
        (RateShape(), "5 per week"),
        (RateShape(), 50),
        (SpanShape(), "0 seconds"),
        (SpanShape(), "25 hours"),
        (SpanShape(), "86401 seconds"),
        (UrlShape(), "http://provider.example"),
        (UrlShape(), "https://user:password@provider.example"),
        (UrlShape(), "https://"),
        (UrlShape(), "https://[half"),
        (UrlShape(), "https://provider.example/a b"),
        (UrlShape(), "https://good.example\\@evil.example"),
        (UrlShape(), "file:///etc/passwd"),
        (UrlShape(), "http://localhost.evil.example"),
        (NetworkShape(), "0.0.0.0/0"),
        (NetworkShape(), "::/0"),
        (NetworkShape(), "1.2.3.4/0.0.0.0"),
        (ContactShape(), "me"),
        (ContactShape(), "mailto:me"),
        (ContactShape(), "mailto:a@shop.example, b@shop.example"),
        (ContactShape(), "http://shop.example"),
        (ContactShape(), "https://"),
        (ContactShape(), "push@shop.example"),
        (FolderShape(), "../outbox"),
        (FolderShape(), "/var/outbox"),
        (FolderShape(), "a/../b"),
        (FolderShape(), "a//b"),
        (FolderShape(), ".clm"),
    ],
)
def test_what_is_none_is_refused(shape: Shape[Any], written: Any) -> None:
    assert read(shape, written).code == "CLM106"


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("1 second", timedelta(seconds=1)),
        ("30 seconds", timedelta(seconds=30)),
        ("5 min", timedelta(minutes=5)),
        ("24 hours", timedelta(hours=24)),
    ],
)
def test_a_span_is_from_a_second_to_a_day(written: str, span: timedelta) -> None:
    assert read(SpanShape(), written) == span


@pytest.mark.parametrize(
    ("shape", "written", "meant"),
    [
        (RateShape(), "50/s", "50 per second"),
        (RateShape(), "1000 / hour", "1000 per hour"),
        (RateShape(), "6 Per Min", "6 per minute"),
        (RateShape(), "20 a day", "20 per day"),
        (RateShape(), "ten per secnd", "10 per second"),
        (RateShape(), "1,000 mails per hour", "1000 per hour"),
        (RateShape(), "a hundred an hour", "100 per hour"),
        (RateShape(), "0.5 per second", "30 per minute"),
        (RateShape(), "1.5 per second", "90 per minute"),
        (SpanShape(), "30s", "30 seconds"),
        (SpanShape(), "5 minutes", "5 min"),
        (SpanShape(), 30, "30 seconds"),
        (SpanShape(), "thirty secnds", "30 seconds"),
        (SpanShape(), "2 hrs", "2 hours"),
        (ContactShape(), "push@shop.example", "mailto:push@shop.example"),
        (ContactShape(), "mailto://push@shop.example", "mailto:push@shop.example"),
        (ContactShape(), "http://shop.example/push", "https://shop.example/push"),
        (ContactShape(), "shop.example", "https://shop.example"),
    ],
)
def test_what_is_nearly_one_is_answered_with_the_right_way(
    shape: Shape[Any], written: Any, meant: str
) -> None:
    assert read(shape, written).help == f'did you mean "{meant}"?'
    assert not hasattr(read(shape, meant), "code")


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        (RateShape(), "0 per second"),
        (RateShape(), "5 per week"),
        (RateShape(), "many per second"),
        (RateShape(), "0.7 per day"),
        (SpanShape(), "2 days"),
        (SpanShape(), "soon"),
    ],
)
def test_what_is_near_to_none_is_answered_with_the_form(shape: RateShape, written: str) -> None:
    assert read(shape, written).help == shape.hint


# --- secrets ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pasted", [CANARY, "env:", "env:not a name", "file:", "file: a", "ENV:X", 7]
)
def test_a_pasted_secret_is_refused_and_not_repeated(pasted: Any) -> None:
    problem = read(SecretShape(), pasted)

    assert problem.code == "CLM115"
    assert str(pasted).rstrip(":") not in problem.message
    assert CANARY not in problem.help


@dataclass(frozen=True, kw_only=True)
class Inner(Sentence):
    """Holds a secret."""

    key: Secret = word(SecretShape(), "A key.")


@dataclass(frozen=True, kw_only=True)
class VaultSettings(ChannelSettings):
    """Has secrets in all places."""

    rules = Rules(any_of=(("password", "keys"),))

    password: Secret | None = word(SecretShape(), "A password.", default=None)
    keys: tuple[Secret, ...] | None = word(ListOf(SecretShape()), "Keys.", default=None)
    named: dict[str, Secret] | None = word(
        MapOf(NewName("key"), SecretShape()), "Keys by name.", default=None
    )
    inner: Inner | None = word(SentenceOf(Inner, "an inner part"), "A part.", default=None)


def vault(**secrets: Any) -> VaultSettings:
    return VaultSettings(mark=HERE, marks={}, **secrets)


def at(place: str) -> Secret:
    found = read(SecretShape(), place)
    assert isinstance(found, Secret)
    return found


def test_secrets_are_opened_wherever_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT", CANARY)
    (tmp_path / "key file").write_text(f"{CANARY} too\n")
    inner = Inner(mark=HERE, marks={}, key=at("env:VAULT"))
    settings = vault(
        password=at("env:VAULT"),
        keys=(at("file:key file"),),
        named={"one": at(f"file:{tmp_path / 'key file'}")},
        inner=inner,
    )

    found = [secret.reveal() for secret in secrets_of(opened(settings, tmp_path))]

    assert found == [CANARY, f"{CANARY} too", f"{CANARY} too", CANARY]


def test_an_opened_secret_shows_its_place_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT", CANARY)

    settings = opened(vault(password=at("env:VAULT")), tmp_path)

    assert settings.password is not None
    for shown in (repr(settings), str(settings), str(settings.password), f"{settings.password!r}"):
        assert CANARY not in shown
        assert "VAULT" in shown
    assert settings.password == at("env:VAULT")


def test_a_closed_secret_cannot_be_revealed() -> None:
    with pytest.raises(RuntimeError, match="env:VAULT was not read"):
        at("env:VAULT").reveal()


def test_an_opened_secret_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT", CANARY)

    with pytest.raises(TypeError, match="never written down"):
        pickle.dumps(opened(vault(password=at("env:VAULT")), tmp_path))


@pytest.mark.parametrize(
    ("place", "content", "says"),
    [
        ("env:VAULT", None, "the variable VAULT is not set"),
        ("file:key", None, "key cannot be read: No such file or directory"),
        ("file:key", b"", "key is empty"),
        ("file:key", b"\n", "key is empty"),
        ("file:key", b"\xff\xfe", "key is no text"),
        ("file:key", b"x" * 70_000, "key is larger than 64 KiB"),
        ("file:.", None, "cannot be read: Is a directory"),
    ],
)
def test_a_missing_secret_is_named_with_the_place_that_asks_for_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    content: bytes | None,
    says: str,
) -> None:
    monkeypatch.delenv("VAULT", raising=False)
    if content is not None:
        (tmp_path / "key").write_bytes(content)

    with pytest.raises(EnvironmentFault, match="a secret is missing") as fault:
        opened(vault(password=at(place)), tmp_path)

    assert says in str(fault.value)
    assert fault.value.help == f"playbooks/channels.yaml:3:12 asks for {place}"


WRONG = [
    # what a secret holds, and what is said of it: an opened file's, a variable's
    ("\ufefftoken-1", None, "a byte order mark"),
    ("token-1\n", None, "a line break"),
    ("token-1\r\n", None, "a line break"),
    ("token-1\n\n", "a line break", "a line break"),
    ("token\n-1", "a line break", "a line break"),
    ("tok\ten-1", "a tab", "a tab"),
    ("token\u00a0-1", "a blank that is no plain one", "a blank that is no plain one"),
    ("token-1\u2028", "a blank that is no plain one", "a blank that is no plain one"),
    ("tok\x07en-1", "a control character", "a control character"),
    ("token\u200b-1", "a control character", "a control character"),
    ("\u201ctoken-1\u201d", "typographic quotes", "typographic quotes"),
    ("tökén-1", "not in ASCII", "not in ASCII"),
    ("token-1 ", "ends with a blank", "ends with a blank"),
    (" token-1", "begins or ends", "begins or ends"),
]


@pytest.mark.parametrize(("text", "of_file", "of_variable"), WRONG, ids=[repr(w[0]) for w in WRONG])
def test_a_secret_that_no_provider_can_have_meant_is_refused_and_not_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    of_file: str | None,
    of_variable: str,
) -> None:
    (tmp_path / "key").write_bytes(text.encode())
    monkeypatch.setenv("VAULT", text)

    for place, says in (("file:key", of_file), ("env:VAULT", of_variable)):
        if says is None:
            assert at(place).opened(tmp_path).reveal() == "token-1"
            continue
        with pytest.raises(EnvironmentFault, match="a secret cannot be used") as fault:
            opened(vault(password=at(place)), tmp_path)
        assert says in str(fault.value)
        assert fault.value.help == f"playbooks/channels.yaml:3:12 asks for {place}"
        for part in ("oken", "tok", "ken-"):
            assert part not in f"{fault.value} {fault.value.help}".replace(str(tmp_path), "")


@pytest.mark.parametrize("content", [b"a\0b", b"\0"])
def test_a_secret_with_a_nul_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)

    for form in ("token", "text", "lines"):
        secret = Secret("file", "key", HERE, form)
        with pytest.raises(EnvironmentFault, match="is no text"):
            secret.opened(tmp_path)


def test_a_password_may_be_in_any_script_and_a_key_may_have_lines(tmp_path: Path) -> None:
    pem = "-----BEGIN KEY-----\nabc\tdef\n-----END KEY-----"
    (tmp_path / "password").write_text("pässwört 1\n")
    (tmp_path / "key").write_text(f"\ufeff{pem}\n")

    assert Secret("file", "password", HERE, "text").opened(tmp_path).reveal() == "pässwört 1"
    assert Secret("file", "key", HERE, "lines").opened(tmp_path).reveal() == pem


def test_an_empty_variable_is_a_missing_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT", "")

    with pytest.raises(EnvironmentFault, match="VAULT is not set"):
        opened(vault(password=at("env:VAULT")), tmp_path)
    assert os.environ["VAULT"] == ""


def test_an_adapters_own_rules_stand_beside_the_common_ones() -> None:
    assert VaultSettings.rules.needs == {"burst": ("rate",)}
    assert VaultSettings.rules.any_of == (("password", "keys"),)
    assert replace(vault(), burst=3).burst == 3
