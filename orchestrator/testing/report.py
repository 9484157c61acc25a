"""What tests found, for people: expected beside actual, then why the engine did so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.counting import counted
from orchestrator.playbook.report import human
from orchestrator.report.layout import Page, fitted, padded, printable, width_of
from orchestrator.report.why import why
from orchestrator.testing.compare import Row, Way, reason_says
from orchestrator.testing.coverage import Coverage
from orchestrator.testing.judge import Cause, Verdict
from orchestrator.testing.play import Stage
from orchestrator.testing.words import expected_text, local_text, seen_text, when_text

GAP = 2


def verdict_lines(verdict: Verdict, texts: dict[str, str], page: Page) -> Iterator[str]:
    """Yield what came of one test: one line if all is as expected, else why not."""
    test = verdict.test
    place = page.paint(f"{test.mark.path}::{test.test}", "dim")
    if verdict.broken:
        yield f"{page.paint('✗', 'red')} {printable(test.test)}  {place}"
        yield ""
        yield from human(verdict.problems, texts)
        return
    mark = page.paint("✓", "green") if verdict.passed else page.paint("✗", "red")
    yield f"{mark} {printable(test.test)}  {place}"
    yield from human(verdict.problems, texts)
    if verdict.stage is None or verdict.passed:
        return
    for way in verdict.ways:
        if way.differs:
            yield ""
            yield from way_lines(way, verdict.stage, page)
    if verdict.cause is not None:
        yield ""
        yield from _cause(verdict.cause, verdict.stage, page)
    yield ""


def updated_line(verdict: Verdict, page: Page) -> str:
    """Return the line of a test that was not as expected, where its expectations are written."""
    test = verdict.test
    place = page.paint(f"{test.mark.path}::{test.test}", "dim")
    return f"{page.paint('≠', 'yellow')} {printable(test.test)}  {place}"


def way_lines(way: Way, stage: Stage, page: Page) -> Iterator[str]:
    """Yield one customer's way, expected and actual side by side."""
    begins = local_text(stage.clock, stage.zone)
    yield f"  {page.paint(printable(way.customer), 'bold')} ({way.mark}; clock {begins})"
    if way.wrong:
        yield from page.wrap(way.wrong, indent=4)
    cells = [_cells(row, stage) for row in way.rows]
    if not cells:
        yield "    nothing happened"
        return
    room = max(20, (page.width - 8) // 2)
    left = min(room, max(8, *(width_of(one) for one, _ in cells)))
    yield page.paint(f"      {padded('expected', left)}{' ' * GAP}actual", "dim")
    for (wanted, seen), row in zip(cells, way.rows, strict=True):
        sign = page.paint("≠", "red") if row.differs else " "
        right = page.width - 6 - left - GAP
        pair = f"{padded(fitted(wanted, left), left)}{' ' * GAP}{fitted(seen, right)}"
        yield f"    {sign} {pair}".rstrip()
        for said in row.differs:
            yield from (page.paint(line, "yellow") for line in page.wrap(f"  {said}", indent=6))


def _cells(row: Row, stage: Stage) -> tuple[str, str]:
    wanted, seen = row.wanted, row.seen
    left = f"{when_text(stage, wanted.at)}: {expected_text(wanted.said)}" if wanted else "–"
    right = f"{when_text(stage, seen.at)}: {seen_text(seen)}" if seen else "–"
    return printable(left), printable(right)


def _cause(cause: Cause, stage: Stage, page: Page) -> Iterator[str]:
    """Yield why the first difference is as it is."""
    who = printable(cause.way.customer)
    row = cause.row
    if row is not None:
        told = when_text(stage, row.first)
        yield page.paint(f"  the first difference is {who}'s, after {told}:", "bold")
        because = row.seen.because if row.seen is not None else None
        if (says := reason_says(because)) is not None:
            yield from page.wrap(f"{because}: {says}", indent=4)
    if cause.explained is not None:
        for line in why(cause.explained, Page(page.width - 2, page.color), stage.zone):
            yield f"  {line}".rstrip()


def coverage_lines(coverage: Coverage, page: Page) -> Iterator[str]:
    """Yield what no test has shown, by flow, segment and stage, each with its place."""
    shown, all = coverage.counts()
    gaps = coverage.gaps()
    of = [counted(len(coverage.flows), "flow")]
    for kind in ("segment", "stage"):
        count = sum(one == kind for one, _ in coverage.units)
        of += [counted(count, kind)] if count else []
    share = f"{100 * shown // all} %" if all else "100 %"
    yield f"coverage: {share} of the steps and of the conditions' two answers, {', '.join(of)}"
    last = None
    for gap in gaps:
        title = gap.name if gap.kind == "flow" else f"{gap.kind} {gap.name}"
        if title != last:
            yield page.paint(f"  {title}", "bold")
            last = title
        yield from page.wrap(f"{gap.mark}  {gap.says}", indent=4, hang=4)


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return the closing line."""
    passed = sum(one.passed for one in verdicts)
    failed = sum(one.failed for one in verdicts)
    broken = sum(one.broken for one in verdicts)
    seconds = sum(one.seconds for one in verdicts)
    parts = [f"{passed} passed"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{broken} could not be played"] if broken else []
    return f"{counted(len(verdicts), 'test')}: {', '.join(parts)}, {seconds:.1f} s"
