"""The state at a glance, as the document of ``status -o json`` and as a page for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.counting import counted, number
from orchestrator.delivery.watch import named
from orchestrator.health.leaving import GIVEN_UP, Leaving
from orchestrator.health.lists import LATE, AudienceStanding, DayListStanding
from orchestrator.health.status import FlowStanding, Standing
from orchestrator.report.contracts import Json, instant_text
from orchestrator.report.layout import Page
from orchestrator.report.preview import local_time
from orchestrator.scheduler.doubts import spoken

STATUS_FORMAT = "clmctl.status/1"


def status_document(standing: Standing) -> Json:
    """Return the document of ``clmctl status -o json``."""
    leader = standing.leader
    return {
        "format": STATUS_FORMAT,
        "now": instant_text(standing.now),
        "last_tick": _instant(standing.last_tick),
        "lag_seconds": standing.lag_seconds,
        "release": standing.release,
        "leader": None
        if leader is None
        else {
            "holder": leader.holder,
            "term": leader.term,
            "expires_at": instant_text(leader.expires_at),
            "is_held": leader.is_held,
        },
        "paused": [
            {
                "flow": one.flow,
                "channel": one.channel,
                "at": instant_text(one.at),
                "reason": one.reason,
            }
            for one in standing.paused
        ],
        "due": standing.due,
        "next_due_at": _instant(standing.next_due_at),
        "held": dict(sorted(_held(standing).items())),
        "queued": dict(standing.queued),
        "webhooks_waiting": standing.webhooks,
        "on_the_way": standing.leaving.on_the_way,
        "may_send": standing.leaving.killed is None,
        "in_doubt": sum((standing.leaving.in_doubt or {}).values()),
        "dead": dict(standing.leaving.dead or {}),
        "shut_out": [
            {
                "provider": one.provider,
                "domain": one.domain or None,
                "state": one.state,
                "until": _instant(one.until),
                "reason": one.reason,
            }
            for one in standing.leaving.shut_out
        ],
        "surges": [
            {"flow": one.flow, "step": one.step, "messages": one.messages, "why": one.why}
            for one in standing.leaving.surges
        ],
        "complaints": [
            {
                "sender": one.sender,
                "complaints": one.complaints,
                "messages": one.sent,
                "is_held": one.is_held,
            }
            for one in standing.leaving.complaints
        ],
        "audiences": [_audience(one) for one in standing.audiences],
        "day_lists": [
            {
                "channel": one.channel,
                "complete_to": one.complete_to.isoformat() if one.complete_to else None,
                "open": one.open,
            }
            for one in standing.day_lists
        ],
        "tripped": {name: instant_text(at) for name, at in standing.tripped.items()},
        "stranded": [
            {"flow": one.flow, "step": one.step, "runs": one.runs} for one in standing.stranded
        ],
        "customers_changed": standing.changed,
        "flows": {name: _flow(flow) for name, flow in standing.flows.items()},
    }


def _audience(one: AudienceStanding) -> Json:
    last = one.last
    return {
        "list": one.list,
        "platform": one.platform,
        "written_at": _instant(last.at if last else None),
        "checked_at": _instant(last.checked_at if last else None),
        "people": last.people if last else None,
        "lag_seconds": round(one.lag.total_seconds()),
        "next_at": instant_text(one.next_at),
    }


def _flow(flow: FlowStanding) -> Json:
    return {
        "active": flow.active,
        "due": flow.due,
        "next_due_at": _instant(flow.next_due_at),
        "held": dict(sorted(flow.held.items())),
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)


def _held(standing: Standing) -> Counter[str]:
    held: Counter[str] = Counter()
    for flow in standing.flows.values():
        held.update(flow.held)
    return held


def status_page(standing: Standing, page: Page, zone: ZoneInfo) -> Iterator[str]:
    """Yield the lines of ``clmctl status``."""
    rows = [
        ["last tick", _last_tick(standing, zone)],
        ["plans", _leader(standing)],
        ["due now", _due(standing, zone)],
        ["held", _listed(_held(standing)) or "nobody"],
        ["queued", _queued(standing)],
        ["in doubt", _counts(standing.leaving.in_doubt, "clmctl outbox in-doubt list")],
        ["dead", _counts(standing.leaving.dead, GIVEN_UP)],
        ["to look at", _changed(standing)],
    ]
    rows += _in_the_way(standing.leaving, zone)
    rows += [
        ["surge", f"{counted(one.messages, 'message')}: clmctl outbox approve {one.flow}"]
        for one in standing.leaving.surges
    ]
    for about in standing.leaving.complaints:
        held = f", held: clmctl outbox approve {about.sender}" if about.is_held else ""
        rows.append(["complaints", f"{about.sender}: {about.says}{held}"])
    rows += [["list", _list_of(one, zone)] for one in standing.audiences]
    rows += [["day lists", _day_lists(one)] for one in standing.day_lists]
    for one in standing.paused:
        why = f": {one.reason}" if one.reason else ""
        rows.append(["paused", f"{one.says}, since {local_time(one.at, zone)}{why}"])
    for name, at in standing.tripped.items():
        rows.append(["tripped", f"{name}, {local_time(at, zone)}: clmctl resume {name}"])
    for lost in standing.stranded:
        where = f"at {lost.step}, which is gone" if lost.step else "nowhere"
        rows.append(["stranded", f"{counted(lost.runs, 'run')} of {lost.flow} {where}"])
    yield from page.entries(rows)
    if standing.flows:
        yield ""
        yield from page.table(
            [_cells(name, flow, zone) for name, flow in standing.flows.items()],
            header=("flow", "inside", "due", "next", "held"),
            right=(1, 2),
            indent=0,
        )


def _in_the_way(found: Leaving, zone: ZoneInfo) -> Iterator[list[str]]:
    if found.on_the_way:
        yield ["on the way", f"{counted(found.on_the_way, 'message')}, in the hands of a worker"]
    if found.killed is not None:
        yield ["kill switch", f"set: nothing is sent ({found.killed})"]
    for shut in found.shut_out:
        until = f" until {local_time(shut.until, zone)}" if shut.until else ""
        why = f": {shut.reason}" if shut.reason else ""
        yield ["left alone", f"{named(shut.provider, shut.domain)}{until}{why}"]


def _list_of(one: AudienceStanding, zone: ZoneInfo) -> str:
    name = f"{one.list} for {one.platform}"
    if one.last is None:
        return f"{name}: never written (clmctl start)"
    people = counted(one.last.people, "person", "people")
    late = f"; due {spoken(one.lag)} ago" if one.lag > LATE else ""
    return f"{name}: {people}, of {local_time(one.last.at, zone)}{late}"


def _day_lists(one: DayListStanding) -> str:
    complete = f"complete to {one.complete_to}" if one.complete_to else "none yet"
    on_the_way = f"; {counted(one.open, 'message')} to come" if one.open else ""
    return f"{one.channel}: {complete}{on_the_way}"


def _cells(name: str, flow: FlowStanding, zone: ZoneInfo) -> list[str]:
    following = local_time(flow.next_due_at, zone) if flow.next_due_at else ""
    return [name, number(flow.active), number(flow.due), following, _listed(flow.held)]


def _last_tick(standing: Standing, zone: ZoneInfo) -> str:
    if standing.last_tick is None or standing.lag_seconds is None:
        return "never"
    lag = standing.lag_seconds
    ago = counted(lag, "second") if lag < 120 else spoken(timedelta(seconds=lag))
    return f"{local_time(standing.last_tick, zone)}, {ago} ago"


def _leader(standing: Standing) -> str:
    leader = standing.leader
    if leader is None:
        return "nobody yet (clmctl start)"
    who = f"scheduler {leader.holder[:8]}, term {leader.term}"
    return who if leader.is_held else f"nobody now (clmctl start); last was {who}"


def _due(standing: Standing, zone: ZoneInfo) -> str:
    following = standing.next_due_at
    then = f"; the next at {local_time(following, zone)}" if following else ""
    return f"{counted(standing.due, 'run')}{then}"


def _changed(standing: Standing) -> str:
    if not standing.changed:
        return "nobody"
    return counted(standing.changed, "customer") + ": new facts, or what the last tick did"


def _counts(counts: Mapping[str, int] | None, verb: str) -> str:
    return f"{_listed(Counter(counts))}: {verb}" if counts else "nothing"


def _queued(standing: Standing) -> str:
    queued = dict(standing.queued)
    if standing.webhooks:
        queued["webhook"] = standing.webhooks
    return _listed(Counter(queued)) or "nothing"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number(count)} {name}" for name, count in sorted(counts.items()))
