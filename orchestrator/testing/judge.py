"""A project's tests, played and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic

from orchestrator.language.marks import Problem
from orchestrator.language.names import Name
from orchestrator.playbook.model import FlowTest, Playbook
from orchestrator.playbook.model.given import Values
from orchestrator.records.explained import Explained
from orchestrator.testing.check import problems_of
from orchestrator.testing.compare import Row, Way, compare
from orchestrator.testing.coverage import Coverage
from orchestrator.testing.play import Played, Stage, explain_at, play_test
from orchestrator.testing.tables import customers_of


@dataclass(frozen=True)
class Cause:
    """The first difference of a failed test, and why the engine did so."""

    way: Way
    row: Row | None
    explained: Explained | None


@dataclass(frozen=True)
class Verdict:
    """What came of one test."""

    test: FlowTest
    stage: Stage | None
    played: Played | None
    ways: Sequence[Way] = ()
    problems: Sequence[Problem] = ()
    """What is wrong with the test itself; then it was not played."""
    cause: Cause | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.failed and not self.broken

    @property
    def broken(self) -> bool:
        """Whether the test could not be played."""
        return any(one.severity == "error" for one in self.problems)

    @property
    def failed(self) -> bool:
        """Whether something is not as expected."""
        return any(way.differs for way in self.ways)


@dataclass
class Judge:
    """Plays tests of one project."""

    project: Path
    load: Callable[[Mapping[str, str]], Playbook]
    """Variables of a test → the project with them."""
    coverage: Coverage | None = None
    customers: dict[int, Mapping[Name, Values]] = field(default_factory=dict)

    def judge(self, tests: Sequence[FlowTest]) -> Iterator[Verdict]:
        """Yield what came of each test, in order.

        Raises:
            UsageError: a variable of a test is none of the project.
        """
        for test in tests:
            begun = monotonic()
            yield self._verdict(test, begun)

    def _verdict(self, test: FlowTest, begun: float) -> Verdict:
        playbook = self.load(variables_of(test))
        problems: list[Problem] = []
        customers = customers_of(test, self.project, problems)
        problems += problems_of(test, playbook, customers)
        if any(one.severity == "error" for one in problems):
            return Verdict(test, None, None, problems=sorted(problems))
        stage = Stage.of(test, playbook, customers)
        played = play_test(stage, self.coverage)
        problems += played.problems
        ways = compare(stage, played) if not played.problems else []
        cause = _cause(stage, played, ways)
        return Verdict(test, stage, played, ways, sorted(problems), cause, monotonic() - begun)


def variables_of(test: FlowTest) -> dict[str, str]:
    """Return the variables that a test sets, as text."""
    return {str(name): getattr(node, "text", "") for name, node in (test.vars or {}).items()}


def _cause(stage: Stage, played: Played, ways: Sequence[Way]) -> Cause | None:
    wrong = [way for way in ways if way.differs]
    if not wrong:
        return None
    way = min(
        wrong, key=lambda one: one.first_difference.first if one.first_difference else stage.end
    )
    row = way.first_difference
    flow = str(row.seen.flow if row and row.seen else stage.test.flow)
    now = row.first if row is not None else _refused(played, way.customer) or stage.clock
    return Cause(way, row, explain_at(stage, way.customer, flow, max(now, stage.clock)))


def _refused(played: Played, customer: str) -> datetime | None:
    return next((one.at for one in played.refusals if one.customer == customer), None)
