"""One tick as a person reads it: each flow, its refusals in words, samples, totals, what next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.channels.spec import WEBHOOK
from orchestrator.counting import counted, number
from orchestrator.records.ticks import DecisionLine, FlowReport, TickReport
from orchestrator.report.attached import with_size
from orchestrator.report.contracts import Telling, decision_object
from orchestrator.report.layout import Page, printable
from orchestrator.report.words import ENTRY, EXIT, GATE, WITHHELD, Labels, label, sentence

BAR_COLUMNS = 20
DOT = " · "
IDLE = FlowReport()
"""A flow in which nothing happened."""


@dataclass
class Seen:
    """What the person's page keeps of the stream of decisions: some samples and tallies."""

    keep: int
    """So many samples at most, each message and channel once before any comes again."""
    of_a_kind: int = 2
    """So many samples at most of one message on one channel."""
    samples: list[DecisionLine] = field(default_factory=list)
    failures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(flow, message, sentence) → sends that failed to render."""
    refused: dict[str, DecisionLine] = field(default_factory=dict)
    """Flow → the first decision in it that was no send."""
    sends: int = 0
    lines: int = 0
    cut: bool = False
    """Whether ``--limit`` ended the stream."""
    _kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    _spare: list[DecisionLine] = field(default_factory=list)

    def take(self, line: DecisionLine) -> None:
        """Look at one decision."""
        self.lines += 1
        if line.decision != "send":
            self.refused.setdefault(line.flow, line)
            return
        if line.channel == WEBHOOK:
            return  # a call: nothing is rendered, nobody reads it
        self.sends += 1
        if line.error is not None:
            self.failures[line.flow, line.message, line.error.message] += 1
            return
        kind = (line.message, line.channel or "")
        if not self._kinds[kind] and len(self.samples) < self.keep:
            self._kinds[kind] += 1
            self.samples.append(line)
        elif self._kinds[kind] < self.of_a_kind and len(self._spare) < self.keep:
            self._kinds[kind] += 1
            self._spare.append(line)

    def shown(self) -> list[DecisionLine]:
        """Return the samples: one per message and channel first, then more of the same."""
        chosen = self.samples + self._spare[: max(0, self.keep - len(self.samples))]
        return sorted(chosen, key=lambda line: (line.flow, line.message, line.customer))


def preview(
    report: TickReport, seen: Seen, telling: Telling, page: Page, zone: ZoneInfo
) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        report: the tick, of the flows to show only.
        seen: every decision was shown to it.
        zone: the project's, in which times are printed.
    """
    yield from _headline(report, page, zone)
    yield from _stages(report, page)
    for name, flow in report.flows.items():
        if not _is_idle(flow):
            yield from _flow(name, flow, page)
    yield from _idle([name for name, flow in report.flows.items() if _is_idle(flow)], page)
    yield from _paused(report.paused, page)
    yield from _failures(seen, page)
    yield from _samples(seen, telling, page)
    yield from _words(report, page)
    yield from _totals(report, seen, page)


def _headline(report: TickReport, page: Page, zone: ZoneInfo) -> Iterator[str]:
    what = "Preview of" if report.dry_run else "Run of"
    when = local_time(report.now, zone)
    yield page.paint(f"{what} {when}", "bold")
    facts = [counted(report.customers, "customer"), f"playbooks {report.release[:12]}"]
    facts.append("nothing is kept, nothing is sent" if report.dry_run else "kept")
    for line in page.wrap(DOT.join(facts), indent=0):
        yield page.paint(line, "dim")


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Return ``Mon 2 March 2026 10:00 Europe/Vienna``; seconds only if there are any."""
    local = instant.astimezone(zone)
    clock = f"{local:%H:%M:%S}" if local.second or local.microsecond else f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%B} {local.year} {clock} {zone.key}"


def _stages(report: TickReport, page: Page) -> Iterator[str]:
    everybody = sum(report.stages.values())
    if not everybody:
        return
    yield ""
    yield page.paint("Stages", "bold")
    rows = [
        (
            name,
            number(count),
            f"{count / everybody:.0%}",
            "▪" * round(BAR_COLUMNS * count / everybody),
        )
        for name, count in report.stages.items()
    ]
    yield from page.table(rows, right=(1, 2))


def _flow(name: str, flow: FlowReport, page: Page) -> Iterator[str]:
    yield ""
    leaving = sum(flow.exited.values())
    facts = [f"{number(flow.entered)} enter", counted(flow.sends, "send")]
    if flow.shadow:
        facts.insert(0, "in shadow")
    if leaving:
        facts.append(f"{number(leaving)} leave")
    yield f"{page.paint(printable(name), 'bold')}  {DOT.join(facts)}"
    if flow.tripped:
        text = f"the volume breaker tripped: all sends are held until clmctl resume {name}"
        yield from (page.paint(line, "warning") for line in page.wrap(f"! {text}"))
    rows = [
        ("sends", _parts(flow.sends_by_channel, {})),
        ("held", _parts(flow.held, GATE)),
        ("suppressed", _parts(flow.suppressed, GATE)),
        ("expired", [number(flow.expired)] if flow.expired else []),
        ("does", _parts(flow.effects, {})),
        ("withheld", _parts(flow.withheld, WITHHELD)),
        ("leave", _parts(flow.exited, EXIT)),
        ("not in", _parts(flow.left_out, ENTRY)),
    ]
    for title, parts in rows:
        yield from part_lines(title, parts, page)


def _is_idle(flow: FlowReport) -> bool:
    return replace(flow, shadow=False) == IDLE


def _paused(paused: Mapping[str, int], page: Page) -> Iterator[str]:
    """Yield which flows are paused, and how many runs stand still."""
    if paused:
        yield ""
    for name, runs in paused.items():
        stand = f"{counted(runs, 'run')} {'stands' if runs == 1 else 'stand'} still"
        text = f"{name} is paused: {stand}" if runs else f"{name} is paused"
        yield from (page.paint(line, "warning") for line in page.wrap(text, indent=0, hang=2))


def _idle(names: Sequence[str], page: Page) -> Iterator[str]:
    if names:
        yield ""
        text = f"Nothing to do in {', '.join(names)}"
        yield from (page.paint(line, "dim") for line in page.wrap(text, indent=0, hang=2))


def _parts(counts: Mapping[str, int], words: Labels) -> list[str]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{number(count)} {label(words, code)}" for code, count in ranked if count]


def part_lines(title: str, parts: Sequence[str], page: Page, *, indent: int = 14) -> Iterator[str]:
    """Yield ``  held        12 frequency cap · 8 quiet hours``, broken between the parts."""
    lead, line = f"  {title}".ljust(indent), ""
    for part in parts:
        longer = f"{line}{DOT}{part}" if line else part
        if line and indent + len(longer) > page.width:
            yield page.paint(lead, "dim") + line
            lead, line = " " * indent, part
        else:
            line = longer
    if line:
        yield page.paint(lead, "dim") + line


def _failures(seen: Seen, page: Page) -> Iterator[str]:
    if not seen.failures:
        return
    yield ""
    yield page.paint("Messages that cannot be rendered", "red")
    for (flow, message, why), count in seen.failures.most_common(5):
        text = f"{counted(count, 'time')}: {flow} / {message}: {why}"
        yield from page.wrap(text, hang=4)
    if len(seen.failures) > 5:
        yield f"  and {counted(len(seen.failures) - 5, 'other reason')}"


def _samples(seen: Seen, telling: Telling, page: Page) -> Iterator[str]:
    shown = seen.shown()
    if not shown:
        return
    yield ""
    title = "Sample" if len(shown) == 1 else "Samples"
    yield page.paint(title, "bold") + page.paint(f"  {len(shown)} of {number(seen.sends)}", "dim")
    for line in shown:
        told = decision_object(line, telling)
        variant = f" ({line.variant})" if line.variant else ""
        to = f"{told['channel']} to {told['to'] or '?'}"
        heading = f"{line.flow} / {line.message}{variant}{DOT}{line.customer}{DOT}{to}"
        yield from page.wrap(heading, hang=4)
        if line.subject:
            yield from (page.paint(text, "cyan") for text in _one_line(line.subject, page))
        for text in _body(line.text, page, whole=telling.rendered):
            yield page.paint(text, "dim")
        for file in telling.attached(line.message, line.channel or ""):
            yield from _one_line(f"Attached: {with_size(file)}", page)


def _one_line(text: str, page: Page) -> list[str]:
    return page.table([(text,)], indent=6)


def _body(text: str | None, page: Page, *, whole: bool) -> Iterator[str]:
    """Yield the first line that says something, or with ``whole`` all of the text."""
    lines = [line.strip() for line in (text or "").strip().splitlines()]
    if whole:
        for line in lines:
            yield from page.wrap(line, indent=6) or [""]
    elif lines:
        yield from _one_line(lines[0], page)


def _words(report: TickReport, page: Page) -> Iterator[str]:
    """Yield what the reasons seen mean, each once."""
    flows = report.flows.values()
    refused = [counts for flow in flows for counts in (flow.held, flow.suppressed)]
    left_out = [flow.left_out for flow in flows]
    rows = [
        (label(words, code), sentence(place, code).replace("`", ""))
        for place, words, counted_by in (("gate", GATE, refused), ("entry", ENTRY, left_out))
        for code in words
        if any(counts.get(code) for counts in counted_by)
    ]
    if not rows:
        return
    yield ""
    yield page.paint("Why not", "bold")
    yield from _definitions(rows, page)


def _definitions(rows: Sequence[tuple[str, str]], page: Page) -> Iterator[str]:
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        first, *others = page.wrap(text, indent=width + 4) or [""]
        yield page.paint(f"  {name:<{width}}  ", "dim") + first.lstrip()
        yield from others


def _totals(report: TickReport, seen: Seen, page: Page) -> Iterator[str]:
    flows = report.flows.values()
    held = sum(sum(flow.held.values()) for flow in flows)
    suppressed = sum(sum(flow.suppressed.values()) for flow in flows)
    expired = sum(flow.expired for flow in flows)
    failed = sum(seen.failures.values())
    parts = [
        f"{number(sum(flow.entered for flow in flows))} enter",
        counted(report.sends, "send"),
        f"{number(held)} held",
        f"{number(suppressed)} suppressed",
    ]
    parts += [f"{number(expired)} expired"] if expired else []
    parts += [f"{number(failed)} failed"] if failed else []
    yield ""
    yield page.paint("Total", "bold")
    yield from part_lines("", parts, page, indent=2)
    if seen.cut:
        yield page.paint(f"  rendered the first {number(seen.lines)} decisions only", "dim")


def next_command(report: TickReport, seen: Seen) -> str:
    """Return the command that a person would want next."""
    if not report.customers:
        return "clmctl import customers FILE, or clmctl demo for a sample shop"
    tripped = next((name for name, flow in report.flows.items() if flow.tripped), None)
    if tripped is not None and not report.dry_run:
        return f"clmctl resume {tripped}"
    if seen.failures:
        (flow, message, _), _count = seen.failures.most_common(1)[0]
        return f"clmctl check, then look at templates/{message}/ of {flow}"
    for line in [*seen.refused.values(), *seen.shown()]:
        return f"clmctl explain {line.customer} --flow {line.flow}"
    missed = any(flow.left_out.get("before_live") for flow in report.flows.values())
    if report.dry_run and missed:
        return "clmctl run --dry-run --as-live-since TIME, to see them take part"
    if report.dry_run:
        return "clmctl ls flows"
    return "clmctl run --dry-run --at TIME, to see what comes next"
