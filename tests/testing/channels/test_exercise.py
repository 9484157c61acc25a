"""The conformance suite passes what keeps the contract, and names what does not."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pigeon_channel import PigeonChannel, PigeonSettings
from test_pigeon_channel import KEY, Loft

from orchestrator.channels.api import (
    Callback,
    Capabilities,
    Channel,
    ChannelSpec,
    MayBegin,
    Outcome,
    OutgoingMessage,
    Reach,
    Receipt,
    Surroundings,
    Text,
    Web,
    accepted,
    deferred,
    unknown,
    word,
)
from orchestrator.channels.dry_run import DryRunChannel
from orchestrator.channels.file import FileChannel
from orchestrator.testing.channels import (
    Behaviour,
    HttpProvider,
    NotConforming,
    adapter_of,
    exercise_channel,
    facts_of_batches,
    facts_of_class,
    facts_of_instances,
    facts_of_receipts,
    facts_of_sending,
    facts_of_values,
    sample_message,
)
from orchestrator.testing.channels.exercise import FACTS, Fact
from orchestrator.testing.channels.kit import Kit

SHORT, LONG = timedelta(seconds=0.5), timedelta(seconds=10)
"""What an adapter waits, where the provider is silent on purpose, and where it never is."""


class Outbox:
    """The folder that the file adapter writes to, as its provider."""

    retry_after = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[str, bytes] = {}

    def arrived(self) -> Sequence[bytes]:
        if self.folder.is_dir():
            new = {path.name for path in self.folder.glob("*.json")} - self.found.keys()
            self.found.update((name, (self.folder / name).read_bytes()) for name in sorted(new))
        return list(self.found.values())

    def behave(self, how: Behaviour) -> bool:
        """Stand aside for a file of the same name where nothing can be written."""
        aside = self.folder.with_name("aside")
        if how in ("down", "defer") and not self.folder.is_file():
            if self.folder.is_dir():
                self.folder.rename(aside)
            self.folder.touch()
        elif how == "accept" and self.folder.is_file():
            self.folder.unlink()
            if aside.is_dir():
                aside.rename(self.folder)
        return how in ("accept", "down", "defer")


def test_the_file_adapter_conforms(tmp_path: Path) -> None:
    done = exercise_channel(
        lambda: adapter_of(FileChannel, folder=tmp_path), Outbox(tmp_path / "outbox")
    )

    assert len(done.held) == len(FACTS)


class Nowhere:
    """The provider of an adapter that sends nothing: it gets what the adapter says it took."""

    retry_after = None

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def arrived(self) -> Sequence[bytes]:
        return self.taken

    def behave(self, how: Behaviour) -> bool:
        return how == "accept"


def test_the_dry_run_adapter_conforms(tmp_path: Path) -> None:
    nowhere = Nowhere()

    class Watched(DryRunChannel):
        def send(self, message: OutgoingMessage) -> Outcome:
            nowhere.taken.append(message.provider_key.encode())
            return super().send(message)

    done = exercise_channel(lambda: adapter_of(Watched, folder=tmp_path), nowhere)

    assert len(done.held) == len(FACTS)


def test_an_adapter_can_be_tried_by_itself(tmp_path: Path) -> None:
    done = exercise_channel(adapter_of(DryRunChannel, folder=tmp_path))

    assert len(done.held) == len(FACTS)
    assert "no provider: nobody saw what arrived" in done.left_out


# --- adapters that break the contract ---------------------------------------------------


class Hides(PigeonChannel):
    """Calls everything accepted."""

    def send(self, message: OutgoingMessage) -> Outcome:
        super().send(message)
        return accepted()


class TriesAgain(PigeonChannel):
    """Makes a second attempt by itself."""

    def send(self, message: OutgoingMessage) -> Outcome:
        outcome = super().send(message)
        return outcome if outcome.kind == "accepted" else super().send(message)


class NeverInDoubt(PigeonChannel):
    """Calls what may have been taken not taken: it would be sent again."""

    def send(self, message: OutgoingMessage) -> Outcome:
        outcome = super().send(message)
        return deferred("try again") if outcome.kind == "unknown" else outcome


class Patient(PigeonChannel):
    """Waits longer than it says."""

    def __init__(self, settings: PigeonSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._web = Web(Reach(everywhere=True), timedelta(seconds=3))


class Raises(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        outcome = super().send(message)
        if outcome.kind != "accepted":
            raise ConnectionError
        return outcome


class Quits(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        raise SystemExit(message.to)


class Escaped(BaseException):
    """Of a kind of its own."""


class Escapes(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        raise Escaped(message.to)


class Rewrites(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        message.fields["seen"] = True  # type: ignore[index]  # that is the breach
        return super().send(message)


class TellsAddress(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        outcome = super().send(message)
        return replace(outcome, detail=f"{outcome.detail}: {message.to}")


class Impatient(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        return replace(super().send(message), retry_after=None)


class Keyless(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        return super().send(
            replace(message, provider_key=f"{message.provider_key[:-3]}{message.attempt}")
        )


class NoExpiry(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        return super().send(replace(message, expires_at=None))


class Once(PigeonChannel):
    """Cannot be used after it was closed."""

    is_closed = False

    def send(self, message: OutgoingMessage) -> Outcome:
        return unknown("it is closed") if self.is_closed else super().send(message)

    def close(self) -> None:
        super().close()
        self.is_closed = True


class ChecksLoudly(PigeonChannel):
    def check(self) -> Sequence[str]:
        raise OSError


class EagerBatch(PigeonChannel):
    """Sends before it asks."""

    capabilities = replace(PigeonChannel.capabilities, batch=10)

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        done = [(message, self.send(message)) for message in messages]
        for message, outcome in done:
            yield message, outcome if may_begin(message) else None


class ShortBatch(PigeonChannel):
    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        return (one for one in super().send_batch(messages, may_begin) if one[1] is not None)


class BrittleBatch(PigeonChannel):
    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        for message, outcome in super().send_batch(messages, may_begin):
            if not message.to.strip():
                raise ValueError(message.to)
            yield message, outcome


class Trusting(PigeonChannel):
    """Puts a subject into the headers of its request as it is."""

    def send(self, message: OutgoingMessage) -> Outcome:
        head = f"{message.subject or ''}\r\nX-Loft: 1"
        from http.client import HTTPConnection

        connection = HTTPConnection(self.settings.loft.removeprefix("http://"), timeout=2)
        connection._validate_path = lambda path: None  # type: ignore[attr-defined]  # as if nobody looked
        connection._encode_request = lambda line: line.encode("utf-8", "replace")  # type: ignore[attr-defined]  # the same
        with closing(connection):
            connection.request("POST", f"/ HTTP/1.1\r\nX-Subject: {head}\r\nX-Rest:", b"{}")
            connection.getresponse().read()
        return accepted()


class RaisesOnSurrogates(PigeonChannel):
    def send(self, message: OutgoingMessage) -> Outcome:
        message.text.encode()
        return super().send(message)


class Talks(PigeonChannel):
    """Logs the secret."""

    def send(self, message: OutgoingMessage) -> Outcome:
        logging.getLogger("pigeon").debug("logging in with %s", self.settings.key.reveal())
        return super().send(message)


class Gossips(PigeonChannel):
    """Prints addresses."""

    def send(self, message: OutgoingMessage) -> Outcome:
        print("sending to", message.to)
        return super().send(message)


class ShowsItself(PigeonChannel):
    def __repr__(self) -> str:
        return f"PigeonChannel({self.settings.key.reveal()})"


class Gullible(PigeonChannel):
    """Believes every callback."""

    def receipts(self, callback: Callback) -> list[Receipt]:
        return super().receipts(Loft().signed(callback.body))


class Reformats(PigeonChannel):
    """Verifies the signature over what it read instead of the raw octets."""

    def receipts(self, callback: Callback) -> list[Receipt]:
        return super().receipts(replace(callback, body=callback.body.strip()))


class Forgetful(PigeonChannel):
    count = 0

    def receipts(self, callback: Callback) -> list[Receipt]:
        self.count += 1
        return [replace(one, source_id=str(self.count)) for one in super().receipts(callback)]


class Brittle(PigeonChannel):
    def receipts(self, callback: Callback) -> list[Receipt]:
        try:
            return super().receipts(callback)
        except ValueError as error:
            raise KeyError from error


@dataclass(frozen=True, kw_only=True)
class OpenSettings(PigeonSettings):
    """Has a password as a text."""

    password: str = word(Text(), "a word", default="")


class OpenSecret(PigeonChannel):
    Settings = OpenSettings


class Boasts(PigeonChannel):
    capabilities = Capabilities(verify=True, key_ttl=timedelta(days=1), batch=20)


class Nameless(PigeonChannel):
    spec = ChannelSpec("Pigeon post", "phone", covered=False, formats=("doc",))


class NoHead(PigeonChannel):
    def verify(self, message: OutgoingMessage) -> Outcome | None:
        return accepted()


class Believes(PigeonChannel):
    capabilities = replace(PigeonChannel.capabilities, verify=True)

    def verify(self, message: OutgoingMessage) -> Outcome | None:
        return accepted()


SENDING, VALUES = facts_of_sending, facts_of_values
BROKEN: list[tuple[type[PigeonChannel], Fact, str]] = [
    (Hides, SENDING.answers_are_honest, "when the provider does defer: accepted"),
    (TriesAgain, SENDING.answers_are_honest, "2 attempts instead of one"),
    (NeverInDoubt, SENDING.answers_are_honest, "hang: deferred, expected unknown"),
    (Patient, SENDING.answers_are_honest, "hang: the attempt took 3"),
    (Raises, SENDING.answers_are_honest, "raised ConnectionError"),
    (Quits, SENDING.answers_are_honest, "raised SystemExit"),
    (Escapes, SENDING.answers_are_honest, "raised Escaped"),
    (Rewrites, SENDING.messages_stay_as_they_are, "changed the message"),
    (TellsAddress, SENDING.answers_are_honest, "tells the address"),
    (Impatient, SENDING.answers_are_honest, "retry_after is None"),
    (Keyless, SENDING.the_key_is_carried, "without the key"),
    (NoExpiry, SENDING.expiry_is_told, "arrives like one that does not"),
    (Once, facts_of_instances.closing_ends_nothing, "after close(): unknown"),
    (ChecksLoudly, SENDING.checking_is_harmless, "check() raised OSError"),
    (Believes, SENDING.verifying_is_honest, "never sent"),
    (EagerBatch, facts_of_batches.batches_are_several_sends, "not to begin arrived"),
    (EagerBatch, facts_of_batches.what_was_not_asked_for_stays, "before may_begin was asked"),
    (ShortBatch, facts_of_batches.batches_are_several_sends, "5 messages, 4 answers"),
    (BrittleBatch, facts_of_batches.one_failure_takes_no_other_along, "ends the batch"),
    (Trusting, VALUES.hostile_values_are_inert, "a line break in subject: it begins a line"),
    (RaisesOnSurrogates, VALUES.hostile_values_are_inert, "half a character in text: raised"),
    (Gullible, facts_of_receipts.forged_callbacks_are_refused, "without any header"),
    (Reformats, facts_of_receipts.forged_callbacks_are_refused, "with a space after its body"),
    (Forgetful, facts_of_receipts.genuine_callbacks_are_read, "two different source_ids"),
    (Brittle, facts_of_receipts.strange_callbacks_are_harmless, "gave KeyError"),
    (ShowsItself, VALUES.secrets_stay_secret, "in the repr"),
    (OpenSecret, facts_of_class.words_are_documented, "has no SecretShape"),
    (OpenSecret, facts_of_class.words_are_documented, "is no sentence"),
    (Boasts, facts_of_class.capabilities_hold_together, "verify must be true exactly"),
    (Boasts, facts_of_class.capabilities_hold_together, "send_batch() is not defined"),
    (NoHead, facts_of_class.capabilities_hold_together, "verify must be true exactly"),
    (Nameless, facts_of_class.class_is_whole, "a channel is not called"),
    (Nameless, facts_of_class.class_is_whole, "spec.formats"),
]  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[HttpProvider]:
    with HttpProvider() as made:
        yield made


@pytest.fixture
def maker(provider: HttpProvider, tmp_path: Path) -> Callable[[type[PigeonChannel], Fact], Kit]:
    """Makes the suite's kit for an adapter."""

    def kit(adapter: type[PigeonChannel], fact: Fact) -> Kit:
        provider.behave("accept")
        is_silent = fact is facts_of_sending.answers_are_honest

        def make() -> Channel:
            return adapter_of(
                adapter,
                f"{{loft: '{provider.url}', key: 'env:LOFT_KEY'}}",
                folder=tmp_path,
                secrets={"LOFT_KEY": KEY},
                timeout=SHORT if is_silent else LONG,
            )

        return Kit(make, provider, sample_message(PigeonChannel.spec), Loft())

    return kit


@pytest.mark.parametrize(("adapter", "fact", "finding"), BROKEN)
def test_each_breach_is_found(
    maker: Callable[[type[PigeonChannel], Fact], Kit],
    adapter: type[PigeonChannel],
    fact: Fact,
    finding: str,
) -> None:
    kit = maker(adapter, fact)

    with kit.heard.listening():
        found = list(fact(kit))

    assert any(finding in one for one in found), found


@pytest.mark.parametrize(
    ("adapter", "fact", "finding"),
    [
        (Talks, VALUES.secrets_stay_secret, "was logged"),
        (Gossips, VALUES.people_stay_unnamed, '"to" of a message was logged'),
    ],
)
def test_what_is_said_while_sending_is_heard(
    maker: Callable[[type[PigeonChannel], Fact], Kit],
    adapter: type[PigeonChannel],
    fact: Fact,
    finding: str,
) -> None:
    kit = maker(adapter, fact)

    with kit.heard.listening(), kit.open() as opened:
        kit.attempt(opened, kit.message)

    assert any(finding in one for one in fact(kit))


def test_an_adapter_that_breaks_the_contract_is_told_everything_at_once(tmp_path: Path) -> None:
    class Both(DryRunChannel):
        spec = ChannelSpec("", None, covered=False, formats=())

        def send(self, message: OutgoingMessage) -> Any:
            return None

    with pytest.raises(NotConforming) as broken:
        exercise_channel(lambda: adapter_of(Both, folder=tmp_path), Nowhere())

    assert "- class_is_whole: spec.formats" in str(broken.value)
    assert "- answers_are_honest: when the provider does accept: None" in str(broken.value)
    assert "(the provider does not hang)" in str(broken.value)


def test_an_adapter_that_cannot_be_closed_is_tried_all_the_same(tmp_path: Path) -> None:
    class Slams(DryRunChannel):
        def close(self) -> None:
            raise OSError

    with pytest.raises(NotConforming, match=r"closing_ends_nothing: .*OSError"):
        exercise_channel(lambda: adapter_of(Slams, folder=tmp_path))


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='unknown word "foldr".*did you mean "folder"'):
        adapter_of(FileChannel, "foldr: x", folder=tmp_path)


def test_secrets_are_given_for_the_time_of_opening_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOFT_KEY", "the real one")

    adapter_of(
        PigeonChannel,
        "{loft: https://loft.example, key: 'env:LOFT_KEY'}",
        folder=tmp_path,
        secrets={"LOFT_KEY": KEY},
    )

    assert os.environ["LOFT_KEY"] == "the real one"
