"""What a rendered message is, per channel, locale and source of its values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendering_shop import AT, FLOW, PROJECT, failure, mail, person, rendered, send, shop

from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered, RenderFailure
from orchestrator.render.default_layouts import DEFAULT_LAYOUTS
from orchestrator.render.faults import FAILURE_CODES
from orchestrator.render.headers import clean_header
from orchestrator.render.renderer import Renderer

TXT = "templates/hello/email.txt.j2"
HTML = "templates/hello/email.html.j2"
MARKDOWN = "templates/hello/email.md.j2"
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


def test_layout_prints_subject_and_preheader(tmp_path: Path) -> None:
    layout = "<title>{{ message.subject }}</title>{{ message.preheader }}|{% block content %}{% endblock %}"
    body = "---\nsubject: 'A & {{ customer.city }}'\npreheader: soon\n---\n*Hi*"
    files = {MARKDOWN: body, "templates/_layouts/email.html.j2": layout}

    message = rendered(shop(tmp_path, files), customer=person(city="B"))

    assert message.html == "<title>A &amp; B</title>soon|<p><em>Hi</em></p>\n"
    assert (message.subject, message.preheader, message.text) == ("A & B", "soon", "soon|\nHi")


SHIPPED_LAYOUTS = {
    "shop": (REPOSITORY / "templates" / LAYOUT).read_text("utf-8"),
    "blank": (SCAFFOLD / "blank" / "templates" / LAYOUT).read_text("utf-8"),
    "none": DEFAULT_LAYOUTS[LAYOUT],
}


@pytest.mark.parametrize("layout", SHIPPED_LAYOUTS.values(), ids=SHIPPED_LAYOUTS.keys())
def test_shipped_layouts_begin_the_body_with_the_preheader_and_hide_it(
    tmp_path: Path, layout: str
) -> None:
    files = {
        MARKDOWN: "---\nsubject: Hi\npreheader: soon & {{ customer.city }}\n---\nHello",
        f"templates/{LAYOUT}": layout,
        "templates/_partials/footer.html.j2": "<p>Bye</p>",
    }

    message = rendered(shop(tmp_path, files), customer=person(city="<Graz>"))

    _, _, body = (message.html or "").partition("<body")
    hidden = body.partition(">")[2].lstrip()
    assert hidden.startswith('<div style="display:none;')
    assert hidden.partition(">")[2].startswith("soon &amp; &lt;Graz&gt;</div>\n")
    assert "soon" not in message.text


@pytest.mark.parametrize("layout", SHIPPED_LAYOUTS.values(), ids=SHIPPED_LAYOUTS.keys())
def test_shipped_layouts_hide_nothing_without_a_preheader(tmp_path: Path, layout: str) -> None:
    files = {
        MARKDOWN: mail("Hello"),
        f"templates/{LAYOUT}": layout,
        "templates/_partials/footer.html.j2": "<p>Bye</p>",
    }

    assert "display:none" not in (rendered(shop(tmp_path, files)).html or "")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<div style="display:none">a <div>b</div> c</div><p>Hi</p>', "Hi"),
        ('<p>Hi<span style="color: red; DISPLAY : NONE"> a</span> you</p>', "Hi you"),
        ('<div style="display:none">{% if customer.city %}a{% endif %}</div>Hi', "Hi"),
        ('<div style="display:none">{% set a = 1 %}</div>{{ a }}', "1"),
        ('<div style="display:{% if customer.city %}none{% endif %}">Hi</div>', "Hi"),
        ('<div style="{% if customer.city %}display:none{% endif %}">Hi</div>', "Hi"),
        ('<p style="display:none">Hi', "Hi"),
        ('<div style="display:block">Hi</div>', "Hi"),
    ],
)
def test_derived_text_leaves_out_what_the_html_hides(tmp_path: Path, html: str, text: str) -> None:
    files = {"templates/hello/email.html.j2": mail(html)}

    assert rendered(shop(tmp_path, files)).text == text


def test_layout_may_print_content_instead_of_having_a_block(tmp_path: Path) -> None:
    files = {MARKDOWN: mail("# Hi"), "templates/_layouts/email.html.j2": "<b>{{ content }}</b>"}

    assert rendered(shop(tmp_path, files)).html == "<b><h1>Hi</h1>\n</b>"


def test_html_uses_layouts_partials_and_imported_macros(tmp_path: Path) -> None:
    files = {
        HTML: mail(
            '{% extends "_layouts/page.html.j2" %}{% import "_partials/b.html.j2" as b %}'
            '{% block main %}{{ super() }}{{ b.button("Go & see", links.preferences) }}'
            '{% include "_partials/sign.html.j2" %}{% endblock %}'
        ),
        "templates/_layouts/page.html.j2": "<i>{% block main %}base {% endblock %}</i>",
        "templates/_partials/b.html.j2": (
            '{% macro button(label, to) %}<a href="{{ to }}">{{ label }}</a>{% endmacro %}'
        ),
        "templates/_partials/sign.html.j2": "<p>{{ customer.city }}</p>",
    }

    message = rendered(shop(tmp_path, files), customer=person(city="<G>"))

    assert message.html is not None
    assert message.html.startswith('<i>base <a href="https://shop.example/p/')
    assert message.html.endswith(">Go &amp; see</a><p>&lt;G&gt;</p></i>")


def test_derived_text_keeps_lines_lists_and_links(tmp_path: Path) -> None:
    body = """<html><head><title>T</title><style>p{}</style></head><body>
<h1>Hi&nbsp;{{ customer.city }}</h1><p>One<br>two   <b>three</b></p>
<ul>{% for tea in customer.interests %}<li>{{ tea }}</li>{% endfor %}</ul>
<p>{% if customer.plan %}Pro{% else %}Free{% endif %} <a href="https://a.example/?x=1&amp;y=2">Go</a>
<a href="https://b.example">https://b.example</a> <img src="https://c.example/x.png" alt="A cat"></p>
<table><tr><td>Tea</td><td>4</td></tr><tr><td>Milk</td><td>2</td></tr></table></body></html>"""
    customer = person(city="<Graz>", interests=("a & b", "c"))

    message = rendered(shop(tmp_path, {HTML: mail(body)}), customer=customer)

    assert message.text.replace("\xa0", " ") == (
        "Hi <Graz>\n\nOne\ntwo three\n\n- a & b\n- c\n\n"
        "Free Go (https://a.example/?x=1&y=2) https://b.example A cat\n\nTea 4\nMilk 2"
    )


def test_derived_text_begins_a_line_after_blocks_and_includes(tmp_path: Path) -> None:
    files = {
        MARKDOWN: mail("Hi\n\n{% include '_partials/sign.md.j2' %}"),
        "templates/_partials/sign.md.j2": "Bye,\\\nus",
        "templates/_layouts/email.html.j2": (
            "{% block content %}{% endblock %}<div>{% include '_partials/foot.html.j2' %}</div>"
        ),
        "templates/_partials/foot.html.j2": "<p>Foot</p>",
    }

    assert rendered(shop(tmp_path, files)).text == "Hi\n\nBye,\nus\nFoot"


def test_markdown_loop_around_a_list_makes_one_list(tmp_path: Path) -> None:
    body = "{% for tea in customer.interests %}\n- **{{ tea }}**\n{% endfor %}\n\nBye"
    files = {
        MARKDOWN: mail(body),
        "templates/_layouts/email.html.j2": "{% block content %}{% endblock %}",
    }

    message = rendered(shop(tmp_path, files), customer=person(interests=("a", "b")))

    assert message.html is not None
    assert message.html.count("<ul>") == 1
    assert message.html.count("<li><strong>") == 2
    assert message.text == "- a\n- b\n\nBye"


def test_markdown_conditions_stand_inside_and_between_paragraphs(tmp_path: Path) -> None:
    body = "Hi {% if customer.city %}{{ customer.city }}{% else %}you{% endif %}\n\n{% if customer.plan %}\n## Plan\n{% endif %}\n\nEnd"
    files = {
        MARKDOWN: mail(body),
        "templates/_layouts/email.html.j2": "{% block content %}{% endblock %}",
    }
    playbook = shop(tmp_path, files)

    assert rendered(playbook).html == "<p>Hi you</p>\n<p>End</p>\n"
    assert rendered(playbook, customer=person(city="G", plan="pro")).text == "Hi G\n\nPlan\n\nEnd"


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


def test_attributes_used_are_those_that_any_template_names(tmp_path: Path) -> None:
    files = {
        HTML: mail("{{ customer.city }}{% include '_partials/p.html.j2' %}", "{{ customer.plan }}"),
        "templates/_partials/p.html.j2": "{{ customer['points'] }}{{ customer.nonsense }}",
        "templates/_partials/unused.html.j2": "{{ customer.credit }}",
        "templates/hello/message.yaml": "with: {a: $customer.colour}\n",
        "templates/whole/email.txt.j2": mail("{% set c = customer %}{{ c.city }}"),
    }
    renderer = Renderer(shop(tmp_path, files))

    assert renderer.attributes_used("hello") == {"city", "plan", "points", "colour"}
    assert {"city", "orders", "renews_at"} <= renderer.attributes_used("whole")


values = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="<>\"'&{}%#=?\r\n\t\x00\u2028\u202eabc:/() javascript", max_size=40),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=True),
    st.booleans(),
    st.none(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
EVERYWHERE = """<p title="{{ customer.city }}">{{ customer.city }}</p>
<a href="{{ customer.website | default('https://a.example') }}">x</a>
{{ customer.points | default(0) | money }}{{ customer.birthday | default('2026-01-01') | date }}"""


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    """A renderer whose message prints values in every kind of place."""
    folder = tmp_path_factory.mktemp("everywhere")
    subject = "Hi {{ customer.first_name | default('you') }}"
    return Renderer(shop(folder, {HTML: mail(EVERYWHERE, subject)}))


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    given=st.dictionaries(
        st.sampled_from(["city", "website", "points", "birthday", "first_name", "email"]), values
    )
)
def test_rendering_never_raises_and_never_prints_markup_of_data(
    everywhere: Renderer, given: dict[str, Any]
) -> None:
    result = everywhere.render(send(person(**given)))

    if isinstance(result, RenderFailure):
        assert result.code in FAILURE_CODES
        assert result.code != "internal"
        return
    assert result.subject == clean_header("subject", result.subject or "")
    assert result.html is not None
    assert result.html.count("<") == 4
    assert result.html.count('"') == 4


@given(value=st.text(max_size=200))
def test_plain_text_prints_any_text_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    result = _TEXT.render(send(person(city=value)))

    if isinstance(result, Rendered):
        assert result.text == f"[{value}]"


@pytest.fixture(scope="module", autouse=True)
def _text(tmp_path_factory: pytest.TempPathFactory) -> None:
    global _TEXT  # noqa: PLW0603  # a Hypothesis test takes no fixture of a function
    folder = tmp_path_factory.mktemp("text")
    _TEXT = Renderer(shop(folder, {TXT: mail("[{{ customer.city }}]")}))


_TEXT: Renderer


def test_same_send_renders_to_the_same_bytes(tmp_path: Path) -> None:
    playbook = shop(tmp_path, {MARKDOWN: mail("Hi {{ customer.city }} {{ today | date }}")})

    assert Renderer(playbook).render(send(person(city="a"))) == Renderer(playbook).render(
        send(person(city="a"), at=datetime(2026, 3, 2, 20, 30, tzinfo=UTC))
    )
    assert AT.tzinfo is UTC
