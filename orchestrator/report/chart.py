"""The messages of a simulated span as stacked bars: SVG in a page of HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from html import escape
from zoneinfo import ZoneInfo

from orchestrator.counting import number
from orchestrator.records.spans import SpanReport
from orchestrator.report.spans import Grid, by_flow, grid

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 1000, 320, 56, 28, 8
"""Of the chart, in its own units; the frame is what is left of them."""
MOST_BARS = 800
LINES = 4
"""Horizontal lines of the chart, the base line apart."""
COLORS = (
    ("#0b6fb8", "#58b4f0"), ("#b75300", "#ffa14d"), ("#00785a", "#3ecfa4"), ("#a13a7f", "#f09ad0"),
    ("#6a5a00", "#e6cf3a"), ("#5847b8", "#aaa0ff"), ("#8a1f1f", "#ff8f8f"), ("#4c5a66", "#b6c3cf"),
)  # fmt: skip
"""(on white, on black) of each flow in turn; each has a contrast of 4.5 to its ground."""


def chart(report: SpanReport, zone: ZoneInfo) -> Iterator[str]:
    """Yield the chart and its legend; bars are of the zone's days."""
    found = grid(report, zone, most=MOST_BARS)
    per = "day" if found.days == 1 else f"{found.days} days"
    yield f"<h2>Messages per {per}</h2>"
    if not report.volumes:
        yield "<p>None.</p>"
        return
    layers = _layers(found)
    most = _round_up(max(found.total()))
    ranked = by_flow(report.volumes)
    said = "; ".join(f"{name} {number(count)}" for name, count in ranked.most_common())
    peak = max(range(len(found.begins)), key=lambda at: (found.total()[at], -at))
    description = (
        f"Stacked bars, one per {per}. Messages in all: {said}. "
        f"Most on {written(found.begins[peak])}: {number(found.total()[peak])}."
    )
    yield "<figure>"
    yield (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="chart-title chart-text">'
    )
    yield f'<title id="chart-title">Messages per {per} by flow</title>'
    yield f'<desc id="chart-text">{escape(description)}</desc>'
    yield from _axes(found, most)
    base = [0] * len(found.begins)
    for at, (_, counts) in enumerate(layers.items()):
        yield f'<path fill="var(--c{at % len(COLORS)})" d="{_bars(base, counts, most)}"/>'
        base = [low + count for low, count in zip(base, counts, strict=True)]
    yield "</svg>"
    yield f'<figcaption><p class="faint">{escape(description)}</p>'
    items = (
        f'<li><i style="background:var(--c{at % len(COLORS)})"></i>{escape(name)} '
        f"{number(sum(counts))}</li>"
        for at, (name, counts) in enumerate(layers.items())
    )
    yield f'<ul class="legend">{"".join(items)}</ul></figcaption></figure>'


def _layers(found: Grid) -> Mapping[str, Sequence[int]]:
    """Return each flow's messages per bar; of many flows the smallest are one layer."""
    sums: dict[str, list[int]] = {}
    for (flow, _), counts in found.rows.items():
        old = sums.get(flow, [0] * len(counts))
        sums[flow] = [one + more for one, more in zip(old, counts, strict=True)]
    if len(sums) <= len(COLORS):
        return sums
    ranked = sorted(sums, key=lambda name: (-sum(sums[name]), name))
    kept, rest = ranked[: len(COLORS) - 1], ranked[len(COLORS) - 1 :]
    others = [sum(column) for column in zip(*(sums[name] for name in rest), strict=True)]
    return {**{name: sums[name] for name in kept}, f"{len(rest)} other flows": others}


def _bars(base: Sequence[int], counts: Sequence[int], most: int) -> str:
    """Return the path of one layer's bars, each on top of what lies below it."""
    step = (WIDTH - LEFT) / len(counts)
    gap = step * 0.15
    scale = (HEIGHT - BOTTOM - TOP) / most
    return "".join(
        f"M{LEFT + at * step:.1f} {HEIGHT - BOTTOM - low * scale:.1f}"
        f"v{-count * scale:.1f}h{step - gap:.1f}v{count * scale:.1f}z"
        for at, (low, count) in enumerate(zip(base, counts, strict=True))
        if count
    )


def _round_up(most: int) -> int:
    """Return the next number that divides well into the lines of the chart."""
    step = 1
    while step * LINES < most:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step * LINES


def _axes(found: Grid, most: int) -> Iterator[str]:
    """Yield the lines and their numbers, and the months or days below."""
    frame = HEIGHT - BOTTOM - TOP
    for at in range(LINES + 1):
        y = HEIGHT - BOTTOM - frame * at / LINES
        yield f'<path stroke="var(--line)" d="M{LEFT} {y:.1f}H{WIDTH}"/>'
        yield (
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{number(most * at // LINES)}</text>"
        )
    step, last = (WIDTH - LEFT) / len(found.begins), -1000.0
    for at, day in enumerate(found.begins):
        x = LEFT + at * step
        is_new = not at or day.month != found.begins[at - 1].month
        if (is_new or len(found.begins) < 32) and x - last >= 56 and x <= WIDTH - 40:
            last = x
            text = f"{day:%b %y}" if is_new and len(found.begins) >= 32 else f"{day.day} {day:%b}"
            yield f'<text x="{x:.1f}" y="{HEIGHT - 8}">{text}</text>'


def written(day: date) -> str:
    """Return a day as people write it."""
    return f"{day.day} {day:%B %Y}"
