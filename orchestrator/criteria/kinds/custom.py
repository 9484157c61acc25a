"""``custom``: a condition that an installed package brings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.custom import (
    BROUGHT,
    REQUIRED,
    TYPES,
    CustomCondition,
    Parameter,
    find,
)
from orchestrator.language.containers import MapOf
from orchestrator.language.literals import Literal, LiteralShape, Reference
from orchestrator.language.marks import Problem
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.nodes import ScalarNode
from orchestrator.language.reader import Invalid, Reader, suggest
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope

KIND = "custom condition"


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class Custom(Condition):
    """Whether a condition of your own holds, one that an installed package brings.

    See [your own condition](../custom_conditions.md) for how to write one.
    """

    heads = ("custom",)
    operand_shape = Ref(KIND)
    operand_doc = "The name under which the package registers it."
    example = """\
- custom: likely_to_churn
- custom: likely_to_churn
  with: {above: 0.7, model: spring}
"""

    operand: Name
    with_: dict[Name, Literal] | None = word(
        MapOf(DataName("value"), LiteralShape()), "The values it takes, by name.", default=None
    )

    def predicate(self, scope: Scope) -> Predicate:
        return scope.custom(self.operand, self.values(find(self.operand), Reader()))

    def says(self) -> str:
        given = ", ".join(f"{name} {value}" for name, value in (self.with_ or {}).items())
        return f"{self.operand} ({given})" if given else str(self.operand)

    @property
    def package(self) -> str:
        """The package and its version, which are part of what the condition means."""
        return BROUGHT.package_of(self.operand)

    def values(self, condition: CustomCondition, reader: Reader) -> dict[str, Any]:
        """Return the values of ``with`` as the package takes them, reporting what is wrong."""
        given = {str(name): value for name, value in (self.with_ or {}).items()}
        found: dict[str, Any] = {}
        for name, parameter in condition.takes.items():
            if name in given:
                found[name] = self._value(given[name], parameter, reader)
            elif parameter.default is REQUIRED:
                message = f'"{self.operand}" needs the value "{name}": {parameter.doc}'
                reader.report(self.mark, "CLM241", message, help=self._example(name, parameter))
            else:
                found[name] = parameter.default
        for written in self.with_ or ():
            if written not in condition.takes:
                help = suggest(written, condition.takes, lead="it takes")
                message = f'"{self.operand}" takes no value "{written[:60]}"'
                reader.report(written.mark, "CLM241", message, help=help)
        return found

    def _example(self, name: str, parameter: Parameter) -> str:
        return f"write it under with: {{{name}: …}}, {TYPES[parameter.type].says}"

    def _value(self, literal: Literal, parameter: Parameter, reader: Reader) -> Any:
        if isinstance(literal.value, Reference):
            message = f'"{literal}" is known for each customer only; here one value is for all'
            return reader.report(literal.mark, "CLM241", message)
        node = ScalarNode(literal.mark, literal.text, literal.value)
        value = TYPES[parameter.type].read_resolved(node, reader)
        if parameter.one_of and not isinstance(value, Invalid) and value not in parameter.one_of:
            help = suggest(literal.text, parameter.one_of, lead="choose from")
            message = f'"{literal.text[:60]}" is none of the values for this'
            return reader.report(literal.mark, "CLM241", message, help=help)
        return value

    def names(self, condition: CustomCondition) -> Iterator[Name]:
        """Yield the events and attributes that values name."""
        for value in self.values(condition, Reader()).values():
            if isinstance(value, Name):
                yield value


def unknown(name: Name, installed: list[str]) -> Problem:
    """Return the problem of a condition that no installed package brings."""
    help = suggest(name, installed, lead="installed are")
    message = f'no installed package brings the condition "{name[:60]}"'
    return Problem(name.mark, "CLM240", message, help)
