"""What a mail that came back says: reports of three makes, answers of machines, hostile ones."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returned_mails import (
    AWAY,
    COMPLAINT,
    EXCHANGE,
    GMAIL,
    KEY,
    POSTFIX,
    TO,
    WISH,
    raw,
    report,
    returned,
)

from orchestrator.channels.mail.reports import ReturnedMail, returned_mail

PROOF = "ABCDEFGHIJKL"
VERP = f"bounces+{KEY}@mail.kopi.example"
SHAPES = {"Postfix": POSTFIX, "Exchange": EXCHANGE, "Gmail": GMAIL}
EIGHT = datetime(2026, 3, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_permanent_failure_is_a_bounce_of_that_message(shape: str) -> None:
    expected = ReturnedMail(
        "bounced", KEY, at=EIGHT, is_permanent=True, code="5.1.1", addresses=frozenset({TO})
    )
    assert returned_mail(raw(shape)) == expected
    assert returned_mail(raw(shape).replace(b"\r\n", b"\n")) == expected
    assert returned_mail(b"From daemon Tue Mar  3 08:00:00 2026\n" + raw(shape)) == expected


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_without_an_address_of_its_own_the_returned_message_tells(shape: str) -> None:
    assert returned_mail(raw(shape, to="halo@kopi.example")).key == KEY


def test_the_address_counts_before_the_returned_message() -> None:
    other = "Z" * 40
    assert returned_mail(raw(POSTFIX, returned=returned(other))).key == KEY
    assert returned_mail(raw(POSTFIX, to="halo@kopi.example"), [VERP.lower()]).key == KEY
    assert returned_mail(raw(POSTFIX, to=VERP.lower())).key == KEY


@pytest.mark.parametrize("original", [None, f"<{KEY}@kopi.example>"])
def test_a_report_of_the_standard_library_is_read(original: str | None) -> None:
    to = "halo@kopi.example" if original else VERP
    read = returned_mail(report(to, "5.1.1", original=original))
    assert (read.kind, read.key, read.is_permanent) == ("bounced", KEY, True)


@pytest.mark.parametrize(
    ("status", "said", "is_permanent"),
    [
        ("5.1.1", "", True), ("5.1.10", "", True), ("5.1.2", "", True), ("5.2.1", "", True),
        ("5.4.4", "", True), ("5.0.0", "550 no such user here", True),
        ("5.0.0", "550 5.1.1 whatever", True), ("5.5.0", "550 user unknown", True),
        ("5.0.0", "554 we think it is spam", False), ("5.2.2", "552 mailbox full", False),
        ("5.7.1", "550 blocked", False), ("5.7.26", "550 not authenticated", False),
        ("5.3.4", "552 too big", False), ("5.1.8", "bad sender", False), ("5.6.0", "", False),
        ("5.4.7", "expired", False),
    ],
)  # fmt: skip
def test_only_what_speaks_of_the_address_puts_it_out_of_use(
    status: str, said: str, is_permanent: bool
) -> None:
    read = returned_mail(report(VERP, status, {"Diagnostic-Code": f"smtp; {said}"}))
    assert (read.kind, read.is_permanent) == ("bounced", is_permanent)


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("4.4.1", "delayed", "delayed"), ("4.2.2", "failed", "delayed"),
        ("5.1.1", "delayed", "other"), ("2.0.0", "delivered", "other"),
        ("2.0.0", "relayed", "other"), ("2.1.5", "expanded", "other"),
        ("", "failed", "other"), ("soon", "later", "other"), ("5.1.1", "FAILED (for good)", "bounced"),
    ],
)  # fmt: skip
def test_what_is_not_a_failure_for_good_is_only_noted(status: str, action: str, kind: str) -> None:
    assert returned_mail(report(VERP, status, {"Action": action})).kind == kind


def test_a_list_of_which_one_reader_is_gone_stays_in_use() -> None:
    read = returned_mail(report(VERP, "5.1.1", {}, {"Action": "delivered", "Status": "2.0.0"}))
    assert (read.kind, read.is_permanent) == ("bounced", False)


@pytest.mark.parametrize(
    ("type", "kind"),
    [("abuse", "complained"), ("fraud", "complained"), ("Abuse", "complained"),
     ("not-spam", "other"), ("auth-failure", "other"), ("virus", "other"), ("", "other")],
)  # fmt: skip
def test_a_feedback_report_is_a_complaint_if_it_says_so(type: str, kind: str) -> None:
    assert returned_mail(raw(COMPLAINT, type=type)).kind == kind


def test_a_complaint_names_its_message_by_the_sender_or_by_the_message_itself() -> None:
    by_sender = raw(COMPLAINT, returned="Subject: Hai\n\n")
    by_message = raw(COMPLAINT, mail_from="bounces@kopi.example")
    in_base64 = by_message.partition(b"Content-Disposition: inline\r\n\r\n")
    encoded = base64.b64encode(returned().encode())
    coded = b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
    hidden = in_base64[0] + coded + b"\r\n--part1_13d.2e68ed54--\r\n"
    for mail in (by_sender, by_message, hidden):
        read = returned_mail(mail)
        assert (read.kind, read.key) == ("complained", KEY)


AUTOMATIC = [
    "Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated; x=y",
    "Auto-Submitted: auto-replied (vacation)", "Precedence: auto_reply", "X-Autoreply: yes",
    "X-Autorespond: I am away",
    "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
]  # fmt: skip


@pytest.mark.parametrize("header", AUTOMATIC)
def test_the_answer_of_a_machine_is_no_bounce_whatever_it_says(header: str) -> None:
    assert returned_mail(raw(AWAY, header=header)).kind == "automatic"


def test_a_report_that_somebody_passes_on_is_no_report() -> None:
    passed_on = (
        b"To: halo@kopi.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nWhat is this?\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + raw(POSTFIX) + b"\r\n--b--\r\n"
    )
    assert returned_mail(passed_on).kind == "other"


@pytest.mark.parametrize(
    "address", [f"leave+{KEY}{PROOF}@k.example", f"leave+{KEY}{PROOF}@k.example".lower()]
)
def test_a_mail_to_an_address_to_leave_by_is_a_wish(address: str) -> None:
    for mail in (raw(WISH, to=address), raw(WISH, to="undisclosed:;")):
        read = returned_mail(mail, [address])
        assert (read.kind, read.key, read.proof) == ("unsubscribed", KEY, PROOF)


def test_a_wish_sent_for_somebody_counts_and_the_answer_of_a_machine_does_not() -> None:
    to = f"leave+{KEY}{PROOF}@k.example"
    for submitted, kind in (("auto-generated", "unsubscribed"), ("auto-replied", "automatic")):
        mail = f"Auto-Submitted: {submitted}\r\n".encode() + raw(WISH, to=to)
        assert returned_mail(mail).kind == kind


def test_mail_of_people_is_left_alone() -> None:
    assert returned_mail(raw(WISH, to=VERP)).kind == "other"
    assert returned_mail(b"Subject: Hai\r\n\r\n5.1.1 user unknown").kind == "other"


def nested(levels: int) -> bytes:
    """Return a mail of parts within parts, a delivery report in the innermost."""
    heads = [
        f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"
        for level in range(levels)
    ]
    return "".join(heads).encode() + raw(POSTFIX)


HOSTILE = {
    "nothing": b"", "no headers": b"\r\n\r\nhello", "one octet": b"\xff", "no body": b"To: a",
    "10 MB": raw(POSTFIX).replace(b"Hai.", b"x" * 10_000_000),
    "10 MB of a line": b"x" * 10_000_000, "10 MB of headers": b"To: a@b.example\r\n" * 600_000,
    "10 MB of blanks": b"Subject:" + b"\r\n " * 3_000_000,
    "nested": nested(2_000),
    "10,000 parts": b"Content-Type: multipart/report; boundary=b\r\n\r\n"
    + b"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: no\r\n\r\n" * 10_000,
    "10,000 receivers": report(VERP, "5.7.1", *[{"Status": "5.7.1"}] * 2_000),
    "an endless parameter": b"Content-Type: multipart/report; boundary=" + b'"' * 90_000,
    "semicolons": b"Content-Type: multipart/report" + b"; " * 45_000 + b"\r\n\r\n",
    "an odd boundary": b'Content-Type: multipart/report; boundary="(.*)+$["\r\n\r\n--(.*)+$[\r\n',
    "bad charsets": b"Subject: =?klingon?q?=FF=0D=0ABcc:_x?=\r\n"
    b"Content-Type: message/delivery-status; charset=\xff\xfe\r\n\r\nStatus: \xff5.1.1\r\n",
    "bad base64": b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\nA\r\n--b--",
    "a date of no time": raw(WISH, to="a@b.example").replace(b"3 Mar 2026", b"31 Feb 99999"),
    "a far date": raw(POSTFIX).replace(b"Tue,  3 Mar 2026 08:00:00 +0000", b"1 Jan 0001 00:00:00 +1400"),
    "NUL": b"To: a\0b\r\nContent-Type: multipart/\0report; boundary=\0\r\n\r\n--\0\r\n\0",
    "lone CR": raw(POSTFIX).replace(b"\r\n", b"\r"),
}  # fmt: skip


@pytest.mark.parametrize("mail", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_sent_is_read_and_makes_nobody_leave(mail: bytes) -> None:
    assert returned_mail(mail).kind in ("bounced", "other", "automatic", "delayed")


@given(st.binary(max_size=2_000), st.sampled_from(sorted(SHAPES)), st.data())
def test_no_octets_are_refused(octets: bytes, shape: str, data: st.DataObject) -> None:
    mail = raw(SHAPES[shape])
    at = data.draw(st.integers(0, len(mail)))
    returned_mail(octets)
    returned_mail(mail[:at] + octets + mail[at:])
    returned_mail(mail[:at])
