"""Problems of templates: each with its place, its code and the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering_shop import FLOW, HTML, MARKDOWN, PROJECT, TXT, mail, write_shop

from orchestrator.language.marks import Problem
from orchestrator.playbook.load import sound_parts
from orchestrator.playbook.read import read_project
from orchestrator.render.check import template_problems


def problems(folder: Path, files: dict[str, str]) -> list[Problem]:
    return list(template_problems(sound_parts(read_project(write_shop(folder, files), {}))))


CASES = {
    "attribute": ("Hi {{ customer.first_nmae }}", 7, "CLM502", "first_name"),
    "guarded attribute": ("Hi {{ customer.frist_name | default('x') }}", 7, "CLM502", "first_name"),
    "attribute by item": ("{{ customer['citty'] }}", 14, "CLM502", "city"),
    "entry property": ("{{ entry.amuont }}", 4, "CLM502", "amount"),
    "property of another event": ("{{ entry.cart_value }}", 4, "CLM502", None),
    "variable": ("{{ vars.gitf }}", 4, "CLM502", "gift"),
    "step value": ("{{ with.discuont }}", 4, "CLM502", "discount"),
    "project": ("{{ project.adress }}", 4, "CLM502", None),
    "link": ("{{ links.unsubscibe }}", 4, "CLM502", "unsubscribe"),
    "root": ("{{ custmer.city }}", 4, "CLM502", "customer"),
    "filter": ("{{ customer.city | uper }}", 20, "CLM504", "upper"),
    "test": ("{% if customer.city is defind %}{% endif %}", 24, "CLM504", "defined"),
    "later": ("{{ coupon }}", 4, "CLM901", None),
    "dunder": ("{{ customer.__class__ }}", 13, "CLM505", None),
    "method": ("{{ customer.city.upper() }}", 18, "CLM505", None),
    "safe": ("{{ customer.city | safe }}", 20, "CLM506", None),
    "slot": ("<p title={{ customer.city }}>x</p>", 1, "CLM507", None),
    "partial": ("{% include '_partials/fotter.html.j2' %}", 13, "CLM503", "_partials/footer.html.j2"),
    "path": ("{% include '../../.env' %}", 13, "CLM505", None),
    "data path": ("{% include customer.city %}", 1, "CLM505", None),
    "syntax": ("{{ customer.city", 1, "CLM501", None),
    "statement": ("{% if customer.city %}", 1, "CLM501", None),
}  # fmt: skip


@pytest.mark.parametrize(("line", "column", "code", "near"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("ending", ["html", "md", "txt"])
def test_problem_stands_where_it_is(
    tmp_path: Path, line: str, column: int, code: str, near: str | None, ending: str
) -> None:
    if ending != "html" and line.startswith("<"):
        pytest.skip("a matter of HTML only")
    name = f"templates/hello/email.{ending}.j2"
    files = {name: mail(f"first\n{line}\n"), "templates/_partials/footer.html.j2": "x"}

    found = problems(tmp_path, files)

    assert [problem.code for problem in found] == [code]
    mark = found[0].mark
    assert (mark.path, mark.line) == (name, 5 if code != "CLM501" else mark.line)
    assert code == "CLM501" or mark.column == column
    assert near is None or f'did you mean "{near}"?' in (found[0].help or "")


@pytest.mark.parametrize(
    ("alone", "written"), [("first_name", "customer.first_name"), ("discount", "with.discount")]
)
def test_a_name_without_its_root_is_told_with_it(tmp_path: Path, alone: str, written: str) -> None:
    found = problems(tmp_path, {"templates/hello/email.txt.j2": mail(f"{{{{ {alone} }}}}\n")})

    assert [(problem.code, problem.help) for problem in found] == [("CLM502", f"write: {written}")]


UNCLOSED = {
    "far from the end": ("{% if customer.city %}\n{{ customer.city }}\nmore\n{{ entry.at }}", 4, 1, "if"),
    "the inner of two": ("x\n{% for a in [1] %}\n  {%- if a %}\nb", 6, 3, "if"),
    "the outer of two": ("{% if 1 %}\n{% for a in [1] %}\n{% endfor %}\nx", 4, 1, "if"),
    "the second on a line": ("{% if 1 %}a{% endif %}{% if 2 %}\nx", 4, 23, "if"),
    "a set of a text": ("{% set a = 1 %}\n{% set b %}\nx{{ a }}", 5, 1, "set"),
    "a macro": ("{% macro m(a) %}\nx\n{{ customer.city }}", 4, 1, "macro"),
    "raw before it": ("{% raw %}{% if %}{% endraw %}\n{% if 1 %}\nx", 5, 1, "if"),
    "a tag of two lines": ("{%\n  if 1 %}\nx\n{{ 1 }}", 4, 1, "if"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "line", "column", "block"), UNCLOSED.values(), ids=UNCLOSED.keys()
)
def test_a_block_that_stays_open_is_told_where_it_opens(
    tmp_path: Path, body: str, line: int, column: int, block: str
) -> None:
    (found,) = problems(tmp_path, {TXT: mail(body)})

    assert (found.code, found.mark.line, found.mark.column) == ("CLM501", line, column)
    assert found.message == f"this {{% {block} %}} is never closed"
    assert found.help == f"write {{% end{block} %}} where it ends"


SOUND = {
    "declared": "{{ customer.city }} {{ customer.orders }} {{ customer['plan'] }}",
    "entry": "{{ entry.amount | money }} {{ entry.at | date }} {{ entry.start }}",
    "values": "{{ with.discount }} {{ with.town }} {{ vars.gift }} {{ vars.season }}",
    "loop": "{% for a in entry.items %}{{ loop.index }} {{ a.name }}{% endfor %}",
    "set": "{% set a = 1 %}{{ a }}{% set b %}x{% endset %}{{ b }}",
    "macro": "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}",
    "with": "{% with a = 1 %}{{ a }}{% endwith %}",
    "import": "{% from '_partials/m.html.j2' import m as n %}{{ n(1) }}",
    "import whole": "{% import '_partials/m.html.j2' as p %}{{ p.m(1) }}",
    "project": "{{ project.name }} {{ project.postal_address }} {{ links.preferences }}",
    "message": "{{ message.name }} {{ message.subject }} {{ message.preheader | default('') }}",
    "range": "{% for a in range(3) %}{{ a }}{{ loop.cycle('x', 'y') }}{% endfor %}",
    "style": '<p style="color: {{ customer.colour }}" class="{{ customer.plan }}">x</p>',
    "split tag": '<td {% if customer.plan %}class="a"{% endif %}>x</td>',
    "quirks": "a < b && c > d <3 <!-- {{ customer.city }} --> 1<2",
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND.keys())
def test_sound_template_has_no_problem(tmp_path: Path, body: str) -> None:
    partial = "{% macro m(a) %}{{ a }}{{ customer.city }}{% endmacro %}"

    assert problems(tmp_path, {HTML: mail(body), "templates/_partials/m.html.j2": partial}) == []


@pytest.mark.parametrize(
    "body", ["", " \n\n", "{# to be written #}\n", "{% set a = 1 %}\n"],
)  # fmt: skip
@pytest.mark.parametrize("name", [HTML, MARKDOWN, TXT])
def test_template_that_prints_nothing_is_a_problem(tmp_path: Path, name: str, body: str) -> None:
    found = problems(tmp_path, {name: mail(body)})

    assert [(str(one.mark), one.code) for one in found] == [(f"{name}:1", "CLM514")]


def test_empty_template_file_is_a_problem(tmp_path: Path) -> None:
    found = problems(tmp_path, {HTML: mail("<p>Hi</p>"), "templates/hello/sms.txt.j2": ""})

    assert [(str(one.mark), one.code) for one in found] == [
        ("templates/hello/sms.txt.j2:1", "CLM514")
    ]


def test_template_whose_text_stands_elsewhere_prints_something(tmp_path: Path) -> None:
    files = {
        HTML: mail("{% include '_partials/m.html.j2' %}"),
        "templates/hello/sms.txt.j2": "{% extends '_layouts/sms.txt.j2' %}",
        "templates/_partials/m.html.j2": "<p>Hi</p>",
        "templates/_layouts/sms.txt.j2": "Hi",
    }

    assert problems(tmp_path, files) == []


def test_mail_without_a_subject_is_a_problem(tmp_path: Path) -> None:
    found = problems(tmp_path, {HTML: "<p>Hi</p>"})

    assert [(str(one.mark), one.code) for one in found] == [(f"{HTML}:1", "CLM508")]


def test_subject_of_the_step_will_do(tmp_path: Path) -> None:
    flow = FLOW.replace("{send: hello,", "{send: hello, subject: Hi,")

    assert problems(tmp_path, {HTML: "x", "playbooks/flows/welcome.yaml": flow}) == []


def test_subject_of_a_step_is_checked_where_it_stands(tmp_path: Path) -> None:
    flow = FLOW.replace("{send: hello,", "{send: hello, subject: '{{ customer.citty }}',")

    found = problems(tmp_path, {HTML: mail("x"), "playbooks/flows/welcome.yaml": flow})

    assert [(str(one.mark), one.code) for one in found] == [
        ("playbooks/flows/welcome.yaml:6", "CLM502")
    ]


def test_subject_of_several_lines_is_a_problem(tmp_path: Path) -> None:
    found = problems(tmp_path, {HTML: "---\nsubject: |\n  Hi\n  Bcc: x\n---\nx"})

    assert [one.code for one in found] == ["CLM509"]


PREHEADER = "---\nsubject: Hi\npreheader: Soon\n---\n"
LAYOUT = "templates/_layouts/email.html.j2"
PREVIEW = "templates/_partials/preview.html.j2"
MUTE = "{% block content %}{% endblock %}"
PRINTING = "{{ message.preheader }}" + MUTE
UNSEEN = {
    "HTML of its own": {HTML: PREHEADER + "<p>{{ message.subject }}</p>"},
    "HTML in a layout": {
        HTML: PREHEADER + "{% extends '_layouts/email.html.j2' %}", LAYOUT: MUTE,
    },
    "HTML beside a layout that it does not use": {HTML: PREHEADER + "<p>Hi</p>", LAYOUT: PRINTING},
    "Markdown": {MARKDOWN: PREHEADER + "Hi", LAYOUT: MUTE},
    "Markdown in another layout": {
        MARKDOWN: PREHEADER + "{% extends '_layouts/bare.html.j2' %}",
        LAYOUT: PRINTING, "templates/_layouts/bare.html.j2": MUTE,
    },
    "Markdown in the layout of the project's locale": {
        MARKDOWN: PREHEADER + "Hi", LAYOUT: PRINTING, LAYOUT.replace(".html", ".en.html"): MUTE,
    },
}  # fmt: skip


@pytest.mark.parametrize("files", UNSEEN.values(), ids=UNSEEN.keys())
def test_preheader_that_no_html_prints_is_a_warning(tmp_path: Path, files: dict[str, str]) -> None:
    found = problems(tmp_path, files)

    place = next(iter(files))
    assert [(str(one.mark), one.mark.column) for one in found] == [(f"{place}:3", 12)]
    assert [(one.code, one.severity) for one in found] == [("CLM513", "warning")]


SEEN = {
    "default layout": {MARKDOWN: PREHEADER + "Hi"},
    "layout": {MARKDOWN: PREHEADER + "Hi", LAYOUT: PRINTING},
    "extended layout": {
        HTML: PREHEADER + "{% extends '_layouts/email.html.j2' %}", LAYOUT: PRINTING,
    },
    "partial of the layout": {
        MARKDOWN: PREHEADER + "Hi", LAYOUT: f"{{% include '_partials/preview.html.j2' %}}{MUTE}",
        PREVIEW: "{{ message['preheader'] }}",
    },
    "body": {HTML: PREHEADER + "<p>{{ message.preheader }}</p>"},
    "message as a whole": {HTML: PREHEADER + "{% set m = message %}{{ m.preheader }}"},
    "no preheader": {HTML: mail("<p>Hi</p>")},
    "no HTML": {TXT: PREHEADER + "Hi"},
    "no mail": {
        "templates/hello/onsite.html.j2": PREHEADER + "Hi", HTML: mail("<p>Hi</p>"),
    },
}  # fmt: skip


@pytest.mark.parametrize("files", SEEN.values(), ids=SEEN.keys())
def test_preheader_that_is_printed_or_has_no_html_is_sound(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert problems(tmp_path, files) == []


def test_preheader_of_a_text_template_is_judged_by_the_html_beside_it(tmp_path: Path) -> None:
    text = TXT

    found = problems(tmp_path, {HTML: mail("<p>Hi</p>"), text: PREHEADER + "Hi"})

    assert [(str(one.mark), one.code) for one in found] == [(f"{text}:3", "CLM513")]


def test_value_that_one_sending_step_lacks_is_named(tmp_path: Path) -> None:
    other = FLOW.replace("flow: welcome", "flow: other").replace("discount: 10%, ", "")
    files = {HTML: mail("{{ with.discount }}"), "playbooks/flows/other.yaml": other}

    found = problems(tmp_path, files)

    assert [one.message for one in found] == [
        '"with.discount" is not given by step hello of flow other'
    ]
    assert problems(tmp_path, {**files, HTML: mail("{{ with.discount | default('5%') }}")}) == []


def test_link_without_base_url_is_a_problem_unless_asked_for(tmp_path: Path) -> None:
    project = PROJECT.replace('links: {base_url: "https://shop.example"}\n', "")
    files = {"playbooks/project.yaml": project}

    bare = problems(tmp_path, {**files, HTML: mail("{{ links.unsubscribe }}")})
    asked = "{% if links.unsubscribe %}{{ links.unsubscribe }}{% endif %}"

    assert [one.message for one in bare] == [
        '"links.unsubscribe" needs links.base_url in project.yaml'
    ]
    assert problems(tmp_path, {**files, HTML: mail(asked)}) == []


def test_partials_and_layouts_are_checked_too(tmp_path: Path) -> None:
    files = {
        HTML: mail("{% include '_partials/a.html.j2' %}"),
        "templates/_partials/a.html.j2": "x\n {{ customer.citty }}",
        "templates/_partials/b.html.j2": "{% include '_partials/b.html.j2' %}",
    }

    found = problems(tmp_path, files)

    assert [(str(one.mark), one.mark.column, one.code) for one in found] == [
        ("templates/_partials/a.html.j2:2", 5, "CLM502"),
        ("templates/_partials/b.html.j2:1", 1, "CLM503"),
    ]


def test_locales_that_leave_others_without_a_template_are_warned_of(tmp_path: Path) -> None:
    found = problems(tmp_path, {"templates/hello/email.id.html.j2": mail("Hai")})

    assert [(one.code, one.severity) for one in found] == [("CLM510", "warning")]


def test_tags_across_elements_ask_for_a_text_template(tmp_path: Path) -> None:
    body = "<head>{{ 1 }}<style>a{}</head><p>x</p><!-- {% if customer.city %} --> y <!-- {% endif %} -->"

    assert problems(tmp_path, {HTML: mail(body)}) == []


def test_base_url_is_a_web_address(tmp_path: Path) -> None:
    project = PROJECT.replace("https://shop.example", "shop.example")

    found = problems(tmp_path, {HTML: mail("x"), "playbooks/project.yaml": project})

    assert [(str(one.mark), one.code) for one in found] == [("playbooks/project.yaml:6", "CLM512")]


@pytest.mark.parametrize(("word", "value"), [("locale", "xx_nowhere"), ("currency", "EURO")])
def test_locale_and_currency_are_those_of_cldr(tmp_path: Path, word: str, value: str) -> None:
    before = {"locale": "locale: en", "currency": "currency: EUR"}[word]
    project = PROJECT.replace(before, f"{word}: {value}")

    found = problems(tmp_path, {HTML: mail("x"), "playbooks/project.yaml": project})

    assert [(one.mark.path, one.code) for one in found] == [("playbooks/project.yaml", "CLM512")]


def test_a_body_that_gives_no_plain_text_needs_a_text_of_its_own(tmp_path: Path) -> None:
    crossing = mail('<p class="a{% if customer.city %}">x{% else %}b">y{% endif %}</p>\n')
    files = {HTML: crossing}
    assert [one.code for one in problems(tmp_path / "one", files)] == ["CLM511"]
    files[TXT] = "a, b\n"
    assert problems(tmp_path / "two", files) == []
