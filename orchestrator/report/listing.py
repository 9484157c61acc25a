"""What a project consists of, as rows: flows, stages, segments, messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from orchestrator.criteria.base import Criterion, Group
from orchestrator.errors import UsageError
from orchestrator.flow.steps.send import Send
from orchestrator.language.nearest import did_you_mean
from orchestrator.playbook.model import Flow, Playbook
from orchestrator.records.ticks import Sizes
from orchestrator.report.contracts import Json, instant_text
from orchestrator.selection import all_steps, channels_of, listed_patterns, select_flows

if TYPE_CHECKING:
    from orchestrator.tick.pauses import Pause

LS_FORMAT = "clmctl.ls/1"
DEFAULT = "default"
"""Stands for the template without a locale."""
JOINS = {"all": " and ", "any": " or ", "none": " or "}


def phrase(criterion: Criterion) -> str:
    """Return a tree of conditions in one line: ``did purchase and (vip or new)``."""
    if not isinstance(criterion, Group):
        return criterion.says()
    members = JOINS[criterion.how].join(
        f"({phrase(member)})" if isinstance(member, Group) else phrase(member)
        for member in criterion.members
    )
    return f"not ({members})" if criterion.how == "none" else members


def flow_rows(playbook: Playbook, select: Iterable[str], exclude: Iterable[str]) -> list[Json]:
    """Return one row per selected flow, by id."""
    chosen = select_flows(playbook, select, exclude)
    return [
        _flow_row(name, flow, playbook)
        for name, flow in playbook.flows.items()
        if chosen.shows(name)
    ]


def _flow_row(name: str, flow: Flow, playbook: Playbook) -> Json:
    return {
        "name": name,
        "status": flow.status,
        "starts_when": ", ".join(start.head for start in flow.starts_when),
        "messages": len(messages_of(flow)),
        "channels": sorted(channels_of(flow, playbook)),
        "tags": list(flow.tags or ()),
        "owner": flow.owner,
        "title": flow.title,
        "at": str(flow.mark),
    }


def with_pauses(rows: Iterable[Json], pauses: Mapping[str, Pause]) -> list[Json]:
    """Return the rows of flows with the pause by hand of each, None where there is none."""
    return [row | {"paused": _pause(pauses.get(row["name"]))} for row in rows]


def _pause(pause: Pause | None) -> Json | None:
    return {"at": instant_text(pause.at), "reason": pause.reason} if pause is not None else None


def cell(row: Json, column: str) -> object:
    """Return what stands in a row's column for people: beside a status that it is paused."""
    is_paused = column == "status" and row.get("paused") is not None
    return f"{row[column]}, paused" if is_paused else row[column]


def stage_rows(playbook: Playbook, select: Iterable[str], exclude: Iterable[str]) -> list[Json]:
    """Return one row per stage, from top to bottom: the first that matches wins."""
    return _named(
        [
            {
                "name": str(stage.stage),
                "when": phrase(stage.when) if stage.when is not None else "everybody else",
                "at": str(stage.mark),
            }
            for stage in playbook.stages
        ],
        select,
        exclude,
    )


def segment_rows(playbook: Playbook, select: Iterable[str], exclude: Iterable[str]) -> list[Json]:
    """Return one row per segment, by name."""
    return _named(
        [
            {"name": name, "when": phrase(segment.when), "at": str(segment.when.mark)}
            for name, segment in sorted(playbook.segments.items())
        ],
        select,
        exclude,
    )


def message_rows(playbook: Playbook, select: Iterable[str], exclude: Iterable[str]) -> list[Json]:
    """Return one row per message, by name, with the flows that send it."""
    senders: dict[str, list[str]] = {name: [] for name in playbook.messages}
    for flow_name, flow in playbook.flows.items():
        for message in messages_of(flow):
            senders.setdefault(message, []).append(flow_name)
    return _named(
        [
            {
                "name": name,
                "purpose": message.settings.purpose or "marketing",
                "topic": message.settings.topic,
                "channels": sorted(message.channels()),
                "locales": sorted({each.locale or DEFAULT for each in message.templates}),
                "flows": senders[name],
            }
            for name, message in sorted(playbook.messages.items())
        ],
        select,
        exclude,
    )


def messages_of(flow: Flow) -> list[str]:
    """Return the messages a flow sends, in the order it names them, each once."""
    sends = (step.operand for step in all_steps(flow.steps) if isinstance(step, Send))
    return list(dict.fromkeys(map(str, sends)))


def _named(rows: list[Json], select: Iterable[str], exclude: Iterable[str]) -> list[Json]:
    """Return the rows whose name one of the patterns matches.

    Raises:
        UsageError: a pattern matches nothing.
    """
    names = [row["name"] for row in rows]
    wanted, unwanted = listed_patterns(select), listed_patterns(exclude)
    for pattern in (*wanted, *unwanted):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UsageError(
                f'nothing matches "{pattern}"',
                help=f"{did_you_mean(pattern, names)}there are: {', '.join(names) or 'none'}",
            )
    return [
        row
        for row in rows
        if (not wanted or _matches(row["name"], wanted)) and not _matches(row["name"], unwanted)
    ]


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


ROWS: Mapping[str, Callable[[Playbook, Iterable[str], Iterable[str]], list[Json]]] = {
    "flows": flow_rows,
    "segments": segment_rows,
    "stages": stage_rows,
    "messages": message_rows,
}
COLUMNS = {
    "flows": ("name", "status", "starts_when", "channels", "tags", "owner"),
    "segments": ("name", "at", "when"),
    "stages": ("name", "at", "when"),
    "messages": ("name", "purpose", "topic", "channels", "locales", "flows"),
}
"""What a person's table shows of each row."""


def with_sizes(what: str, rows: list[Json], sizes: Sizes) -> list[Json]:
    """Return rows of segments or stages with how many ``customers`` are in each."""
    counts = {"segments": sizes.segments, "stages": sizes.stages}[what]
    return [{**row, "customers": counts[row["name"]]} for row in rows]


def ls_document(what: str, rows: list[Json], sizes: Sizes | None = None) -> Json:
    """Return the document of ``ls -o json``; with sizes, it says when they were taken."""
    taken = {"now": instant_text(sizes.now), "customers": sizes.customers} if sizes else {}
    return {"format": LS_FORMAT, "what": what, **taken, "items": rows}
