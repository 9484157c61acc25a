"""``--update``: what happened becomes what is expected, by position; all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from orchestrator.testing.judge import Verdict
from orchestrator.testing.words import way_yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WIDEST = 100


def updated(text: str, verdicts: Sequence[Verdict]) -> str:
    """Return a test file's text with the customers' ways as they were.

    Args:
        verdicts: of this file; only customers whose way differs are rewritten.
    """
    root = yaml.compose(text, Loader=_LOADER)  # nodes only, by the safe loader
    assert root is not None  # it was read before
    edits = [edit for verdict in verdicts for edit in _edits(root, verdict, text)]
    for begin, end, written in sorted(edits, reverse=True):
        text = text[:begin] + written + text[end:]
    return text


def unwritable(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield what no expectation can say of some tests: these fail however they are written."""
    for verdict in verdicts:
        found = [(way.customer, row.seen) for way in verdict.ways for row in way.rows]
        errors = {
            seen.object: f"{verdict.test.test}: the message {seen.object} to {who} cannot be "
            f"rendered, so the test fails until that is mended: {seen.error}"
            for who, seen in reversed(found)
            if seen is not None and seen.error is not None
        }
        yield from reversed(errors.values())


def _edits(root: yaml.Node, verdict: Verdict, text: str) -> Iterator[tuple[int, int, str]]:
    assert verdict.stage is not None
    for way in verdict.ways:
        if not way.differs:
            continue
        found = _customer(root, verdict.test.test, way.customer)
        if found is None:
            continue
        key, value, is_inline = found
        begin = text.index(":", key.end_mark.index) + 1
        end = max(begin, _end_of(value))
        remark = text[begin : value.start_mark.index].rstrip() if value.start_mark else ""
        items = way_yaml(way, verdict.stage)
        column = key.start_mark.column
        if remark:  # a comment on the customer's own line stays there
            yield begin + len(remark), end, _block(items or ["nothing"], column)
            continue
        room = WIDEST * WIDEST if is_inline else WIDEST - column - len(way.customer) - 1
        yield begin, end, _written(items, column, room)


def _written(items: Sequence[str], column: int, room: int) -> str:
    """Return some items as a value: on one line if there is room."""
    if not items:
        return " nothing"
    one_line = f" [{', '.join(items)}]"
    return one_line if len(one_line) <= room else _block(items, column)


def _block(items: Sequence[str], column: int) -> str:
    if list(items) == ["nothing"]:
        return "\n" + " " * (column + 2) + "nothing"
    indent = "\n" + " " * (column + 2) + "- "
    return indent + indent.join(items)


def _end_of(value: yaml.Node) -> int:
    """Return where a value ends; a block's mark lies behind the comments that follow it."""
    if isinstance(value, yaml.ScalarNode) or getattr(value, "flow_style", False):
        return value.end_mark.index
    last: yaml.Node = value
    while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
        inner = last.value[-1]
        last = inner[1] if isinstance(inner, tuple) else inner
    return last.end_mark.index


def _customer(
    root: yaml.Node, test: str, customer: str
) -> tuple[yaml.Node, yaml.Node, bool] | None:
    """Return key and value of one customer under ``expect``, and whether that is in braces."""
    several = _value(root, "tests")
    bodies = several.value if isinstance(several, yaml.SequenceNode) else [root]
    for body in bodies:
        name, expect = _value(body, "test"), _value(body, "expect")
        if getattr(name, "value", None) == test and isinstance(expect, yaml.MappingNode):
            inline = bool(expect.flow_style or getattr(body, "flow_style", False))
            return next(((k, v, inline) for k, v in expect.value if k.value == customer), None)
    return None


def _value(node: yaml.Node, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
