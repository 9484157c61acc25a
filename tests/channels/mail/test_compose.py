"""A mail's octets: what RFC 5322, 8058 and 2046 ask of them, read by other libraries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mailparser
import pytest
from goldens import assert_golden
from letters import AT, HTML, KEY, SENDER, TEXT, UNSUBSCRIBE, lines, outgoing, parsed, written

from orchestrator.channels.mail.compose import Composer, Manner, aligned
from orchestrator.channels.mail.headers import HeaderRefused
from orchestrator.channels.message import Attachment, Sender, Unsubscribe

GOLDEN = Path(__file__).parent / "golden"
PDF = Attachment("Beleg März.pdf", "application/pdf", b"%PDF-1.7\n" + bytes(range(256)))


def shown(text: str) -> str:
    """Return a text as a program on this machine would show it."""
    return text.replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["marketing", "transactional", "attached"])
def test_the_octets_are_those_that_a_person_has_read(name: str) -> None:
    cases: dict[str, dict[str, Any]] = {
        "marketing": {},
        "transactional": {"purpose": "transactional", "html": None, "unsubscribe": None},
        "attached": {"attachments": (Attachment("a.txt", "text/plain", b"tea\n"), PDF)},
    }
    octets = written(outgoing(**cases[name]))

    assert_golden(GOLDEN / f"{name}.eml", [line.decode() for line in lines(octets)])


def test_each_attempt_has_the_same_octets() -> None:
    again = outgoing(attempt=3, possible_duplicate=True)

    assert written(outgoing()) == written(again)


def test_the_standard_library_reads_both_texts_and_every_header() -> None:
    read = parsed(written(outgoing()))

    assert read["From"].addresses[0].display_name == "Kopi & Kain"
    assert read["To"].addresses[0].addr_spec == "ayu@mail.example"
    assert read["Subject"] == "Hai Ayu 👋"
    assert read["Date"].datetime == AT
    assert read["Message-ID"] == f"<{KEY}@kopi.example>"
    assert read["List-Unsubscribe"] == f"<{UNSUBSCRIBE.url}>, <mailto:{UNSUBSCRIBE.mailto}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert [shown(part.get_content()) for part in read.iter_parts()] == [TEXT, HTML]


def test_another_library_reads_the_same() -> None:
    read = mailparser.parse_from_bytes(written(outgoing(attachments=(PDF,))))

    assert read.from_ == [("Kopi & Kain", "halo@kopi.example")]
    assert read.to == [("", "ayu@mail.example")]
    assert read.subject == "Hai Ayu 👋"
    assert list(map(shown, read.text_plain)) == [TEXT]
    assert list(map(shown, read.text_html)) == [HTML]
    assert [file["filename"] for file in read.attachments] == ["Beleg März.pdf"]


def test_a_file_arrives_whole_with_its_name() -> None:
    read = parsed(written(outgoing(attachments=(PDF,))))

    [file] = read.iter_attachments()
    assert file.get_filename() == PDF.name
    assert file.get_content() == PDF.content


def test_transactional_mail_is_no_list() -> None:
    read = parsed(written(outgoing(purpose="transactional")))

    assert not [name for name in read if name.startswith(("List-", "Precedence"))]
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Feedback-ID"] == "win_back:we_miss_you:kopi_kain:kopi.example"


@pytest.mark.parametrize(
    "unsubscribe",
    [None, Unsubscribe("http://kopi.example/u/1"), Unsubscribe("https://kopi.example/a,b"),
     Unsubscribe("https://kopi.example/a>\r\nBcc: x@y.example"), Unsubscribe("https://a/ b"),
     Unsubscribe("https://kopi.example/ü"), Unsubscribe("javascript:alert(1)"),
     Unsubscribe("https://good@evil.example/"), Unsubscribe("https://kopi.example/u", "no address")],
)  # fmt: skip
def test_marketing_mail_needs_a_way_to_leave(unsubscribe: Unsubscribe | None) -> None:
    with pytest.raises(HeaderRefused, match="unsubscribe"):
        written(outgoing(unsubscribe=unsubscribe))


def test_a_server_on_this_machine_may_do_without_https() -> None:
    local = Unsubscribe("http://127.0.0.1:8000/u/v1.a.b")

    assert b"<http://127.0.0.1:8000/u/v1.a.b>\r\n" in written(outgoing(unsubscribe=local))


@pytest.mark.parametrize(
    "given",
    [{"to": "a@b.example, c@d.example"}, {"to": ""}, {"subject": "a\nBcc: x@y.example"},
     {"provider_key": "a>\r\nBcc: x"}, {"provider_key": ""},
     {"sender": Sender("A\r\nBcc: x@y.example", "a@b.example")}, {"sender": Sender("A", "a")},
     {"sender": None}, {"sender": replace(SENDER, reply_to="a@b.example\nBcc: x@y.example")},
     {"attachments": (Attachment("a\r\nb", "text/plain", b""),)},
     {"attachments": (Attachment("../a", "text/plain", b""),)},
     {"attachments": (Attachment("a", "text/plain\r\nBcc: x", b""),)},
     {"attachments": (Attachment("a", "multipart/mixed", b""),)}],
)  # fmt: skip
def test_no_value_makes_a_header_or_a_receiver(given: dict[str, object]) -> None:
    with pytest.raises(HeaderRefused):
        written(outgoing(**given))


@pytest.mark.parametrize("name", ["flow", "step", "project", "topic"])
def test_names_cannot_leave_their_header(name: str) -> None:
    read = parsed(written(outgoing(**{name: "a:b\r\nBcc: x@y.example>, <c.d\u2028"})))

    assert "Bcc" not in read
    assert len(read["Feedback-ID"].split(":")) == 4
    assert read["List-Id"].count(">") == 1


def test_an_international_sender_or_receiver_asks_for_smtputf8() -> None:
    composer = Composer(Manner())

    assert not composer.letter(outgoing()).is_international
    assert composer.letter(outgoing(to="用户@mail.example")).is_international
    assert composer.letter(outgoing(sender=Sender("A", "käse@b.example"))).is_international
    assert not composer.letter(outgoing(sender=Sender("Käse", "a@käse.example"))).is_international


def test_bounces_come_back_to_the_return_path_of_the_message() -> None:
    composer = Composer(Manner(return_path="bounces+{key}@mail.kopi.example"))

    assert composer.letter(outgoing()).mail_from.spec == f"bounces+{KEY}@mail.kopi.example"
    assert Composer(Manner()).letter(outgoing()).mail_from.spec == SENDER.address


def test_further_headers_carry_the_key() -> None:
    octets = written(outgoing(), headers={"X-Tag": "shop", "Resend-Idempotency-Key": "{key}"})

    assert parsed(octets)["Resend-Idempotency-Key"] == KEY
    assert parsed(octets)["X-Tag"] == "shop"


@pytest.mark.parametrize(
    "header", [("Bcc", "x"), ("to", "x"), ("X Y", "x"), ("X", "a\nb"), ("X", "ä"), ("X:", "a")]
)
def test_further_headers_are_neither_ours_nor_strange(header: tuple[str, str]) -> None:
    with pytest.raises(HeaderRefused):
        Composer(Manner(headers=dict([header])))


@pytest.mark.parametrize(
    ("sending", "signing", "expected"),
    [("a.example", "a.example", True), ("mail.a.example", "a.example", True),
     ("a.example", "mail.a.example", True), ("a.example", "ba.example", False),
     ("a.example", "b.example", False)],
)  # fmt: skip
def test_domains_of_one_organisation_are_aligned(
    sending: str, signing: str, expected: bool
) -> None:
    assert aligned(sending, signing) is expected
