"""What a scheduled tick is told as: its counts, and remarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestrator.records.ticks import FlowReport, TickReport
from orchestrator.scheduler.events import Happened


@dataclass(frozen=True)
class Written:
    """A tick that was written."""

    report: TickReport
    term: int | None
    since: datetime | None
    """The tick before."""
    seconds: float
    """How long it took."""


def tick_event(written: Written, *, is_stale: bool) -> Happened:
    """Return what to tell of a tick: its counts.

    Args:
        is_stale: whether the files do not load and the last good release decided.
    """
    report, counts = written.report, counts_of(written.report)
    flows = {name: _busy(flow) for name, flow in report.flows.items()}
    gap = report.now - written.since if written.since else None
    return Happened(
        "tick",
        f"tick of {report.now:%Y-%m-%dT%H:%M:%SZ}: entered {counts['entered']:,}, sends "
        f"{counts['sends']:,}, held {counts['held']:,}, expired {counts['expired']:,} "
        f"({written.seconds:.1f} s)",
        facts={
            "now": report.now,
            "term": written.term,
            "release": report.release,
            "files": "refused" if is_stale else "loaded",
            "covers_seconds": round(gap.total_seconds()) if gap else None,
            "took_seconds": round(written.seconds, 3),
            **counts,
            "flows": {name: told for name, told in flows.items() if told},
        },
    )


def remarks(report: TickReport) -> Iterator[Happened]:
    """Yield what is worth saying beside the counts, as long as it is news."""
    for name, flow in report.flows.items():
        if flow.tripped:
            yield Happened(
                "tripped",
                f"the volume breaker of {name} holds its sends; look, then: clmctl resume {name}",
                "warning",
                {"flow": name},
            )
    for sentence in report.notes:
        yield Happened("note", sentence)


def counts_of(report: TickReport) -> dict[str, int]:
    """Return what a tick did in all flows together."""
    flows = [_counts(flow) for flow in report.flows.values()]
    names = ("entered", "exited", "sends", "held", "suppressed", "expired")
    return {name: sum(flow[name] for flow in flows) for name in names}


def _busy(flow: FlowReport) -> dict[str, int]:
    return {name: count for name, count in _counts(flow).items() if count}


def _counts(flow: FlowReport) -> dict[str, int]:
    return {
        "entered": flow.entered,
        "exited": sum(flow.exited.values()),
        "sends": flow.sends,
        "held": sum(flow.held.values()),
        "suppressed": sum(flow.suppressed.values()),
        "expired": flow.expired,
    }
