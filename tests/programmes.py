"""Playbooks from plain Python values, for tests that make many of them.

A value reads like the YAML it stands for: ``{"did": "buy", "at_least": 2}``. Everything
goes through the product's own readers; a problem in it is an error of the test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.language.marks import Mark
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import read_sentence
from orchestrator.language.words import Sentence
from orchestrator.playbook.model import (
    Catalog,
    Flow,
    Message,
    MessageFile,
    Playbook,
    Project,
    Segment,
    SegmentsFile,
    StagesFile,
    Template,
)

S = TypeVar("S", bound=Sentence)
NOWHERE = Mark("test.yaml", 1, 1)


def node(value: Any) -> Node:
    """Return a plain value as the node its YAML would be."""
    if isinstance(value, Mapping):
        items = ((ScalarNode(NOWHERE, str(key), str(key)), node(v)) for key, v in value.items())
        return MapNode(NOWHERE, tuple(items))
    if isinstance(value, list | tuple):
        return ListNode(NOWHERE, tuple(node(item) for item in value))
    if isinstance(value, bool):
        return ScalarNode(NOWHERE, "true" if value else "false", value)
    if isinstance(value, float):
        return node(Decimal(str(value)))
    return ScalarNode(NOWHERE, str(value), value)


def criterion(value: Any) -> Criterion:
    """Return the condition that a plain value stands for."""
    reader = Reader()
    read = CRITERION.read(node(value), reader)
    if isinstance(read, Invalid):
        raise AssertionError(f"{value!r}: {reader.problems}")
    return read


def sentence(cls: type[S], value: Mapping[str, Any]) -> S:
    """Return the sentence that a plain mapping stands for."""
    reader = Reader()
    mapping = node(value)
    assert isinstance(mapping, MapNode)
    read = read_sentence(cls, mapping, reader, place=cls.__name__)
    if isinstance(read, Invalid):
        raise AssertionError(f"{value!r}: {reader.problems}")
    return read


def message(name: str, settings: Mapping[str, Any], channels: tuple[str, ...]) -> Message:
    """Return a message with one plain template per channel."""
    templates = tuple(
        Template(f"templates/{name}/{one}.txt.j2", one, None, "txt", name, None, "Hello.", 1)
        for one in channels
    )
    return Message(name, sentence(MessageFile, settings), templates)


CHANNELS = ("email", "sms", "push", "whatsapp", "onsite")


def playbook(programme: Mapping[str, Any]) -> Playbook:
    """Return the playbook of a plain programme.

    Args:
        programme: ``project``, ``catalog``, ``stages`` (a list), ``segments`` (a mapping),
            ``flows`` (a list) and ``messages`` (name → settings), all but the project optional.
    """
    stages = programme.get("stages")
    segments = programme.get("segments")
    flows = [sentence(Flow, flow) for flow in programme.get("flows", ())]
    messages = programme.get("messages", {})
    text = repr(programme)
    return Playbook(
        project=sentence(Project, programme.get("project", PROJECT)),
        catalog=sentence(Catalog, programme.get("catalog", {})),
        stages=sentence(StagesFile, {"stages": stages}).stages if stages else (),
        segments={
            str(name): Segment(name, when)
            for name, when in (
                sentence(SegmentsFile, {"segments": segments}).segments if segments else {}
            ).items()
        },
        flows={str(flow.flow): flow for flow in sorted(flows, key=lambda one: one.flow)},
        messages={name: message(name, said, CHANNELS) for name, said in messages.items()},
        layouts={},
        files={"programme": text},
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )


PROJECT = {"project": "shop", "timezone": "Europe/Vienna"}
