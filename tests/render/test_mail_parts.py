"""The parts of a mail: layouts and their preheader, HTML, Markdown, and the text made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering_shop import HTML, MARKDOWN, mail, person, rendered, shop

from orchestrator.render.default_layouts import DEFAULT_LAYOUTS

LAYOUT = "_layouts/email.html.j2"
REPOSITORY = Path(__file__).parents[2]
SCAFFOLD = REPOSITORY / "orchestrator" / "scaffold"


def test_layout_prints_subject_and_preheader(tmp_path: Path) -> None:
    layout = "<title>{{ message.subject }}</title>{{ message.preheader }}|{% block content %}{% endblock %}"
    body = "---\nsubject: 'A & {{ customer.city }}'\npreheader: soon\n---\n*Hi*"
    files = {MARKDOWN: body, f"templates/{LAYOUT}": layout}

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
    files = {HTML: mail(html)}

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
