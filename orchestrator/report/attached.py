"""Files that go with a message, as people and scripts are told them: without their content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.playbook.model import AttachedFile


def nothing_attached(_message: str, _channel: str) -> Sequence[AttachedFile]:
    """Return no files."""
    return ()


def attachment_object(one: AttachedFile) -> dict[str, Any]:
    """Return a file as JSON tells it."""
    return {"name": one.name, "content_type": one.content_type, "octets": one.octets}


def with_size(one: AttachedFile) -> str:
    """Return ``terms.pdf (42 KB)``."""
    size = f"{one.octets} octets" if one.octets < 1_000 else f"{-(-one.octets // 1_000)} KB"
    return f"{one.name} ({size})"
