"""Decisions as lines: what is shown is masked, what is judged is not."""

from __future__ import annotations

from harness import CATALOG, Shop, at

from orchestrator.records.ticks import DecisionLine
from orchestrator.render.mask import Masking
from orchestrator.telling import decision_lines
from orchestrator.tick.run import TickPlan, dry_run

NOW = at("2026-03-02T09:00")
FLOW = """
flow: hello
status: live
owner: me
starts_when: {matches: [{reachable_on: email}]}
re_entry: never
steps: [{send: hello}]
"""


def _lines(shop: Shop, *, masked: bool, whole: int | None = None) -> dict[str, DecisionLine]:
    shop.write(catalog=CATALOG.replace("plan: text", "plan: {type: text, personal: true}"))
    shop.write(hello=FLOW)
    template = "---\nsubject: For {{ customer.plan }}\n---\nDear {{ customer.plan }}.\n"
    path = shop.folder / "templates" / "hello" / "email.txt.j2"
    path.write_text(template, encoding="utf-8")
    playbook = shop.playbook
    masking = Masking(playbook) if masked else None
    with dry_run(shop.import_facts().engine, TickPlan(playbook, NOW)) as ticked:
        return {line.customer: line for line in decision_lines(ticked.tick, masking, whole=whole)}


def test_a_message_fails_in_a_masked_preview_as_it_would_when_sent(shop: Shop) -> None:
    shop.customers(ok={"plan": "Anna"}, bad={"plan": "Eve\r\nBcc: x@y.example"})

    shown = _lines(shop, masked=True)
    real = _lines(shop, masked=False)

    assert [line.customer for line in shown.values() if line.error] == ["bad"]
    assert {key: line.error for key, line in shown.items()} == {
        key: line.error for key, line in real.items()
    }


def test_a_masked_line_shows_nothing_personal(shop: Shop) -> None:
    shop.customers(anna={"plan": "Secretia"})

    whole = _lines(shop, masked=True)["anna"]
    short = _lines(shop, masked=True, whole=0)["anna"]

    assert (whole.subject, whole.text) == ("For S***", "Dear S***.")
    assert (short.subject, short.text) == ("For S***", "***")
    assert _lines(shop, masked=False)["anna"].subject == "For Secretia"
