"""How expectations and what happened are told: the words a test file would use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.playbook.model import Expectation
from orchestrator.testing.compare import NEED_NOT_BE_LISTED, Way
from orchestrator.testing.play import Stage
from orchestrator.testing.seen import Seen
from orchestrator.testing.times import offset_text

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./ ")


def expected_text(said: Expectation) -> str:
    """Return what was expected, without its time."""
    parts = [f"{said.head} {said.object}"]
    parts += [f"by {said.channel}"] if said.channel else []
    parts += [f"because {said.because}"] if said.because else []
    parts += [f'subject has "{said.subject_contains}"'] if said.subject_contains else []
    parts += [f'text has "{said.text_contains}"'] if said.text_contains else []
    return ", ".join(parts)


def seen_text(seen: Seen) -> str:
    """Return what happened, without its time."""
    parts = [f"{seen.head} {seen.object}"]
    parts += [f"by {seen.channel}"] if seen.head == "receives" and seen.channel else []
    parts += [f"because {seen.because}"] if seen.because else []
    return ", ".join(parts)


def when_text(stage: Stage, at: datetime) -> str:
    """Return an instant as a test writes it; before its clock, the instant itself."""
    if at < stage.clock:
        return local_text(at, stage.zone)
    return offset_text(stage.clock, at, stage.zone)


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Return ``2026-03-02 09:30`` by a zone's clock."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


# --- as YAML --------------------------------------------------------------------------


def quoted(text: str) -> str:
    """Return a text as a YAML value that reads back as the same text."""
    plain = text[:1].isalpha() and set(text) <= _PLAIN and text == text.strip()
    words = ("true", "false", "null", "yes", "no", "on", "off", "y", "n", "nothing")
    if plain and text.lower() not in words:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def item_yaml(seen: Seen, stage: Stage, said: Expectation | None = None) -> str:
    """Return what happened as an item of ``expect``.

    Args:
        said: an expectation that stood there for it; what it says of the message and still holds
            is kept.
    """
    parts = [f"after: {offset_text(stage.clock, seen.at, stage.zone)}"]
    parts.append(f"{seen.head}: {quoted(seen.object)}")
    if seen.flow != stage.test.flow:
        parts.append(f"flow: {seen.flow}")
    if seen.because:
        parts.append(f"because: {seen.because}")
    if said is not None and seen.head == "receives":
        if said.channel and seen.channel:
            parts.append(f"channel: {seen.channel}")
        if said.subject_contains and said.subject_contains in (seen.subject or ""):
            parts.append(f"subject_contains: {quoted(said.subject_contains)}")
        if said.text_contains and said.text_contains in " ".join((seen.text or "").split()):
            parts.append(f"text_contains: {quoted(said.text_contains)}")
    return "{" + ", ".join(parts) + "}"


def way_yaml(way: Way, stage: Stage) -> Sequence[str]:
    """Return what happened to a customer as items of ``expect``; empty is ``nothing``."""
    return [
        item_yaml(row.seen, stage, row.wanted.said if row.wanted else None)
        for row in way.rows
        if row.seen is not None and (row.wanted or row.seen.head not in NEED_NOT_BE_LISTED)
    ]
