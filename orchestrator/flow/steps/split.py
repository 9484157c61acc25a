"""``split``: named shares of the customers, by their buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from orchestrator.criteria.buckets import share_bound
from orchestrator.flow.base import STEP_LIST, STEPS, Step
from orchestrator.language.containers import MapOf
from orchestrator.language.names import Name, NewName
from orchestrator.language.reader import Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.shapes import Share, Text
from orchestrator.language.words import Rules, Sentence, later, word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@dataclass(frozen=True, kw_only=True)
class SplitShare(Sentence):
    """One share of a split."""

    share: Decimal = word(Share(), "How many of the customers: `50%`.")
    do: tuple[Step, ...] | None = word(STEP_LIST, "The steps of this share.", default=None)


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Split(Step):
    """Split the customers into named shares; each customer always falls into the same one."""

    heads = ("split",)
    operand_shape = MapOf(NewName("share"), SentenceOf(SplitShare, "a share of a split"), least=2)
    operand_doc = "The shares by name, in order; together 100%."
    example = """\
- split:
    short: {share: 50%, do: [{send: nurture_short}]}
    story: {share: 50%, do: [{send: nurture_story}]}
  id: nurture_copy
"""
    rules = Rules(any_of=(("id",),))

    operand: dict[Name, SplitShare]
    seed: str | None = word(Text(), "Another seed than `split:<flow>/<id>`.", default=None)
    measure: None = later(Text(), "What the shares are compared by.")

    def check(self, reader: Reader) -> None:
        total = sum(share.share for share in self.operand.values())
        if total != 1:
            reader.report(
                self.mark,
                "CLM301",
                f"the shares add up to {total * 100:f}%, not to 100%",
            )

    def blocks(self) -> list[tuple[str, tuple[Step, ...]]]:
        return [(name, share.do or ()) for name, share in self.operand.items()]

    def bounds(self) -> Iterator[tuple[str, int, int]]:
        """Yield the buckets ``[low, high)`` of each share (semantics 22)."""
        reached = Decimal(0)
        for name, share in self.operand.items():
            low, reached = reached, reached + share.share
            yield name, share_bound(low), share_bound(reached)

    def advance(self, walk: Walk) -> None:
        for name, low, high in self.bounds():
            walk.take_share(name, self.seed, low, high)
