"""How fast sends are rendered, beside a bare loop of ``template.render``.

Both sides use the same templates, filters and data: the bare loop is Jinja's own
``Template.render`` in Jinja's own sandbox, with the contexts already made. Run with
``python -m tests.bench.rendering [SENDS]``; prints ``path | ours/s | bare/s | ratio``.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

sys.path.insert(0, str(Path(__file__).parent.parent))

from rendering_shop import mail, person, send, shop

from orchestrator.records.sends import Rendered, Send
from orchestrator.render.filters import FILTERS
from orchestrator.render.plain_text import html_to_text
from orchestrator.render.renderer import Renderer

ROUNDS = 5
FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
HTML = """<!doctype html><html><body>
<h1>Hi {{ customer.first_name | default("there") }},</h1>
<p>Thank you for {{ customer.orders }} orders worth {{ customer.credit | money }}.
{% if customer.points > 100 %}You have {{ customer.points | number }} points until
{{ today | date("long") }}.{% endif %}</p>
<ul>{% for item in entry.lines %}<li>{{ item.name }}: {{ item.price | money }}</li>{% endfor %}</ul>
<p><a href="{{ links.preferences }}">Preferences</a> <a href="{{ links.unsubscribe }}">Stop</a></p>
<p>{{ project.postal_address }}</p></body></html>"""
TEXT = """Hi {{ customer.first_name | default("there") }}, your {{ customer.orders }} orders
were worth {{ customer.credit | money }}. {{ with.discount }} off until {{ today | date }}."""
SUBJECT = "{{ customer.first_name | default('Hi') }}, your points"


@dataclass(frozen=True)
class MessageKind:
    """One kind of message, and the texts that a bare loop renders for it."""

    name: str
    files: dict[str, str]
    bare: tuple[str, ...]
    channel: str = "email"


def sends(count: int, channel: str) -> list[Send]:
    """Return sends to different customers, in two locales and zones."""
    items = [{"name": "Tea", "price": Decimal("4.50")}, {"name": "Cup", "price": Decimal(12)}]
    return [
        replace(
            send(
                person(
                    external_id=f"c_{number}",
                    locale=("id-ID", "en-GB")[number % 2],
                    timezone=("Asia/Jakarta", "Europe/Vienna")[number % 2],
                    first_name=f"Name{number}",
                    orders=number % 7,
                    credit=Decimal(number % 900),
                    points=Decimal(number % 400),
                    birthday=date(1990, 1, 1) + timedelta(days=number % 9_000),
                ),
                entry_facts={"lines": items, "amount": Decimal(40), "at": FIRST},
            ),
            channel=channel,
            at=FIRST,
        )
        for number in range(count)
    ]


def paths() -> Sequence[MessageKind]:
    """Return what is measured."""
    html, text = "templates/hello/email.html.j2", "templates/hello/email.txt.j2"
    environment = SandboxedEnvironment()
    return (
        MessageKind(
            "html and text", {html: mail(HTML, SUBJECT), text: TEXT}, (SUBJECT, HTML, TEXT)
        ),
        MessageKind(
            "html, text derived",
            {html: mail(HTML, SUBJECT)},
            (SUBJECT, HTML, html_to_text(environment, HTML)),
        ),
        MessageKind("text", {text: mail(TEXT, SUBJECT)}, (SUBJECT, TEXT)),
    )


def best(action: Callable[[], object]) -> float:
    """Return the seconds of the quickest of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        gc.collect()
        begun = perf_counter()
        action()
        taken.append(perf_counter() - begun)
    return min(taken)


def bare_templates(texts: Sequence[str]) -> list[Any]:
    """Return the texts compiled by Jinja alone; HTML escaped, the rest not."""
    found = []
    for text in texts:
        environment = SandboxedEnvironment(
            undefined=StrictUndefined, autoescape=text.startswith("<!doctype")
        )
        environment.filters.update(FILTERS)
        found.append(environment.from_string(text))
    return found


def measure(path: MessageKind, count: int, folder: Path) -> str:
    """Return the line of one path."""
    playbook = shop(folder, path.files)
    renderer = Renderer(playbook)
    all_sends = sends(count, path.channel)
    assert all(isinstance(renderer.render(one), Rendered) for one in all_sends)
    contexts = [renderer.context_of(one) for one in all_sends]
    templates = bare_templates(path.bare)

    def ours() -> None:
        for one in all_sends:
            renderer.render(one)

    def bare() -> None:
        for names in contexts:
            for template in templates:
                template.render(names)

    mine, theirs = count / best(ours), count / best(bare)
    return f"{path.name:<20} | {mine:>9,.0f} | {theirs:>9,.0f} | {mine / theirs:.2f}"


def main() -> None:
    """Measure every path."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{'path':<20} | {'ours/s':>9} | {'bare/s':>9} | ratio")
    for path in paths():
        with tempfile.TemporaryDirectory() as folder:
            print(measure(path, count, Path(folder)))


if __name__ == "__main__":
    main()
