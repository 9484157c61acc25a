"""Values that are kept as they are written: variables and free notes."""

from __future__ import annotations

from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.names import NewName
from orchestrator.language.nodes import Node
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, Shape, Text


class AnyValue(Shape[Node]):
    """Anything: kept as written."""

    says = "a value"

    def read_resolved(self, node: Node, reader: Reader) -> Node | Invalid:
        return node

    def schema(self) -> JsonSchema:
        return {}


VARS = MapOf(NewName("variable"), AnyValue(), least=0)
META = AnyValue()
INCLUDE = ListOf(Text())
INCLUDE_DOC = (
    "Files outside `playbooks/` whose segments, catalog parts, channels, blueprints or variables "
    "belong to this one's; each path is relative to this file, inside the project."
)
