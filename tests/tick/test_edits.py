"""What an edit does to the runs inside a flow: every row of docs/edits.md."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from edited_flow import KEEPS, LATER, NEXT, STEPS, begun, flow, place, sent, told, without
from harness import Shop, at
from sqlalchemy import select

from orchestrator import tables
from orchestrator.tick.run import TickPlan, dry_run

# --- a removed step -------------------------------------------------------------------


@pytest.mark.parametrize("choice", KEEPS)
def test_a_run_whose_step_is_removed_goes_on_with_the_next_that_is_left(
    shop: Shop, choice: str
) -> None:
    begun(shop, choice).write(care=flow(choice, without(STEPS, "id: pause", "send: two")))
    assert told(shop, NEXT) == []
    assert place(shop) == ("rest", None, None)
    shop.tick(LATER)
    assert sent(shop) == ["one", "three"]


@pytest.mark.parametrize("choice", KEEPS)
def test_a_run_is_complete_when_nothing_after_its_removed_step_is_left(
    shop: Shop, choice: str
) -> None:
    begun(shop, choice).write(care=flow(choice, "steps: [{send: one}]\n"))
    assert told(shop, NEXT) == []
    assert place(shop) == (None, "completed", None)


def test_a_run_of_a_flow_that_restarts_goes_back_to_the_first_step_and_is_sent_nothing_twice(
    shop: Shop,
) -> None:
    begun(shop, "restart").write(care=flow("restart", without(STEPS, "id: pause")))
    assert told(shop, NEXT) == [("two", "send", None, None)]
    assert place(shop) == ("rest", None, None)
    shop.tick(LATER)
    assert sent(shop) == ["one", "two", "three"]


def test_a_pinned_run_does_the_step_that_the_flow_no_longer_has(shop: Shop) -> None:
    begun(shop, "pin").write(care=flow("pin", without(STEPS, "id: pause", "send: two")))
    assert told(shop, NEXT) == []
    assert place(shop) == ("pause", None, None)
    shop.tick("2026-03-09T09:00")
    shop.tick("2026-03-16T09:00")
    assert sent(shop) == ["one", "two", "three"]


HELD = """
steps:
  - {send: one}
  - {id: evening, send: two, send_between: 20:00-21:00}
  - {id: rest, wait: 7 days}
  - {send: three}
"""


@pytest.mark.parametrize("choice", KEEPS)
def test_the_hold_of_a_removed_send_is_closed(shop: Shop, choice: str) -> None:
    begun(shop, choice, HELD).write(care=flow(choice, without(HELD, "evening")))
    assert told(shop, NEXT) == [("evening", "suppress", "run_ended", "step removed")]
    assert place(shop) == ("rest", None, None)


def test_a_held_send_is_closed_when_the_flow_begins_anew_and_tried_when_it_is_reached(
    shop: Shop,
) -> None:
    changed = HELD.replace("7 days", "8 days")
    begun(shop, "restart", HELD).write(care=flow("restart", changed))
    assert sorted(told(shop, NEXT), key=str) == [
        ("evening", "hold", "send_between", None),
        ("evening", "suppress", "run_ended", "begun anew"),
    ]
    assert [one[1] for one in told(shop, "2026-03-02T19:30")] == ["send"]
    assert sent(shop) == ["one", "evening"]


def test_a_pinned_run_keeps_its_held_send(shop: Shop) -> None:
    begun(shop, "pin", HELD).write(care=flow("pin", without(HELD, "evening")))
    assert told(shop, NEXT) == []
    assert [one[1] for one in told(shop, "2026-03-02T19:30")] == ["send"]
    assert sent(shop) == ["one", "evening"]


def test_the_hold_of_a_run_that_ends_on_a_removed_send_is_closed(shop: Shop) -> None:
    more = "exits_when: {did: buy}\n"
    begun(shop, "follow", HELD, more).event("anna", "buy", "2026-03-02T09:30")
    shop.write(care=flow("follow", without(HELD, "evening"), more))
    assert told(shop, NEXT) == [("evening", "suppress", "run_ended", "exit")]
    assert place(shop) == (None, "exit", None)


# --- a changed wait -------------------------------------------------------------------


@pytest.mark.parametrize("choice", KEEPS)
@pytest.mark.parametrize("days", [1, 30])
def test_who_waits_already_waits_as_long_as_was_fixed_when_the_wait_was_reached(
    shop: Shop, choice: str, days: int
) -> None:
    begun(shop, choice).write(care=flow(choice, STEPS.replace("7 days", f"{days} days")))
    shop.tick("2026-03-04T09:00")
    assert sent(shop) == ["one"]
    shop.tick("2026-03-09T09:00")
    assert sent(shop) == ["one", "two"]
    shop.tick("2026-03-10T09:00")
    assert sent(shop) == ["one", "two", "three"][: 3 if days == 1 else 2]


def test_a_flow_that_restarts_waits_anew_for_the_changed_time(shop: Shop) -> None:
    begun(shop, "restart").write(care=flow("restart", STEPS.replace("7 days", "2 days")))
    shop.tick(NEXT)
    shop.tick("2026-03-04T09:00")
    assert sent(shop) == ["one"]
    shop.tick("2026-03-04T10:00")
    assert sent(shop) == ["one", "two"]


def test_a_pinned_run_waits_as_long_as_its_release_says(shop: Shop) -> None:
    begun(shop, "pin").write(care=flow("pin", STEPS.replace("7 days", "1 day")))
    for day in range(3, 17):
        shop.tick(f"2026-03-{day:02}T09:00")
        assert len(sent(shop)) == 1 + (day >= 9) + (day >= 16)


# --- a renamed id ---------------------------------------------------------------------

RENAMED = STEPS.replace("id: pause", "id: breather")


@pytest.mark.parametrize("choice", KEEPS)
def test_a_renamed_step_is_one_removed_and_one_added(shop: Shop, choice: str) -> None:
    begun(shop, choice).write(care=flow(choice, RENAMED))
    assert told(shop, NEXT) == [("two", "send", None, None)]
    assert place(shop) == ("rest", None, None)


def test_a_renamed_step_makes_a_flow_begin_anew_that_restarts(shop: Shop) -> None:
    begun(shop, "restart").write(care=flow("restart", RENAMED))
    assert told(shop, NEXT) == []
    assert place(shop) == ("breather", None, None)
    shop.tick(LATER)
    assert sent(shop) == ["one", "two"]


def test_a_pinned_run_knows_the_old_name(shop: Shop) -> None:
    begun(shop, "pin").write(care=flow("pin", RENAMED))
    assert told(shop, NEXT) == []
    assert place(shop) == ("pause", None, None)
    shop.tick(LATER)
    assert sent(shop) == ["one", "two"]


# --- a deleted flow -------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["follow", "drain", "restart", "pin"])
def test_the_runs_of_a_deleted_flow_end(shop: Shop, choice: str) -> None:
    begun(shop, choice, HELD).files.pop("care")
    (shop.folder / "playbooks" / "care.yaml").unlink()
    assert told(shop, NEXT) == [("evening", "suppress", "run_ended", "flow deleted")]
    assert place(shop) == (None, "exit", "flow deleted")
    shop.tick(LATER)
    assert sent(shop) == ["one"]


# --- a changed branch or split --------------------------------------------------------

BRANCH = """
steps:
  - id: which
    branch:
      - if: {attribute: plan, is: pro}
        do: [{send: one}]
    otherwise:
      - {id: pause, wait: 7 days}
      - {send: two}
  - {id: rest, wait: 7 days}
  - {send: three}
"""
TURNED = BRANCH.replace("is: pro", "is_not: pro")


@pytest.mark.parametrize("choice", KEEPS)
def test_who_is_inside_a_way_stays_there_when_the_branch_changes(shop: Shop, choice: str) -> None:
    begun(shop, choice, BRANCH).write(care=flow(choice, TURNED))
    assert told(shop, NEXT) == []
    assert place(shop) == ("pause", None, None)
    shop.tick("2026-03-09T09:00")
    assert sent(shop) == ["two"]


@pytest.mark.parametrize("choice", KEEPS)
def test_who_is_inside_a_way_that_is_removed_goes_on_after_the_branch(
    shop: Shop, choice: str
) -> None:
    gone = without(BRANCH, "otherwise", "id: pause", "send: two")
    begun(shop, choice, BRANCH).write(care=flow(choice, gone))
    assert told(shop, NEXT) == []
    assert place(shop) == ("rest", None, None)


def test_a_flow_that_restarts_judges_a_changed_branch_anew(shop: Shop) -> None:
    begun(shop, "restart", BRANCH).write(care=flow("restart", TURNED))
    assert told(shop, NEXT) == [("one", "send", None, None)]


def test_a_pinned_run_judges_by_the_branch_of_its_release(shop: Shop) -> None:
    steps = "steps:\n  - {id: first, wait: 1 day}\n" + BRANCH.removeprefix("\nsteps:\n")
    begun(shop, "pin", steps).write(care=flow("pin", steps.replace("is: pro", "is_not: pro")))
    shop.tick("2026-03-03T09:00")
    assert place(shop) == ("pause", None, None)


SPLIT = """
steps:
  - id: which
    split:
      a: {share: 100%, do: [{id: pause, wait: 7 days}, {send: one}]}
      b: {share: 0%, do: [{send: two}]}
"""


@pytest.mark.parametrize("choice", KEEPS)
def test_who_is_inside_a_share_stays_there_when_the_shares_change(shop: Shop, choice: str) -> None:
    turned = SPLIT.replace("100%", "1%").replace(" 0%", " 99%")
    begun(shop, choice, SPLIT).write(care=flow(choice, turned))
    shop.tick("2026-03-09T09:00")
    assert sent(shop) == ["one"]


# --- a status change ------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "paused", "retired"])
@pytest.mark.parametrize("choice", ["follow", "drain", "restart", "pin"])
def test_runs_stand_still_while_their_flow_is_set_aside_and_go_on_afterwards(
    shop: Shop, choice: str, status: str
) -> None:
    begun(shop, choice).write(care=flow(choice).replace("live", status))
    shop.tick("2026-03-12T09:00")
    assert place(shop) == ("pause", None, None)
    assert sent(shop) == ["one"]
    shop.write(care=flow(choice)).tick("2026-03-13T09:00")
    assert sent(shop) == ["one", "two"]


def test_what_is_edited_while_a_flow_is_set_aside_counts_when_it_is_live_again(shop: Shop) -> None:
    fewer = flow("follow", without(STEPS, "id: pause"))
    begun(shop, "follow").write(care=flow("follow").replace("live", "paused")).tick(NEXT)
    shop.write(care=fewer.replace("live", "paused")).tick("2026-03-02T11:00")
    assert place(shop) == ("pause", None, None)
    shop.write(care=fewer).tick("2026-03-02T12:00")
    assert sent(shop) == ["one", "two"]


@pytest.mark.parametrize("choice", ["follow", "drain", "restart", "pin"])
def test_in_shadow_runs_walk_on_and_nothing_is_sent(shop: Shop, choice: str) -> None:
    begun(shop, choice).write(care=flow(choice).replace("live", "shadow"))
    assert told(shop, "2026-03-09T09:00") == [("two", "suppress", "shadow", None)]
    assert place(shop) == ("rest", None, None)


# --- drain ----------------------------------------------------------------------------


def test_nobody_enters_a_flow_that_drains(shop: Shop) -> None:
    begun(shop, "follow").write(care=flow("drain")).customers(ben={})
    shop.event("ben", "signed_up", NEXT).tick(NEXT)
    assert shop.left_out == Counter({"not_live": 1})
    shop.write(care=flow("follow")).tick("2026-03-02T11:00")
    assert [one[1] for one in shop.runs()] == ["anna"]
    shop.tick(LATER)
    assert sent(shop) == ["one", "two"]


# --- moved, remade and changed steps --------------------------------------------------


@pytest.mark.parametrize("choice", ["follow", "drain", "restart"])
def test_a_send_that_was_moved_behind_a_run_that_had_it_is_passed_over(
    shop: Shop, choice: str
) -> None:
    moved = without(STEPS, "send: one") + "  - {send: one}\n"
    begun(shop, choice).write(care=flow(choice, moved))
    for day in range(3, 28):
        shop.tick(f"2026-03-{day:02}T09:00")
    assert sent(shop) == ["one", "two", "three"]
    assert place(shop) == (None, "completed", None)


def test_a_send_is_not_repeated_when_an_edit_is_taken_back(shop: Shop) -> None:
    first = "steps:\n  - {id: a, wait: 1 day}\n  - {send: one}\n  - {id: b, wait: 5 days}\n"
    turned = "steps:\n  - {id: b, wait: 5 days}\n  - {id: a, wait: 1 day}\n  - {send: one}\n"
    begun(shop, "follow", first).tick("2026-03-03T09:00")
    shop.write(care=flow("follow", turned)).tick("2026-03-08T09:00")
    assert place(shop) == ("a", None, None)
    shop.write(care=flow("follow", first)).tick("2026-03-09T09:00")
    assert place(shop) == ("b", None, None)
    shop.tick(LATER)
    assert sent(shop) == ["one"]


@pytest.mark.parametrize("choice", KEEPS)
def test_a_step_of_another_kind_under_the_same_id_is_reached_anew(shop: Shop, choice: str) -> None:
    other = STEPS.replace("{id: pause, wait: 7 days}", "{id: pause, send: four}")
    begun(shop, choice).write(care=flow(choice, other))
    assert [one[0] for one in told(shop, NEXT)] == ["pause", "two"]
    assert place(shop) == ("rest", None, None)


@pytest.mark.parametrize("choice", KEEPS)
def test_a_held_send_that_becomes_a_wait_begins_to_wait(shop: Shop, choice: str) -> None:
    other = HELD.replace("send: two, send_between: 20:00-21:00", "wait: 1 day")
    begun(shop, choice, HELD).write(care=flow(choice, other))
    assert told(shop, NEXT) == [("evening", "suppress", "run_ended", "step removed")]
    shop.tick("2026-03-03T10:00")
    assert place(shop) == ("rest", None, None)


@pytest.mark.parametrize("choice", KEEPS)
def test_a_held_send_sends_the_message_that_its_step_names_now(shop: Shop, choice: str) -> None:
    begun(shop, choice, HELD).write(care=flow(choice, HELD.replace("send: two", "send: four")))
    shop.tick("2026-03-02T19:30")
    row = tables.message.c
    with shop.engine.connect() as connection:
        assert list(connection.scalars(select(row.message).order_by(row.id))) == ["one", "four"]


@pytest.mark.parametrize("choice", KEEPS)
def test_a_step_inserted_behind_a_run_is_not_done_and_one_before_it_is(
    shop: Shop, choice: str
) -> None:
    more = STEPS.replace("  - {send: one}", "  - {send: four}\n  - {send: one}")
    more = more.replace("  - {send: two}", "  - {send: five}\n  - {send: two}")
    begun(shop, choice).write(care=flow(choice, more)).tick("2026-03-09T09:00")
    assert sent(shop) == ["one", "five", "two"]


def test_an_edit_of_comments_and_titles_alone_lets_no_flow_begin_anew(shop: Shop) -> None:
    begun(shop, "restart", STEPS.replace("{send: one}", "{send: one, with: {a: 1}}"))
    told_again = "# again\n" + STEPS.replace("{send: one}", "{note: x, send: one, with: {a: 1}}")
    shop.write(care=flow("restart", told_again, "title: Care\n")).tick(NEXT)
    assert place(shop) == ("pause", None, None)
    shop.tick("2026-03-09T09:00")
    assert sent(shop) == ["one", "two"]


ROUNDS = """
steps:
  - id: rounds
    repeat: {every: 1 day, at_most: 3 times, do: [{send: one}]}
  - {id: rest, wait: 7 days}
"""


def test_rounds_that_were_begun_count_when_a_flow_begins_anew(shop: Shop) -> None:
    begun(shop, "restart", ROUNDS).tick("2026-03-03T09:00")
    shop.write(care=flow("restart", ROUNDS.replace("7 days", "8 days")))
    for day in range(3, 9):
        shop.tick(f"2026-03-{day:02}T10:00")
    assert sent(shop) == ["one"] * 3
    assert place(shop) == ("rest", None, None)


# --- seen before it happens -----------------------------------------------------------


def notes(shop: Shop) -> str:
    with dry_run(shop.engine, TickPlan(shop.playbook, at(NEXT))) as ticked:
        return "; ".join(ticked.report.notes)


def test_a_preview_says_where_the_runs_of_a_removed_step_go(shop: Shop) -> None:
    begun(shop, "follow").write(care=flow("follow", without(STEPS, "id: pause")))
    assert notes(shop) == "1 run of care stood on pause, which is gone, and goes on at two"
    assert place(shop) == ("pause", None, None)


def test_a_preview_says_how_many_runs_a_deleted_flow_ends(shop: Shop) -> None:
    begun(shop, "follow").files.pop("care")
    (shop.folder / "playbooks" / "care.yaml").unlink()
    assert notes(shop) == "1 run of care ends, for no file defines that flow any more"


def test_a_preview_says_that_a_flow_begins_anew(shop: Shop) -> None:
    begun(shop, "restart").write(care=flow("restart", STEPS.replace("7", "8")))
    assert notes(shop) == "1 run of care, whose steps changed, begins anew"


# --- the page -------------------------------------------------------------------------


def test_every_row_of_the_page_names_tests_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "edits.md").read_text(encoding="utf-8")
    table = page.partition("## What becomes of a run")[2].partition("## Details")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    files = sorted(Path(__file__).parent.glob("test_edits*.py"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    tests = " ".join(
        name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    )
    named = [re.findall(r"`([a-z_]+_[a-z_]{10,})`", row) for row in rows]
    assert all(named), rows
    assert [one for names in named for one in names if one not in tests] == []
