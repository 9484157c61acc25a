"""Channels of people: what is for one day lies together, for whoever takes it away."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date
from pathlib import Path
from typing import Any, Generic, TypeVar

from orchestrator.channels import whole_files
from orchestrator.channels.base import BatchChannel, MayBegin, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred

Piece = TypeVar("Piece")
"""What a message becomes: a row of a list, or a file."""


class DailyChannel(BatchChannel, Generic[Piece]):
    """Keeps what messages become with all else of the UTC day on which they were decided.

    Settings have a ``folder``, inside the project's.
    """

    def __init__(self, settings: Any, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self.folder: Path = surroundings.folder / settings.folder

    @abstractmethod
    def piece(self, message: OutgoingMessage) -> Piece | Outcome:
        """Return what a message becomes, or what is to be said of one that becomes nothing."""

    @abstractmethod
    def keep(self, day: date, pieces: Mapping[str, Piece]) -> None:
        """Add what is not there yet; return when it is on the disk.

        Args:
            pieces: by the keys of their messages.
        Raises:
            OSError: the folder cannot be written.
        """

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        outcomes: dict[str, Outcome] = {}
        days: dict[date, dict[str, Piece]] = {}
        for message in messages:
            if not may_begin(message):
                continue
            piece = self.piece(message)
            if isinstance(piece, Outcome):
                outcomes[message.key] = piece
            else:
                days.setdefault(_day(message), {})[message.key] = piece
        for day, pieces in days.items():
            outcomes |= dict.fromkeys(pieces, self._kept(day, pieces))
        for message in messages:
            yield message, outcomes.get(message.key)

    def check(self) -> Sequence[str]:
        try:
            with whole_files.held(self.folder):
                whole_files.probe(self.folder)
        except OSError as error:
            return [f"the folder {self.folder} cannot be written: {_reason(error)}"]
        return []

    def _kept(self, day: date, pieces: Mapping[str, Piece]) -> Outcome:
        try:
            self.keep(day, pieces)
        except OSError as error:
            return deferred(f"the folder cannot be written: {_reason(error)}")
        return accepted()


def _day(message: OutgoingMessage) -> date:
    return (message.decided_at or message.created_at).astimezone(UTC).date()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
