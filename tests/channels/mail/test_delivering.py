"""What is said to a server, and what comes of messages whatever it answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
from letters import outgoing, parsed, written
from smtp_peers import CLOSE, SILENCE, Office, Scripted, post_office, scripted

from orchestrator.channels.base import MayBegin
from orchestrator.channels.mail.compose import Composer, Manner
from orchestrator.channels.mail.delivering import as_content
from orchestrator.channels.mail.errands import Errands
from orchestrator.channels.mail.opening import Patience, Relay
from orchestrator.channels.mail.pool import Pool
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome

SHORT = Patience(connect=0.5, enter=0.3, envelope=0.3, content=0.3)
WITHOUT_PIPELINING = {"EHLO": "250-here\r\n250 HELP"}


def always(_: OutgoingMessage) -> bool:
    return True


@contextmanager
def pool(port: int, most: int = 1, **relay: Any) -> Iterator[Pool]:
    standard: dict[str, Any] = {"patience": SHORT, "security": "none"}
    made = Pool(Relay(host="127.0.0.1", port=port, **{**standard, **relay}), most)
    try:
        yield made
    finally:
        made.close()


def carried(
    over: Pool,
    messages: Sequence[OutgoingMessage],
    may_begin: MayBegin = always,
    seconds: float = 9,
) -> list[Outcome | None]:
    """Return what came of messages, in their own order; each has ended exactly once."""
    errands = Errands(messages, Composer(Manner()), may_begin, seconds)
    ended = list(over.carry(errands, len(messages)))
    assert sorted(one.to for one, _ in ended) == sorted(one.to for one in messages)
    found = {one.to: outcome for one, outcome in ended}
    return [found[message.to] for message in messages]


def one(script: Mapping[str, str | list[str]], **relay: Any) -> tuple[Outcome, Scripted]:
    with scripted(script) as server, pool(server.port, **relay) as over:
        [outcome] = carried(over, [outgoing()])
        assert outcome is not None
        return outcome, server


def mails(count: int) -> list[OutgoingMessage]:
    return [outgoing(to=f"c{number}@mail.example") for number in range(count)]


def test_a_real_server_takes_exactly_what_was_written() -> None:
    message = outgoing(
        text=".\n..\n.first\nFrom me\n" + "é" * 300, html="<p>\n.\n</p>" + "x" * 2_000
    )
    with post_office(Office()) as office, pool(office.port) as over:
        [outcome] = carried(over, [message])

    [taken] = office.taken
    assert outcome is not None
    assert (outcome.kind, outcome.provider_id) == ("accepted", "Q000001")
    assert taken.octets == written(message)
    assert (taken.mail_from, taken.to) == ("halo@kopi.example", ["ayu@mail.example"])
    assert not parsed(taken.octets).defects


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("most", [1, 4])
def test_each_message_is_taken_once_over_few_connections(
    extensions: tuple[str, ...], most: int
) -> None:
    with post_office(Office(extensions=extensions)) as office, pool(office.port, most) as over:
        for _ in range(3):
            outcomes = carried(over, mails(20))
            assert {outcome.kind for outcome in outcomes if outcome} == {"accepted"}

    assert sorted(to for taken in office.taken for to in taken.to) == sorted(
        message.to for message in mails(20) * 3
    )
    assert len({taken.peer for taken in office.taken}) == most


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "one by one"])
def test_a_receiver_who_is_refused_takes_no_other_along(extensions: tuple[str, ...]) -> None:
    answers = {"c1@mail.example": "550 5.1.1 Unknown", "c3@mail.example": "450 4.2.1 Busy"}
    with post_office(Office(extensions=extensions, answers=answers)) as office:
        with pool(office.port) as over:
            outcomes = carried(over, mails(5))

    assert [outcome and outcome.kind for outcome in outcomes] == [
        "accepted", "rejected", "accepted", "deferred", "accepted",
    ]  # fmt: skip
    assert outcomes[1] is not None
    assert outcomes[1].is_dead_address
    assert [taken.to for taken in office.taken] == [[f"c{n}@mail.example"] for n in (0, 2, 4)]


STAGES = [
    # what the server does, what comes of it with pipelining and without
    ({"connect": CLOSE}, "deferred"), ({"connect": SILENCE}, "deferred"),
    ({"connect": "554 5.7.1 Go away"}, "refused"), ({"connect": "421 Busy"}, "deferred"),
    ({"connect": "SSH-2.0-OpenSSH"}, "deferred"), ({"EHLO": "502 What?"}, "refused"),
    ({"EHLO": CLOSE}, "deferred"), ({"EHLO": SILENCE}, "deferred"),
    ({"MAIL": "451 4.3.0 Later"}, "deferred"), ({"MAIL": "550 No"}, "refused"),
    ({"MAIL": "555 5.5.4 What?"}, "refused"), ({"MAIL": "552 5.3.4 Big"}, "rejected"),
    ({"MAIL": "552 Big"}, "rejected"), ({"MAIL": "550 5.6.7 No SMTPUTF8"}, "rejected"),
    ({"MAIL": "503 5.5.1 Order"}, "deferred"), ({"RCPT": "503 5.5.1 Order"}, "deferred"),
    ({"DATA": "503 5.5.1 Order"}, "deferred"), ({"content": "503 5.5.1 Order"}, "deferred"),
    ({"MAIL": "530 5.7.0 Log in"}, "refused"), ({"MAIL": "421 Bye"}, "deferred"),
    ({"MAIL": CLOSE}, "deferred"), ({"MAIL": SILENCE}, "deferred"), ({"MAIL": "hello"}, "deferred"),
    ({"RCPT": "450 Busy"}, "deferred"), ({"RCPT": "550 5.1.1 Unknown"}, "rejected"),
    ({"RCPT": "550 5.7.26 Not you"}, "refused"), ({"RCPT": "421 Bye"}, "deferred"),
    ({"RCPT": CLOSE}, "deferred"), ({"RCPT": SILENCE}, "deferred"),
    ({"RCPT": "550 No", "DATA": "503 5.5.1 Nobody"}, "rejected"),
    ({"DATA": "451 Later"}, "deferred"), ({"DATA": "554 No"}, "rejected"),
    ({"DATA": "250 Fine"}, "deferred"), ({"DATA": CLOSE}, "deferred"),
    ({"DATA": SILENCE}, "deferred"), ({"DATA": "421 Bye"}, "deferred"),
    ({"content": "250 Ok"}, "accepted"), ({"content": "451 4.7.0 Slow down"}, "deferred"),
    ({"content": "554 5.6.0 Spam"}, "rejected"), ({"content": "552 5.3.4 Big"}, "rejected"),
    ({"content": "550 5.7.515 No DMARC"}, "refused"), ({"content": "421 Bye"}, "deferred"),
    ({"content": CLOSE}, "unknown"), ({"content": SILENCE}, "unknown"),
    ({"content": "hello"}, "unknown"), ({"content": "354 more"}, "unknown"),
]  # fmt: skip


@pytest.mark.parametrize("extensions", [{}, WITHOUT_PIPELINING], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(("script", "kind"), STAGES, ids=str)
def test_what_comes_of_a_message_at_each_stage(
    script: dict[str, str | list[str]], kind: str, extensions: dict[str, str]
) -> None:
    outcome, server = one({**extensions, **script})

    assert outcome.kind == kind
    assert outcome.detail is None or "mail.example" not in outcome.detail
    assert [bool(content) for content in server.contents].count(True) == ("content" in script)


@pytest.mark.parametrize("extensions", [{}, WITHOUT_PIPELINING], ids=["pipelined", "one by one"])
def test_a_content_asked_for_without_a_receiver_is_empty(extensions: dict[str, str]) -> None:
    refusing: dict[str, str | list[str]] = {"RCPT": ["550 5.1.1 No", "250 Ok"]}
    with scripted({**extensions, **refusing}) as server, pool(server.port) as over:
        outcomes = carried(over, mails(2))

    assert [outcome and outcome.kind for outcome in outcomes] == ["rejected", "accepted"]
    asked_for = [False, True] if not extensions else [True]
    assert [bool(content) for content in server.contents] == asked_for
    assert "RSET" in server.heard


TWICE: list[tuple[dict[str, str | list[str]], str]] = [
    # what is answered more often than asked, and what may come of four messages
    ({"connect": "220 ready\r\n250 early"}, "deferred"),
    ({"EHLO": "250-here\r\n250 PIPELINING\r\n250 again"}, "deferred"),
    ({"MAIL": "250 Ok\r\n250 Ok"}, "deferred"),
    ({"RCPT": "250 Ok\r\n250 Ok"}, "deferred"),
    ({"DATA": "354 go\r\n354 go"}, "deferred"),
    ({"DATA": "354 go\r\n250 2.0.0 Ok: queued as 4F1A2B3C"}, "deferred"),
    ({"RCPT": "354 go"}, "deferred"),
    ({"content": "354 go"}, "unknown deferred"),
    ({"content": "250 Ok\r\n250 Ok"}, "accepted deferred"),
    ({"content": ["250 Ok", "250 Ok\r\n354 go", "250 Ok"]}, "accepted"),
]


@pytest.mark.parametrize("extensions", [{}, WITHOUT_PIPELINING], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(("script", "kinds"), TWICE, ids=str)
def test_a_server_out_of_step_gets_nothing_that_it_could_take_for_a_mail(
    script: dict[str, str | list[str]], kinds: str, extensions: dict[str, str]
) -> None:
    with scripted({**extensions, **script}) as server, pool(server.port) as over:
        outcomes = carried(over, mails(6)[:4]) + carried(over, mails(6)[4:])

    assert {outcome.kind for outcome in outcomes if outcome} <= {*kinds.split()}
    taken = [content for content in server.contents if content]
    assert all(b"Subject: " in content for content in taken)
    assert not any(b"MAIL FROM" in content or b"RSET" in content for content in taken)
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize("extensions", [{}, WITHOUT_PIPELINING], ids=["pipelined", "one by one"])
def test_a_connection_out_of_step_is_left_without_a_word(extensions: dict[str, str]) -> None:
    with scripted({**extensions, "DATA": "354 go\r\n354 go"}) as server:
        with pool(server.port) as over:
            outcomes = carried(over, mails(3))

    assert [outcome and outcome.detail for outcome in outcomes] == [
        "the server says more than it was asked"
    ] * 3
    assert [said.partition(" ")[0] for said in server.heard] == ["EHLO", "MAIL", "RCPT", "DATA"]
    assert (server.connections, server.contents) == (1, [])


@pytest.mark.parametrize("extensions", [{}, WITHOUT_PIPELINING], ids=["pipelined", "one by one"])
def test_a_server_that_finds_commands_out_of_order_is_left(extensions: dict[str, str]) -> None:
    answers = ["250 Ok", "503 5.5.1 Order", "250 Ok"]
    with scripted({**extensions, "MAIL": answers}) as server, pool(server.port) as over:
        outcomes = carried(over, mails(4))

    assert [outcome and outcome.kind for outcome in outcomes] == [
        "accepted", "deferred", "accepted", "accepted",
    ]  # fmt: skip
    assert (server.connections, "RSET" in server.heard) == (2, False)


def test_the_next_message_is_on_its_way_while_the_server_works_on_the_last() -> None:
    with scripted() as server, pool(server.port) as over:
        carried(over, mails(3))

    assert [said.partition(":")[0] for said in server.heard[1:10]] == [
        "MAIL FROM", "RCPT TO", "DATA",
    ] * 3  # fmt: skip
    assert server.connections == 1


def test_a_connection_that_ends_between_messages_costs_none() -> None:
    with scripted({"MAIL": ["250 Ok", "250 Ok", CLOSE, "250 Ok"]}) as server:
        with pool(server.port) as over:
            outcomes = carried(over, mails(4))

    assert [outcome and outcome.kind for outcome in outcomes] == ["accepted"] * 4
    assert (server.connections, len(server.contents)) == (2, 4)


def test_a_server_that_takes_three_messages_a_connection_gets_all() -> None:
    replies = ["250 Ok", "250 Ok", "250 Ok", "421 4.7.0 Enough"] * 20
    with scripted({"MAIL": replies}) as server, pool(server.port) as over:
        outcomes = carried(over, mails(9))

    assert [outcome and outcome.kind for outcome in outcomes].count("accepted") == 7
    assert {outcome.code for outcome in outcomes if outcome and outcome.kind == "deferred"} == {
        "421 4.7.0"
    }
    assert len(server.contents) == 7


def test_a_kept_connection_that_the_server_has_closed_is_replaced() -> None:
    with scripted() as server, pool(server.port, patience=Patience(keep=0)) as over:
        for _ in range(2):
            [outcome] = carried(over, [outgoing()])
            assert outcome is not None
            assert outcome.kind == "accepted"

    assert server.connections == 2


def test_a_dead_server_is_asked_once_for_the_whole_batch() -> None:
    with scripted({"connect": "421 Busy"}) as server, pool(server.port, 2) as over:
        outcomes = carried(over, mails(20))

    assert {outcome.kind for outcome in outcomes if outcome} == {"deferred"}
    assert server.connections <= 2


def test_nobody_at_the_port_is_deferred() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    with pool(port) as over:
        outcomes = carried(over, mails(3))

    assert [(outcome.kind, outcome.fault) for outcome in outcomes if outcome] == [
        ("deferred", "provider")
    ] * 3


def test_a_server_that_drips_its_answer_is_not_waited_for() -> None:
    dripping = threading.Event()

    def drip(server: socket.socket) -> None:
        connected, _ = server.accept()
        with connected:
            while not dripping.wait(0.05):
                connected.send(b"2")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        begun = monotonic()
        with pool(server.getsockname()[1]) as over:
            [outcome] = carried(over, [outgoing()])
        dripping.set()
        thread.join()

    assert outcome is not None
    assert outcome.kind == "deferred"
    assert monotonic() - begun < 10  # the patience of this test is 0.3 s; of RFC 5321, 120 s


def test_a_content_that_was_cut_short_has_surely_not_been_taken() -> None:
    big = outgoing(text="a line of some length that goes on\n" * 500_000)
    closing = threading.Event()

    def cut(server: socket.socket) -> None:
        connected, _ = server.accept()
        with connected:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connected.sendall(b"220 hi\r\n")
            connected.recv(100)
            connected.sendall(b"250 ok\r\n")
            for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
                connected.recv(1_000)
                connected.sendall(reply)
            connected.recv(10)
            closing.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=cut, args=(server,))
        thread.start()
        with pool(server.getsockname()[1], patience=Patience()) as over:
            [outcome] = carried(over, [big])
        thread.join()

    assert closing.is_set()
    assert outcome is not None
    assert outcome.kind == "deferred"
    assert "within the content" in str(outcome.detail)


def test_a_message_that_may_not_begin_is_not_mentioned() -> None:
    with scripted() as server, pool(server.port) as over:
        outcomes = carried(over, mails(3), lambda message: not message.to.startswith("c1"))

    assert [outcome and outcome.kind for outcome in outcomes] == ["accepted", None, "accepted"]
    assert not any("c1@" in said for said in server.heard)


def test_a_message_is_asked_about_again_if_the_server_was_long_about_the_last() -> None:
    asked: list[str] = []

    def until_asked_again(message: OutgoingMessage) -> bool:
        asked.append(message.to)
        return message.to != "c1@mail.example" or asked.count(message.to) < 2

    with (
        scripted(pauses={"content": 0.15}) as server,
        pool(server.port, patience=Patience()) as over,
    ):
        outcomes = carried(over, mails(3), until_asked_again)

    assert [outcome and outcome.kind for outcome in outcomes] == ["accepted", None, "accepted"]
    assert len(server.contents) == 2


def test_whoever_stops_listening_leaves_no_connection_behind() -> None:
    with scripted(pauses={"content": 0.1}) as server, pool(server.port) as over:
        ended = over.carry(Errands(mails(5), Composer(Manner()), always, 9), 5)
        next(ended)
        ended.close()  # type: ignore[attr-defined]  # it is a generator

        [outcome] = carried(over, [outgoing()])

    assert outcome is not None
    assert outcome.kind == "accepted"
    assert server.connections == 2


def test_no_more_begin_once_the_batch_takes_too_long() -> None:
    with scripted(pauses={"content": 0.2}) as server:
        with pool(server.port, patience=Patience()) as over:
            outcomes = carried(over, mails(9), seconds=0.3)

    kinds = [outcome and outcome.kind for outcome in outcomes]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "deferred"
    assert kinds.count("accepted") == len(server.contents)


@pytest.mark.parametrize("smtputf8", [True, False])
def test_an_international_receiver_needs_a_server_that_knows_them(smtputf8: bool) -> None:
    office = Office()
    with post_office(office, smtputf8=smtputf8), pool(office.port) as over:
        [outcome] = carried(over, [outgoing(to="用户@例え.テスト")])

    assert outcome is not None
    if smtputf8:
        assert outcome.kind == "accepted"
        assert office.taken[0].to == ["用户@xn--r8jz45g.xn--zckzah"]
        assert "SMTPUTF8" in office.taken[0].options
        assert "To: 用户@xn--r8jz45g.xn--zckzah\r\n".encode() in office.taken[0].octets
    else:
        assert (outcome.kind, outcome.code) == ("rejected", "no_smtputf8")
        assert office.taken == []


def test_what_is_too_large_for_the_server_is_not_sent_to_it() -> None:
    outcome, server = one({"EHLO": "250-here\r\n250 SIZE 500"})

    assert (outcome.kind, outcome.code) == ("rejected", "552 5.3.4")
    assert not any(said.startswith("MAIL") for said in server.heard)


@pytest.mark.parametrize("size", ["²", "٣", "-1", "", "9" * 30, "many"])
def test_a_size_that_is_no_number_is_passed_over(size: str) -> None:
    outcome, _ = one({"EHLO": f"250-here\r\n250 SIZE {size}"})

    assert outcome.kind == "accepted"


def test_what_cannot_be_written_leaves_the_others_alone() -> None:
    broken = outgoing(to="c9@mail.example", subject="a\r\nBcc: x@evil.example")
    half = outgoing(to="c8@mail.example", text="\ud800")
    with scripted() as server, pool(server.port) as over:
        outcomes = carried(over, [*mails(1), broken, half, outgoing(to="c7@mail.example")])

    assert [outcome and (outcome.kind, outcome.code) for outcome in outcomes] == [
        ("accepted", None), ("rejected", "header"), ("rejected", "bad_text"),
        ("accepted", None),
    ]  # fmt: skip
    assert b"evil" not in b"".join(server.contents)


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (b"A: b\r\n\r\nhi\r\n", b"A: b\r\n\r\nhi\r\n.\r\n"),
        (b"A: b\r\n\r\n.\r\n..\r\n", b"A: b\r\n\r\n..\r\n...\r\n.\r\n"),
        (b"a\n.\nMAIL FROM:<x>\r\n", b"a\n..\nMAIL FROM:<x>\r\n.\r\n"),
        (b"a\r\n.\nb\r\n", b"a\r\n..\nb\r\n.\r\n"),
        (b".a\r\n", b"..a\r\n.\r\n"),
    ],
)
def test_nothing_in_a_message_can_end_it(octets: bytes, content: bytes) -> None:
    assert as_content(octets) == content
