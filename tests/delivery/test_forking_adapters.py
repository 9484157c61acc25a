"""A child that an adapter forks never comes back into what its parent does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Shop
from sending import drain, greeted, ledger, outlet, taken

from orchestrator.channels.dry_run import DryRunChannel
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.routes import Route
from orchestrator.delivery.aside import Aside
from orchestrator.delivery.trial import send_trial
from orchestrator.forks import CAME_BACK
from orchestrator.testing.channels import adapter_of, sample_message

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


@pytest.fixture
def children() -> Iterator[list[int]]:
    """Collects the children that adapters fork."""
    mine, found = os.getpid(), list[int]()
    yield found
    if os.getpid() != mine:
        os._exit(99)  # a child that came back as far as this


def ends(children: list[int]) -> set[int]:
    return {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}


def test_each_message_is_sent_by_the_parent_alone(shop: Shop, children: list[int]) -> None:
    greeted(shop, 5)

    def forks(message: OutgoingMessage) -> Outcome:
        if child := os.fork():
            children.append(child)
        return taken(message)

    drain(shop, outlet(forks, at_once=2))

    assert ledger(shop, "state") == ["sent"] * len(children)
    assert ends(children) == {CAME_BACK}


def test_a_child_that_raises_ends_too(shop: Shop, children: list[int]) -> None:
    greeted(shop, 3)

    def forks(message: OutgoingMessage) -> Outcome:
        if child := os.fork():
            children.append(child)
            return taken(message)
        raise SystemExit

    drain(shop, outlet(forks))

    assert set(ledger(shop, "state")) == {"sent"}
    assert ends(children) == {CAME_BACK}


def test_a_question_is_answered_by_the_parent_alone(
    children: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    aside = Aside(lambda: outlet().adapter, seconds=5, pause=0)

    def question(_: object) -> int:
        if child := os.fork():
            children.append(child)
        return os.getpid()

    assert aside.ask(question) == os.getpid()
    assert ends(children) == {CAME_BACK}
    assert 'the adapter "told" forked, and its child came back' in capfd.readouterr().err


class Quits(DryRunChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        raise SystemExit(0)


class Forks(DryRunChannel):
    children: list[int] = []  # noqa: RUF012 - of the one test that uses it

    def send(self, message: OutgoingMessage) -> Outcome:
        if child := os.fork():
            self.children.append(child)
        return super().send(message)


def route(adapter: type[DryRunChannel], folder: Path) -> Route:
    made = adapter_of(adapter, folder=folder)
    return Route("sms", adapter, made.settings, made.surroundings)


def test_an_adapter_that_ends_the_process_does_not_end_a_trial(tmp_path: Path) -> None:
    outcome = send_trial(route(Quits, tmp_path), sample_message(None))
    assert (outcome.kind, outcome.detail) == ("unknown", "the adapter failed: SystemExit: 0")


def test_a_trial_is_told_by_the_parent_alone(tmp_path: Path) -> None:
    assert send_trial(route(Forks, tmp_path), sample_message(None)).kind == "accepted"
    assert ends(Forks.children) == {CAME_BACK}
