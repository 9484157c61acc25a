"""The shipped programme is without fault, and every message of it can be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.flow.base import Step
from orchestrator.flow.steps.send import Send as SendStep
from orchestrator.playbook.check import check
from orchestrator.playbook.load import load
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import CustomerFacts, Rendered, Send
from orchestrator.render.renderer import Renderer

REPOSITORY = Path(__file__).parents[1]
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
DUE = datetime(2026, 3, 20, 3, tzinfo=UTC)
RICH = {"first_name": "<b>Ayu</b> {{ 7 * 7 }}", "interests": ["coffee", "batik"], "orders": 2,
        "spent_1y": Decimal("1234.50"), "first_order_at": NOW, "last_order_at": NOW,
        "thank_you_until": DUE}  # fmt: skip
POOR: dict[str, Any] = {"orders": 0, "spent_1y": Decimal(0), "thank_you_until": DUE}


@pytest.fixture(scope="module")
def programme() -> Playbook:
    playbook = load(REPOSITORY).playbook
    assert playbook is not None
    return playbook


def sends(steps: Sequence[Step]) -> Iterator[SendStep]:
    for step in steps:
        if isinstance(step, SendStep):
            yield step
        for _, inner in step.blocks():
            yield from sends(inner)


def messages(
    playbook: Playbook, attributes: dict[str, Any], locale: str
) -> Iterator[tuple[Send, object]]:
    """Render every send of every flow on every channel it has a template for."""
    renderer = Renderer(playbook)
    customer = CustomerFacts(
        1, "c_1", "c1@customers.example", "+628110000001", "token-1", locale, "Asia/Jakarta",
        attributes,
    )  # fmt: skip
    entry = {"at": NOW, "cart_value": Decimal("49.90"), "score": Decimal(9)}
    for flow in playbook.flows.values():
        for step in sends(flow.steps):
            for channel in sorted(playbook.messages[step.operand].channels()):
                send = Send(customer, str(flow.flow), 1, str(step.id or step.operand), "o",
                            str(step.operand), channel, None, NOW, NOW, entry)  # fmt: skip
                yield send, renderer.render(send)


def test_programme_has_no_error_and_no_warning() -> None:
    assert check(REPOSITORY).problems == ()


def test_all_flows_are_live_but_one_draft(programme: Playbook) -> None:
    drafts = [name for name, flow in programme.flows.items() if flow.status == "draft"]

    assert drafts == ["birthday"]
    assert {flow.status for flow in programme.flows.values()} == {"draft", "live"}


@pytest.mark.parametrize("attributes", [RICH, POOR], ids=["rich", "poor"])
@pytest.mark.parametrize("locale", ["id-ID", "en-GB", "de-AT"])
def test_every_message_can_be_written_for_everybody(
    programme: Playbook, attributes: dict[str, Any], locale: str
) -> None:
    written = list(messages(programme, attributes, locale))

    assert len(written) >= 20
    assert [(s.message, r) for s, r in written if not isinstance(r, Rendered)] == []


def test_indonesians_are_written_to_in_indonesian(programme: Playbook) -> None:
    english_only = {"welcome_shipping"}
    locales = {
        (send.message, send.channel, rendered.locale)
        for send, rendered in messages(programme, RICH, "id-ID")
        if isinstance(rendered, Rendered)
    }

    assert {message for message, _, locale in locales if locale != "id"} == english_only


def test_names_are_text_and_never_markup(programme: Playbook) -> None:
    for send, rendered in messages(programme, RICH, "en-GB"):
        assert isinstance(rendered, Rendered)
        if rendered.html and "Ayu" in rendered.html:
            assert "&lt;b&gt;Ayu&lt;/b&gt; {{ 7 * 7 }}" in rendered.html, send.message
            assert "<b>Ayu" not in rendered.html


def test_every_marketing_mail_carries_address_and_a_way_out(programme: Playbook) -> None:
    for send, rendered in messages(programme, POOR, "id-ID"):
        if send.channel == "email":
            assert isinstance(rendered, Rendered)
            assert "Yogyakarta" in rendered.text
            assert "/u/" in rendered.text
            assert "/u/" in (rendered.html or "")
