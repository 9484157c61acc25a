"""What people carry: calls to make, letters, notes to the team."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from http_double import HttpDouble
from outgoing import outgoing
from pypdf import PdfReader

from orchestrator.channels.base import Channel
from orchestrator.channels.call_task import CallTaskChannel
from orchestrator.channels.chat import ChatChannel
from orchestrator.channels.direct_mail import DirectMailChannel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.errors import EnvironmentFault
from orchestrator.testing.channels import Behaviour, adapter_of, exercise_channel, sample_message

DECIDED = datetime(2026, 3, 2, 9, tzinfo=UTC)
LETTER = "Ayu Lestari\nJalan Kopi 5\n40123 Bandung\n\nSelamat pagi,\n\nkopi menunggu."


class Folder:
    """A provider that is a folder: whatever is written there arrived."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.retry_after: timedelta | None = None

    def arrived(self) -> Sequence[bytes]:
        """Every row of every list, and every file of its own."""
        rows: list[bytes] = []
        for path in sorted(self.folder.rglob("*.csv")):
            with path.open(newline="", encoding="utf-8") as file:
                rows += [json.dumps(row).encode() for row in csv.DictReader(file)]
        return rows + [path.read_bytes() for path in sorted(self.folder.rglob("*.pdf"))]

    def behave(self, how: Behaviour) -> bool:
        return how == "accept"


# --- calls ----------------------------------------------------------------------------


def call(**more: object) -> OutgoingMessage:
    given = {
        "to": "0664 1234567",
        "subject": "Detractor",
        "text": "Ask\nwhat went wrong.",
        "decided_at": DECIDED,
    }
    return outgoing("call_task", **{**given, **more})


@pytest.fixture
def calls(tmp_path: Path) -> CallTaskChannel:
    return adapter_of(CallTaskChannel, "{region: AT}", folder=tmp_path)


def test_a_call_is_a_row_of_the_days_list(calls: CallTaskChannel, tmp_path: Path) -> None:
    due = datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert calls.send(call(expires_at=due)).kind == "accepted"
    assert calls.send(call(expires_at=due)).kind == "accepted"

    with (tmp_path / "outbox/call_task/2026-03-02.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "key": call().key, "customer": "c_1", "phone": "+436641234567", "call_by": "2026-03-04T09:00:00Z",
        "subject": "Detractor", "what_to_say": "Ask\nwhat went wrong.", "flow": "welcome",
        "step": "hello", "message": "hello",
    }  # fmt: skip


def test_a_number_that_is_none_takes_no_other_along(calls: CallTaskChannel) -> None:
    batch = [call(key="a"), call(key="b", to="none"), call(key="c")]
    kinds = [
        outcome and outcome.kind
        for _, outcome in calls.send_batch(batch, lambda one: one.key != "c")
    ]
    assert kinds == ["accepted", "rejected", None]


# --- letters --------------------------------------------------------------------------


def letter(**more: object) -> OutgoingMessage:
    return outgoing(
        "direct_mail", **{"text": LETTER, "subject": "Kopi baru", "decided_at": DECIDED, **more}
    )


def test_letters_are_a_list_for_a_print_shop(tmp_path: Path) -> None:
    letters = adapter_of(DirectMailChannel, folder=tmp_path)
    assert letters.send(letter()).kind == "accepted"

    (row,) = csv.DictReader(
        io.StringIO((tmp_path / "outbox/direct_mail/2026-03-02.csv").read_text())
    )
    assert row["address"] == "Ayu Lestari\nJalan Kopi 5\n40123 Bandung"
    assert row["text"] == "Selamat pagi,\n\nkopi menunggu."
    assert letters.check() == []


def test_a_letter_on_paper_has_its_address_in_the_window(tmp_path: Path) -> None:
    letters = adapter_of(DirectMailChannel, "{form: pdf}", folder=tmp_path)
    assert letters.send(letter()).kind == "accepted"
    (path,) = (tmp_path / "outbox/direct_mail/2026-03-02").glob("*.pdf")
    before = path.read_bytes()
    assert letters.send(letter()).kind == "accepted"
    assert path.read_bytes() == before

    page = PdfReader(path).pages[0]
    at: dict[str, float] = {}

    def see(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        at.setdefault(text.strip(), tm[5] or cm[5])

    page.extract_text(visitor_text=see)
    top = float(page.mediabox.height)
    window = {text: (top - y) / 72 * 25.4 for text, y in at.items() if text}
    assert 62 <= window["Ayu Lestari"] <= 90
    assert 62 <= window["40123 Bandung"] <= 90
    assert window["kopi menunggu."] > 100


@pytest.mark.parametrize(
    ("text", "why"),
    [("no address", "no address"), ("One line\n\nText.", "no address"), (LETTER.replace("Ayu", "阿玉"), "font"),
     ("\n".join("abcdefg") + "\n\nText.", "6 lines")],
)  # fmt: skip
def test_a_letter_that_cannot_be_printed_takes_no_other_along(
    tmp_path: Path, text: str, why: str
) -> None:
    letters = adapter_of(DirectMailChannel, "{form: pdf}", folder=tmp_path)
    batch = [letter(key="a", text=text), letter(key="b")]

    [(_, bad), (_, good)] = letters.send_batch(batch, lambda _: True)
    assert bad is not None
    assert good is not None
    assert (bad.kind, good.kind) == ("rejected", "accepted")
    assert why in (bad.detail or "")


def test_a_font_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="font"):
        adapter_of(DirectMailChannel, "{form: pdf, font: fonts/none.ttf}", folder=tmp_path)


@pytest.mark.parametrize("words", ["{form: csv}", "{form: pdf}"])
def test_letters_keep_the_contract(tmp_path: Path, words: str) -> None:
    exercise(lambda: adapter_of(DirectMailChannel, words, folder=tmp_path), tmp_path, LETTER)


def test_calls_keep_the_contract(tmp_path: Path) -> None:
    exercise(lambda: adapter_of(CallTaskChannel, folder=tmp_path), tmp_path, "Ask.")


def exercise(make: object, folder: Path, text: str) -> None:
    adapter: Channel = make()  # type: ignore[operator]  # one of the two above
    message = outgoing_like(sample_message(adapter.spec), text)
    exercise_channel(make, Folder(folder), message=message)  # type: ignore[arg-type]  # the same


def outgoing_like(message: OutgoingMessage, text: str) -> OutgoingMessage:
    from dataclasses import replace

    return replace(message, text=text)


# --- the team -------------------------------------------------------------------------


@pytest.fixture
def room() -> Iterator[HttpDouble]:
    with HttpDouble() as double:
        yield double


def test_a_note_reaches_the_team_through_apprise(room: HttpDouble, tmp_path: Path) -> None:
    address = room.url.replace("http://", "json://") + "/room"
    chat = adapter_of(
        ChatChannel, "{address: 'env:ROOM'}", folder=tmp_path, secrets={"ROOM": address}
    )

    assert chat.send(outgoing("chat", subject="Detractor", text="c_1 gave a 2")).kind == "accepted"
    (request,) = room.requests
    said = json.loads(request.body)
    assert (request.path, said["title"], said["message"]) == ("/room", "Detractor", "c_1 gave a 2")
    room.answer(500)
    assert chat.send(outgoing("chat", text="again")).kind == "unknown"
    assert len(room.requests) == 2, "Apprise tried by itself"


def test_an_address_that_apprise_does_not_know_is_refused_without_saying_it(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault) as refused:
        adapter_of(
            ChatChannel,
            "{address: 'env:ROOM'}",
            folder=tmp_path,
            secrets={"ROOM": "nonsense://token-4711"},
        )
    assert "4711" not in str(refused.value)
