"""The outbox: one whole file per message, named by its key, whatever the key holds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.channels.file import FileMessage, file_name, held, message_key, write
from orchestrator.errors import EnvironmentFault

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SENT = FileMessage(
    customer="c_1", flow="welcome", step="hello", message="hello", channel="email",
    to="ayu@mail.example", subject="Hai 👋", preheader=None, text="Hai", html="<p>Hai</p>",
    locale="id", variant=None, entry=1, at=AT, due_at=AT,
)  # fmt: skip


def key_of(customer: str = "c_1", flow: str = "welcome", step: str = "hello") -> str:
    return message_key("shop", customer, flow, entry=1, step=step, occurrence="0", channel="email")


def test_file_says_the_whole_message(tmp_path: Path) -> None:
    path = write(tmp_path / "outbox", key_of(), SENT)

    assert path == tmp_path / "outbox" / "v1.shop.c_1.welcome.1.hello.0.email.0.json"
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "key": "v1.shop.c_1.welcome.1.hello.0.email.0",
        "customer": "c_1", "flow": "welcome", "step": "hello", "message": "hello",
        "channel": "email", "to": "ayu@mail.example", "subject": "Hai 👋", "preheader": None,
        "text": "Hai", "html": "<p>Hai</p>", "locale": "id", "variant": None, "entry": 1,
        "at": "2026-03-02T09:00:00Z", "due_at": "2026-03-02T09:00:00Z",
    }  # fmt: skip


def test_writing_twice_leaves_one_file_with_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path, key_of(), SENT)
    before = first.read_bytes(), first.stat().st_mtime_ns

    again = write(tmp_path, key_of(), replace(SENT))

    assert again == first
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [first]


@pytest.mark.parametrize(
    "customer",
    ["../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "a\\b", "a\x00b", "CON", "C_1", "é",
     "e\u0301", "x" * 500, "a.b", "a%2eb", "", " ", "\ud800", "c:\\x", "*?<>|"],
)  # fmt: skip
def test_no_key_leaves_the_outbox(tmp_path: Path, customer: str) -> None:
    outbox = tmp_path / "outbox"

    path = write(outbox, key_of(customer), SENT)

    assert path.parent == outbox
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


def test_outbox_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")

    with pytest.raises(EnvironmentFault, match="outbox"):
        write(tmp_path / "outbox", key_of(), SENT)


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
