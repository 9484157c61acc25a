"""Another name for a customer, who falls into the same samples, splits and control groups."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping

from orchestrator.criteria.buckets import bucket, customer_base, share_bound
from orchestrator.criteria.kinds.in_variant import InVariant
from orchestrator.criteria.kinds.sample import Sample
from orchestrator.flow.steps.split import Split
from orchestrator.gate.policy import holdouts
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.playbook.walk import asked, flows_in_use, steps_of

WHO = "someone"
MOST = 100_000
"""Names that are tried at most: a few shares are met within some hundreds."""


def disguise(base: int, playbook: Playbook) -> str | None:
    """Return a name that falls into the same shares as a customer; None if none was found.

    Args:
        base: the number from which the customer's buckets are computed (semantics 22).
        playbook: an extract: of what it has, every share counts.
    """
    cuts = cuts_of(playbook)
    wanted = _places(base, cuts)
    names = (WHO, *(f"{WHO}_{number}" for number in range(2, MOST)))
    return next((name for name in names if _places(customer_base(name), cuts) == wanted), None)


def cuts_of(playbook: Playbook) -> Mapping[str, list[int]]:
    """Return every seed with the buckets at which its shares end, sorted."""
    found: dict[str, set[int]] = {}
    for seed, bound in _bounds(playbook):
        found.setdefault(seed, set()).add(bound)
    return {seed: sorted(bounds) for seed, bounds in found.items()}


def _places(base: int, cuts: Mapping[str, list[int]]) -> list[int]:
    return [bisect_right(bounds, bucket(seed, base)) for seed, bounds in cuts.items()]


def _bounds(playbook: Playbook) -> Iterator[tuple[str, int]]:
    names = names_of(playbook)
    for flow in flows_in_use(playbook):
        for seed, holdout in holdouts(playbook, flow):
            yield holdout.seed or seed, share_bound(holdout.share)
        for step in steps_of(flow):
            if isinstance(step, Split):
                seed = step.seed or f"split:{flow.flow}/{step.id}"
                yield from ((seed, high) for _, _, high in step.bounds())
    for question in asked(playbook):
        for leaf in question.leaves():
            if isinstance(leaf, Sample):
                yield leaf.seed or f"sample:{question.owner}", share_bound(leaf.operand)
            if isinstance(leaf, InVariant):
                variant = names.variant(leaf.operand, question.owner)
                yield from ((variant.seed, bound) for bound in (variant.low, variant.high))
