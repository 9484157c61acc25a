"""``sequence``: several events, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.criteria.base import CONDITIONS, Condition
from orchestrator.criteria.kinds.did import WITHIN, Following, FollowingShape
from orchestrator.criteria.modifiers import WHERE, WHERE_DOC, InLast, Where
from orchestrator.criteria.phrases import where_phrase, window_phrase
from orchestrator.language.containers import ListOf
from orchestrator.language.durations import Duration
from orchestrator.language.names import Name, Ref
from orchestrator.language.reader import Reader
from orchestrator.language.sentences import SentenceOf
from orchestrator.language.words import Rules, Sentence, word

if TYPE_CHECKING:
    from orchestrator.criteria.events import Events
    from orchestrator.criteria.scope import Predicate, Scope
    from orchestrator.criteria.sweep import Sweep


@dataclass(frozen=True, kw_only=True)
class Link(Sentence):
    """One item of a sequence: the first has ``did``, the others ``then`` or ``then_not``."""

    rules = Rules(
        any_of=(("did", "then", "then_not"),),
        needs={"then": ("within",), "then_not": ("within",)},
        not_together=(
            ("did", "then"),
            ("did", "then_not"),
            ("then", "then_not"),
            ("did", "within"),
        ),
    )
    check_schema = {"dependencies": {"where": ["did"]}}

    did: Name | None = word(Ref("event"), "The event it begins with.", default=None)
    where: Where | None = word(WHERE, WHERE_DOC, default=None)
    then: Following | None = word(FollowingShape(), "The event that comes next.", default=None)
    then_not: Following | None = word(
        FollowingShape(), "The event that does not come.", default=None
    )
    within: Duration | None = word(WITHIN, "How soon after the event before.", default=None)

    def check(self, reader: Reader) -> None:
        if self.where and not self.did:
            reader.report(
                self.mark_at("where"),
                "CLM108",
                "write the tests inside: then: {did: …, where: {…}}",
            )


@CONDITIONS.register
@dataclass(frozen=True, kw_only=True)
class Sequence(Condition, InLast):
    """Events in order, each within a time of the one before."""

    heads = ("sequence",)
    operand_shape = ListOf(SentenceOf(Link, "an item of a sequence"), least=2)
    operand_doc = "The items: `{did}`, then `{then, within}` or `{then_not, within}`."
    example = """\
- sequence:
    - did: product_viewed
    - {then: cart_updated, within: 2 days}
    - {then_not: {did: purchase, where: {status: paid}}, within: 1 day}
  in_last: 14 days
"""

    check_schema = {
        "properties": {
            "sequence": {
                "items": [{"required": ["did"]}],
                "additionalItems": {"properties": {"did": False}},
            }
        }
    }

    operand: tuple[Link, ...]

    def check(self, reader: Reader) -> None:
        first, *rest = self.operand
        if first.did is None:
            reader.report(first.mark, "CLM108", 'a sequence begins with "did"')
        for link in rest:
            if link.did is not None:
                reader.report(link.mark, "CLM108", 'only the first item has "did"; write "then"')

    def predicate(self, scope: Scope) -> Predicate:
        first, *rest = self.operand
        assert first.did is not None
        events = scope.events(first.did, self, first.where)
        _chain(events, rest)
        return events.any()

    def swept(self, sweep: Sweep) -> None:
        first, *rest = self.operand
        assert first.did is not None
        sweep.events(first.did, self, first.where)
        before = first.did
        for link in rest:
            follow_up, within = link.then or link.then_not, link.within
            assert follow_up is not None
            assert within is not None
            sweep.events(follow_up.did, None, follow_up.where)
            if link.then_not:
                sweep.events_waited_for(before, within)
            else:
                before = follow_up.did

    def says(self) -> str:
        first, *rest = self.operand
        said = f"did {first.did}{where_phrase(first.where)}"
        for link in rest:
            follow_up = link.then or link.then_not
            assert follow_up is not None
            word = "then" if link.then else "then not"
            said += f", {word} {follow_up.did}{where_phrase(follow_up.where)} within {link.within}"
        return said + window_phrase(self)


def _chain(events: Events, rest: list[Link]) -> None:
    """Narrow ``events`` to those that the rest of the sequence follows."""
    if not rest:
        return
    link, *others = rest
    follow_up, within = link.then or link.then_not, link.within
    assert follow_up is not None
    assert within is not None
    later = events.scope.events(follow_up.did, None, follow_up.where)
    if link.then:
        _chain(later, others)
        events.tests.append(events.followed(later, within, None))
    else:
        events.tests += [~events.followed(later, within, None), events.over_by_now(within)]
        _chain(events, others)
