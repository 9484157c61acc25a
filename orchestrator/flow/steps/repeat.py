"""``repeat``: rounds of some steps, so many at most."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CRITERION, Criterion
from orchestrator.flow.base import STEP_LIST, STEPS, Step
from orchestrator.flow.steps.until import IF_MET_DOC
from orchestrator.language.containers import OneOrMany
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape
from orchestrator.language.nodes import ScalarNode
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import JsonSchema, ScalarShape
from orchestrator.language.words import Sentence, word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

_TIMES = re.compile(r"([1-9][0-9]{0,2}|1000) times?\Z")


class Times(ScalarShape[int]):
    """A number of times: ``4 times``."""

    says = "a number of times such as 4 times, at most 1000"
    hint = "rounds are counted, for example: at_most: 4 times"

    def parse(self, node: ScalarNode) -> int | None:
        match = _TIMES.match(node.text)
        return int(match[1]) if match else None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^(?:[1-9][0-9]{0,2}|1000) times?$"}


@dataclass(frozen=True, kw_only=True)
class Rounds(Sentence):
    """What is repeated, how often, and how far apart."""

    every: tuple[Duration, ...] = word(
        OneOrMany(DurationShape()),
        "From the begin of one round to that of the next; of a list each pause once, "
        "the last one from then on.",
    )
    at_most: int = word(Times(), "The number of rounds: `4 times`.")
    until: Criterion | None = word(
        CRITERION,
        "Ends the rounds as soon as it holds; looked at before every inner step and at every tick.",
        default=None,
    )
    do: tuple[Step, ...] = word(STEP_LIST, "The steps of a round.")
    if_met: tuple[Step, ...] | None = word(STEP_LIST, IF_MET_DOC, default=None)


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Repeat(Step):
    """Do some steps in rounds, the first at once; every round sends anew.

    A round begins `every` after the last one began, or when that ended, if later. After the
    last round the flow goes on at once.
    """

    heads = ("repeat",)
    comes_back = True
    operand_shape = SentenceOf(Rounds, "a repeat")
    operand_doc = "The rounds: `{every, at_most, until, do, if_met}`."
    example = """\
- repeat:
    every: 7 days
    at_most: 4 times
    until: {did: purchase, since: entry}
    do: [{send: weekly_pick}]
- repeat:
    every: [1 day, 3 days, 1 week]
    at_most: 5 times
    do:
      - send: still_there
      - wait_for_time: 09:00-17:00
"""

    operand: Rounds

    def blocks(self) -> list[tuple[str, tuple[Step, ...]]]:
        if self.operand is None:
            return []  # it could not be read
        ways = (("do", self.operand.do), ("if_met", self.operand.if_met))
        return [(label, inner) for label, inner in ways if inner]

    def asks(self) -> list[tuple[str, Criterion]]:
        until = self.stops_when()
        return [] if until is None else [("until", until)]

    def stops_when(self) -> Criterion | None:
        return self.operand.until if self.operand else None

    def may_pass(self) -> bool:
        return self.stops_when() is not None and not self.operand.if_met

    def pause_after(self, number: int) -> Duration:
        """Return how long after its begin the round of that number is followed by the next."""
        every = self.operand.every
        return every[min(number, len(every)) - 1]

    def advance(self, walk: Walk) -> None:
        walk.go_round(self.operand.at_most)
