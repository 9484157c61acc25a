"""A simulated span as a person reads it: a calendar of volumes, pressure, what caps took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from orchestrator.counting import counted, number
from orchestrator.records.spans import FlowSpan, SpanReport
from orchestrator.records.ticks import DecisionLine
from orchestrator.report.contracts import Telling, decision_object
from orchestrator.report.layout import Page, fitted, padded, printable
from orchestrator.report.preview import DOT, local_time, part_lines
from orchestrator.report.spans import Grid, Row, grid, idle, starved, taken
from orchestrator.report.words import ENTRY, EXIT, GATE, Labels, label

SHADES = "░▒▓█"
EMPTY = "·"
LONGEST_NAME = 24
NUMBER_COLUMNS = 12
"""A stretch is a column of numbers if each gets so many columns, else one shaded cell."""
MANY_PAIRS = 12


def calendar(
    report: SpanReport,
    samples: Sequence[DecisionLine],
    telling: Telling,
    page: Page,
    zone: ZoneInfo,
) -> Iterator[str]:
    """Yield the lines of the page; times and days are of the zone, the project's."""
    yield from _headline(report, page, zone)
    yield from _volumes(report, page, zone)
    yield from _pressure(report, page)
    yield from _flows(report, page, zone)
    yield from _caps(report, page)
    yield from _warnings(report, page, zone)
    yield from _samples(samples, telling, page, zone)
    yield ""
    yield page.paint("Total", "bold") + f"  {counted(report.sends, 'message')}"


def _headline(report: SpanReport, page: Page, zone: ZoneInfo) -> Iterator[str]:
    yield page.paint("Simulation", "bold")
    begun = (
        f"goes on from the latest tick, {local_time(report.goes_on_from, zone)}"
        if report.goes_on_from
        else "starts afresh: flows go live at the first tick, nobody is on their way yet"
    )
    facts = [
        f"{local_time(report.begin, zone)} to {local_time(report.end, zone)}",
        f"{counted(report.ticks, 'tick')}, every {report.every}",
        counted(report.customers, "customer"),
        f"playbooks {report.release[:12]}",
        begun,
    ]
    if report.assumed:
        shares = ", ".join(f"{name} {share}" for name, share in report.assumed.items())
        facts.append(f"assumed of each message: {shares} (seed {report.seed})")
    facts.append("nothing is kept, nothing is sent")
    for line in page.wrap(DOT.join(facts), indent=0):
        yield page.paint(line, "dim")


def _title(title: str, more: str, page: Page) -> Iterator[str]:
    """Yield a title and what is to be known of it, on one line if there is room."""
    if len(title) + 2 + len(more) <= page.width:
        yield page.paint(title, "bold") + page.paint(f"  {more}", "dim")
        return
    yield page.paint(title, "bold")
    yield from (page.paint(line, "dim") for line in page.wrap(more))


# --- volumes --------------------------------------------------------------------------


def _volumes(report: SpanReport, page: Page, zone: ZoneInfo) -> Iterator[str]:
    yield ""
    if not report.volumes:
        yield page.paint("Messages", "bold") + "  none"
        return
    names = [f"{one.flow} {one.channel}" for one in report.volumes]
    lead = min(LONGEST_NAME, max(len("all flows"), *map(len, names)))
    totals = max(len("total"), len(number(report.sends)))
    room = page.width - 2 - lead - 2 - totals - 2
    found = grid(report, zone, most=room)
    per = {1: "day", 7: "week"}.get(found.days, f"{found.days // 7} weeks")
    yield page.paint(f"Messages per {per}", "bold")
    if len(found.begins) * NUMBER_COLUMNS <= room:
        yield from _in_numbers(found, page)
        return
    width = 2 if len(found.begins) * 2 <= room else 1
    most = max(count for row in found.rows.values() for count in row)
    header = f"  {' ' * lead}  {'total':>{totals}}  {_months(found, width)}".rstrip()
    yield page.paint(header, "dim")
    for key, row in _with_total(found).items():
        strip = "".join(_shade(count, most) * width for count in row)
        name = padded(fitted(printable(" ".join(key)), lead), lead)
        yield f"  {name}  {number(sum(row)):>{totals}}  {page.paint(strip, 'cyan')}"
    yield page.paint(f"  {_legend(most)}", "dim")
    yield from _peaks(found, page)


def _with_total(found: Grid) -> dict[Row, Sequence[int]]:
    rows: dict[Row, Sequence[int]] = dict(found.rows)
    return {**rows, ("all flows", ""): found.total()} if len(rows) > 1 else rows


def _in_numbers(found: Grid, page: Page) -> Iterator[str]:
    header = ["", "total", *(f"{day:%a} {day.day} {day:%b}" if found.days == 1 else
                             f"{day.day} {day:%b}" for day in found.begins)]  # fmt: skip
    rows = [
        [
            " ".join(key).strip(),
            number(sum(row)),
            *(number(count) if count else EMPTY for count in row),
        ]
        for key, row in _with_total(found).items()
    ]
    yield from page.table(rows, header=header, right=range(1, len(header)))


def _shade(count: int, most: int) -> str:
    """Return a cell: a dot for nothing, darker by quarters of the greatest of one row."""
    if not count:
        return EMPTY
    reached = sum(count > high for high in _bounds(most)[1:])
    return SHADES[min(reached, len(SHADES) - 1)]


def _bounds(most: int) -> list[int]:
    """Return 0 and the greatest count of each shade."""
    return [most * at // len(SHADES) for at in range(len(SHADES) + 1)]


def _legend(most: int) -> str:
    bounds = _bounds(most)
    parts = [f"{EMPTY} none"]
    for shade, low, high in zip(SHADES, bounds, bounds[1:], strict=False):
        if shade == SHADES[-1]:
            parts.append(f"{shade} {number(low + 1)} or more")
        elif high > low:
            shown = number(high) if high == low + 1 else f"{number(low + 1)}-{number(high)}"
            parts.append(f"{shade} {shown}")
    return "  ".join(parts)


def _months(found: Grid, width: int) -> str:
    """Return the months above the cells, each where the first stretch lies mostly in it."""
    middles = [day + timedelta(days=found.days // 2) for day in found.begins]
    line = ""
    for at, day in enumerate(middles):
        is_new = not at or day.month != middles[at - 1].month
        if is_new and len(line) <= at * width and at * width + 3 <= len(middles) * width:
            line = f"{line:<{at * width}}{day:%b} "
    return line.rstrip()


def _peaks(found: Grid, page: Page) -> Iterator[str]:
    """Yield the busiest stretch in words: shades alone say too little."""
    total = found.total()
    peak = max(range(len(total)), key=lambda at: (total[at], -at))
    begin = found.begins[peak]
    unit = {1: "day", 7: "week, from"}.get(found.days, f"{found.days // 7} weeks, from")
    parts = ", ".join(
        f"{' '.join(key)} {number(row[peak])}" for key, row in found.rows.items() if row[peak]
    )
    text = f"busiest {unit} {begin.day} {begin:%B %Y}: {counted(total[peak], 'message')} ({parts})"
    yield from page.wrap(text, hang=2)


# --- pressure, flows, caps ------------------------------------------------------------


def _pressure(report: SpanReport, page: Page) -> Iterator[str]:
    pressure = report.pressure
    if not pressure.customers:
        return
    yield ""
    whom = f"of {counted(pressure.customers, 'customer')} who get any, from all flows"
    yield from _title("Messages per customer", whom, page)
    rows = [
        (name, number(spread.p50), number(spread.p95), number(spread.max))
        for name, spread in (
            ("in their busiest week", pressure.busiest_week),
            ("in the whole span", pressure.whole_span),
        )
    ]
    yield from page.table(rows, header=("", "p50", "p95", "max"), right=(1, 2, 3))


def _flows(report: SpanReport, page: Page, zone: ZoneInfo) -> Iterator[str]:
    for name, flow in report.flows.items():
        if name in idle(report):
            continue
        yield ""
        facts = [f"{number(flow.entered)} enter", counted(flow.sends, "message")]
        facts += [counted(flow.webhooks, "webhook")] if flow.webhooks else []
        facts += [f"{number(count)} {kind}" for kind, count in flow.effects.items()]
        yield f"{page.paint(printable(name), 'bold')}  {DOT.join(facts)}"
        for title, counts, words in _reasons(flow):
            parts = [
                f"{number(count)} {label(words, code)}"
                for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
                if count
            ]
            if parts:
                yield from part_lines(title, parts, page)


def _reasons(flow: FlowSpan) -> list[tuple[str, Mapping[str, int], Labels]]:
    return [
        ("held", flow.held, GATE),
        ("suppressed", flow.suppressed, GATE),
        ("expired", flow.expired, GATE),
        ("waiting", {"still held at the end": flow.still_held}, {}),
        ("leave", flow.exited, EXIT),
        ("not in", flow.left_out, ENTRY),
    ]


def _caps(report: SpanReport, page: Page) -> Iterator[str]:
    pairs = taken(report)
    if not pairs:
        return
    yield ""
    what = "held by a frequency cap after a message of …"
    yield from _title("What caps and priority took", what, page)
    rows = [
        (one.loser, "after", "its own" if one.winner == one.loser else one.winner,
         number(one.holds), _fate(report.flows[one.loser]))
        for one in pairs[:MANY_PAIRS]
    ]  # fmt: skip
    yield from page.table(
        rows, header=("flow", "", "", "held", "of all it held, expired"), right=(3, 4)
    )
    if len(pairs) > MANY_PAIRS:
        yield f"  and {counted(len(pairs) - MANY_PAIRS, 'other pair')}; -o json has all"


def _fate(flow: FlowSpan) -> str:
    expired = flow.expired.get("frequency", 0)
    return f"{number(expired)} of {number(flow.held.get('frequency', 0))}"


def _warnings(report: SpanReport, page: Page, zone: ZoneInfo) -> Iterator[str]:
    texts = [
        f"{name} is starved: {number(flow.sends)} sent, "
        f"{number(sum(flow.expired.values()))} expired, {number(flow.still_held)} still held"
        for name, flow in report.flows.items()
        if name in starved(report)
    ]
    tripped = {name: flow.tripped_at for name, flow in report.flows.items() if flow.tripped_at}
    if report.project_tripped_at:
        tripped["the project"] = report.project_tripped_at
    texts += [
        f"the volume breaker of {name} tripped on {local_time(at, zone)}: nobody resumes it "
        "here, so its messages are held from then on"
        for name, at in tripped.items()
    ]
    if nobody := idle(report):
        texts.append(f"nobody enters {', '.join(nobody)}")
    if texts:
        yield ""
    for text in texts:
        for line in page.wrap(f"! {text}", hang=2):
            yield page.paint(line, "yellow")


def _samples(
    samples: Sequence[DecisionLine], telling: Telling, page: Page, zone: ZoneInfo
) -> Iterator[str]:
    if not samples:
        return
    yield ""
    yield page.paint("First messages", "bold")
    for line in samples:
        sent = decision_object(line, telling)
        local = line.at.astimezone(zone)
        heading = f"{local:%Y-%m-%d %H:%M}  {line.flow} / {line.message}{DOT}{line.customer}"
        yield from page.wrap(f"{heading}{DOT}{sent['channel']} to {sent['to'] or '?'}", hang=4)
        said = line.error.message if line.error else line.subject
        if said:
            yield from (
                page.paint(text, "red" if line.error else "cyan")
                for text in page.table([(said,)], indent=6)
            )
