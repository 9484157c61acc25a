"""The entry tests that a tick asks beside the flow's own conditions (semantics 33)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.criteria.flips import left_behind
from orchestrator.criteria.nearest import Change
from orchestrator.explain.questions import Inquiry, Verdict
from orchestrator.explain.said import Speech
from orchestrator.explain.standing import Standing
from orchestrator.flow.base import Start
from orchestrator.language.marks import Mark
from orchestrator.playbook.model import Flow
from orchestrator.records.explained import ExplainedLeaf
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.refusals import refusals

_OF_OCCURRENCE = ("stale", "no_key")
"""Entry tests that say something about what happened, so nothing where nothing did."""


@dataclass(frozen=True)
class Part:
    """One entry test: its leaves, and whether it lets the customer in."""

    lines: tuple[ExplainedLeaf, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Admission:
    """What is asked of one customer before the audience."""

    flow: Flow
    """As it is written."""
    standing: Standing
    occurrence: Mapping[str, Any] | None
    """What would start the run at this tick; None if nothing does."""
    speech: Speech

    def status(self, status: str, *, holds: bool) -> Part:
        """Tell whether the flow is live, or in shadow."""
        return self._part(
            "status", "the flow is live", holds=holds, actual=f"is {status}",
            reason="not_live",
        )  # fmt: skip

    def existence(self, since: datetime) -> Part:
        """Tell that the customer does not exist yet."""
        return self._part(
            "starts_when", "the customer exists", holds=False, change=Change(at=since),
            actual=f"is known from {self.speech.instant(since)}",
        )  # fmt: skip

    def between(self, inquiry: Inquiry, live: LiveFlow) -> Iterator[Part]:
        """Yield the tests between start and audience, answered as the tick answers them."""
        scope = inquiry.tick.scope(inquiry.customer, live.name, run=inquiry.rows, each=True)
        asked = [
            (test, reason)
            for test, reason in refusals(inquiry.tick, live, self._start(), scope)
            if reason not in ("audience", "exits_when")
        ]
        tell = {
            "opens_closes": self._opens_closes,
            "stale": self._stale,
            "no_key": self._no_key,
            "already_in": self._already_in,
            "re_entry": self._re_entry,
        }
        refused = inquiry.row([test for test, _ in asked])
        for (_, reason), fails in zip(asked, refused, strict=True):
            if reason == "re_entry" and fails and self.standing.enters:
                continue  # the run it would count is one that this tick restarts (semantics 38)
            if reason not in _OF_OCCURRENCE or self.occurrence is not None:
                yield tell[reason](holds=not fails)

    def _start(self) -> Start:
        """Return the start whose occurrence is told about."""
        starts = self.flow.starts_when
        label = self.occurrence["start"] if self.occurrence is not None else None
        return next((one for one in starts if str(one.id or one.head) == label), starts[0])

    def _opens_closes(self, *, holds: bool) -> Part:
        flow = self.flow
        said = [f"opens {flow.opens}"] if flow.opens else []
        said += [f"closes {flow.closes}"] if flow.closes else []
        at = self.occurrence["occurred_at"] if self.occurrence is not None else self.speech.now
        return self._part(
            "opens" if flow.opens else "closes", f"the flow is open: {', '.join(said)}",
            holds=holds, actual=f"happens on {self.speech.instant(at)}", reason="opens_closes",
        )  # fmt: skip

    def _stale(self, *, holds: bool) -> Part:
        assert self.occurrence is not None
        start = self._start()
        return self._part(
            "starts_when.catch_up", f"happened at most {start.patience()} ago",
            holds=holds, actual=f"on {self.speech.instant(self.occurrence['occurred_at'])}",
            reason="stale", mark=start.mark_at("catch_up"),
        )  # fmt: skip

    def _no_key(self, *, holds: bool) -> Part:
        assert self.occurrence is not None
        value = self.occurrence["key_value"]
        return self._part(
            "key", f"the event has the key {self.flow.key}", holds=holds,
            actual="never" if value is None else f"is {value}", reason="no_key",
        )  # fmt: skip

    def _already_in(self, *, holds: bool) -> Part:
        latest, actual = self.standing.latest, None
        if not holds and latest is not None:
            actual = f"in it since {self.speech.instant(latest['entered_at'])}"
        return self._part(
            "if_already_in", "is not in the flow", holds=holds, actual=actual, reason="already_in"
        )

    def _re_entry(self, *, holds: bool) -> Part:
        after, latest = self.flow.re_entry.after, self.standing.latest
        ended = latest["ended_at"] if latest is not None else None
        actual = "never was in it"
        if ended is not None:
            actual = f"left it on {self.speech.instant(ended)}"
        elif latest is not None:
            actual = f"entered on {self.speech.instant(latest['entered_at'])}"
        return self._part(
            "re_entry",
            f"has not left the flow in the last {after}" if after else "was never in the flow",
            holds=holds,
            actual=actual,
            reason="re_entry",
            change=Change(at=left_behind(ended, after)) if after and ended is not None else None,
        )

    def _part(
        self,
        path: str,
        says: str,
        *,
        holds: bool,
        actual: str | None,
        reason: str | None = None,
        change: Change | None = None,
        mark: Mark | None = None,
    ) -> Part:
        line = ExplainedLeaf(
            path=path,
            says=says,
            holds=holds,
            actual=actual,
            nearest=None if holds else self.speech.nearest(change),
            at=str(mark or self.flow.mark_at(path)),
            reason=reason,
        )
        at = change.at if change is not None and not holds else None
        return Part((line,), Verdict(holds, at))
