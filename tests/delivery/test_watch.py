"""A worker's log says what messages came to, and what keeps them from leaving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import Shop
from sending import drain, greeted, outlet, taken, worker
from sqlalchemy import Engine

from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.delivery.breakers import Noted, note
from orchestrator.delivery.switch import Switch
from orchestrator.delivery.watch import Watch

BY_CUSTOMER = {
    "c00000": accepted("1"),
    "c00001": rejected("content refused", code="554"),
    "c00002": deferred("try later", code="451", fault="message"),
    "c00003": unknown("no answer"),
}


class Log:
    """Keeps what was said: (event, level, sentence, facts)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, Any]] = []

    def __call__(self, event: str, says: str, level: str = "info", facts: Any = None, /) -> None:
        self.lines.append((event, level, says, facts))

    def of(self, event: str) -> list[tuple[str, str, Any]]:
        return [tuple(rest) for name, *rest in self.lines if name == event]


def by_customer(message: OutgoingMessage) -> Outcome:
    return BY_CUSTOMER[message.customer]


def test_the_log_says_what_messages_came_to(shop: Shop) -> None:
    greeted(shop, customers=4)
    log, sending = Log(), worker(shop, [outlet(by_customer)])
    sending.say = log
    sending.run()
    states = {"sent": 1, "dead": 1, "queued": 1, "in_doubt": 1}
    says = "email: 1 sent, 1 dead, 1 in doubt, 1 to be tried again"
    facts = {"channel": "email", "messages": 4, "states": states}
    assert log.of("dispatched") == [("warning", says, facts)]
    assert sending.came_to == states


def test_what_all_left_is_no_warning(shop: Shop) -> None:
    greeted(shop, customers=3)
    log, sending = Log(), worker(shop, [outlet(taken)])
    sending.say = log
    sending.run()
    assert [line[:2] for line in log.of("dispatched")] == [("info", "email: 3 sent")]


def test_a_message_that_cannot_be_made_is_told_as_dead(shop: Shop) -> None:
    greeted(shop, customers=2)
    (shop.folder / "templates" / "hello" / "email.txt.j2").write_text("{{ customer.nothing }}")
    assert drain(shop, outlet()).came_to["dead"] == 2


def test_a_kill_switch_is_told_when_it_is_set_and_when_it_is_gone(shop: Shop) -> None:
    greeted(shop, customers=2)
    stop = shop.folder / ".clm" / "STOP"
    stop.parent.mkdir(exist_ok=True)
    stop.touch()
    log, sending = Log(), worker(shop, [outlet()])
    sending.say = log
    sending.run()
    ((level, says, _),) = log.of("kill_switch_on")
    assert (level, says) == ("warning", f"nothing is sent: {stop} is there")
    watch = Watch(frozenset(), Switch(stop, elapsed=map(float, range(9)).__next__), log)
    watch.look_at_switch()
    watch.look_at_switch()
    stop.unlink()
    watch.look_at_switch()
    assert [line[0] for line in log.lines] == ["kill_switch_on"] * 2 + ["kill_switch_off"]


def shut_out(engine: Engine, provider: str, outcome: Outcome) -> None:
    with engine.begin() as connection:
        note(connection, provider, [Noted("", outcome)])


def test_a_breaker_is_told_once_and_once_more_when_it_is_closed(
    engine: Engine, tmp_path: Path
) -> None:
    log = Log()
    watch = Watch(frozenset({"post"}), Switch(tmp_path / "STOP"), log)
    shut_out(engine, "post", refused("wrong login", code="535"))
    shut_out(engine, "other", refused("wrong login", code="535"))
    for _ in range(2):
        with engine.connect() as connection:
            watch.look_at_breakers(connection)
    shut_out(engine, "post", accepted("1"))
    with engine.connect() as connection:
        watch.look_at_breakers(connection)
    facts = {"provider": "post", "reason": "535 wrong login"}
    shut = ("left_alone", "warning", "post is left alone for a while: 535 wrong login", facts)
    again = ("left_alone_no_more", "info", "post is sent to again", {"provider": "post"})
    assert log.lines == [shut, again]
