"""What a project's files say, as typed objects. Every class here is a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.channels.settings import ChannelSettings
from orchestrator.playbook.model.anything import META, VARS, AnyValue
from orchestrator.playbook.model.blueprint import Blueprint, Input, SharedFile
from orchestrator.playbook.model.catalog import (
    TYPES,
    Attribute,
    AttributeShape,
    Catalog,
    Topic,
    TopicShape,
    Webhook,
)
from orchestrator.playbook.model.channels import ChannelsFile
from orchestrator.playbook.model.expectation import Expectation, Expected, Silence
from orchestrator.playbook.model.flow import Flow, Goal, ReEntry, ReEntryShape, StartsShape
from orchestrator.playbook.model.guardrails import (
    FrequencyRule,
    Guardrails,
    Holdout,
    QuietHours,
    VolumeLimit,
)
from orchestrator.playbook.model.happening import Happening
from orchestrator.playbook.model.lifecycle import Segment, SegmentsFile, Stage, StagesFile
from orchestrator.playbook.model.message import AttachedFile, Message, MessageFile, Template
from orchestrator.playbook.model.project import Defaults, Links, Project
from orchestrator.playbook.model.trial import FlowTest, FlowTests

__all__ = [
    "META",
    "TYPES",
    "VARS",
    "AnyValue",
    "AttachedFile",
    "Attribute",
    "AttributeShape",
    "Blueprint",
    "Catalog",
    "ChannelsFile",
    "Defaults",
    "Expectation",
    "Expected",
    "Flow",
    "FlowTest",
    "FlowTests",
    "FrequencyRule",
    "Goal",
    "Guardrails",
    "Happening",
    "Holdout",
    "Input",
    "Links",
    "Message",
    "MessageFile",
    "Playbook",
    "Project",
    "QuietHours",
    "ReEntry",
    "ReEntryShape",
    "Segment",
    "SegmentsFile",
    "SharedFile",
    "Silence",
    "Stage",
    "StagesFile",
    "StartsShape",
    "Template",
    "Topic",
    "TopicShape",
    "VolumeLimit",
    "Webhook",
]


@dataclass(frozen=True)
class Playbook:
    """A whole project that loaded without errors."""

    project: Project
    catalog: Catalog
    """All catalog files as one."""
    stages: tuple[Stage, ...]
    segments: Mapping[str, Segment]
    flows: Mapping[str, Flow]
    """By id, sorted."""
    messages: Mapping[str, Message]
    layouts: Mapping[str, str]
    """``_layouts/name`` and ``_partials/name`` → text, for the template loader."""
    files: Mapping[str, str]
    """Path below the project → exact text, of everything above."""
    fingerprint: str
    """sha256 over ``files`` and ``variables``, in hex: the release."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables given beside the files, by ``--var``: name → text."""
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    """Channel → what carries it; empty if the project says nothing about channels."""
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """SHA-256 → content of the files that go with messages; empty if a release was read back."""
    earlier: tuple[Flow, ...] = ()
    """Flows as earlier releases had them, for sends whose steps are gone since."""

    def __hash__(self) -> int:
        return hash(self.fingerprint)
