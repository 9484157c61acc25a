"""The resolved text of a condition: what it means, whatever it is written like.

Segments and computed attributes are inlined with their own text and types; comments,
order of files and the names of variables leave no trace. Two conditions with one text
select the same customers (semantics 25).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, TypeGuard

from orchestrator.criteria.base import Criterion, Group, leaves
from orchestrator.criteria.kinds.custom import Custom
from orchestrator.criteria.measures import Measure
from orchestrator.criteria.names import Names


def resolved_text(
    criterion: Criterion | None, names: Names, segments: Mapping[str, Criterion]
) -> str:
    """Return a canonical text of a condition with everything it names inlined.

    Args:
        segments: segment → its condition; the mentions form no circle.
    """
    if criterion is None:
        return "everybody"
    inlined = [
        f"{leaf.operand}={resolved_text(segments[leaf.operand], names, segments)}"
        for leaf in leaves(criterion)
        if leaf.head.endswith("in_segment") and leaf.operand in segments
    ]
    typed = [_attribute(leaf.operand, names) for leaf in leaves(criterion) if _named(leaf)]
    shares = [_variant(leaf.operand, names) for leaf in leaves(criterion) if _shared(leaf)]
    brought = {f"{leaf.operand}={leaf.package}" for leaf in leaves(criterion) if _own(leaf)}
    more = [*sorted(inlined), *sorted(typed), *sorted(shares), *sorted(brought)]
    return "; ".join([plain_text(criterion), *more])


def fingerprint(text: str) -> str:
    """Return a short stable digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _named(leaf: Any) -> bool:
    return leaf.head in ("attribute", "anniversary_of")


def _own(leaf: Any) -> TypeGuard[Custom]:
    return isinstance(leaf, Custom)


def _shared(leaf: Any) -> bool:
    return bool(leaf.head == "in_variant")


def _variant(operand: str, names: Names) -> str:
    """Return the buckets of a share; outside flows, where texts are compared, it is unique."""
    return f"{operand}={names.variant(operand, owner='')}"


def _attribute(name: str, names: Names) -> str:
    attribute = names.attributes.get(name)
    computed = plain_text(attribute) if isinstance(attribute, Measure) else ""
    return f"{name}:{names.attribute_type(name)}{computed}"


def plain_text(value: Any) -> str:
    """Return a value's fields, without the marks that say where it stands."""
    if isinstance(value, Group):
        return f"{value.how}({', '.join(plain_text(member) for member in value.members)})"
    if dataclasses.is_dataclass(value):
        fields = (
            f"{field.name}={plain_text(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if field.compare and getattr(value, field.name) is not None
        )
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {plain_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return f"[{', '.join(plain_text(item) for item in value)}]"
    return str(value) if isinstance(value, str) else repr(value)
