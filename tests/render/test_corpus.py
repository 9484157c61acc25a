"""Hostile values and templates: each with what must become of it."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from faults.kit import figures
from rendering_shop import failure, mail, person, rendered, send, shop

from orchestrator.records.sends import RenderFailure
from orchestrator.render.apart.pool import Pool

PLAIN = "<p>[{{ customer.city }}]</p>"

HARMLESS_VALUES = {
    "script": ("<script>alert(1)</script>", "[&lt;script&gt;alert(1)&lt;/script&gt;]"),
    "attribute break": ('"><img onerror=x>', "[&#34;&gt;&lt;img onerror=x&gt;]"),
    "expression": ("{{7*7}}", "[{{7*7}}]"),
    "statement": ("{% for x in y %}", "[{% for x in y %}]"),
    "comment": ("{# x #}", "[{# x #}]"),
    "style end": ("</style>", "[&lt;/style&gt;]"),
    "css": ("url(https://evil.example)", "[url(https://evil.example)]"),
    "entities": ("&amp;amp;", "[&amp;amp;amp;]"),
    "right to left": ("a\u202eb", "[a\u202eb]"),
    "emoji": ("👩\u200d👩\u200d👧", "[👩\u200d👩\u200d👧]"),
    "four bytes": ("𝔸𠜎", "[𝔸𠜎]"),
    "zalgo": ("z\u0351\u0352\u0353", "[z\u0351\u0352\u0353]"),
    "line separator": ("a\u2028b", "[a\u2028b]"),
    "zero": (0, "[0]"),
    "false": (False, "[false]"),
}


@pytest.mark.parametrize(("value", "shown"), HARMLESS_VALUES.values(), ids=HARMLESS_VALUES.keys())
def test_hostile_value_is_printed_as_inert_text(tmp_path: Path, value: Any, shown: str) -> None:
    playbook = shop(tmp_path, {"templates/hello/email.html.j2": mail(PLAIN)})

    message = rendered(playbook, customer=person(city=value))

    assert message.html == f"<p>{shown}</p>"


REFUSED_VALUES = {
    "nothing": (None, "undefined"),
    "empty": ("", "undefined"),
    "not a number": (float("nan"), "undefined"),
    "infinite": (float("inf"), "undefined"),
    "list": (["a", "b"], "value"),
    "mapping": ({"a": 1}, "value"),
    "a megabyte": ("x" * 1_000_000, "too_large"),
    "nul": ("a\x00b", "value"),
    "lone surrogate": ("\ud800", "value"),
    "object": (object(), "value"),
    "endless nesting": ([[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]], "too_large"),
}


@pytest.mark.parametrize(("value", "code"), REFUSED_VALUES.values(), ids=REFUSED_VALUES.keys())
def test_unprintable_value_costs_this_message_only(tmp_path: Path, value: Any, code: str) -> None:
    playbook = shop(tmp_path, {"templates/hello/email.html.j2": mail(PLAIN)})

    assert failure(playbook, customer=person(city=value)).code == code
    assert rendered(playbook, customer=person(city="Graz")).html == "<p>[Graz]</p>"


SLOTS = {
    "script address": ('<a href="{{ customer.city }}">x</a>', "javascript:alert(1)"),
    "script address in capitals": ('<a href="{{ customer.city }}">x</a>', "JaVaScRiPt:alert(1)"),
    "script address with a tab": ('<a href="{{ customer.city }}">x</a>', "java\tscript:alert(1)"),
    "script address after a blank": ("<a href=' {{ customer.city }}'>x</a>", "javascript:1"),
    "data address": ('<img src="{{ customer.city }}">', "data:text/html,<script>1</script>"),
    "either of two": (
        '<a href="{% if customer.plan %}{{ customer.plan }}{% endif %}{{ customer.city }}">x</a>',
        "javascript:alert(1)",
    ),
    "through a macro": (
        '{% macro link(to) %}<a href="{{ to }}">x</a>{% endmacro %}{{ link(customer.city) }}',
        "javascript:alert(1)",
    ),
    "url filter in text": ("<p>{{ customer.city | url }}</p>", "javascript:alert(1)"),
    "style": ('<p style="background:{{ customer.city }}">x</p>', "url(https://evil.example)"),
    "style element": ("<style>p{color:{{ customer.city }}}</style>", "red;}*{x:url(//e)"),
    "markdown link": ("[x]({{ customer.city }})", "javascript:alert(1)"),
}


@pytest.mark.parametrize(("body", "value"), SLOTS.values(), ids=SLOTS.keys())
def test_value_that_a_slot_makes_dangerous_is_refused(
    tmp_path: Path, body: str, value: str
) -> None:
    ending = "md" if body.startswith("[") else "html"
    playbook = shop(tmp_path, {f"templates/hello/email.{ending}.j2": mail(body)})

    assert failure(playbook, customer=person(city=value)).code == "value"


@pytest.mark.parametrize(
    "address", ["https://a.example/?x=1&y=2", "http://a.example", "mailto:a@b.example", "tel:+4312"]
)
def test_sound_address_stays_in_its_slot(tmp_path: Path, address: str) -> None:
    body = '<a href="{{ customer.website }}">x</a>'
    playbook = shop(tmp_path, {"templates/hello/email.html.j2": mail(body)})

    message = rendered(playbook, customer=person(website=address))

    assert message.html == f'<a href="{address.replace("&", "&amp;")}">x</a>'


TEMPLATES = {
    "class": "{{ ''.__class__ }}",
    "class of a customer": "{{ customer.__class__.__mro__ }}",
    "class by item": "{{ customer['__class__'] }}",
    "class by joined item": "{{ customer['__cla' ~ 'ss__'] }}",
    "attr": "{{ customer | attr('__class__') }}",
    "format": "{{ '{0.__class__}'.format(customer) }}",
    "format map": "{{ '{x}'.format_map(customer) }}",
    "format filter": "{{ '%1000000000d' | format(1) }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "percent of data": "{{ customer.city % 1 }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "lipsum": "{{ lipsum(1000000) }}",
    "namespace": "{% set ns = namespace(a=1) %}{{ ns.a }}",
    "joiner": "{{ joiner() }}",
    "dict": "{{ dict(a=1) }}",
    "self": "{{ self.__init__ }}",
    "self block": "{% block a %}{{ self.a() }}{% endblock %}",
    "import": "{% import 'os' as os %}{{ os.environ }}",
    "import of data": "{% import customer.city as c %}",
    "include above": "{% include '../../.env' %}",
    "include absolute": "{% include '/etc/passwd' %}",
    "include data": "{% include customer.city %}",
    "include another message": "{% include 'hello/email.html.j2' %}",
    "include ignoring": "{% include '../../.env' ignore missing %}",
    "extends data": "{% extends customer.city %}",
    "method": "{{ customer.city.upper() }}",
    "method of an object": "{{ customer.delete() }}",
    "method of a list": "{{ customer.interests.append(1) }}",
    "call of a value": "{{ customer.city() }}",
    "times": "{{ 'a' * 10**9 }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "times of data": "{{ customer.city * 1000000000 }}",
    "list times": "{{ [0] * 1000000000 }}",
    "range": "{% for a in range(1000000000) %}x{% endfor %}",
    "nested range": "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}",
    "indent": "{{ 'x' | indent(100000000) }}",
    "center": "{{ 'x' | center(1000000000) }}",
    "wordwrap": "{{ 'x' | wordwrap }}",
    "doubled text": "{% set a = customer.city * 1 %}",
    "doubled by join": (
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a | length }}"
    ),
    "doubled by plus": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "doubled by block": (
        "{% set a0 %}xxxxxxxxxx{% endset %}"
        + "".join(
            f"{{% set a{n + 1} %}}{{{{ a{n} }}}}{{{{ a{n} }}}}{{% endset %}}" for n in range(40)
        )
        + "{{ a40 }}"
    ),
    "doubled by replace": "{% set a = 'x' * 1 %}{{ 'aaaa' | replace('a', customer.city) }}",
    "recursive macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "doubling macros": (
        "{% macro m0() %}x{% endmacro %}"
        + "".join(
            f"{{% macro m{n + 1}() %}}{{{{ m{n}() }}}}{{{{ m{n}() }}}}{{% endmacro %}}"
            for n in range(40)
        )
        + "{{ m40() }}"
    ),
    "doubling macros that print nothing": (
        "{% macro m0() %}{% endmacro %}"
        + "".join(
            f"{{% macro m{n + 1}() %}}{{{{ m{n}() }}}}{{{{ m{n}() }}}}{{% endmacro %}}"
            for n in range(40)
        )
        + "{{ m40() }}"
    ),
    "recursive loop": "{% for a in customer.interests recursive %}{{ loop([1]) }}{% endfor %}",
    "fifty megabytes": (
        "{% for a in range(999) %}{% for b in range(19) %}"
        + "x" * 4000
        + "{% endfor %}{% endfor %}"
    ),
    "autoescape off": "{% autoescape false %}{{ customer.city }}{% endautoescape %}",
    "safe": "{{ customer.city | safe }}",
    "recommended": "{{ recommended }}",
    "coupon": "{{ coupon }}",
    "referral": "{{ referral.link }}",
    "unknown name": "{{ nobody }}",
    "unknown attribute": "{{ customer.nothing }}",
    "missing attribute": "Hello {{ customer.plan }},",
    "missing in a filter": "Hello {{ customer.plan | upper }},",
    "list of a name": "{{ customer }}",
    "unquoted attribute": "<p title={{ customer.city }}>",
    "attribute name": "<p {{ customer.city }}>",
    "tag name": "<{{ customer.city }}>",
    "handler": "<p onclick=\"x('{{ customer.city }}')\">",
    "script": "<script>var a = '{{ customer.city }}'</script>",
    "fixed script address": '<a href="javascript:alert(1)">',
    "syntax": "{{ customer.city",
    "unknown tag": "{% do customer.city %}",
    "infinite include": "{% include '_partials/loop.html.j2' %}",
    "exploding includes": "{% include '_partials/boom0.html.j2' %}",
    "missing partial": "{% include '_partials/nothing.html.j2' %}",
    "base of a text": "{{ ''['__class__']['__base__']['__subclasses__']() }}",
    "globals of a filter": "{{ (customer.city | upper).__init__.__globals__ }}",
    "attr by variable": "{% set a = '__class__' %}{{ customer[a] }}",
    "attr through map": "{{ [customer] | map(attribute='__class__') | join }}",
    "select by a test": "{{ [1] | select('callable') | join }}",
    "request": "{{ request.application.__globals__ }}",
    "config": "{{ config.items() }}",
    "url_for": "{{ url_for.__globals__['os'].environ }}",
    "get_flashed_messages": "{{ get_flashed_messages.__globals__ }}",
    "undefined's own": "{{ nobody.__init__.__globals__ }}",
    "caller's own": "{{ caller.__globals__ }}",
    "macro's own": "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "macro's arguments": "{% macro m() %}{{ varargs }}{% endmacro %}{{ m.name }}{{ m._func }}",
    "loop's own": "{% for a in [1] %}{{ loop.__init__ }}{{ loop._iterator }}{% endfor %}",
    "range's own": "{{ range.__globals__ }}",
    "debug": "{% debug %}",
    "translation": "{% trans %}x{% endtrans %}",
    "xmlattr": "<p {{ {'onload': 'x'} | xmlattr }}>",
    "pprint": "{{ customer | pprint }}",
    "tojson": "{{ customer | tojson }}",
    "format with braces": "{{ '{0.__init__.__globals__}' | replace('x', 'y') | format(customer) }}",
    "deep parentheses": "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
    "deep lists": "{{ " + "[" * 300 + "]" * 300 + " }}",
    "huge number": "{{ 9 * 1" + "0" * 40 + " * 1" + "0" * 40 + " }}",
    "rounding far": "{{ 1 | round(1000000000) }}",
    "truncating far": "{{ customer.city * 99999999 | truncate(1) }}",
    "sorting a bomb": "{{ range(1000000) | sort | join }}",
    "sum of ranges": "{{ range(1000000000) | sum }}",
}
PARTIALS = {
    "templates/_partials/loop.html.j2": "{% include '_partials/loop.html.j2' %}",
    **{
        f"templates/_partials/boom{n}.html.j2": f"{{% include '_partials/boom{n + 1}.html.j2' %}}"
        * 2
        for n in range(30)
    },
    "templates/_partials/boom30.html.j2": "x",
}


@pytest.mark.parametrize("body", TEMPLATES.values(), ids=TEMPLATES.keys())
@pytest.mark.parametrize("ending", ["html", "md", "txt"])
def test_hostile_template_ends_as_a_failure(tmp_path: Path, body: str, ending: str) -> None:
    harmless_in_text = ("<", "{% autoescape")
    if ending != "html" and body.startswith(harmless_in_text) and "autoescape" not in body:
        pytest.skip("a matter of HTML only")
    files = {f"templates/hello/email.{ending}.j2": mail(body), **PARTIALS}
    customer = person(city="secret-" + "y" * 60_000, interests=["a"])

    failed = failure(shop(tmp_path, files), customer=customer)

    assert failed.code in ("undefined", "value", "too_large", "template")
    assert "secret" not in failed.message


PLACE = "templates/hello/email.html.j2"


def test_corpus_ends_no_process_that_renders(tmp_path: Path) -> None:
    files = {
        f"templates/hostile_{number}/email.html.j2": mail(body)
        for number, body in enumerate(TEMPLATES.values())
    }
    playbook, pool, seconds = (
        shop(tmp_path, {PLACE: mail("x"), **files, **PARTIALS}),
        Pool(),
        list[float](),
    )
    desk = pool.desk(playbook)
    customer = person(city="secret-" + "y" * 60_000, interests=["a"])

    for number, name in enumerate(TEMPLATES):
        asked = send(customer, message=f"hostile_{number}", step=f"hostile_{number}")
        begun = perf_counter()
        [result] = desk.render([asked])
        seconds.append(perf_counter() - begun)
        assert isinstance(result, RenderFailure), name
        assert result.code in ("undefined", "value", "too_large", "template"), name
    pool.close()

    assert pool.lost == 0
    figures(
        "hostile templates",
        templates=len(TEMPLATES),
        escapes=0,
        processes_lost=pool.lost,
        p99_milliseconds=f"{1000 * sorted(seconds)[int(0.99 * len(seconds))]:.0f}",
    )


def test_safe_prints_markup_of_trusted_values_only(tmp_path: Path) -> None:
    settings = "with: {banner: '<b>sale</b>'}\ntrusted: [with.banner]\n"
    files = {
        "templates/hello/message.yaml": settings,
        "templates/hello/email.html.j2": mail("<p>{{ with.banner | safe }}</p>"),
    }

    message = rendered(shop(tmp_path, files))

    assert (message.html, message.text) == ("<p><b>sale</b></p>", "sale")


def test_data_never_becomes_markdown(tmp_path: Path) -> None:
    name = "**b** [x](https://evil.example) <i> `c`\n\n# h\n- i"
    files = {
        "templates/hello/email.md.j2": mail("Hi {{ customer.city }}!"),
        "templates/_layouts/email.html.j2": "{% block content %}{% endblock %}",
    }

    message = rendered(shop(tmp_path, files), customer=person(city=name))

    escaped = name.replace("<", "&lt;").replace(">", "&gt;")
    assert message.html == f"<p>Hi {escaped}!</p>\n"
    assert message.text == f"Hi {name}!"


HEADERS = {
    "line feed": "a\nBcc: x@y.example",
    "carriage return": "a\rb",
    "both": "a\r\nBcc: x@y.example",
    "nul": "a\x00b",
    "escape": "a\x1bb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "override": "a\u202eb",
    "encoded line break": "=?utf-8?q?foo=0D=0ABcc=3A_evil=40x.com?=",
    "encoded base64": "=?UTF-8?B?Zm9vDQpCY2M6IHg=?=",
    "too long": "x" * 1_000,
    "too long in octets": "ä" * 500,
}


@pytest.mark.parametrize("value", HEADERS.values(), ids=HEADERS.keys())
@pytest.mark.parametrize("slot", ["subject", "preheader"])
def test_unclean_header_is_refused(tmp_path: Path, value: str, slot: str) -> None:
    front = {"subject": "Hi", slot: "Hi {{ customer.city }}"}
    lines = "".join(f'{name}: "{text}"\n' for name, text in front.items())
    playbook = shop(tmp_path, {"templates/hello/email.txt.j2": f"---\n{lines}---\nx"})

    assert failure(playbook, customer=person(city=value)).code == "header"


@pytest.mark.parametrize(
    "address", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "a b@c.example", "a"]
)
def test_address_that_is_not_exactly_one_is_refused(tmp_path: Path, address: str) -> None:
    playbook = shop(tmp_path, {"templates/hello/email.txt.j2": mail("x")})

    assert failure(playbook, customer=person(email=address)).code == "header"


@pytest.mark.parametrize("text", ["😀 Günther", "مرحبا", "你好 世界", "e\u0301", "a" * 900])
def test_clean_header_of_any_script_passes(tmp_path: Path, text: str) -> None:
    playbook = shop(tmp_path, {"templates/hello/email.txt.j2": mail("x", "{{ customer.city }}")})

    assert rendered(playbook, customer=person(city=text)).subject == text
