"""The template language as a closed grammar: what is not listed here is refused.

``refusals`` says what of a parsed template is not part of the language; ``harden``
rewrites the rest so that loops are counted, joined text is bounded and names never reach
a Python attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from orchestrator.language.reader import suggest
from orchestrator.render.filters import (
    COUNT_FILTER,
    FILTERS,
    LOOP_FILTER,
    PRINT_FILTER,
    TESTS,
    TEXT_FILTER,
)
from orchestrator.render.findings import Finding

LATER_NAMES = ("recommended", "referral", "coupon")
LIBRARY = re.compile(
    r"_(layouts|partials)/[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\Z"
)
DEEPEST_NESTING = 60
_STATEMENTS = (
    nodes.Template, nodes.Output, nodes.Extends, nodes.For, nodes.If, nodes.Macro,
    nodes.CallBlock, nodes.FilterBlock, nodes.With, nodes.Block, nodes.Include, nodes.Import,
    nodes.FromImport, nodes.Assign, nodes.AssignBlock,
)  # fmt: skip
_EXPRESSIONS = (
    nodes.Name, nodes.Const, nodes.TemplateData, nodes.Tuple, nodes.List, nodes.Dict,
    nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call,
    nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow,
    nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
)  # fmt: skip
_FUNCTIONS = ("range", "super", "caller")


@dataclass(frozen=True)
class _Allowed:
    """What one template may call and print as it is."""

    macros: frozenset[str]
    imported: frozenset[str]
    trusted: frozenset[str]


def refusals(template: nodes.Template, trusted: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield what a template uses that is not part of the language.

    Args:
        trusted: paths such as ``with.banner`` that ``| safe`` may stand after.
    """
    allowed = _Allowed(
        frozenset(_callables(template)),
        frozenset(node.target for node in template.find_all(nodes.Import)),
        frozenset(trusted),
    )
    for node in _walk(template):
        if not isinstance(node, (*_STATEMENTS, *_EXPRESSIONS)):
            yield Finding(node.lineno, "CLM505", "this tag is not available in templates")
            continue
        yield from _refused(node, allowed)
    if _depth(template) > DEEPEST_NESTING:
        yield Finding(1, "CLM505", f"the template nests deeper than {DEEPEST_NESTING} levels")


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(current.iter_child_nodes())))


def _depth(root: nodes.Node) -> int:
    deepest, stack = 0, [(root, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in node.iter_child_nodes())
    return deepest


def _callables(template: nodes.Template) -> Iterator[str]:
    yield from _FUNCTIONS
    yield from (macro.name for macro in template.find_all(nodes.Macro))
    for imported in template.find_all(nodes.FromImport):
        yield from (n if isinstance(n, str) else n[1] for n in imported.names)


def _refused(node: nodes.Node, allowed: _Allowed) -> Iterator[Finding]:
    match node:
        case nodes.Name(name=name):
            yield from _refused_name(node, name)
        case nodes.Getattr(attr=name) if name.startswith("_"):
            yield _unsafe(node, name)
        case nodes.Getitem(arg=nodes.Const(value=str() as name)) if name.startswith("__"):
            yield _unsafe(node, name)
        case nodes.Filter() | nodes.Test():
            yield from _refused_filter(node, allowed)
        case nodes.Call():
            yield from _refused_call(node, allowed)
        case nodes.Pow():
            yield Finding(node.lineno, "CLM505", '"**" is not available in templates', None, "**")
        case nodes.Mul(left=left, right=right) if _is_text(left) or _is_text(right):
            yield Finding(node.lineno, "CLM505", "a text cannot be multiplied", None, "*")
        case nodes.Mod(left=left) if _is_text(left):
            yield Finding(
                node.lineno, "CLM505", "a text cannot be formatted with %", "join texts with ~", "%"
            )
        case nodes.For(recursive=True):
            yield Finding(node.lineno, "CLM505", "recursive loops are not available in templates")
        case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
            yield from _refused_source(node)
        case _:
            return


def _refused_name(node: nodes.Node, name: str) -> Iterator[Finding]:
    if name in LATER_NAMES:
        yield Finding(
            node.lineno,
            "CLM901",
            f'"{name}" is not available yet',
            "it is part of the language; this version refuses it rather than ignore it",
            name,
        )
    elif name.startswith("__") or name == "self":
        yield _unsafe(node, name)


def _unsafe(node: nodes.Node, name: str) -> Finding:
    return Finding(
        node.lineno,
        "CLM505",
        f'"{name[:40]}" is not available: templates see plain data only',
        None,
        name,
    )


def _refused_filter(node: nodes.Filter | nodes.Test, allowed: _Allowed) -> Iterator[Finding]:
    if isinstance(node, nodes.Test):
        if node.name not in TESTS:
            help = suggest(node.name, TESTS, lead='after "is" you can write')
            yield Finding(node.lineno, "CLM504", f'unknown test "{node.name}"', help, node.name)
        return
    if node.name not in FILTERS:
        help = suggest(node.name, FILTERS, lead="filters are")
        yield Finding(node.lineno, "CLM504", f'unknown filter "{node.name}"', help, node.name)
    elif node.name == "safe" and ((node.node and path_of(node.node)) or "?") not in allowed.trusted:
        yield Finding(
            node.lineno,
            "CLM506",
            '"safe" prints a value without escaping it',
            "leave it out, or list the value under `trusted:` in the message's message.yaml",
            "safe",
        )


def _refused_call(node: nodes.Call, allowed: _Allowed) -> Iterator[Finding]:
    called = node.node
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        yield Finding(node.lineno, "CLM505", "* and ** are not available in calls")
    if isinstance(called, nodes.Name) and called.name in allowed.macros:
        return
    if isinstance(called, nodes.Getattr) and isinstance(called.node, nodes.Name):
        # Either a macro of an imported partial, or a loop's own cycle; data has no methods.
        if called.node.name == "loop" and called.attr in ("cycle", "changed"):
            return
        if called.node.name in allowed.imported:
            return
    name = called.attr if isinstance(called, nodes.Getattr) else path_of(called) or "this"
    help = f'filters do such work: "| {name}"' if name in FILTERS else None
    yield Finding(
        node.lineno, "CLM505", f'"{name[:40]}" cannot be called: values have no methods', help, name
    )


def _refused_source(node: Any) -> Iterator[Finding]:
    source = node.template
    if not isinstance(source, nodes.Const) or not isinstance(source.value, str):
        yield Finding(
            node.lineno,
            "CLM505",
            "the name of another template must be written out, in quotes",
            'for example: {% include "_partials/footer.html.j2" %}',
        )
    elif not LIBRARY.match(source.value):
        yield Finding(
            node.lineno,
            "CLM505",
            f'"{source.value[:60]}" is no layout or partial',
            "templates use files of _layouts/ and _partials/ only",
            source.value,
        )


def _is_text(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.List | nodes.Tuple) or (
        isinstance(node, nodes.Const) and isinstance(node.value, str)
    )


def path_of(node: nodes.Node) -> str | None:
    """Return ``customer.first_name`` for an expression that names just that, else None."""
    match node:
        case nodes.Name(name=name):
            return str(name)
        case (
            nodes.Getattr(node=inner, attr=name)
            | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name))
        ):
            above = path_of(inner)
            return None if above is None else f"{above}.{name}"
        case _:
            return None


def sources_of(template: nodes.Template) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each layout and partial that a template names."""
    kinds = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    for node in template.find_all(kinds):
        source = getattr(node, "template", None)
        if isinstance(source, nodes.Const) and isinstance(source.value, str):
            yield node.lineno, source.value


class _Hardener(NodeTransformer):
    """Puts the bounds into a template."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        over: nodes.Expr = node.iter  # type: ignore[assignment]  # Jinja says Node
        node.iter = filtered(over, LOOP_FILTER)
        return node

    def visit_Include(self, node: nodes.Include) -> list[nodes.Node]:
        node.with_context = True
        one = nodes.Const(1, lineno=node.lineno)
        return [nodes.ExprStmt(filtered(one, COUNT_FILTER), lineno=node.lineno), node]

    def visit_Import(self, node: nodes.Import) -> nodes.Node:
        node.with_context = True
        return node

    visit_FromImport = visit_Import

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts: list[nodes.Expr] = [filtered(part, PRINT_FILTER) for part in node.nodes]
        return filtered(nodes.Concat(parts, lineno=node.lineno), TEXT_FILTER)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return nodes.Getattr(node.node, node.arg.value, node.ctx, lineno=node.lineno)
        return node


def harden(template: nodes.Template) -> nodes.Template:
    """Return the template with loops, includes and joined texts counted and bounded."""
    hardened: nodes.Template = _Hardener().visit(template)
    return hardened


def filtered(node: nodes.Expr, name: str) -> nodes.Expr:
    """Return an expression with a filter behind it."""
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
