"""What one wake does: elects, asks, ticks, hands over, keeps running whatever fails."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from harness import Shop, at
from sqlalchemy import Engine, update
from waking import Clockwork, let_the_lease_run_out, resume_all, sent, ticks

from orchestrator import tables
from orchestrator.database import open_engine
from orchestrator.pausing import EVERYTHING, pause
from orchestrator.playbook.refusal import PlaybookErrors
from orchestrator.scheduler.outcome import Outcome

HELLO = """
flow: hello
status: live
starts_when: {did: signed_up}
steps:
  - {send: welcome}
  - {wait: 3 days}
  - {send: again}
"""
BROKEN = "flow: hello\nstatus: live\nstarts_when: {did: signed_up}\nsteps: [{sned: welcome}]\n"


@pytest.fixture
def clockwork(shop: Shop) -> Clockwork:
    shop.write(hello=HELLO).customers(anna={}, ben={})
    return Clockwork(shop, "2026-03-02T09:00")


def test_the_first_wake_takes_office_loads_and_ticks(clockwork: Clockwork) -> None:
    assert clockwork.wake() is Outcome.TICKED
    assert clockwork.events()[:3] == ["elected", "playbooks_loaded", "tick"]
    assert ticks(clockwork.shop) == [at("2026-03-02T09:00")]


def test_a_customer_walks_through_days_by_the_clock(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    for _ in range(24 * 4):
        clockwork.after(hours=1)

    assert sent(clockwork.shop) == [
        ("anna", "welcome", at("2026-03-02T10:00")),
        ("anna", "again", at("2026-03-05T10:00")),
    ]
    assert len(list((clockwork.shop.folder / "outbox").glob("*.json"))) == 2


def test_a_tick_is_told_in_numbers_and_ids(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    clockwork.after(minutes=1)

    facts = clockwork.last("tick").facts
    assert (facts["entered"], facts["sends"], facts["term"]) == (1, 1, 1)
    assert facts["covers_seconds"] == 60
    assert facts["flows"] == {"hello": {"entered": 1, "sends": 1}}
    assert "@" not in str([one.facts for one in clockwork.told])


def test_what_a_tick_remarks_is_told_as_long_as_it_is_news(clockwork: Clockwork) -> None:
    clockwork.shop.customers(cleo={"timezone": "WIB"})
    clockwork.wake()
    assert "'WIB'" in clockwork.last("note").says
    clockwork.events()

    clockwork.after(minutes=1)
    assert clockwork.events() == ["tick"]


def test_a_second_scheduler_stands_by_and_says_so_once(clockwork: Clockwork) -> None:
    other = Clockwork(clockwork.shop, "2026-03-02T09:00")
    clockwork.wake()

    assert other.wake() is Outcome.STANDS_BY
    assert other.after(minutes=1) is Outcome.STANDS_BY
    assert other.events() == ["stands_by"]


def test_who_stands_by_goes_on_where_the_other_ended(clockwork: Clockwork) -> None:
    other = Clockwork(clockwork.shop, "2026-03-02T09:00")
    clockwork.wake()
    other.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    let_the_lease_run_out(clockwork.shop)

    assert other.after(minutes=1) is Outcome.TICKED
    assert clockwork.after(minutes=2) is Outcome.STANDS_BY
    assert [one[0] for one in sent(clockwork.shop)] == ["anna"]
    assert other.last("tick").facts["term"] == 2


def test_who_leaves_frees_the_office(clockwork: Clockwork) -> None:
    other = Clockwork(clockwork.shop, "2026-03-02T09:01")
    clockwork.wake()
    clockwork.planner.leave()

    assert other.wake() is Outcome.TICKED


# --- the clock ----------------------------------------------------------------------------


def test_a_clock_set_back_idles_until_it_has_caught_up(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.events()

    assert clockwork.after(days=-1) is Outcome.UP_TO_DATE
    assert clockwork.after(minutes=1) is Outcome.UP_TO_DATE
    assert clockwork.events() == ["clock_is_behind"]
    assert clockwork.wake("2026-03-02T09:01") is Outcome.TICKED
    assert ticks(clockwork.shop) == [at("2026-03-02T09:00"), at("2026-03-02T09:01")]


def test_a_clock_set_forward_by_a_day_is_asked_about(clockwork: Clockwork) -> None:
    clockwork.wake()

    assert clockwork.after(days=1) is Outcome.ASKS
    assert len(ticks(clockwork.shop)) == 1


def test_clocks_that_differ_by_seconds_are_warned_of(clockwork: Clockwork) -> None:
    clockwork.planner.database_clock = lambda connection: at("2026-03-02T09:00:06")

    assert clockwork.wake() is Outcome.TICKED
    assert clockwork.last("clock_is_off").level == "warning"


def test_clocks_that_differ_by_a_minute_stop_the_planning(clockwork: Clockwork) -> None:
    clockwork.planner.database_clock = lambda connection: at("2026-03-02T09:01:01")

    assert clockwork.wake() is Outcome.CLOCK_IS_OFF
    assert clockwork.wake() is Outcome.CLOCK_IS_OFF
    assert clockwork.events() == ["elected", "clock_is_off"]
    assert ticks(clockwork.shop) == []


# --- gaps, backups, clones ----------------------------------------------------------------


def test_a_short_gap_is_one_tick(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:10")

    assert clockwork.after(minutes=59) is Outcome.TICKED
    assert len(ticks(clockwork.shop)) == 2


def test_36_hours_of_downtime_start_paused_with_counts(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:10")
    later = Clockwork(clockwork.shop, "2026-03-03T21:00")
    let_the_lease_run_out(clockwork.shop)

    assert later.wake() is Outcome.ASKS
    facts = later.last("starts_paused").facts
    assert (facts["why"], facts["sends"], facts["expired"]) == ("gap", 1, 0)
    assert later.after(minutes=1) is Outcome.ASKS
    assert sent(clockwork.shop) == []


def test_after_resume_one_tick_covers_the_gap(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:10")
    clockwork.after(hours=36)
    resume_all(clockwork.shop)

    assert clockwork.after(minutes=1) is Outcome.TICKED
    assert len(ticks(clockwork.shop)) == 2
    assert [one[:2] for one in sent(clockwork.shop)] == [("anna", "welcome")]
    assert clockwork.after(minutes=1) is Outcome.TICKED


def test_a_resume_counts_for_a_scheduler_started_afterwards(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.after(hours=36)
    resume_all(clockwork.shop)
    clockwork.planner.leave()

    assert Clockwork(clockwork.shop, clockwork.now).wake() is Outcome.TICKED


def test_accepting_beforehand_goes_on_at_once_and_only_once(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.after(hours=36)
    clockwork.planner.leave()
    later = Clockwork(clockwork.shop, clockwork.now, accepts=True)

    assert later.wake() is Outcome.TICKED
    assert later.after(hours=36) is Outcome.ASKS


def test_accepting_does_not_lift_what_a_person_paused(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.planner.leave()
    pause(clockwork.shop.engine, EVERYTHING, "campaign stop")
    clockwork.shop.event("anna", "signed_up", "2026-03-04T08:00")
    later = Clockwork(clockwork.shop, "2026-03-04T09:00", accepts=True)

    assert later.wake() is Outcome.TICKED
    assert "campaign stop" in later.last("paused").says
    assert sent(clockwork.shop) == []


def test_what_a_person_paused_is_asked_about_too(clockwork: Clockwork) -> None:
    clockwork.wake()
    pause(clockwork.shop.engine, EVERYTHING, "campaign stop")

    assert clockwork.after(hours=36) is Outcome.ASKS
    assert clockwork.after(minutes=1) is Outcome.ASKS
    resume_all(clockwork.shop)
    assert clockwork.after(minutes=1) is Outcome.TICKED


def test_a_restored_backup_starts_paused(sqlite_engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(sqlite_engine, folder)
    shop.write(hello=HELLO).customers(anna={})
    clockwork = Clockwork(shop, "2026-03-02T09:00")
    clockwork.wake()
    clockwork.planner.leave()
    place, backup = Path(str(shop.engine.url.database)), tmp_path / "backup.db"
    shutil.copyfile(place, backup)
    clockwork.after(minutes=1)
    shop.event("anna", "signed_up", "2026-03-02T09:01:30")
    clockwork.after(minutes=1)
    clockwork.planner.leave()
    shutil.copyfile(backup, place)
    shop.engine = open_engine(f"sqlite:///{place}")
    again = Clockwork(shop, "2026-03-02T09:03")

    assert again.wake() is Outcome.ASKS
    assert again.last("starts_paused").facts["why"] == "restored"
    assert again.after(minutes=1) is Outcome.ASKS
    resume_all(shop)
    assert again.after(minutes=1) is Outcome.TICKED
    assert again.after(minutes=1) is Outcome.TICKED


def test_another_database_in_the_same_place_starts_paused(clockwork: Clockwork) -> None:
    clockwork.wake()
    note = json.loads(clockwork.planner.note.read_text(encoding="utf-8"))
    clockwork.planner.note.write_text(json.dumps({**note, "instance": "another"}), encoding="utf-8")

    assert clockwork.after(minutes=1) is Outcome.ASKS
    assert clockwork.last("starts_paused").facts["why"] == "cloned"


def test_a_database_that_never_ticked_is_never_asked_about(clockwork: Clockwork) -> None:
    text = '{"instance": "another", "last_tick": "2026-04-01T00:00:00+00:00", "ticks": 99}'
    clockwork.planner.note.parent.mkdir(exist_ok=True)
    clockwork.planner.note.write_text(text, encoding="utf-8")

    assert clockwork.wake() is Outcome.TICKED


def test_a_note_that_cannot_be_read_is_written_anew(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.planner.note.write_text("{", encoding="utf-8")

    assert clockwork.after(minutes=1) is Outcome.TICKED
    assert json.loads(clockwork.planner.note.read_text(encoding="utf-8"))["ticks"] == 2


# --- pauses -------------------------------------------------------------------------------


def test_a_pause_of_everything_lets_nothing_out_until_it_is_lifted(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    clockwork.after(minutes=1)
    with clockwork.shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(state="queued"))
    shutil.rmtree(clockwork.shop.folder / "outbox")
    pause(clockwork.shop.engine, EVERYTHING, None)
    clockwork.shop.event("ben", "signed_up", "2026-03-02T09:01:30")
    clockwork.events()

    assert clockwork.after(minutes=1) is Outcome.TICKED
    assert clockwork.after(minutes=1) is Outcome.TICKED
    assert clockwork.events().count("paused") == 1
    assert not (clockwork.shop.folder / "outbox").exists()
    resume_all(clockwork.shop)
    assert clockwork.after(minutes=1) is Outcome.TICKED
    assert [one[0] for one in sent(clockwork.shop)] == ["anna", "ben"]
    assert len(list((clockwork.shop.folder / "outbox").glob("*.json"))) == 2


def test_a_flow_that_is_paused_stands_still_and_the_rest_goes_on(clockwork: Clockwork) -> None:
    clockwork.shop.write(other=HELLO.replace("flow: hello", "flow: other"))
    clockwork.wake()
    pause(clockwork.shop.engine, "hello", None)
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    clockwork.after(minutes=1)

    assert {one[0] for one in clockwork.shop.runs()} == {"other"}


# --- files --------------------------------------------------------------------------------


def test_files_that_change_decide_from_the_next_tick(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.events()
    clockwork.shop.write(hello=HELLO.replace("again", "once_more"))

    clockwork.after(minutes=1)
    assert clockwork.events() == ["playbooks_loaded", "tick"]


def test_files_that_do_not_load_leave_the_last_good_ones_in_force(clockwork: Clockwork) -> None:
    clockwork.wake()
    (clockwork.shop.folder / "playbooks" / "hello.yaml").write_text(BROKEN, encoding="utf-8")
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")

    assert clockwork.after(minutes=1) is Outcome.TICKED
    refused = clockwork.last("playbooks_refused")
    assert (refused.level, refused.facts["errors"]) == ("error", 1)
    assert "playbooks/hello.yaml:4" in refused.says
    assert [one[1] for one in sent(clockwork.shop)] == ["welcome"]
    assert clockwork.last("tick").facts["files"] == "refused"
    clockwork.events()
    clockwork.after(minutes=1)
    assert clockwork.events() == ["tick"]
    clockwork.shop.write(hello=HELLO)
    clockwork.after(minutes=1)
    assert clockwork.events() == ["playbooks_loaded", "tick"]


def test_a_scheduler_that_starts_with_broken_files_takes_the_last_release(
    clockwork: Clockwork,
) -> None:
    clockwork.wake()
    clockwork.planner.leave()
    (clockwork.shop.folder / "playbooks" / "hello.yaml").write_text(BROKEN, encoding="utf-8")
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    later = Clockwork(clockwork.shop, "2026-03-02T09:01")

    assert later.wake() is Outcome.TICKED
    assert [one[1] for one in sent(clockwork.shop)] == ["welcome"]
    later.events()
    shutil.rmtree(clockwork.shop.folder / "playbooks")
    later.after(minutes=1)
    assert later.events() == ["playbooks_refused", "tick"]


def test_without_any_release_broken_files_are_an_error(clockwork: Clockwork) -> None:
    (clockwork.shop.folder / "playbooks" / "hello.yaml").write_text(BROKEN, encoding="utf-8")

    with pytest.raises(PlaybookErrors):
        clockwork.wake()


# --- failures -----------------------------------------------------------------------------


def test_a_database_that_fails_costs_the_office_and_nothing_else(clockwork: Clockwork) -> None:
    clockwork.wake()
    clockwork.shop.event("anna", "signed_up", "2026-03-02T09:00:30")
    clockwork.shop.import_facts()
    good = clockwork.planner.engine
    bad = open_engine("postgresql://nobody@127.0.0.1:1/none")
    clockwork.planner.engine = clockwork.planner.candidate.engine = bad
    clockwork.now = at("2026-03-02T09:01")

    assert clockwork.planner.wake() is Outcome.FAILED
    assert clockwork.planner.wake() is Outcome.FAILED
    assert clockwork.planner.failures == 2
    assert clockwork.planner.candidate.term is None
    assert clockwork.last("failed").level == "error"
    clockwork.planner.engine = clockwork.planner.candidate.engine = good
    assert clockwork.wake() is Outcome.TICKED
    assert "recovered" in clockwork.events()
    assert [one[0] for one in sent(clockwork.shop)] == ["anna"]
