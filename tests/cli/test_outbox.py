"""``clmctl outbox``: what is listed, what a person may rule, and that each act is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Shop, at
from jsonschema import Draft7Validator
from sqlalchemy import insert, select, update

from orchestrator import tables
from orchestrator.channels.receipt import Receipt
from orchestrator.cli.shell import answer
from orchestrator.columns import to_micros
from orchestrator.delivery.receiving import Origin, receive
from orchestrator.tick import surge

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "outbox.schema.json"
FLOW = """
flow: greet
status: live
starts_when: {did: view}
re_entry: always
steps: [{send: hello, topic: news}, {wait: 2 days}, {send: bye, only_if: {received: hello}}]
"""
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def sent(shop: Shop, database_url: str) -> list[str]:
    """A shop that has two messages queued, ids 1 and 2; the options that name it."""
    shop.write(greet=FLOW).customers(ana={}, ben={}).tick("2026-03-02T08:00:00")
    for name in ("ana", "ben"):
        shop.event(name, "view", "2026-03-02T09:00:00")
    shop.tick("2026-03-02T09:00:00")
    return ["--project", str(shop.folder), "--db", database_url]


def asked(capsys: Printed, *words: str) -> dict[str, Any]:
    assert answer(["outbox", *words, "-o", "json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(printed)
    return printed


def listed(capsys: Printed, *words: str) -> list[tuple[int, str, str]]:
    found = asked(capsys, "list", *words)["messages"]
    return [(one["id"], one["customer"], one["state"]) for one in found]


def become(shop: Shop, number: int, **values: Any) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            update(tables.message).where(tables.message.c.id == number).values(**values)
        )


def acts(shop: Shop) -> list[tuple[str, str]]:
    row = tables.audit.c
    with shop.engine.connect() as connection:
        return [
            tuple(one)
            for one in connection.execute(select(row.action, row.object).order_by(row.id))
        ]


def test_what_is_on_its_way_is_listed_the_latest_first(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    assert listed(capsys, *sent) == [(2, "ben", "queued"), (1, "ana", "queued")]
    become(shop, 1, state="sent")
    assert listed(capsys, *sent) == [(2, "ben", "queued")]
    assert listed(capsys, "--state", "sent", *sent) == [(1, "ana", "sent")]
    assert listed(capsys, "--channel", "sms", *sent) == []


def test_the_messages_of_one_customer_are_listed_alone(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="in_doubt")

    assert listed(capsys, "--customer", "ben", *sent) == [(2, "ben", "queued")]
    assert listed(capsys, "--customer", "ana", "--state", "queued", *sent) == []
    doubts = asked(capsys, "in-doubt", "list", "--customer", "ana", *sent)
    assert [one["id"] for one in doubts["messages"]] == [1]
    assert asked(capsys, "in-doubt", "list", "--customer", "ben", *sent)["count"] == 0


def test_a_slip_in_a_customer_s_id_is_no_empty_list(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    assert answer(["outbox", "list", "--customer", "anna", *sent]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert 'there is no customer "anna"' in said
    assert 'did you mean "ana"?' in said


def test_the_human_list_tells_why_and_never_an_address(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="dead", error="550 5.1.1 no such user", attempt=1)

    assert answer(["outbox", "list", *sent]) == 0
    said = capsys.readouterr()
    assert "550 5.1.1 no such user" in said.out
    assert "2 messages" in said.err
    assert "@" not in said.out


def test_the_human_list_says_since_when_and_when_it_is_tried_again(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    when = to_micros(at("2026-03-02T09:05:00.123456"))
    become(shop, 1, error="451: try later", attempt=1, not_before=when)

    assert answer(["outbox", "list", *sent]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 ana greet/hello email queued 2026-03-02 10:00:00 CET 1" in said
    assert "451: try later; again from 2026-03-02 10:05:00 CET" in said


def test_one_message_is_told_by_the_project_s_clocks_and_to_programs_in_utc(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    when = to_micros(at("2026-07-02T09:05:00.5"))
    become(shop, 1, not_before=when)
    shop.receipt("ana", "delivered", "hello", "2026-03-02T23:30:00", flow="greet", channel="email")
    shop.import_facts()

    assert answer(["outbox", "show", "1", *sent]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "decided at 2026-03-02 10:00:00 CET" in page
    assert "not before 2026-07-02 11:05:00 CEST" in page
    assert "2026-03-03 00:30:00 CET delivered" in page
    told = asked(capsys, "show", "1", *sent)
    assert (told["decided_at"], told["happened"][0]["at"]) == (
        "2026-03-02T09:00:00Z", "2026-03-02T23:30:00Z"
    )  # fmt: skip


def test_files_that_do_not_load_are_told_and_the_last_release_s_clocks_go_on(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    (shop.folder / "playbooks" / "broken.yaml").write_text("flwo: greet\n")

    assert answer(["outbox", "list", *sent]) == 0
    said = capsys.readouterr()
    assert "10:00:00 CET" in said.out
    assert "this goes by the last release, and its zone Europe/Vienna" in " ".join(said.err.split())


@pytest.mark.parametrize("verb", ["list", "retry"])
def test_a_slip_in_a_name_is_no_empty_list(verb: str, sent: list[str], capsys: Printed) -> None:
    assert answer(["outbox", verb, "--flow", "great", *sent]) == 2
    assert 'did you mean "greet"?' in capsys.readouterr().err
    assert answer(["outbox", verb, "--channel", "emial", *sent]) == 2
    assert 'did you mean "email"?' in capsys.readouterr().err


def test_a_dead_message_is_queued_once_more_as_a_new_generation(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="dead", error="gone", attempt=8, provider_key="K")

    assert answer(["outbox", "retry", "1", *sent]) == 0
    capsys.readouterr()
    assert listed(capsys, *sent) == [(3, "ana", "queued"), (2, "ben", "queued")]
    assert listed(capsys, "--state", "dead", *sent) == [], "its new row stands for it"
    new = asked(capsys, "show", "3", *sent)
    assert (new["generation"], new["attempt"], new["why"], new["provider_key"]) == (
        1,
        0,
        None,
        None,
    )
    assert acts(shop) == [("retry", "message 1")]
    told = asked(capsys, "show", "1", *sent)["happened"]
    assert [(one["what"], one["detail"]) for one in told] == [("retry", "as message 3")]


def test_a_retried_message_is_received_once(sent: list[str], shop: Shop, capsys: Printed) -> None:
    become(shop, 1, state="dead", error="gone")
    answer(["outbox", "retry", "1", *sent])
    shop.write(greet=FLOW.replace("{received: hello}", "{received: hello, at_least: 2}"))

    assert shop.told("2026-03-04T09:00:00") == []


@pytest.mark.parametrize(("state", "is_told"), [("sent", False), ("in_doubt", True)])
def test_what_sends_a_doubt_again_is_told_of_doubts_alone(
    sent: list[str], shop: Shop, capsys: Printed, state: str, *, is_told: bool
) -> None:
    become(shop, 1, state=state)

    assert answer(["outbox", "retry", "1", *sent]) == 4
    said = capsys.readouterr().err
    assert f"message 1 is {state}, not dead" in said
    assert ("clmctl outbox in-doubt resend" in said) is is_told


def test_only_dead_ones_are_retried_each_once_and_all_or_none(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="dead", error="gone")

    assert answer(["outbox", "retry", "1", "2", *sent]) == 4
    assert "message 2 is queued, not dead" in capsys.readouterr().err
    assert acts(shop) == []
    assert answer(["outbox", "retry", "1", *sent]) == 0
    assert answer(["outbox", "retry", "1", *sent]) == 4
    assert "was retried already" in capsys.readouterr().err
    assert answer(["outbox", "retry", "99", *sent]) == 1


@pytest.mark.parametrize("number", ["99", str(2**63 - 1), str(2**63), "9" * 20])
@pytest.mark.parametrize(
    "verb", ["show", "retry", "in-doubt mark-sent", "in-doubt resend", "in-doubt discard"]
)
def test_an_id_that_no_message_has_is_told_however_long_it_is(
    sent: list[str], shop: Shop, capsys: Printed, verb: str, number: str
) -> None:
    assert answer(["outbox", *verb.split(), number, *sent]) == 1
    assert f"error: there is no message {number}" in capsys.readouterr().err
    assert acts(shop) == []


def test_all_dead_ones_of_a_flow_are_retried_at_a_word(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="dead")
    become(shop, 2, state="dead")

    assert answer(["outbox", "retry", "--flow", "greet", *sent]) == 0
    assert "2 messages queued again" in capsys.readouterr().err
    assert answer(["outbox", "retry", *sent]) == 2


@pytest.mark.parametrize("kind", ["bounced", "complained"])
def test_a_message_whose_address_is_out_of_use_is_not_queued_again(
    sent: list[str], shop: Shop, capsys: Printed, kind: str
) -> None:
    become(shop, 1, state="dead", error="550 5.1.1")
    become(shop, 2, state="dead", error="550 5.1.1")
    out = {"kind": "email", "address": "ana@shop.example", "reason": kind}
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.suppression).values(**out, at=at("2026-03-02T10:00:00")))

    assert answer(["outbox", "retry", "1", "2", *sent]) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert f"message 1: its address is out of use: {kind}, since 2026-03-02 11:00:00 CET" in said
    assert "@" not in said
    assert listed(capsys, *sent) == [(2, "ben", "dead"), (1, "ana", "dead")]
    assert acts(shop) == []

    assert answer(["outbox", "retry", "--flow", "greet", *sent]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "message 1: its address is out of use" in said
    assert "1 message queued again; 1 not, for their addresses are out of use." in said
    assert acts(shop) == [("retry", "message 2")]


def test_a_message_goes_again_once_its_customer_has_another_address(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="dead", error="550 5.1.1")
    out = {"kind": "email", "address": "old@shop.example", "reason": "bounced"}
    other = {"kind": "phone", "address": "ana@shop.example", "reason": "bounced"}
    with shop.engine.begin() as connection:
        for one in (out, other):
            connection.execute(insert(tables.suppression).values(**one, at=at("2026-03-02T10:00")))

    assert answer(["outbox", "retry", "1", *sent]) == 0
    assert "1 message queued again." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ruling", "state", "again"),
    [("mark-sent", "sent", False), ("resend", "queued", True), ("discard", "dead", False)],
)
def test_a_doubt_is_ended_once(
    sent: list[str], shop: Shop, capsys: Printed, ruling: str, state: str, again: bool
) -> None:
    become(shop, 1, state="in_doubt", error="no answer", attempt=1)
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.payload).values(message_id=1, content=b"x", digest="x"))
    assert [one["id"] for one in asked(capsys, "in-doubt", "list", *sent)["messages"]] == [1]

    assert answer(["outbox", "in-doubt", ruling, "1", *sent]) == 0
    capsys.readouterr()
    found = asked(capsys, "show", "1", *sent)
    assert (found["state"], found["possible_duplicate"], found["attempt"]) == (state, again, 1)
    with shop.engine.connect() as connection:
        kept = connection.scalars(select(tables.payload.c.message_id)).all()
    assert list(kept) == ([1] if again else []), "what is sent again is what was frozen"
    assert acts(shop) == [(ruling, "message 1")]
    assert answer(["outbox", "in-doubt", ruling, "1", *sent]) == 4
    assert "not in doubt" in capsys.readouterr().err


def test_what_a_provider_said_is_told_whole(sent: list[str], shop: Shop, capsys: Printed) -> None:
    said = "the server does not take the content: " + "refused by a rule of ours, " * 5
    become(shop, 1, state="dead", error=said)
    row = {"message_id": 1, "at": 5, "kind": "rejected", "attempt": 1, "detail": said}
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.message_event).values(**row))

    assert answer(["outbox", "show", "1", *sent]) == 0
    page = capsys.readouterr().out
    assert "…" not in page
    assert " ".join(page.split()).count("refused by a rule of ours,") == 10


def test_what_happened_to_a_message_is_told_in_order(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="in_doubt")
    with shop.engine.begin() as connection:
        for at, kind in ((5, "deferred"), (9, "unknown")):
            row = {
                "message_id": 1,
                "at": at,
                "kind": kind,
                "attempt": 1,
                "code": "451",
                "detail": "later",
            }
            connection.execute(insert(tables.message_event).values(**row))
    answer(["outbox", "in-doubt", "discard", "1", *sent])
    capsys.readouterr()

    told = asked(capsys, "show", "1", *sent)["happened"]
    assert [(one["what"], one["detail"]) for one in told] == [
        ("deferred", "451 later"), ("unknown", "451 later"), ("discard", None)
    ]  # fmt: skip
    assert told[2]["who"]
    assert answer(["outbox", "show", "1", *sent]) == 0
    assert "451 later" in capsys.readouterr().out
    assert answer(["outbox", "show", "77", *sent]) == 1


def test_the_receipts_of_a_message_are_told_and_no_others(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    shop.receipt("ana", "opened", "hello", "2026-03-02T08:59:59")  # before it was decided
    shop.receipt("ana", "delivered", "hello", "2026-03-02T09:00:00", flow="greet", channel="email")
    shop.receipt("ana", "clicked", "hello", "2026-03-02T10:00:00")
    shop.receipt("ana", "opened", "bye", "2026-03-02T10:00:00")
    shop.receipt("ana", "opened", "hello", "2026-03-02T10:00:00", flow="other")
    shop.receipt("ana", "opened", "hello", "2026-03-02T10:00:00", channel="sms")
    shop.receipt("ben", "bounced", "hello", "2026-03-02T10:00:00")
    shop.import_facts()

    told = asked(capsys, "show", "1", *sent)["happened"]
    assert [(one["what"], one["at"], one["source"]) for one in told] == [
        ("delivered", "2026-03-02T09:00:00Z", "r0001"), ("clicked", "2026-03-02T10:00:00Z", "r0002")
    ]  # fmt: skip
    assert answer(["outbox", "show", "1", *sent]) == 0
    assert "clicked receipt r0002" in " ".join(capsys.readouterr().out.split())


def test_a_receipt_that_a_provider_told_of_is_its_own_message_s(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 1, state="dead", provider_key="first")
    assert answer(["outbox", "retry", "1", *sent]) == 0
    capsys.readouterr()
    become(shop, 3, state="sent", provider_key="second")
    when = at("2026-03-03T10:00:00")
    told = [Receipt("opened", when, f"{key}-open", provider_key=key) for key in ("first", "second")]
    with shop.engine.begin() as connection:
        receive(connection, Origin("email", "email"), told, {}, when)

    for number, source in ((1, "email:first-open:1"), (3, "email:second-open:3")):
        happened = asked(capsys, "show", str(number), *sent)["happened"]
        assert [one["source"] for one in happened if one["source"]] == [source]


def whys(capsys: Printed, *words: str) -> dict[str, str | None]:
    """Return why messages wait, by their channels."""
    return {one["channel"]: one["why"] for one in asked(capsys, "list", *words)["messages"]}


def test_the_kill_switch_is_told_as_what_keeps_messages_back(
    sent: list[str], shop: Shop, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = "nothing is sent: CLM_SEND is off"
    assert whys(capsys, *sent) == {"email": None}
    monkeypatch.setenv("CLM_SEND", "off")
    assert whys(capsys, *sent) == {"email": says}
    assert asked(capsys, "show", "1", *sent)["why"] == says
    monkeypatch.delenv("CLM_SEND")
    (shop.folder / ".clm").mkdir(exist_ok=True)
    stop = shop.folder / ".clm" / "STOP"
    stop.touch()
    says = f"nothing is sent: {stop} is there"
    become(shop, 2, state="dead", error="gone")
    become(shop, 1, error="451: try later")
    found = {one["id"]: one["why"] for one in asked(capsys, "list", *sent)["messages"]}
    assert found == {1: f"{says}; 451: try later", 2: "gone"}
    assert answer(["explain", "ana", "--flow", "greet", "--at", "2026-03-02T09:00Z", *sent]) == 0
    assert says in " ".join(capsys.readouterr().out.split())


def test_a_channel_that_carries_nothing_is_told_as_what_keeps_messages_back(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    become(shop, 2, channel="push")
    mute = "{account: env:NO_SUCH_SID, token: env:NO_SUCH_TOKEN, from: '+4312345'}"
    shop.write(channels=f"channels: {{email: {{adapter: file}}, sms: {mute}}}")
    assert whys(capsys, *sent) == {"email": None, "push": "its channel is not set in channels.yaml"}
    become(shop, 2, channel="sms")
    why = whys(capsys, *sent)["sms"]
    assert why is not None
    assert why.startswith("its channel cannot be opened: ")
    assert "NO_SUCH_SID is not set" in why
    assert answer(["explain", "ben", "--flow", "greet", "--at", "2026-03-02T09:00Z", *sent]) == 0
    assert "NO_SUCH_SID is not set" in " ".join(capsys.readouterr().out.split())


def test_files_that_do_not_load_hide_no_message(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    (shop.folder / "playbooks" / "greet.yaml").write_text("flow: [", encoding="utf-8")
    assert listed(capsys, *sent) == [(2, "ben", "queued"), (1, "ana", "queued")]


def test_a_surge_is_listed_and_let_go_by_name(
    sent: list[str], shop: Shop, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.tick("2026-03-05T09:30:00")
    monkeypatch.setattr(surge, "LEAST", 1)
    monkeypatch.setattr(surge, "TIMES", 0)
    for name in ("ana", "ben"):
        shop.event(name, "view", "2026-03-06T09:00:00")
    shop.tick("2026-03-06T09:30:00")

    (held,) = asked(capsys, "list", *sent)["surges"]
    assert (held["flow"], held["step"], held["messages"]) == ("greet", "hello", 2)
    assert answer(["outbox", "list", *sent]) == 0
    assert "clmctl outbox approve greet" in capsys.readouterr().err
    assert answer(["outbox", "approve", "great", *sent]) == 2
    assert 'there is no flow "great"' in (said := capsys.readouterr().err)
    assert 'did you mean "greet"?' in said
    assert answer(["outbox", "approve", "greet", *sent]) == 0
    assert asked(capsys, "list", *sent)["surges"] == []
    assert acts(shop) == [("approve", "flow greet")]
    assert answer(["outbox", "approve", "greet", *sent]) == 0
    assert "Nothing was held" in capsys.readouterr().err
    assert answer(["outbox", "approve", *sent]) == 2


def test_a_state_that_does_not_exist_is_named(sent: list[str], capsys: Printed) -> None:
    assert answer(["outbox", "list", "--state", "deed", *sent]) == 2
    assert "dead" in capsys.readouterr().err


def test_the_channel_of_calls_is_one_that_can_be_named(
    sent: list[str], shop: Shop, capsys: Printed
) -> None:
    assert listed(capsys, "--channel", "webhook", *sent) == []
    become(shop, 1, state="failed", channel="webhook")
    assert listed(capsys, "--channel", "webhook", *sent) == [(1, "ana", "failed")]
    assert answer(["outbox", "list", "--channel", "webhok", *sent]) == 2
    assert 'there is no channel "webhok"' in capsys.readouterr().err
