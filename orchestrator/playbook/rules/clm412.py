"""A limit that another limit makes idle."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.language.marks import Problem
from orchestrator.playbook.model import FrequencyRule, Playbook, VolumeLimit
from orchestrator.playbook.ranges import least_days, most_days
from orchestrator.playbook.walk import flows_in_use

CODE = "CLM412"


def check(playbook: Playbook) -> Iterator[Problem]:
    """Yield frequency rules and volume limits that can never be the one that stops."""
    shared = playbook.project.guardrails
    rules = tuple(shared.frequency or ()) if shared else ()
    yield from _idle_rules(rules, rules)
    for flow in flows_in_use(playbook):
        own = flow.guardrails
        if own is None:
            continue
        ignored = "frequency" in (own.ignore or ())
        mine = tuple(own.frequency or ())
        yield from _idle_rules(mine, mine if ignored else (*mine, *rules))
        if own.stop_if_more_than and shared and shared.stop_if_more_than:
            yield from _idle_limit(own.stop_if_more_than, shared.stop_if_more_than)


def _idle_rules(
    rules: tuple[FrequencyRule, ...], others: tuple[FrequencyRule, ...]
) -> Iterator[Problem]:
    for rule in rules:
        stricter = next((other for other in others if _stops_first(other, rule)), None)
        if stricter:
            yield Problem(
                rule.mark,
                CODE,
                f"{rule.at_most} per {rule.per} never stops anything: {stricter.mark} allows "
                f"{stricter.at_most} per {stricter.per}",
                help="take it away, or make it the stricter one",
                severity="warning",
            )


def _stops_first(strict: FrequencyRule, loose: FrequencyRule) -> bool:
    if strict is loose or strict.at_most > loose.at_most:
        return False
    if strict == loose and strict.mark > loose.mark:
        return False
    wider = least_days(strict.per) >= most_days(loose.per) or strict.per == loose.per
    return wider and strict.channel in (None, loose.channel) and strict.tag in (None, loose.tag)


def _idle_limit(own: VolumeLimit, shared: VolumeLimit) -> Iterator[Problem]:
    wider = least_days(shared.per) >= most_days(own.per) or shared.per == own.per
    if wider and own.customers >= shared.customers:
        yield Problem(
            own.mark,
            CODE,
            f"the project stops at {shared.customers} per {shared.per} already ({shared.mark})",
            help="choose a lower number of customers for the flow",
            severity="warning",
        )
