"""What each answer of a server means, stage by stage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.channels.mail.replies import Garbled, Reply, ReplyReader, Stage, goes_on, judged

ENTERING: tuple[Stage, ...] = ("greeting", "ehlo", "starttls", "auth")
CARRYING: tuple[Stage, ...] = ("mail", "rcpt", "data", "content")


def reply(text: str) -> Reply:
    reader = ReplyReader()
    reader.feed(text.encode() + b"\r\n")
    read = reader.take()
    assert read is not None
    return read


@pytest.mark.parametrize("stage", [*ENTERING, *CARRYING])
@pytest.mark.parametrize("text", ["421 4.3.2 Closing", "450 Busy", "451 4.3.0 Later", "454 no TLS"])
def test_a_4xx_is_worth_another_try_at_every_stage(stage: Stage, text: str) -> None:
    assert judged(stage, reply(text)).kind == "deferred"


@pytest.mark.parametrize("stage", ENTERING)
@pytest.mark.parametrize("text", ["500 What?", "554 5.7.1 Go away", "535 5.7.8 Wrong", "530 Auth"])
def test_a_5xx_at_the_door_is_no_message_s_fault(stage: Stage, text: str) -> None:
    assert judged(stage, reply(text)).kind == "refused"


@pytest.mark.parametrize("stage", CARRYING)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("552 5.3.4 Too big", "rejected"), ("554 5.6.0 Spam", "rejected"),
        ("530 5.7.0 Authenticate first", "refused"), ("535 5.7.8 Wrong", "refused"),
        ("530 Authenticate first", "refused"), ("538 Encrypt first", "refused"),
        ("550 5.7.26 Unauthenticated mail", "refused"), ("550 5.7.515 No DMARC", "refused"),
        ("550 5.7.9 Sender not aligned", "refused"), ("550-5.7.26 A\r\n550 5.7.26 b", "refused"),
        ("550 5.7.25 No reverse DNS", "refused"),
        ("552 Too big", "rejected"), ("552 5.2.3 Too big", "rejected"), ("503 Order", "deferred"),
    ],
)  # fmt: skip
def test_a_5xx_in_a_transaction_ends_the_message_unless_it_is_us(
    stage: Stage, text: str, kind: str
) -> None:
    assert judged(stage, reply(text)).kind == kind


@pytest.mark.parametrize(
    "text", ["550 No", "554 5.7.0 Policy", "550 4.1.1 of another class", "555 5.5.4 What?"]
)
def test_a_5xx_to_the_sender_says_nothing_of_the_receiver(text: str) -> None:
    assert judged("mail", reply(text)).kind == "refused"
    for stage in CARRYING:
        assert stage == "mail" or judged(stage, reply(text)).kind == "rejected"


def test_a_sender_that_may_not_send_is_no_message_s_fault() -> None:
    assert judged("mail", reply("553 5.7.1 Not your address")).kind == "refused"
    assert judged("rcpt", reply("550 5.7.1 We do not want you")).kind == "rejected"


@pytest.mark.parametrize(
    ("text", "is_dead"),
    [
        ("550 5.1.1 User unknown", True), ("550 5.1.10 Null MX", True), ("550 5.1.2 No host", True),
        ("550 5.2.1 Disabled", True), ("551 5.1.6 Moved", True), ("553 5.1.3 Syntax", True),
        ("550 No such user here", True), ("550 <a@b.example>: Recipient address unknown", True),
        ("550 mailbox not found", True), ("550 This account does not exist", True),
        ("550 Requested action not taken", False), ("550 blocked by policy", False),
        ("552 5.2.2 Mailbox full", False), ("552 Over quota", False), ("550 5.7.1 Blocked", False),
        ("554 5.7.0 user unknown to our filters", False), ("550 5.4.1 Access denied", False),
        ("554 no such user", False),
    ],
)  # fmt: skip
def test_only_what_says_so_is_a_dead_address(text: str, is_dead: bool) -> None:
    outcome = judged("rcpt", reply(text))

    assert (outcome.kind, outcome.is_dead_address) == ("rejected", is_dead)


def test_after_the_content_only_a_code_tells_of_a_dead_address() -> None:
    assert judged("content", reply("550 5.1.1 Unknown")).is_dead_address
    assert not judged("content", reply("550 no such user")).is_dead_address
    assert not judged("mail", reply("550 5.1.1 Unknown")).is_dead_address


@pytest.mark.parametrize(
    ("stage", "text", "fault"),
    [
        ("greeting", "421 Too many", "provider"), ("mail", "451 4.3.0 Later", "provider"),
        ("rcpt", "450 Mailbox busy", "message"), ("rcpt", "452 4.2.2 Full", "message"),
        ("rcpt", "451 4.4.1 No route", "domain"), ("rcpt", "450 4.1.2 No MX yet", "domain"),
        ("rcpt", "450 4.7.1 Greylisted", "provider"), ("rcpt", "451 Local error", "provider"),
        ("content", "451 4.7.0 Too fast", "provider"), ("rcpt", "421 4.2.1 Bye", "provider"),
    ],
)  # fmt: skip
def test_whose_trouble_a_4xx_is_decides_who_is_left_alone(
    stage: Stage, text: str, fault: str
) -> None:
    assert judged(stage, reply(text)).fault == fault


@pytest.mark.parametrize(
    ("text", "called"),
    [("250 2.0.0 Ok: queued as 4F1A2B3C4D", "4F1A2B3C4D"),
     ("250 Ok 0100018f-abcd-000000", "0100018f-abcd-000000"),
     ("250 OK id=1rAbCd-000xyz-2b", "1rAbCd-000xyz-2b"), ("250 2.0.0 Ok", None), ("250", None),
     ("250 2.0.0 OK id=ayu@mail.example", None), ("250 2.0.0 queued as <ayu@mail.example>", None),
     ("250 2.6.0 <abc.def@host.example> Queued mail for delivery", None)],
)  # fmt: skip
def test_the_provider_s_id_is_read_where_it_says_one(text: str, called: str | None) -> None:
    outcome = judged("content", reply(text))

    assert (outcome.kind, outcome.provider_id) == ("accepted", called)


def test_no_address_and_no_content_is_told() -> None:
    text = "550-5.1.1 <ayu@mail.example>:\x07 user\r\n550 5.1.1 unknown " + "x" * 500

    outcome = judged("rcpt", reply(text))

    assert outcome.code == "550 5.1.1"
    assert outcome.detail is not None
    assert "ayu" not in outcome.detail
    assert outcome.detail.isprintable()
    assert len(outcome.detail) < 250


@pytest.mark.parametrize(("stage", "kind"), [("content", "unknown"), ("data", "deferred")])
def test_an_answer_out_of_turn_is_unknown_only_after_the_content(stage: Stage, kind: str) -> None:
    assert judged(stage, reply("334 go on")).kind == kind


@pytest.mark.parametrize(
    ("stage", "text", "expected"),
    [("data", "354 go", True), ("data", "250 ok", False), ("rcpt", "251 forwarding", True),
     ("auth", "235 ok", True), ("auth", "334 more", False), ("greeting", "220 hi", True)],
)  # fmt: skip
def test_what_goes_on_is_what_was_waited_for(stage: Stage, text: str, expected: bool) -> None:
    assert goes_on(stage, reply(text)) is expected


@given(st.lists(st.integers(1, 7), max_size=30))
def test_replies_are_read_whatever_pieces_they_come_in(cuts: list[int]) -> None:
    octets = b"250-a\r\n250-b c\r\n250 d\r\n354 go\r\n550\r\n"
    reader, found = ReplyReader(), []
    for cut in [*cuts, len(octets)]:
        reader.feed(octets[:cut])
        octets = octets[cut:]
        while (one := reader.take()) is not None:
            found.append(one)

    assert found == [Reply(250, ("a", "b c", "d")), Reply(354, ("go",)), Reply(550, ("",))]
    assert reader.is_empty


@pytest.mark.parametrize(
    "octets",
    [b"hello\r\n", b"25 x\r\n", b"2500 x\r\n", b"250-a\r\n251 b\r\n", b"150 x\r\n", b"\r\n",
     b"HTTP/1.1 200 OK\r\n", b"x" * 5_000, b"250-a\r\n" * 300],
)  # fmt: skip
def test_what_is_no_reply_is_not_read(octets: bytes) -> None:
    reader = ReplyReader()
    reader.feed(octets)

    with pytest.raises(Garbled):
        reader.take()
