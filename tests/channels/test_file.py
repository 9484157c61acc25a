"""The outbox: one whole file per message, named by its key, whatever the key holds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.channels.file import FileChannel, file_name, message_key
from orchestrator.channels.message import Attachment, OutgoingMessage
from orchestrator.channels.whole_files import held
from orchestrator.testing.channels import adapter_of

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def key_of(customer: str = "c_1", flow: str = "welcome", step: str = "hello") -> str:
    return message_key("shop", customer, flow, entry=1, step=step, occurrence="0", channel="email")


SENT = OutgoingMessage(
    key=key_of(), provider_key="K" * 40, channel="email", message="hello", flow="welcome",
    step="hello", customer="c_1", to="ayu@mail.example", purpose="marketing", text="Hai",
    created_at=AT + timedelta(minutes=3), subject="Hai 👋", html="<p>Hai</p>", locale="id",
    entry=1, decided_at=AT, due_at=AT,
)  # fmt: skip


@pytest.fixture
def channel(tmp_path: Path) -> FileChannel:
    return adapter_of(FileChannel, folder=tmp_path)


def yes(_: OutgoingMessage) -> bool:
    return True


def test_file_says_the_whole_message(channel: FileChannel, tmp_path: Path) -> None:
    assert channel.send(SENT).kind == "accepted"

    path = tmp_path / "outbox" / "v1.shop.c_1.welcome.1.hello.0.email.0.json"
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "key": "v1.shop.c_1.welcome.1.hello.0.email.0",
        "customer": "c_1", "flow": "welcome", "step": "hello", "message": "hello",
        "channel": "email", "to": "ayu@mail.example", "subject": "Hai 👋", "preheader": None,
        "text": "Hai", "html": "<p>Hai</p>", "locale": "id", "variant": None, "entry": 1,
        "at": "2026-03-02T09:00:00Z", "due_at": "2026-03-02T09:00:00Z",
    }  # fmt: skip


def test_what_few_messages_have_is_there_if_they_have_it(
    channel: FileChannel, tmp_path: Path
) -> None:
    extra = replace(
        SENT, to="", fields={"points": 50}, attachments=(Attachment("a.txt", "text/plain", b"hi"),)
    )

    channel.send(extra)

    (path,) = (tmp_path / "outbox").iterdir()
    said = json.loads(path.read_text(encoding="utf-8"))
    assert said["to"] is None
    assert said["fields"] == {"points": 50}
    assert said["attachments"] == [
        {"name": "a.txt", "content_type": "text/plain", "base64": "aGk="}
    ]


def test_writing_twice_leaves_one_file_with_the_same_bytes(
    channel: FileChannel, tmp_path: Path
) -> None:
    channel.send(SENT)
    (first,) = (tmp_path / "outbox").iterdir()
    before = first.read_bytes(), first.stat().st_mtime_ns

    there = AT.astimezone(timezone(timedelta(hours=7)))
    channel.send(replace(SENT, attempt=2, possible_duplicate=True, decided_at=there))

    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert list((tmp_path / "outbox").iterdir()) == [first]


@pytest.mark.parametrize(
    "customer",
    ["../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "a\\b", "a\x00b", "CON", "C_1", "é",
     "e\u0301", "x" * 500, "a.b", "a%2eb", "", " ", "\ud800", "c:\\x", "*?<>|"],
)  # fmt: skip
def test_no_key_leaves_the_outbox(channel: FileChannel, tmp_path: Path, customer: str) -> None:
    assert channel.send(replace(SENT, key=key_of(customer), customer=customer)).kind == "accepted"

    (path,) = (tmp_path / "outbox").iterdir()
    assert [item.name for item in tmp_path.iterdir()] == ["outbox"]
    assert len(path.name.encode()) <= 205
    assert path.is_file()


parts = st.text(max_size=30) | st.text(alphabet="aA./%_~-2eE", max_size=60)


@given(one=st.tuples(parts, parts, parts), other=st.tuples(parts, parts, parts))
def test_different_messages_have_different_files(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    names = [file_name(key_of(*each)).lower() for each in (one, other)]

    assert (names[0] == names[1]) == (one == other)


def test_a_thousand_messages_are_one_batch(channel: FileChannel, tmp_path: Path) -> None:
    messages = [replace(SENT, key=key_of(f"c_{number}")) for number in range(1_000)]

    done = list(channel.send_batch(messages, yes))

    assert {outcome.kind for _, outcome in done if outcome} == {"accepted"}
    assert len(done) == len(list((tmp_path / "outbox").iterdir())) == 1_000


def test_an_outbox_that_cannot_be_written_defers_and_is_tried_anew(
    channel: FileChannel, tmp_path: Path
) -> None:
    (tmp_path / "outbox").write_text("a file")

    outcome = channel.send(SENT)
    assert (outcome.kind, outcome.code) == ("deferred", "EEXIST")
    assert str(tmp_path) not in (outcome.detail or "")
    assert len(channel.check()) == 1

    (tmp_path / "outbox").unlink()
    assert channel.send(SENT).kind == "accepted"
    assert channel.check() == ()


def test_an_outbox_that_was_taken_away_is_made_anew(channel: FileChannel, tmp_path: Path) -> None:
    channel.send(SENT)
    (tmp_path / "outbox").rename(tmp_path / "taken")

    kinds = [channel.send(SENT).kind for _ in range(2)]

    assert kinds == ["deferred", "accepted"]
    assert len(list((tmp_path / "outbox").iterdir())) == 1


KILLED = """
import os, pathlib, sys
from orchestrator.channels import whole_files
os.fsync = lambda descriptor: os._exit(9)
path = pathlib.Path(sys.argv[1])
whole_files.write_whole(path.parent, {path.name: b"{}"})
"""


def test_what_a_killed_run_left_half_written_goes_with_the_next(tmp_path: Path) -> None:
    (tmp_path / "download.part").write_text("of somebody else")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "message.json")]
    assert subprocess.run(command, check=False).returncode == 9
    assert len(list(tmp_path.iterdir())) == 2

    with held(tmp_path):
        assert [item.name for item in tmp_path.iterdir()] == ["download.part"]


def test_what_another_run_is_writing_stays(tmp_path: Path) -> None:
    half = tmp_path / ".clmctl-x1y2.part"

    with held(tmp_path):
        half.write_text("{")
        with held(tmp_path):
            assert half.exists()
    with held(tmp_path):
        assert not half.exists()


def test_closing_lets_the_next_one_tidy_up(channel: FileChannel, tmp_path: Path) -> None:
    channel.send(SENT)
    half = tmp_path / "outbox" / ".clmctl-x1y2.part"
    half.write_text("{")

    other = adapter_of(FileChannel, folder=tmp_path)
    other.send(SENT)
    assert half.exists()
    other.close()
    channel.close()
    channel.send(SENT)

    assert not half.exists()
