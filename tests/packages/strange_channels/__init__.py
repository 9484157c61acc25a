"""Adapters as a package brings them: one that does, and many that do not."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.channels.api import (
    Channel,
    ChannelSettings,
    ChannelSpec,
    Outcome,
    OutgoingMessage,
    Secret,
    SecretShape,
    accepted,
    word,
)
from orchestrator.language.shapes import Text


@dataclass(frozen=True, kw_only=True)
class DrumSettings(ChannelSettings):
    """Drums each message out."""

    beat: Secret = word(SecretShape(), "The secret beat.")
    kind: str | None = word(Text(), "Of what drum.", default=None)


class DrumChannel(Channel):
    name = "drum"
    spec = ChannelSpec("drum", None, covered=False, formats=("txt",))
    Settings = DrumSettings
    settings: DrumSettings

    def send(self, message: OutgoingMessage) -> Outcome:
        return accepted(f"{len(self.settings.beat.reveal())} beats")


class TakesEmail(DrumChannel):
    name = "takes_email"
    spec = ChannelSpec("email", "phone", covered=True, formats=("txt",))


class HalfDone(Channel):
    name = "half_done"
    spec = DrumChannel.spec
    Settings = DrumSettings


class NoSettings(DrumChannel):
    name = "no_settings"
    Settings = dict  # type: ignore[assignment]  # what is to be refused


no_channel = {"name": "drum"}
