"""The gate (semantics 51-60)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from reference.conditions import address, holds, in_share, reachable, subscribed
from reference.leaving import end_passage, leave_if_due, note_decision
from reference.state import DEFAULT_EXPIRY, DEFAULT_QUIET, PROJECT, Passage, Tick
from reference.view import Sent, View
from reference.world import Person

from orchestrator import openings, timing
from orchestrator.flow.base import weekday_numbers
from orchestrator.flow.steps.send import Send
from orchestrator.language.moments import Moment
from orchestrator.playbook.model import Flow, Guardrails, QuietHours, VolumeLimit


@dataclass
class Try:
    """One try of one send."""

    passage: Passage
    step: Send
    flow: Flow
    view: View
    purpose: str
    channel: str | None = None

    @property
    def marketing(self) -> bool:
        return self.purpose == "marketing"


class Gate:
    """All sends of one round, decided together."""

    def __init__(self, work: Tick, passages: list[Passage]) -> None:
        self.work = work
        self.passages = passages

    def decide(self) -> None:
        """Decide every send: first each alone, then volume over all, then frequency."""
        standing = [found for one in self.passages if (found := self._alone(one))]
        standing = self._past_volume(standing)
        for found in sorted(standing, key=_precedence):
            if self._capped(found):
                self._hold(found.passage, "frequency")
            elif found.flow.status == "shadow":
                self._settle(found.passage, "suppress", "shadow")
            else:
                self._send(found)

    # each send by itself

    def _alone(self, passage: Passage) -> Try | None:
        """Return the try if it passes all up to the slots; else decide it."""
        work, held = self.work, passage.held_reason is not None
        if held and passage.held_until is not None and work.now < passage.held_until:
            return None
        if held and leave_if_due(work, passage):
            return None
        found = self._try(passage)
        if self._expired(found):
            self._settle(passage, "expire", passage.held_reason)
            return None
        if held and not holds(found.step.only_if, found.view):
            self._settle(passage, "suppress", "only_if")
            return None
        if found.flow.recheck and not self._in_audience(found):
            if not held:
                note_decision(work, passage, "suppress", "audience")
            end_passage(work, passage, "audience")
            return None
        reason = self._choose_channel(found)
        if reason is None and found.marketing and held_out(work, found.flow, found.view.person):
            reason = "holdout"
        if reason is not None:
            self._settle(passage, "suppress", reason)
            return None
        closed, opens = self._slots(found)
        if closed is not None:
            self._hold(passage, closed)
            passage.held_until = opens
            return None
        return found

    def _try(self, passage: Passage) -> Try:
        step = passage.standing
        assert isinstance(step, Send)
        flow = self.work.playbook.flows[passage.flow]
        settings = self.work.playbook.messages[step.operand].settings
        purpose = step.purpose or settings.purpose or "marketing"
        view = self.work.view(passage.customer, passage.flow, passage.facts())
        return Try(passage, step, flow, view, purpose)

    def _in_audience(self, found: Try) -> bool:
        return holds(found.flow.audience, replace(found.view, this_run=False))

    def _expired(self, found: Try) -> bool:
        playbook = self.work.playbook
        defaults = playbook.project.defaults
        span = (
            found.step.expires_after
            or playbook.messages[found.step.operand].settings.expires_after
            or found.flow.expires_after
            or (defaults.expires_after if defaults else None)
            or DEFAULT_EXPIRY
        )
        assert found.passage.reached_at is not None
        return timing.minus(self.work.now, span) >= found.passage.reached_at

    def _choose_channel(self, found: Try) -> str | None:
        """Take the first channel with consent, address, no suppression; else the reason."""
        channels = self._channels(found)
        consented = [one for one in channels if self._consents(found, one)]
        if not consented:
            return "consent" if channels else "unreachable"
        for channel in consented:
            if reachable(found.view, channel):
                found.channel = channel
                return None
        needed = [address(found.view.person, channel) for channel in consented]
        return "suppressed" if any(one and one[1] is not None for one in needed) else "unreachable"

    def _channels(self, found: Try) -> list[str]:
        defaults = self.work.playbook.project.defaults
        if found.step.channels is None:
            default = (defaults.channel if defaults else None) or "email"
            return [str(found.step.channel or default)]
        own = found.view.person.preferred_channel
        named = [own if one == "preferred" else str(one) for one in found.step.channels]
        offered = self.work.playbook.messages[found.step.operand].channels()
        return [one for one in dict.fromkeys(named) if one is not None and one in offered]

    def _consents(self, found: Try, channel: str) -> bool:
        if not found.marketing:
            return True
        settings = self.work.playbook.messages[found.step.operand].settings
        wanted = found.step.topic or settings.topic
        topics = self.work.playbook.catalog.topics or {}
        names = [wanted] if wanted else [n for n, t in topics.items() if t.purpose == "marketing"]
        return any(
            subscribed(found.view, name)
            and channel in (topics[name].channels or ("email", "push", "onsite"))
            for name in names
        )

    def _slots(self, found: Try) -> tuple[str | None, datetime | None]:
        """Return the reason of a closed slot and when both slots are open next."""
        quiet = self._quiet(found)
        slot = self._send_between(found)
        now, zone = self.work.now, found.view.zone
        if quiet is not None and not quiet.is_open(now, zone):
            reason = "quiet_hours"
        elif slot is not None and not slot.is_open(now, zone):
            reason = "send_between"
        else:
            return None, None
        return reason, openings.next_allowed(now, zone, quiet, slot) or timing.LATEST

    def _quiet(self, found: Try) -> openings.QuietSlot | None:
        if not found.marketing:
            return None
        own = found.flow.guardrails.quiet_hours if found.flow.guardrails else None
        if own is not None:
            return _quiet_slot(own)
        if "quiet_hours" in _ignored(found.flow):
            return None
        guardrails = self.work.playbook.project.guardrails
        of_project = guardrails.quiet_hours if guardrails else None
        return DEFAULT_QUIET if of_project is None else _quiet_slot(of_project)

    def _send_between(self, found: Try) -> openings.Slot | None:
        playbook = self.work.playbook
        defaults = playbook.project.defaults
        hours = (
            found.step.send_between
            or playbook.messages[found.step.operand].settings.send_between
            or (defaults.send_between if defaults else None)
        )
        return openings.Slot(hours) if hours else None

    # over all customers

    def _past_volume(self, standing: list[Try]) -> list[Try]:
        for name in sorted({found.flow.flow for found in standing}):
            flow = self.work.playbook.flows[name]
            theirs = [found for found in standing if found.flow.flow == name]
            limit = flow.guardrails.stop_if_more_than if flow.guardrails else None
            if limit and self._trips(theirs, limit, name):
                standing = [found for found in standing if found.flow.flow != name]
        guardrails = self.work.playbook.project.guardrails
        limit = guardrails.stop_if_more_than if guardrails else None
        real = [found for found in standing if found.flow.status != "shadow"]
        if limit and real and self._trips(real, limit, PROJECT):
            return [found for found in standing if found.flow.status == "shadow"]
        return standing

    def _trips(self, standing: list[Try], limit: VolumeLimit, name: str) -> bool:
        state = self.work.state
        resumed = name in state.resumed
        counted = [
            found for found in standing if not (resumed and found.passage.held_reason == "volume")
        ]
        since = timing.minus(self.work.now, limit.per)
        sent = {
            one.customer
            for one in state.past.sent
            if since < one.at <= self.work.now and name in (PROJECT, one.flow)
        }
        customers = sent | {found.passage.customer for found in counted}
        tripped = name in state.tripped and not resumed
        if tripped or (counted and len(customers) > limit.customers):
            state.tripped.setdefault(name, self.work.now)
            for found in standing if tripped or not resumed else counted:
                self._hold(found.passage, "volume")
            return True
        return False

    # each customer's in order

    def _capped(self, found: Try) -> bool:
        if not found.marketing:
            return False
        project = self.work.playbook.project.guardrails
        own = found.flow.guardrails
        if "frequency" not in _ignored(found.flow) and self._over(found, project, None):
            return True
        return self._over(found, own, found.flow.flow)

    def _over(self, found: Try, guardrails: Guardrails | None, only: str | None) -> bool:
        now = self.work.now
        for rule in (guardrails.frequency if guardrails else None) or ():
            if rule.channel not in (None, found.channel):
                continue
            if rule.tag is not None and rule.tag not in (found.flow.tags or ()):
                continue
            counted = [
                sent
                for sent in self.work.state.past.sent
                if sent.customer == found.passage.customer
                and sent.marketing
                and timing.minus(now, rule.per) < sent.at <= now
                and only in (None, sent.flow)
                and rule.channel in (None, sent.channel)
                and (rule.tag is None or rule.tag in sent.tags)
            ]
            if len(counted) >= rule.at_most:
                return True
        return False

    # outcomes

    def _hold(self, passage: Passage, reason: str) -> None:
        passage.held_until = None
        if passage.held_reason != reason:
            note_decision(self.work, passage, "hold", reason)
            passage.held_reason = reason

    def _settle(self, passage: Passage, decision: str, reason: str | None) -> None:
        note_decision(self.work, passage, decision, reason)
        passage.held_reason = None
        passage.standing = None

    def _send(self, found: Try) -> None:
        passage, step = found.passage, found.step
        assert found.channel is not None
        note_decision(self.work, passage, "send", None, channel=found.channel)
        self.work.state.past.sent.append(
            Sent(
                passage.customer, passage.flow, passage.entry, str(step.id or step.operand),
                step.operand, found.channel, self.work.now, found.marketing,
                tuple(found.flow.tags or ()),
            )
        )  # fmt: skip
        passage.held_reason = None
        passage.standing = None


def held_out(work: Tick, flow: Flow, person: Person) -> bool:
    """Return whether the customer is in a control group of the flow or the project."""
    project = work.playbook.project
    rules = [(flow.guardrails, flow.flow)]
    if "holdout" not in _ignored(flow):
        rules.append((project.guardrails, project.project))
    for guardrails, name in rules:
        holdout = guardrails.holdout if guardrails else None
        if holdout is not None:
            seed = holdout.seed or f"holdout:{name}"
            if in_share(person, seed, holdout.share):
                return True
    return False


def _precedence(found: Try) -> tuple[Any, ...]:
    own = found.flow.guardrails.priority if found.flow.guardrails else None
    priority = next(one for one in (found.step.priority, own, 50) if one is not None)
    step = found.step.id or found.step.operand
    passage = found.passage
    return (-priority, passage.reached_at, passage.flow, passage.entry, step)


def _ignored(flow: Flow) -> tuple[str, ...]:
    return (flow.guardrails.ignore if flow.guardrails else None) or ()


def _quiet_slot(quiet: QuietHours | str) -> openings.QuietSlot | None:
    if isinstance(quiet, str):
        return None
    own = quiet.timezone not in (None, "customer")
    zone = timing.zone_named(quiet.timezone) if own and quiet.timezone else None
    days = frozenset(_day(moment) for moment in quiet.dates or ())
    return openings.QuietSlot(quiet.between, weekday_numbers(quiet.on_days), days, zone)


def _day(moment: Moment) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
