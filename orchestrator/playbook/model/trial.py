"""Tests of flows: who the customers are, what happens to them, what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.language.containers import ListOf, MapOf
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape, Moment, MomentShape
from orchestrator.language.names import DataName, Name, Ref
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import JsonSchema, Shape, Text, Truth
from orchestrator.language.words import Sentence, word
from orchestrator.playbook.model.anything import META, VARS
from orchestrator.playbook.model.expectation import Expected, ExpectedShape
from orchestrator.playbook.model.given import GIVEN, Values
from orchestrator.playbook.model.happening import Happening, HappeningShape


class CustomersShape(Shape[Mapping[Name, Values] | str]):
    """Customers by name, each with what is known of them; or the name of a CSV file."""

    says = "customers such as {anna: {country: AT}}, or the name of a CSV file"
    _inline = MapOf(DataName("customer"), MapOf(DataName("attribute"), GIVEN, least=0))

    def read_resolved(self, node: Node, reader: Reader) -> Mapping[Name, Values] | str | Invalid:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            if node.text.endswith(".csv"):
                return node.text
            return self.refuse(node, reader, help="a table is a file whose name ends in .csv")
        return self._inline.read_resolved(node, reader)

    def schema(self) -> JsonSchema:
        return {**self._inline.schema(), "type": ["object", "string"], "pattern": r"\.csv$"}


@dataclass(frozen=True, kw_only=True)
class FlowTest(Sentence):
    """One test: some customers, what happens to them, and what the flow makes of it."""

    test: str = word(Text(), "What the test shows, as a sentence.")
    flow: Name = word(Ref("flow"), "The flow under test; it counts as live, whatever its status.")
    flows: tuple[Name, ...] | None = word(
        ListOf(Ref("flow")),
        "Other flows that run beside it; without this, none does.",
        default=None,
    )
    vars: dict[Name, Node] | None = word(VARS, "Variables, over those of all files.", default=None)
    clock: Moment = word(
        MomentShape(), "When the test begins, on the project's clock; all times count from here."
    )
    customers: Mapping[Name, Values] | str = word(
        CustomersShape(), "Who they are: a mapping of names, or a CSV file beside the test."
    )
    timeline: tuple[Happening, ...] = word(
        ListOf(HappeningShape(), least=0), "What happens to them.", default=()
    )
    run_for: Duration = word(
        DurationShape(), "How long to watch; 30 days if not said.", default=Duration(30, "day")
    )
    every: Duration | None = word(
        DurationShape(),
        "Tick this often too. Without it: whenever something happens, is due or expires.",
        default=None,
    )
    expect: dict[Name, Expected] = word(
        MapOf(Ref("customer"), ExpectedShape()), "What each customer's way must be, completely."
    )
    partial: bool = word(
        Truth(), "`true`: other things may happen too to the customers listed.", default=False
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)


@dataclass(frozen=True, kw_only=True)
class FlowTests(Sentence):
    """Several tests in one file."""

    tests: tuple[FlowTest, ...] = word(
        ListOf(SentenceOf(FlowTest, "a test")), "The tests, each with a name of its own."
    )
    note: str | None = word(Text(), "A remark for colleagues.", default=None)
    meta: Node | None = word(META, "Free notes for other tools.", default=None)
