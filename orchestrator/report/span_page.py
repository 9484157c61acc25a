"""A simulated span as one HTML page: nothing is fetched, and every number is text too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from zoneinfo import ZoneInfo

from orchestrator.counting import counted, number
from orchestrator.records.spans import FlowSpan, SpanReport
from orchestrator.report.chart import COLORS, chart, written
from orchestrator.report.page import html_page
from orchestrator.report.preview import local_time
from orchestrator.report.spans import idle, starved, taken
from orchestrator.report.words import GATE, label

_STYLE = """\
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } p, li { max-width: 46rem; }
svg { width: 100%; height: auto; }
svg text { fill: var(--faint); font: 13px system-ui, sans-serif; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding-bottom: .25rem; }
th, td { padding: .2rem .75rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; }
"""


def page_of(report: SpanReport, zone: ZoneInfo) -> str:
    """Return the page; days are of the zone, the project's."""
    parts = [
        *_head(report, zone),
        *chart(report, zone),
        *_warnings(report, zone),
        *_pressure(report),
        *_flows(report),
        *_caps(report),
        *_months(report),
        *_notes(report),
    ]
    light, dark = (
        " ".join(f"--c{at}: {pair[side]};" for at, pair in enumerate(COLORS)) for side in (0, 1)
    )
    return html_page(_title(report, zone), parts, style=_STYLE, light=light, dark=dark)


def _title(report: SpanReport, zone: ZoneInfo) -> str:
    first, last = (one.astimezone(zone).date() for one in (report.begin, report.end))
    return f"Simulated messages, {written(first)} to {written(last)}"


def _head(report: SpanReport, zone: ZoneInfo) -> Iterator[str]:
    yield f"<h1>{escape(_title(report, zone))}</h1>"
    facts = [
        counted(report.sends, "message"),
        counted(report.customers, "customer"),
        f"{counted(report.ticks, 'tick')}, every {report.every}",
        f"first at {local_time(report.begin, zone)}",
        f"playbooks {report.release[:12]}",
        f"goes on from {local_time(report.goes_on_from, zone)}"
        if report.goes_on_from
        else "fresh start",
    ]
    if report.assumed:
        shares = ", ".join(f"{name} {share}" for name, share in report.assumed.items())
        facts.append(f"assumed of each message: {shares} (seed {report.seed})")
    yield f'<p class="faint">{escape(" · ".join(facts))}</p>'


# --- numbers as text ------------------------------------------------------------------


def _table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], names: int) -> str:
    """Return a table; the first ``names`` columns are words, the others numbers.

    Args:
        caption: what it shows.
        names: at least 1; the first cell of each row is its heading.
    """
    head = "".join(
        f'<th scope="col"{"" if at < names else _NUMBER}>{escape(cell)}</th>'
        for at, cell in enumerate(header)
    )
    lines = [
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(
            f"<td{'' if at < names else _NUMBER}>{escape(cell)}</td>"
            for at, cell in enumerate(rest, 1)
        )
        + "</tr>"
        for first, *rest in rows
    ]
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


_NUMBER = ' class="n"'


def _warnings(report: SpanReport, zone: ZoneInfo) -> Iterator[str]:
    texts = [f"{name} is starved: most of its messages expire or wait" for name in starved(report)]
    texts += [
        f"the volume breaker of {name} tripped on {local_time(flow.tripped_at, zone)}"
        for name, flow in report.flows.items()
        if flow.tripped_at
    ]
    if report.project_tripped_at:
        texts.append(
            "the volume breaker of the project tripped on "
            f"{local_time(report.project_tripped_at, zone)}"
        )
    if nobody := idle(report):
        texts.append(f"nobody enters {', '.join(nobody)}")
    if texts:
        yield "<h2>Look at this</h2>"
        yield f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _pressure(report: SpanReport) -> Iterator[str]:
    pressure = report.pressure
    if pressure.customers:
        yield "<h2>Messages per customer</h2>"
        rows = [
            (name, number(spread.p50), number(spread.p95), number(spread.max))
            for name, spread in (
                ("in their busiest week", pressure.busiest_week),
                ("in the whole span", pressure.whole_span),
            )
        ]
        caption = f"Of the {counted(pressure.customers, 'customer')} who get any, from all flows"
        yield _table(caption, ("", "p50", "p95", "max"), rows, 1)


def _flows(report: SpanReport) -> Iterator[str]:
    yield "<h2>Flows</h2>"
    header = ("flow", "enter", "messages", "held", "suppressed", "expired", "still held",
              "webhooks", "effects")  # fmt: skip
    rows = [
        (name, *map(number, (
            flow.entered, flow.sends, sum(flow.held.values()), sum(flow.suppressed.values()),
            sum(flow.expired.values()), flow.still_held, flow.webhooks, sum(flow.effects.values()),
        )))
        for name, flow in report.flows.items()
    ]  # fmt: skip
    yield _table("What each flow did", header, rows, 1)
    reasons = [
        (name, what, label(GATE, code), number(count))
        for name, flow in report.flows.items()
        for what, counts in _refusals(flow)
        for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    if reasons:
        yield "<h2>Why messages did not go at once</h2>"
        yield _table("By flow and reason", ("flow", "decision", "reason", "times"), reasons, 3)


def _refusals(flow: FlowSpan) -> tuple[tuple[str, Mapping[str, int]], ...]:
    return (("held", flow.held), ("suppressed", flow.suppressed), ("expired", flow.expired))


def _caps(report: SpanReport) -> Iterator[str]:
    pairs = taken(report)
    if pairs:
        yield "<h2>What caps and priority took</h2>"
        rows = [(one.loser, one.winner, number(one.holds)) for one in pairs]
        caption = "Messages held by a frequency cap, by the flow whose message came before"
        yield _table(caption, ("held", "after", "messages"), rows, 2)


def _months(report: SpanReport) -> Iterator[str]:
    if not report.volumes:
        return
    months = sorted({f"{one.day:%Y-%m}" for one in report.volumes})
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for one in report.volumes:
        row = counts.setdefault((one.flow, one.channel), dict.fromkeys(months, 0))
        row[f"{one.day:%Y-%m}"] += one.sends
    rows = [
        (flow, channel, *(number(row[month]) for month in months), number(sum(row.values())))
        for (flow, channel), row in sorted(counts.items())
    ]
    yield "<h2>Messages per month</h2>"
    yield _table("By flow and channel", ("flow", "channel", *months, "total"), rows, 2)


def _notes(report: SpanReport) -> Iterator[str]:
    if report.notes:
        yield "<h2>Notes</h2>"
        yield f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in report.notes)}</ul>"
