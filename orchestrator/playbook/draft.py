"""A project as it was read: the sound parts, every name, every problem so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestrator.channels.settings import ChannelSettings
from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nodes import MapNode, Node, ScalarNode
from orchestrator.playbook.blueprints import Pattern
from orchestrator.playbook.declared import Declared
from orchestrator.playbook.files import ProjectFiles
from orchestrator.playbook.model import Catalog, Flow, Message, Project, Segment, Stage
from orchestrator.playbook.places import Setting


@dataclass(frozen=True)
class Document:
    """One file under ``playbooks/`` that is a mapping of a known kind."""

    path: str
    kind: str
    node: MapNode


@dataclass
class Draft:
    """What a project's files say as far as they can be understood."""

    files: ProjectFiles
    declared: Declared = field(default_factory=Declared)
    problems: list[Problem] = field(default_factory=list)
    project: Project | None = None
    project_marks: list[Mark] = field(default_factory=list)
    catalogs: list[Catalog] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    stage_marks: list[Mark] = field(default_factory=list)
    segments: dict[str, Segment] = field(default_factory=dict)
    channels: dict[str, ChannelSettings] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    layouts: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Node] = field(default_factory=dict)
    """Those of the project."""
    blueprints: dict[str, Pattern] = field(default_factory=dict)
    includes: dict[str, list[str]] = field(default_factory=dict)
    """Path → the paths of the files that it includes."""
    shared: dict[str, MapNode] = field(default_factory=dict)
    """Path → the words of each included file."""
    doubtful: set[tuple[str, int, int]] = field(default_factory=set)
    """(path, line, column) of what was reported when the texts were read."""
    given: dict[str, ScalarNode] = field(default_factory=dict)
    """Those of the command line."""
    patterns: dict[str, Any] = field(default_factory=dict)
    """Blueprints of which no flow is made, as far as they can be read."""
    known_variables: set[str] = field(default_factory=set)
    broken: list[tuple[Any, Setting]] = field(default_factory=list)
    """Trees with something wrong in them, each with its setting; what could not be read is None."""

    def given_texts(self) -> dict[str, str]:
        """Return the variables of the command line as they were written."""
        return {name: node.text for name, node in self.given.items()}
