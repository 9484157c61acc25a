"""The conformance suite comes to its end with any adapter, and says what to do about it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import current_thread

import pytest
from pigeon_channel import PigeonChannel, PigeonSettings
from test_pigeon_channel import KEY, Loft

from orchestrator.channels.api import (
    Callback,
    ForgedCallback,
    MayBegin,
    Outcome,
    OutgoingMessage,
    Receipt,
    Surroundings,
    accepted,
    compact_json,
    deferred,
    rejected,
    unknown,
)
from orchestrator.channels.dry_run import DryRunChannel
from orchestrator.testing.channels import (
    HttpProvider,
    NotConforming,
    adapter_of,
    exercise_channel,
    facts_of_batches,
    facts_of_instances,
    facts_of_receipts,
    facts_of_sending,
    facts_of_values,
    sample_message,
)
from orchestrator.testing.channels.exercise import Fact
from orchestrator.testing.channels.kit import Kit
from orchestrator.testing.channels.provider import Unseen
from orchestrator.testing.channels.watching import Watch

SHORT = timedelta(seconds=0.5)
Told = Iterator[tuple[OutgoingMessage, Outcome | None]]


def findings(adapter: type[DryRunChannel], folder: Path) -> str:
    """Return all that the suite says of an adapter that needs no provider."""

    def make() -> DryRunChannel:
        return adapter_of(adapter, folder=folder, timeout=timedelta(seconds=0.1))

    with pytest.raises(NotConforming) as broken:
        exercise_channel(make, patience=0.2)
    return str(broken.value)


# --- calls that do not come back -------------------------------------------------------------


class Sleeps(DryRunChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        time.sleep(3600)
        return accepted()


class SleepsShut(DryRunChannel):
    def close(self) -> None:
        time.sleep(3600)


class SleepsOverBatch(DryRunChannel):
    def send_batch(self, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Told:
        yield from super().send_batch(messages, may_begin)
        time.sleep(3600)


@pytest.mark.parametrize(
    ("adapter", "finding"),
    [
        (Sleeps, "answers_are_honest: send() did not return within 0.3 s: give every wait"),
        (SleepsShut, "class_is_whole: close() did not return within 0.3 s"),
        (SleepsOverBatch, "batches_are_several_sends: send_batch() did not return within 0.7 s"),
    ],
)
def test_a_call_without_end_is_a_finding(
    tmp_path: Path, adapter: type[DryRunChannel], finding: str
) -> None:
    began = time.monotonic()
    assert finding in findings(adapter, tmp_path)
    assert time.monotonic() - began < 30


def test_many_findings_are_told_in_part(tmp_path: Path) -> None:
    assert "hostile_values_are_inert: and " in findings(Interrupts, tmp_path)


def test_what_is_not_tried_after_many_hang_is_told(tmp_path: Path) -> None:
    assert "(people_stay_unnamed: too much hangs)" in findings(Sleeps, tmp_path)


# --- children --------------------------------------------------------------------------------


class Forks(DryRunChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        os.fork()
        return super().send(message)


class ForksAndRaises(DryRunChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        if os.fork() == 0:
            raise SystemExit
        return super().send(message)


class ForksWell(DryRunChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return super().send(message)


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("adapter", [Forks, ForksAndRaises])
def test_a_child_that_comes_back_is_ended_and_told(
    tmp_path: Path, adapter: type[DryRunChannel]
) -> None:
    mine = os.getpid()
    told = findings(adapter, tmp_path)
    assert os.getpid() == mine
    assert "its child comes back from it too" in told


# --- what they say -----------------------------------------------------------------------------


class Later(DryRunChannel):
    async def send(self, message: OutgoingMessage) -> Outcome:  # type: ignore[override]  # that is the breach
        return accepted()


class Interrupts(DryRunChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("adapter", "finding"),
    [
        (Later, "expected accepted: send() returns an Outcome and nothing else"),
        (Interrupts, "raised KeyboardInterrupt, expected accepted: send() raises nothing"),
    ],
)
def test_what_is_no_outcome_is_told(
    tmp_path: Path, adapter: type[DryRunChannel], finding: str
) -> None:
    assert f"{finding}" in findings(adapter, tmp_path)


# --- subtler ones, against a provider ------------------------------------------------------------


class Optimist(PigeonChannel):
    """Honest about one message, and takes the silence over several for consent."""

    capabilities = replace(PigeonChannel.capabilities, batch=10)

    def send_batch(self, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Told:
        for message in messages:
            outcome = self.send(message) if may_begin(message) else None
            yield message, accepted() if outcome and outcome.kind == "unknown" else outcome


class Takes(PigeonChannel):
    """Empties the list it is given."""

    def send_batch(self, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Told:
        assert isinstance(messages, list)
        while messages:
            message = messages.pop()
            yield message, self.send(message) if may_begin(message) else None


class Keeps(PigeonChannel):
    """Keeps its connection whatever happens on it: the next answer there is an old one."""

    _kept: socket.socket | None = None

    def send(self, message: OutgoingMessage) -> Outcome:
        body = compact_json({"key": message.provider_key})
        head = f"POST / HTTP/1.1\r\nHost: loft\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            if self._kept is None:
                host, _, port = self.settings.loft.removeprefix("http://").partition(":")
                self._kept = socket.create_connection((host, int(port)), 0.5)
            self._kept.sendall(head.encode() + body)
            said = self._kept.recv(4096)
        except TimeoutError:
            return unknown("no answer in time")
        except OSError:
            self.close()
            return unknown("it broke off")
        if not said:
            self.close()
            return unknown("it broke off")
        return accepted() if b" 200 " in said else rejected("not this one")

    def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


class Dead(Keeps):
    """Keeps a connection that is dead."""

    def send(self, message: OutgoingMessage) -> Outcome:
        outcome = super().send(message)
        if outcome.kind == "unknown":
            self.close()
            self._kept = socket.socket()
            self._kept.close()
        return outcome

    def close(self) -> None:
        if self._kept is None or self._kept.fileno() >= 0:
            super().close()


class Shares(PigeonChannel):
    """All instances send through one connection, and any of them closes it for all."""

    _is_open = False
    _uses = False

    def send(self, message: OutgoingMessage) -> Outcome:
        if not self._uses:
            Shares._is_open = self._uses = True
        return super().send(message) if Shares._is_open else unknown("it is closed")

    def close(self) -> None:
        super().close()
        Shares._is_open = self._uses = False


class Prefix(PigeonChannel):
    """Looks at the beginning of a signature alone."""

    def receipts(self, callback: Callback) -> list[Receipt]:
        right = Loft().signed(callback.body)
        given = callback.headers.get("x-loft-signature")
        if given is None or not right.headers["x-loft-signature"].startswith(given):
            raise ForgedCallback
        return super().receipts(right)


class Forgets(PigeonChannel):
    """Takes a provider that does not answer for one that has no such message."""

    capabilities = replace(PigeonChannel.capabilities, verify=True)

    def verify(self, message: OutgoingMessage) -> Outcome | None:
        asked = self.send(message)
        return deferred("not there") if asked.kind in ("deferred", "refused") else None


class ChecksOpenly(PigeonChannel):
    def check(self) -> Sequence[str]:
        return [f"{self.settings.key.reveal()} does not let us in"] if not self._lets() else []

    def _lets(self) -> bool:
        return self.send(sample_message(self.spec)).kind == "accepted"


class RaisesOpenly(PigeonChannel):
    def receipts(self, callback: Callback) -> list[Receipt]:
        raise ValueError(f"{self.settings.key.reveal()} does not fit")


class Remembers(PigeonChannel):
    """Takes what it has tried for what was taken."""

    def __init__(self, settings: PigeonSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._tried = set[str]()

    def send(self, message: OutgoingMessage) -> Outcome:
        if message.key in self._tried:
            return accepted()
        self._tried.add(message.key)
        return super().send(message)


class Homely(PigeonChannel):
    """Keeps what only the thread that made it may use."""

    def __init__(self, settings: PigeonSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._home = current_thread()

    def send(self, message: OutgoingMessage) -> Outcome:
        if current_thread() is not self._home:
            raise RuntimeError
        return super().send(message)


class AlwaysExpires(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        expires_at = message.created_at if message.expires_at else None
        return super().send(replace(message, expires_at=expires_at))


class Lists(PigeonChannel):
    def send_batch(self, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Told:
        return [self.send(one) if may_begin(one) else None for one in messages]  # type: ignore[return-value]  # that is the breach


SENDING, BATCHES = facts_of_sending, facts_of_batches
BROKEN: list[tuple[type[PigeonChannel], Fact, str]] = [
    (Optimist, BATCHES.batches_are_honest, "does hang: 'accepted' for one: return unknown("),
    (Takes, BATCHES.batches_are_several_sends, "changed a message, or the list"),
    (Lists, BATCHES.batches_are_several_sends, "send_batch() yields pairs"),
    (Remembers, facts_of_instances.what_was_put_off_leaves_later, "and 0 arrived: remember"),
    (Homely, facts_of_instances.other_threads_may_use_it, "in another thread than it was made in"),
    (AlwaysExpires, SENDING.expiry_is_told, "in 3 hours arrives like one that does in 30"),
    (Keeps, facts_of_instances.it_recovers, "the answer of the message before; close a connection"),
    (Dead, facts_of_instances.it_recovers, "let go of a connection that failed"),
    (Shares, facts_of_instances.instances_are_apart, "has connections of its own"),
    (Prefix, facts_of_receipts.forged_callbacks_are_refused, "is cut short was not refused"),
    (Forgets, SENDING.verifying_is_honest, "verify() says deferred of a message that was taken"),
]


@pytest.fixture(scope="module")
def provider() -> Iterator[HttpProvider]:
    with HttpProvider() as made:
        yield made


def kit_of(provider: HttpProvider, adapter: type[PigeonChannel], folder: Path) -> Kit:
    provider.behave("accept")

    def make() -> PigeonChannel:
        return adapter_of(
            adapter,
            f"{{loft: '{provider.url}', key: 'env:LOFT_KEY'}}",
            folder=folder,
            secrets={"LOFT_KEY": KEY},
            timeout=SHORT,
        )

    return Kit(make, provider, sample_message(PigeonChannel.spec), Loft())


@pytest.mark.parametrize(("adapter", "fact", "finding"), BROKEN)
def test_each_subtle_breach_is_found(
    provider: HttpProvider,
    tmp_path: Path,
    adapter: type[PigeonChannel],
    fact: Fact,
    finding: str,
) -> None:
    kit = kit_of(provider, adapter, tmp_path)

    with kit.heard.listening():
        found = list(fact(kit))

    assert any(finding in one for one in found), found


@pytest.mark.parametrize(
    ("adapter", "fact"),
    [
        (ChecksOpenly, SENDING.checking_is_harmless),
        (RaisesOpenly, facts_of_receipts.genuine_callbacks_are_read),
    ],
)
def test_a_secret_in_what_check_or_an_error_says_is_found(
    provider: HttpProvider, tmp_path: Path, adapter: type[PigeonChannel], fact: Fact
) -> None:
    kit = kit_of(provider, adapter, tmp_path)

    with kit.heard.listening():
        list(fact(kit))

    assert any("was logged" in one for one in facts_of_values.secrets_stay_secret(kit))


# --- what is well --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_child_that_ends_by_itself_is_no_breach(tmp_path: Path) -> None:
    kit = Kit(lambda: adapter_of(ForksWell, folder=tmp_path), Unseen(), sample_message(None))
    watch = Watch()

    assert watch.findings(lambda: facts_of_instances.closing_ends_nothing(kit)) == []
    assert watch.last_words() == []
