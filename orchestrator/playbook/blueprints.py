"""Making flows from blueprints: the inputs filled in, before anything is read as a flow.

The values a flow gives are put where the blueprint says ``$name``, as variables are. What
stands in the blueprint keeps its place there, marked with the flow it was made into; what a
flow gives keeps its place in the flow. So a problem is told where it has to be mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.nodes import ListNode, MapNode, Node, ScalarNode, describe
from orchestrator.language.reader import Invalid, Reader, suggest
from orchestrator.playbook.model.blueprint import INPUT_TYPES, OF_THE_FLOW, Input
from orchestrator.playbook.variables import PlaybookReader

WHOLE_PARTS = ("condition", "steps")
"""Types of inputs that are read where they are put, and not before."""


@dataclass(frozen=True)
class Pattern:
    """One blueprint, ready to be made into flows."""

    name: str
    node: MapNode
    inputs: Mapping[str, Input]
    variables: Mapping[str, Node]
    """In force in its file, its inputs left out."""

    def resolver(self, values: Mapping[str, Node], unknown: Iterable[str]) -> PlaybookReader:
        """Return a reader of the body, in which some inputs have values and others none."""
        return PlaybookReader(variables={**self.variables, **values}, unspoken=frozenset(unknown))

    @property
    def broken(self) -> set[str]:
        """The inputs that cannot be read: what is given for them is nobody's business."""
        return {key.text for key, _ in _items(self.node.get("inputs"))} - set(self.inputs)

    @property
    def defaults(self) -> dict[str, Node]:
        """The inputs that need not be given, with what stands for them."""
        return {name: one.default for name, one in self.inputs.items() if one.default is not None}


def made(pattern: Pattern, flow: MapNode, name: str, reader: PlaybookReader) -> MapNode:
    """Return a flow with the blueprint's words below its own, the inputs filled in.

    Args:
        flow: what the flow says itself; its words stand in for the blueprint's.
        name: of the flow, for what has to be told about the blueprint.
        reader: of the flow's file.
    """
    values, failed = _given(pattern, flow, reader)
    resolver = pattern.resolver(values, failed)
    own = _own_words(pattern, flow, reader)
    said = {key.text for key, _ in own}
    lent = [
        (key, _filled(value, resolver, name))
        for key, value in pattern.node.items
        if key.text not in ("blueprint", *OF_THE_FLOW) and key.text not in said
    ]
    reader.problems += resolver.problems
    reader.used |= resolver.used - set(pattern.inputs)
    reader.unspoken |= resolver.unspoken
    stamped = [(replace(key, mark=_stamped(key.mark, name)), value) for key, value in lent]
    return MapNode(flow.mark, (*own, *stamped))


def _own_words(
    pattern: Pattern, flow: MapNode, reader: PlaybookReader
) -> tuple[tuple[ScalarNode, Node], ...]:
    """Return what a flow says itself; the steps are the blueprint's, so none of its own."""
    steps = next((key for key, _ in flow.items if key.text == "steps"), None)
    if steps is None or pattern.node.get("steps") is None:
        return flow.items
    message = f'the steps of this flow are those of the blueprint "{pattern.name}"'
    reader.report(steps.mark, "CLM244", message, help="leave them out, or write a flow of its own")
    return tuple(item for item in flow.items if item[0] is not steps)


def _given(
    pattern: Pattern, flow: MapNode, reader: PlaybookReader
) -> tuple[dict[str, Node], set[str]]:
    """Return (the value of each input, the inputs that have none), reporting what is wrong."""
    values, failed = pattern.defaults, pattern.broken
    written = flow.get("inputs")
    given = {key.text: (key, value) for key, value in _items(written)}
    for key, _ in given.values():
        if key.text not in pattern.inputs and key.text not in pattern.broken:
            help = suggest(key.text, pattern.inputs, lead="its inputs are")
            message = f'the blueprint "{pattern.name}" has no input "{key.text[:60]}"'
            reader.report(key.mark, "CLM244", message, help=help)
    for name, one in pattern.inputs.items():
        if name in given:
            value = _checked(pattern, name, given[name][1], reader)
            values.pop(name, None)
            values |= {} if value is None else {name: value}
        elif one.default is None:
            mark = next(key.mark for key, _ in flow.items if key.text == "from_blueprint")
            reader.report(mark, "CLM244", *_missing(pattern, name, one))
        if name not in values:
            failed.add(name)
    return values, failed


def _items(node: Node | None) -> tuple[tuple[ScalarNode, Node], ...]:
    return node.items if isinstance(node, MapNode) else ()


def _missing(pattern: Pattern, name: str, one: Input) -> tuple[str]:
    said = f": {one.description}" if one.description else ""
    return (f'the blueprint "{pattern.name}" needs the input "{name}"{said}',)


def _checked(pattern: Pattern, name: str, node: Node, reader: PlaybookReader) -> Node | None:
    """Return a given value, resolved; None, and its problem told, if it is of another type."""
    value = reader.resolve(node)
    if isinstance(value, Invalid):
        return None
    one = pattern.inputs[name]
    wrong = wrong_type(one, value, name)
    if wrong is None:
        return value
    help = f"{wrong.help}; the input is at {one.mark}" if wrong.help else f"it is at {one.mark}"
    mark = node.mark
    reader.report(mark, "CLM244", wrong.message, help=help)
    return None


def wrong_type(one: Input, value: Node, name: str) -> Problem | None:
    """Return what is wrong with a value for an input of a plain type, if anything."""
    if one.type in WHOLE_PARTS:
        return None
    shape, trial = INPUT_TYPES[one.type], Reader()
    shape.read_resolved(value, trial)
    if not trial.problems:
        return None
    message = f'the input "{name}" takes {shape.says}, here is {describe(value)}'
    return Problem(value.mark, "CLM244", message, trial.problems[0].help)


def wrong_inputs(pattern: Pattern, reader: PlaybookReader) -> list[Problem]:
    """Return what is wrong with the defaults of a blueprint's inputs, and with their names."""
    found = []
    for name, default in pattern.defaults.items():
        wrong = wrong_type(pattern.inputs[name], default, name)
        told = any(problem.mark == default.mark for problem in reader.problems)
        found += [wrong] if wrong and not told else []
    written = pattern.node.get("inputs")
    for key, _ in _items(written):
        if key.text in pattern.variables and key.text in {k.text for k, _ in _vars(pattern.node)}:
            message = f'"{key.text}" is a variable of this file and an input'
            found.append(Problem(key.mark, "CLM244", message, "rename one of them"))
        elif key.text in pattern.inputs and key.text not in reader.used:
            message = f'the input "{key.text}" is used nowhere in this blueprint'
            help = f"write ${key.text} where its value belongs, or remove it"
            found.append(Problem(key.mark, "CLM244", message, help))
    return found


def _vars(node: MapNode) -> tuple[tuple[ScalarNode, Node], ...]:
    return _items(node.get("vars"))


def _filled(node: Node, resolver: PlaybookReader, flow: str) -> Node:
    """Return a part of a blueprint with values for its variables, marked with the flow."""
    mark = _stamped(node.mark, flow)
    if isinstance(node, MapNode):
        return MapNode(
            mark,
            tuple(
                (replace(key, mark=_stamped(key.mark, flow)), _filled(value, resolver, flow))
                for key, value in node.items
            ),
        )
    if isinstance(node, ListNode):
        return ListNode(mark, tuple(_filled(item, resolver, flow) for item in node.items))
    stamped = replace(node, mark=mark)
    resolved = resolver.resolve(stamped)
    return stamped if isinstance(resolved, Invalid) else resolved


def _stamped(mark: Mark, flow: str) -> Mark:
    return replace(mark, made_into=flow)


def folded(problems: Iterable[Problem], flows: Mapping[str, Mark]) -> list[Problem]:
    """Return problems of blueprints once each, with the flows in which they show.

    Args:
        flows: flow → where it is defined.
    """
    found: dict[tuple[Mark, str, str], tuple[Problem, list[str]]] = {}
    for problem in problems:
        mark = replace(problem.mark, made_into="")
        plain = replace(problem, mark=mark)
        key = (mark, problem.code, problem.message)
        _, names = found.setdefault(key, (plain, []))
        if problem.mark.made_into and problem.mark.made_into not in names:
            names.append(problem.mark.made_into)
    return [_told(problem, names, flows) for problem, names in found.values()]


def _told(problem: Problem, names: list[str], flows: Mapping[str, Mark]) -> Problem:
    if not names:
        return problem
    places = [f'"{name}" ({flows[name]})' if name in flows else f'"{name}"' for name in names[:3]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    said = f"made into the flow {', '.join(places)}{more}"
    return replace(problem, help=f"{problem.help}; {said}" if problem.help else said)
