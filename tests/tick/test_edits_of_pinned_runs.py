"""What an edit does to the runs that are pinned to the release they entered under."""

from __future__ import annotations

from pathlib import Path

from edited_flow import NEXT, START, STEPS, begun, flow, place, sent, told, without
from harness import Shop, at
from sqlalchemy import select

from orchestrator import tables
from orchestrator.app import OpenProject, drain
from orchestrator.app.delivery import Remarks


def test_who_enters_after_the_edit_walks_the_new_steps_while_others_are_pinned(shop: Shop) -> None:
    begun(shop, "pin").write(care=flow("pin", STEPS.replace("send: two", "send: four")))
    shop.customers(ben={}).event("ben", "signed_up", NEXT).tick(NEXT)
    shop.tick("2026-03-09T10:00")
    row, customer = tables.message.c, tables.customer
    query = select(customer.c.external_id, row.step).join(
        tables.message, row.customer_id == customer.c.id
    )
    with shop.engine.connect() as connection:
        found = {tuple(one) for one in connection.execute(query)}
    assert found == {("anna", "one"), ("anna", "two"), ("ben", "one"), ("ben", "four")}


def test_a_pinned_run_leaves_by_the_exit_of_its_release(shop: Shop) -> None:
    begun(shop, "pin", more="exits_when: {did: buy}\n").write(care=flow("pin"))
    shop.tick(NEXT)
    shop.event("anna", "buy", "2026-03-02T10:30").tick("2026-03-02T11:00")
    assert place(shop) == (None, "exit", None)


def test_a_pinned_run_keeps_the_limits_of_today(shop: Shop) -> None:
    limits = "guardrails: {frequency: [{at_most: 1, per: 30 days}]}\n"
    begun(shop, "pin").write(care=flow("pin", STEPS + "\n", limits)).tick(NEXT)
    assert told(shop, "2026-03-09T09:00") == [("two", "hold", "frequency", None)]


def test_the_message_of_a_pinned_run_has_what_its_own_step_gives(
    shop: Shop, tmp_path: Path
) -> None:
    given = STEPS.replace("{send: two}", "{id: second, send: two, with: {code: A1}}")
    shop.write(care=flow("pin", given)).template("two", "with: {code: none}")
    (shop.folder / "templates" / "two" / "email.txt.j2").write_text(
        "---\nsubject: Two\n---\nCode {{ with.code }}\n", encoding="utf-8"
    )
    mail = (shop.folder / "templates" / "two" / "email.txt.j2").read_text(encoding="utf-8")
    shop.customers(anna={}).event("anna", "signed_up", START).tick(START)
    shop.write(care=flow("pin", "steps: [{send: one}, {send: two}]\n"))
    (shop.folder / "templates" / "two" / "email.txt.j2").write_text(mail, encoding="utf-8")
    shop.tick("2026-03-09T09:00")
    now = at("2026-03-09T09:00")
    drain(OpenProject(shop.folder, shop.playbook), shop.engine, now, Remarks())
    [written] = [one for one in (shop.folder / "outbox").iterdir() if "second" in one.name]
    assert "Code A1" in written.read_text(encoding="utf-8")


def test_a_run_that_is_pinned_to_what_cannot_be_any_more_follows_and_that_is_said(
    shop: Shop,
) -> None:
    gone = flow("pin", without(STEPS, "id: pause", "send: two"))
    begun(shop, "pin").write(care=gone)
    for path in (shop.folder / "templates" / "two").iterdir():
        path.unlink()
    assert told(shop, NEXT) == []
    assert place(shop) == ("rest", None, None)


def test_runs_that_followed_to_a_new_step_stay_on_it_when_the_flow_is_pinned(shop: Shop) -> None:
    longer = STEPS + "  - {id: last, wait: 1 day}\n  - {send: four}\n"
    begun(shop, "follow").write(care=flow("follow", longer)).tick("2026-03-09T09:00")
    shop.tick("2026-03-16T09:00")
    assert place(shop) == ("last", None, None)
    shop.write(care=flow("pin", longer)).tick("2026-03-17T09:00")
    assert sent(shop) == ["one", "two", "three", "four"]
