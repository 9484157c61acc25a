"""What a rendered message is, per channel, locale and source of its values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rendering_shop import (
    AT,
    FLOW,
    MARKDOWN,
    PROJECT,
    TXT,
    failure,
    mail,
    person,
    rendered,
    send,
    shop,
)

from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import RenderFailure
from orchestrator.render.renderer import Renderer

LAYOUT = "_layouts/email.html.j2"
REPOSITORY = Path(__file__).parents[2]
SCAFFOLD = REPOSITORY / "orchestrator" / "scaffold"


def by_channel(folder: Path, channel: str, name: str, body: str) -> Playbook:
    flow = FLOW.replace("{send: hello,", f"{{send: hello, channel: {channel},")
    return shop(folder, {"playbooks/flows/welcome.yaml": flow, f"templates/hello/{name}": body})


def text_of(folder: Path, body: str, **given: Any) -> str:
    return rendered(shop(folder, {TXT: mail(body)}), **given).text


@pytest.mark.parametrize(
    ("locale", "body", "expected"),
    [
        ("id-ID", "{{ 150000 | money('IDR') }}", "Rp150.000,00"),
        ("en-GB", "{{ 40 | money }}", "€40.00"),
        ("de-AT", "{{ 1234.5 | money }}", "€\xa01.234,50"),
        ("de-DE", "{{ 1234.5 | number }}", "1.234,5"),
        ("en-US", "{{ 1234.5 | number(2) }}", "1,234.50"),
        ("en-IN", "{{ 1234567 | number }}", "12,34,567"),
        ("id-ID", "{{ today | date('long') }}", "3 Maret 2026"),
        ("en-US", "{{ customer.birthday | date }}", "Feb 28, 1990"),
        ("en-GB", "{{ customer.birthday | date('d MMMM yyyy') }}", "28 February 1990"),
        ("en-GB", "{{ entry.at | date('yyyy-MM-dd HH:mm') }}", "2026-03-03 03:30"),
        ("xx-unknown", "{{ 40 | money }}", "€40.00"),
        (None, "{{ 40 | money }}", "€40.00"),
    ],
)
def test_filters_write_as_the_customers_locale_and_zone_do(
    tmp_path: Path, locale: str | None, body: str, expected: str
) -> None:
    customer = person(locale=locale, birthday=date(1990, 2, 28))

    assert text_of(tmp_path, body, customer=customer) == expected


def test_today_is_the_customers_own_day(tmp_path: Path) -> None:
    body = "{{ today | date('yyyy-MM-dd') }}"
    playbook = shop(tmp_path, {TXT: mail(body)})

    days = {
        zone: rendered(playbook, customer=person(timezone=zone)).text
        for zone in ("Asia/Jakarta", "America/New_York", "No/Where", None)
    }

    assert days == {
        "Asia/Jakarta": "2026-03-03",
        "America/New_York": "2026-03-02",
        "No/Where": "2026-03-02",
        None: "2026-03-02",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ customer.first_name | default('you') }}", "you"),
        ("{% if customer.first_name %}a{% else %}b{% endif %}", "b"),
        ("{% if customer.plan == 'pro' %}a{% else %}b{% endif %}", "b"),
        ("{% if customer.points > 3 %}a{% else %}b{% endif %}", "b"),
        ("{{ 'yes' if customer.plan is defined else 'no' }}", "no"),
        ("{{ 'yes' if 'x' in customer.plan else 'no' }}", "no"),
        ("{{ 'yes' if customer.plan in ['free', 'pro'] else 'no' }}", "no"),
        ("{{ customer['city'] }}", "Graz"),
        ("{{ customer.id }} {{ customer.email }}", "c_1 ayu@mail.example"),
        ("{{ message.name }}/{{ message.channel }}/{{ message.flow }}", "hello/email/welcome"),
        ("{{ project.name }}, {{ project.postal_address }}", "corner_shop, 1 Market Square"),
        ("{{ vars.gift }} in {{ vars.season }}", "a mug in spring"),
        ("{{ with.discount }} {{ with.town }} {{ with.total | money }}", "10% Graz €40.00"),
        ("{% for tea in customer.interests %}{{ loop.index }}{{ tea }} {% endfor %}", "1a 2b"),
        ("{{ customer.interests | join(', ') }}", "a, b"),
        ("{{ customer.interests | length }}", "2"),
        ("{% set n = 2 * 3.5 %}{{ n }} {{ 0.1 + 0.2 }} {{ 7 // 2 }} {{ 7 % 4 }}", "7 0.3 3 3"),
        ("{{ 2.345 | round(2) }} {{ '12' | int + 1 }}", "2.35 13"),
        ("{{ 'a b' | title }} {{ 'abcdef' | truncate(4) }}", "A B abc…"),
        ("{{ 'a&b c' | urlencode }}", "a%26b%20c"),
        ("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m('x') }}", "<x>"),
        ("{% for _ in range(3) %}*{% endfor %}", "***"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ entry.lines[0].name }}", "tea"),
        ("{{ entry.lines | sum('price') | money }}", "€4.50"),
        ("{{ '%s' ~ 3 ~ today | date('yyyy') }}", "%s32026"),
    ],
)
def test_template_expression_prints(tmp_path: Path, body: str, expected: str) -> None:
    entry = {
        "amount": Decimal(40),
        "lines": [{"name": "tea", "price": Decimal("4.5"), "secret": None}],
    }
    customer = person(city="Graz", interests=("a", "b"))

    assert text_of(tmp_path, body, customer=customer, entry_facts=entry) == expected


def test_missing_value_names_itself_and_nobody(tmp_path: Path) -> None:
    playbook = shop(tmp_path, {TXT: mail("Hello {{ customer.first_name }},")})

    failed = failure(playbook)

    assert failed == RenderFailure("undefined", "customer.first_name is missing for this customer")


def test_links_without_a_base_url_say_what_to_set(tmp_path: Path) -> None:
    project = PROJECT.replace('links: {base_url: "https://shop.example"}\n', "")
    files = {"playbooks/project.yaml": project, TXT: mail("{{ links.unsubscribe }}")}

    failed = failure(shop(tmp_path, files))

    assert failed.message == "links.unsubscribe needs links.base_url in project.yaml"


def test_links_differ_between_customers(tmp_path: Path) -> None:
    playbook = shop(tmp_path, {TXT: mail("{{ links.unsubscribe }} {{ links.preferences }}")})

    one, other = (rendered(playbook, customer=person(external_id=id)).text for id in "ab")

    assert one != other
    assert one.startswith("https://shop.example/u/v1.preview.")


def test_step_subject_replaces_the_templates(tmp_path: Path) -> None:
    flow = FLOW.replace("{send: hello,", "{send: hello, subject: 'For {{ customer.city }}',")
    playbook = shop(tmp_path, {TXT: mail("x"), "playbooks/flows/welcome.yaml": flow})

    assert rendered(playbook, customer=person(city="Graz")).subject == "For Graz"


def test_step_values_win_over_the_messages_defaults(tmp_path: Path) -> None:
    settings_file = "with: {discount: 5%, code: $season, who: $customer.city, n: 3}\n"
    files = {
        TXT: mail("{{ with.discount }} {{ with.code }} {{ with.who }} {{ with.n }}"),
        "templates/hello/message.yaml": settings_file,
    }

    assert rendered(shop(tmp_path, files), customer=person(city="Graz")).text == "10% spring Graz 3"


@pytest.mark.parametrize(
    ("customer", "taken", "text"),
    [
        ("id-ID", "id", "Hai"),
        ("id_ID", "id", "Hai"),
        ("ID", "id", "Hai"),
        ("en-GB", "en-GB", "Hello"),
        ("en-US", "en", "Hi"),
        ("de", "en", "Hi"),
        (None, "en", "Hi"),
        ("", "en", "Hi"),
        ("nonsense!", "en", "Hi"),
    ],
)
def test_locale_falls_back_and_is_told(
    tmp_path: Path, customer: str | None, taken: str, text: str
) -> None:
    files = {
        "templates/hello/email.id.txt.j2": mail("Hai"),
        "templates/hello/email.en.txt.j2": mail("Hi"),
        "templates/hello/email.en-GB.txt.j2": mail("Hello"),
        TXT: mail("none"),
    }

    message = rendered(shop(tmp_path, files), customer=person(locale=customer))

    assert (message.locale, message.text) == (taken, text)


def test_own_text_template_goes_with_the_html_of_its_locale(tmp_path: Path) -> None:
    files = {
        "templates/hello/email.id.html.j2": mail("<p>Hai</p>"),
        "templates/hello/email.en.html.j2": mail("<p>Hi</p>"),
        "templates/hello/email.en.txt.j2": "plain hi",
        TXT: mail("none"),
    }
    playbook = shop(tmp_path, files)

    assert rendered(playbook, customer=person(locale="id")).text == "Hai"
    assert rendered(playbook, customer=person(locale="en")).text == "plain hi"


NOBODY = "{% if customer.city == 'nowhere' %}Hi{% endif %}\n"


@pytest.mark.parametrize(
    ("channel", "file", "body"),
    [
        ("sms", "sms.txt.j2", NOBODY),
        ("whatsapp", "whatsapp.txt.j2", NOBODY),
        ("push", "push.json.j2", "{ }"),
        ("onsite", "onsite.txt.j2", NOBODY),
        ("email", "email.txt.j2", mail(NOBODY)),
        ("email", "email.html.j2", mail(NOBODY)),
        ("email", "email.html.j2", mail(f"<head><title>A</title></head><p>&nbsp;{NOBODY}</p>")),
    ],
)
def test_message_of_which_nothing_is_left_is_a_failure(
    tmp_path: Path, channel: str, file: str, body: str
) -> None:
    by_mail = {} if channel == "email" else {TXT: mail("Hi")}  # what the flow sends
    playbook = shop(tmp_path, {**by_mail, f"templates/hello/{file}": body})

    assert failure(playbook, channel=channel).code == "empty"


def test_mail_that_is_a_picture_is_no_empty_one(tmp_path: Path) -> None:
    picture = '<p><img src="https://shop.example/a.png"></p>'
    playbook = shop(tmp_path, {"templates/hello/email.html.j2": mail(picture)})

    assert picture in (rendered(playbook).html or "")


def test_message_without_a_fitting_template_is_a_failure(tmp_path: Path) -> None:
    playbook = shop(tmp_path, {"templates/hello/email.id.txt.j2": mail("Hai")})

    assert failure(playbook, customer=person(locale="de")).code == "no_template"
    assert failure(playbook, channel="sms").code == "no_template"


@pytest.mark.parametrize(
    ("channel", "to"),
    [
        ("email", "ayu@mail.example"),
        ("sms", "+628111222333"),
        ("whatsapp", "+628111222333"),
        ("push", "token-0001"),
        ("onsite", None),
    ],
)
def test_each_channel_gets_its_address_and_text(
    tmp_path: Path, channel: str, to: str | None
) -> None:
    body = mail("Hi {{ customer.city }}") if channel == "email" else "Hi {{ customer.city }}"
    playbook = by_channel(tmp_path, channel, f"{channel}.txt.j2", body)

    message = rendered(playbook, channel=channel, customer=person(city="G&H"))

    assert (message.to, message.text, message.html) == (to, "Hi G&H", None)


def test_json_template_stays_json_whatever_the_data(tmp_path: Path) -> None:
    body = '{"title": "Hi {{ customer.city }}", "points": {{ customer.points }}}'
    playbook = by_channel(tmp_path, "push", "push.json.j2", body)

    message = rendered(playbook, channel="push", customer=person(city='"},\n\\', points=3))

    assert message.text == '{"title": "Hi \\"},\\n\\\\", "points": 3}'


def test_push_of_more_than_four_kilobytes_is_refused(tmp_path: Path) -> None:
    playbook = by_channel(tmp_path, "push", "push.txt.j2", "{{ customer.city }}")

    failed = failure(playbook, channel="push", customer=person(city="ä" * 2_100))

    assert failed.code == "too_large"


def test_same_send_renders_to_the_same_bytes(tmp_path: Path) -> None:
    playbook = shop(tmp_path, {MARKDOWN: mail("Hi {{ customer.city }} {{ today | date }}")})

    assert Renderer(playbook).render(send(person(city="a"))) == Renderer(playbook).render(
        send(person(city="a"), at=datetime(2026, 3, 2, 20, 30, tzinfo=UTC))
    )
    assert AT.tzinfo is UTC
