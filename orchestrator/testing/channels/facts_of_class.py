"""Facts of an adapter's class: what it says of itself holds together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.channels.base import Channel
from orchestrator.channels.registry import (
    unsound_capabilities,
    unsound_spec,
    wrong_with,
)
from orchestrator.channels.shapes import SecretShape
from orchestrator.language.names import IDENTIFIER
from orchestrator.language.words import words_of
from orchestrator.testing.channels.kit import Kit

_SECRET_WORD = re.compile(r"password|secret|token|(?:api|access|private|signing)_?key|credential")


def class_is_whole(kit: Kit) -> Iterator[str]:
    """Its class says all that the registry asks for."""
    with kit.open() as adapter:
        found = [*unsound_spec(adapter.spec), *unsound_capabilities(adapter.capabilities)]
        wrong = wrong_with(type(adapter), adapter.name)
        if wrong is not None and not found:
            yield f"the adapter {wrong}"
        yield from found
        if not re.fullmatch(IDENTIFIER, adapter.name):
            yield f'"{adapter.name}" is no name: letters, digits, _ and -, a letter first'


def capabilities_hold_together(kit: Kit) -> Iterator[str]:
    """What it says it can do is there, and what is there it says."""
    with kit.open() as adapter:
        able, cls = adapter.capabilities, type(adapter)
        if able.verify != (cls.verify is not Channel.verify):
            yield "capabilities.verify must be true exactly if verify() is defined"
        if able.batch > 1 and cls.send_batch is Channel.send_batch:
            yield "capabilities.batch is more than 1, and send_batch() is not defined"
        if not isinstance(adapter.sender_of(kit.message), str):
            yield "sender_of() does not return a text"


def words_are_documented(kit: Kit) -> Iterator[str]:
    """Its own words have a line of documentation, and secrets a place instead of a text."""
    with kit.open() as adapter:
        settings = type(adapter.settings)
        if not (settings.__doc__ or "").strip():
            yield f"{settings.__name__} has no docstring: it is what the reference says"
        for key, word in words_of(settings).items():
            if not word.doc.endswith((".", "…")):
                yield f'the documentation of "{key}" is no sentence: {word.doc!r}'
            if _SECRET_WORD.search(key) and not isinstance(word.shape, SecretShape):
                yield f'"{key}" sounds like a secret and has no SecretShape'
