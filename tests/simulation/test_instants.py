from __future__ import annotations

from zoneinfo import ZoneInfo

from harness import at

from orchestrator.language.durations import Duration
from orchestrator.simulation.instants import tick_instants

VIENNA = ZoneInfo("Europe/Vienna")


def test_hours_are_elapsed_time_over_both_edges_of_summer_time() -> None:
    begin = at("2026-03-28T23:00Z")  # midnight in Vienna, of the short day

    short = list(tick_instants(begin, 1, Duration(1, "hour"), VIENNA))
    long = list(tick_instants(at("2026-10-24T22:00Z"), 1, Duration(1, "hour"), VIENNA))

    assert (len(short), len(long)) == (23, 25)
    assert short[-1] == at("2026-03-29T21:00Z")


def test_days_keep_the_clock_time() -> None:
    begin = at("2026-03-27T09:00Z")  # 10:00 in Vienna

    days = list(tick_instants(begin, 4, Duration(1, "day"), VIENNA))

    assert [f"{one.astimezone(VIENNA):%d %H:%M}" for one in days] == [
        "27 10:00", "28 10:00", "29 10:00", "30 10:00",
    ]  # fmt: skip


def test_a_week_has_its_first_tick_at_once() -> None:
    begin = at("2026-01-01T09:30Z")

    assert list(tick_instants(begin, 15, Duration(1, "week"), VIENNA)) == [
        begin, at("2026-01-08T09:30Z"), at("2026-01-15T09:30Z"),
    ]  # fmt: skip
