"""What a run on its way waits for, asked now, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from orchestrator.criteria.nearest import Change
from orchestrator.explain import said
from orchestrator.explain.gates import Gates
from orchestrator.explain.questions import Inquiry, Tree
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.send import Send
from orchestrator.flow.steps.wait_until import WaitUntil
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.gate.policy import send_policy
from orchestrator.records.explained import ExplainedLeaf
from orchestrator.tick.live_flow import LiveFlow


@dataclass(frozen=True)
class Waiting:
    """An active run on its step, before this tick moves it."""

    inquiry: Inquiry
    """About the customer, with the run as its only row."""
    live: LiveFlow
    """The flow in the version that the run walks."""
    run: Mapping[str, Any]
    """The run's row as the last live tick left it."""

    @property
    def node(self) -> Node | None:
        """The step; None if an edit took it away, so that the next tick moves the run."""
        return self.live.graph.nodes.get(self.run["step"])

    def lines(self) -> Iterator[ExplainedLeaf]:
        """Yield what decides when the run goes on: conditions, a date, an answer, gates."""
        for tree in self._trees.values():
            yield from self.inquiry.lines(tree)
        step = self.node.step if self.node else None
        if isinstance(step, WaitUntilDate):
            yield self._date(step)
        elif isinstance(step, Webhook):
            says = f"webhook {step.operand} has answered"
            yield ExplainedLeaf("webhook", says, False, "not yet", None, str(step.mark))
        elif self._gates is not None:
            yield from self._gates.lines()

    def next(self) -> str:
        """Return what happens to the run if nothing else changes."""
        step, due = self.run["step"], self.run["due_at"]
        if self.node is None:
            return f"an edit took {step} away; the next run moves it"
        for word, tree in self._trees.items():
            if self.inquiry.verdict(tree).helps:
                return f"goes on after {step} at the next run, for {word} holds"
        if self._gates is not None:
            return self._gates.next()
        if due is None:
            return f"goes on with {step} at the next run"
        return f"goes on after {step} {self._when()}"

    def _when(self) -> str:
        due, speech = self.run["due_at"], self.inquiry.speech
        if due <= self.inquiry.tick.now:
            return "at the next run"
        awaited = {WaitUntil: "as soon as wait_until holds", Webhook: "when it is answered"}
        asked = next((says for kind, says in awaited.items() if isinstance(self._step, kind)), None)
        if asked is not None:
            return f"{asked}, at the latest on {speech.instant(due)}"
        early = ", or as soon as until holds" if self._trees else ""
        return f"on {speech.instant(due)}{early}"

    @property
    def _step(self) -> Any:
        return self.node.step if self.node else None

    @cached_property
    def _trees(self) -> Mapping[str, Tree]:
        """The conditions that let the run go on, by where they stand, the outermost first."""
        if self.node is None:
            return {}
        around = self.live.graph.stoppers(self.node.id)
        asked = [*around, *([self.node] if self.node.step.polls or self._is_between else [])]
        words = [(node, *one) for node in asked for one in node.step.asks()]
        several = len(words) > 1
        scope = self.inquiry.tick.scope(
            self.inquiry.customer, self.live.name, run=self.inquiry.rows, each=True, this_run=True
        )
        found = {}
        for node, word, criterion in words:
            path = f"{word}.{node.id}" if several else word
            found[path] = self.inquiry.tree(criterion, path, scope)
        self.inquiry.ask()
        return found

    @property
    def _is_between(self) -> bool:
        """Whether the run stands between two rounds that a condition can end."""
        return self._step.comes_back and self._step.stops_when() is not None

    @cached_property
    def _gates(self) -> Gates | None:
        """The gates before the send that is held here, if one is."""
        node = self.node
        if node is None or not isinstance(node.step, Send) or not self.run["held_reason"]:
            return None
        policy = send_policy(self.inquiry.tick.playbook, self.live.flow, node, node.step)
        return Gates(self.inquiry, self.live, self.run, policy)

    def _date(self, step: WaitUntilDate) -> ExplainedLeaf:
        inquiry, due = self.inquiry, self.run["due_at"]
        scope = inquiry.tick.scope(inquiry.customer, self.live.name, run=inquiry.rows, each=True)
        actual = scope.shown.value_of(step.operand)
        value = said.found(actual.kind, inquiry.row([said.column(actual)])[0])
        shift = f", {step.before} before" if step.before else ""
        shift += f", {step.after} after" if step.after else ""
        has_come = due is not None and due <= inquiry.tick.now
        return ExplainedLeaf(
            path="wait_until_date",
            says=f"wait until date {step.operand}{shift}",
            holds=has_come,
            actual=inquiry.speech.actual(actual, value, personal=step.operand in inquiry.personal),
            nearest=inquiry.speech.nearest(Change(at=due)) if due and not has_come else None,
            at=str(step.mark),
        )
