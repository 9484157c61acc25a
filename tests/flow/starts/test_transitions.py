"""Starts by entering or leaving a stage or a segment."""

from __future__ import annotations

from harness import Shop

STAGES = """
stages:
  - {stage: buyer, when: {did: buy, in_last: 10 days}}
  - {stage: lead, otherwise: true}
"""
SEGMENTS = "segments: {browsing: {did: view, in_last: 1 day}}"
NOON, NEXT, LATER = "2026-03-02T12:00:00", "2026-03-03T11:00:00", "2026-03-14T12:00:00"


def greet(starts_when: str) -> str:
    return f"flow: greet\nstatus: live\nstarts_when: {starts_when}\nsteps: [{{send: hello}}]\n"


def test_leaving_a_stage_starts_who_was_in_it(shop: Shop) -> None:
    shop.write(stages=STAGES, greet=greet("{leaves_stage: buyer}")).customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-03-02")

    assert shop.told(NOON) == []
    assert shop.told(LATER) == [("ana", "send", "email")]


def test_leaving_a_segment_starts_who_was_in_it(shop: Shop) -> None:
    shop.write(segments=SEGMENTS, greet=greet("{leaves_segment: browsing}"))
    shop.customers(ana={}, ben={}).event("ana", "view", NOON)

    assert shop.told(NOON) == []
    assert shop.told(NEXT) == []
    assert shop.told("2026-03-03T12:00:00") == [("ana", "send", "email")]
