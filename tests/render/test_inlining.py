"""Style sheets in the elements: where a mail program that knows no sheets needs them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from rendering_shop import mail, person, rendered, shop

LAYOUT = """\
<!doctype html><html><head><style>
body { margin: 0 } .card p { color: #222 } .btn { color: red; font-family: "Open Sans", serif }
a { text-decoration: none } @media (max-width: 600px) { .btn { color: blue !important } }
a:hover { color: green }
</style></head><body><div class="card">{% block content %}{% endblock %}</div>
{% include "_partials/foot.html.j2" %}</body></html>"""
FOOT = '<p class="foot"><a href="{{ links.preferences }}">Preferences</a></p>'
FILES = {
    "templates/_layouts/email.html.j2": LAYOUT,
    "templates/_partials/foot.html.j2": FOOT,
}


class _Styles(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs).get("style") or ""))


def styles(folder: Path, body: str) -> list[tuple[str, str]]:
    """Return (tag, style) of a mail, without those of the head."""
    return [
        one
        for one in _Styles(html_of(folder, body)).found
        if one[0] not in ("html", "head", "style")
    ]


def html_of(folder: Path, body: str, files: dict[str, str] | None = None) -> str:
    playbook = shop(folder, {**FILES, "templates/hello/email.html.j2": mail(body), **(files or {})})
    found = rendered(playbook, customer=person(first_name="Ayu", colour="btn", points=3)).html
    assert found is not None
    return found


EXTENDS = '{% extends "_layouts/email.html.j2" %}{% block content %}'
END = "{% endblock %}"


def test_a_sheet_of_the_layout_is_written_into_the_elements_of_the_message(tmp_path: Path) -> None:
    body = f'{EXTENDS}<p>Hi {{{{ customer.first_name }}}}</p><a class="btn" href="https://a.example">Go</a>{END}'

    assert styles(tmp_path, body) == [
        ("body", "margin: 0"), ("div", ""), ("p", "color: #222"),
        ("a", "text-decoration: none; color: red; font-family: 'Open Sans', serif"),
        ("p", ""), ("a", "text-decoration: none"),
    ]  # fmt: skip


def test_the_sheet_itself_stays_for_small_screens_and_states(tmp_path: Path) -> None:
    html = html_of(tmp_path, f"{EXTENDS}<p>Hi</p>{END}")

    assert LAYOUT.partition("</style>")[0] in html


def test_what_an_element_says_itself_comes_last(tmp_path: Path) -> None:
    body = (
        f"{EXTENDS}<p style=\"color: {{{{ vars.season }}}}\">a</p><p STYLE='margin:1px'>b</p>{END}"
    )

    assert [style for tag, style in styles(tmp_path, body) if tag == "p"][:2] == [
        "color: #222; color: spring", "color: #222; margin:1px",
    ]  # fmt: skip


def test_every_way_through_a_template_is_styled(tmp_path: Path) -> None:
    body = (
        f"{EXTENDS}{{% if customer.points > 5 %}}<p>many</p>{{% else %}}<p>few</p>{{% endif %}}"
        "<table>{% for line in [1, 2] %}<tr><td><p>{{ line }}</p></td></tr>{% endfor %}</table>"
        f"{END}"
    )

    assert [style for tag, style in styles(tmp_path, body) if tag == "p"] == ["color: #222"] * 3 + [
        ""
    ]


@pytest.mark.parametrize(
    "tag",
    ['<a class="{{ customer.colour }}">', '<a class="btn {% if customer.points %}big{% endif %}">',
     '<a {% if customer.points %}class="btn"{% endif %}>', '<a id="{{ customer.points }}">'],
)  # fmt: skip
def test_an_element_that_a_value_decides_about_is_left_to_the_sheet(
    tmp_path: Path, tag: str
) -> None:
    assert ("a", "") in styles(tmp_path, f"{EXTENDS}{tag}x</a>{END}")


@pytest.mark.parametrize(
    "rule",
    ["tr:nth-child(even) {{ color: red }}", "p + p {{ color: red }}", "p:first-child {{ color: red }}",
     "p:not(.x) {{ color: {{{{ vars.season }}}} }}", "p ~ .y {{ color: red }}",
     ".z {{ color: {{{{ vars.season }}}} }}"],
)  # fmt: skip
def test_what_a_rule_by_place_or_value_speaks_of_stays_in_the_sheet(
    tmp_path: Path, rule: str
) -> None:
    layout = f"<style>p {{ color: blue; margin: 0 }} {rule.format()}</style>{{{{ content }}}}"
    files = {"templates/_layouts/email.html.j2": layout, "templates/hello/email.md.j2": mail("Hi")}
    playbook = shop(tmp_path, files)
    html = rendered(playbook).html

    assert '<p style="margin: 0">Hi</p>' in str(html)


def test_a_partial_gets_what_all_its_places_have_in_common(tmp_path: Path) -> None:
    layout = (
        "<style>p { margin: 0 } .a p { color: red } .b p { color: blue }</style>"
        '<div class="a">{% include "_partials/foot.html.j2" %}</div>'
        '<div class="b">{% include "_partials/foot.html.j2" %}</div>{{ content }}'
    )
    files = {
        "templates/_layouts/email.html.j2": layout,
        "templates/_partials/foot.html.j2": "<p>foot</p>",
        "templates/hello/email.md.j2": mail("Hi"),
    }

    html = str(rendered(shop(tmp_path, files)).html)

    assert html.count('<p style="margin: 0">foot</p>') == 2


def test_macros_callers_and_blocks_above_are_styled(tmp_path: Path) -> None:
    ui = '{% macro button(label) %}<a class="btn">{{ label }}{{ caller() }}</a>{% endmacro %}'
    body = (
        '{% extends "_layouts/email.html.j2" %}{% import "_partials/ui.html.j2" as ui %}'
        '{% block content %}{{ super() }}{% call ui.button("Go") %}<p>now</p>{% endcall %}{% endblock %}'
    )
    files = {
        "templates/_partials/ui.html.j2": ui,
        "templates/_layouts/email.html.j2": LAYOUT.replace(
            "{% block content %}", "{% block content %}<p>above</p>"
        ),
    }
    html = html_of(tmp_path, body, files)

    assert '<p style="color: #222">above</p>' in html
    assert '<p style="color: #222">now</p>' in html
    assert html.count("color: red; font-family: &#x27;Open Sans&#x27;, serif") == 1


@pytest.mark.parametrize(
    "css",
    ["p { color: red", "p } { color: red }", "{{ vars.season }}", "/* p { color: red }", "@import 'x'; p",
     '<!-- p { content: "}" } -->', "p { color: url(javascript:alert(1)) }", "p{color:expression(1)}", ""],
)  # fmt: skip
def test_broken_sheets_break_no_message(tmp_path: Path, css: str) -> None:
    layout = f"<html><head><style>{css}</style></head><body>{{{{ content }}}}</body></html>"
    files = {"templates/_layouts/email.html.j2": layout, "templates/hello/email.md.j2": mail("Hi")}

    assert "Hi</p>" in str(rendered(shop(tmp_path, files)).html)


def test_a_sheet_with_conditions_stays_as_it_is(tmp_path: Path) -> None:
    layout = "<style>{% if customer.points %}p { color: red }{% endif %}</style>{{ content }}"
    files = {"templates/_layouts/email.html.j2": layout, "templates/hello/email.md.j2": mail("Hi")}
    playbook = shop(tmp_path, files)

    assert "<p>Hi</p>" in str(rendered(playbook, customer=person(points=3)).html)


def test_nothing_is_fetched_for_a_linked_sheet(tmp_path: Path) -> None:
    layout = '<link rel="stylesheet" href="http://127.0.0.1:1/x.css"><style>p{color:red}</style>{{ content }}'
    files = {"templates/_layouts/email.html.j2": layout, "templates/hello/email.md.j2": mail("Hi")}

    assert '<p style="color: red">Hi</p>' in str(rendered(shop(tmp_path, files)).html)


def test_only_mail_is_styled(tmp_path: Path) -> None:
    files = {
        "templates/hello/onsite.html.j2": "<style>p{color:red}</style><p>Hi</p>",
        "templates/hello/email.md.j2": mail("Hi"),
    }

    found = rendered(shop(tmp_path, files), channel="onsite").html

    assert found == "<style>p{color:red}</style><p>Hi</p>"
