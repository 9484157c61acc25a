"""A small shop whose templates are given per test, and sends of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestrator.playbook.load import load
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import CustomerFacts, Rendered, RenderFailure, Send
from orchestrator.render.renderer import Renderer

AT = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
"""A Monday evening in UTC; already Tuesday in Jakarta."""

PROJECT = """\
project: corner_shop
timezone: Europe/Vienna
locale: en
currency: EUR
postal_address: 1 Market Square
links: {base_url: "https://shop.example"}
vars: {season: spring}
"""
CATALOG = """\
events:
  purchase: {amount: money, items: list, status: text}
  cart_updated: {cart_value: money, items: list}
attributes:
  first_name: {type: text, personal: true}
  city: text
  plan: {type: text, one_of: [free, pro]}
  points: number
  credit: money
  birthday: date
  renews_at: datetime
  website: text
  colour: text
  interests: list
  orders: {count_of: purchase}
topics: {newsletter: marketing}
"""
FLOW = """\
flow: welcome
status: live
starts_when: {did: purchase}
vars: {gift: a mug}
steps:
  - {send: hello, with: {discount: 10%, town: $customer.city, total: $entry.amount}}
"""
TXT = "templates/hello/email.txt.j2"
HTML = "templates/hello/email.html.j2"
MARKDOWN = "templates/hello/email.md.j2"


def write_shop(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the shop's files; ``files`` are added, or replace what is there."""
    standard = {
        "playbooks/project.yaml": PROJECT,
        "playbooks/catalog.yaml": CATALOG,
        "playbooks/flows/welcome.yaml": FLOW,
    }
    for name, text in {**standard, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def shop(folder: Path, files: Mapping[str, str]) -> Playbook:
    """Return the playbook of the shop with these files, errors in templates or not."""
    loaded = load(write_shop(folder, files))
    assert loaded.playbook is not None, loaded.problems
    return loaded.playbook


def person(**given: Any) -> CustomerFacts:
    """Return a customer with an address of each kind; other names are attributes."""
    known = {
        "external_id": "c_1",
        "email": "ayu@mail.example",
        "phone": "+628111222333",
        "push_token": "token-0001",
        "locale": "en-GB",
        "timezone": "Asia/Jakarta",
    }
    columns = {name: given.pop(name, value) for name, value in known.items()}
    return CustomerFacts(id=1, **columns, attributes=given)


def send(customer: CustomerFacts | None = None, **given: Any) -> Send:
    """Return a send of the message ``hello`` by mail."""
    standard: dict[str, Any] = {
        "customer": customer or person(),
        "flow": "welcome",
        "entry": 1,
        "step": "hello",
        "occurrence": "0",
        "message": "hello",
        "channel": "email",
        "variant": None,
        "at": AT,
        "due_at": AT,
        "entry_facts": {"amount": Decimal(40), "at": AT, "start": "did"},
    }
    return Send(**{**standard, **given})


def mail(body: str, subject: str = "Hello") -> str:
    """Return a template with a subject."""
    return f"---\nsubject: {subject!r}\n---\n{body}"


def rendered(playbook: Playbook, **given: Any) -> Rendered:
    """Return the rendered message; fails with the reason if there is none."""
    result = Renderer(playbook).render(send(**given))
    assert isinstance(result, Rendered), result
    return result


def failure(playbook: Playbook, **given: Any) -> RenderFailure:
    """Return why the message could not be rendered."""
    result = Renderer(playbook).render(send(**given))
    assert isinstance(result, RenderFailure), result
    return result


BORN = date(1990, 2, 28)
