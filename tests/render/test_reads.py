"""Parts that read nobody are printed once for many, and nothing else changes by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from rendering_shop import HTML, TXT, mail, person, send, shop

from orchestrator.records.sends import Rendered, RenderFailure
from orchestrator.render.plans import Planner
from orchestrator.render.reads import steady_parts
from orchestrator.render.renderer import Renderer


def steady_of(folder: Path, files: Mapping[str, str]) -> frozenset[str]:
    planner = Planner(shop(folder, files))
    return planner.plan("hello", "email", "en", flow="welcome", step="hello").steady


@pytest.mark.parametrize("root", ["customer.city", "entry.amount", "links.unsubscribe", "today"])
def test_a_part_that_reads_customer_run_or_day_is_not_steady(tmp_path: Path, root: str) -> None:
    body = f"{{{{ vars.season }}}} {{{{ {root} }}}}"

    assert steady_of(tmp_path, {TXT: mail(body, "In {{ vars.season }}")}) == {"subject"}


def test_values_that_refer_to_a_customer_make_no_part_steady(tmp_path: Path) -> None:
    files = {TXT: mail("{{ project.name }}", "{{ with.discount }}")}
    assert "subject" not in steady_of(tmp_path, files)

    flow = "flow: welcome\nstarts_when: {did: purchase}\nsteps: [{send: hello, with: {discount: 5%}}]\n"
    files["playbooks/flows/welcome.yaml"] = flow
    assert "subject" in steady_of(tmp_path, files)


def test_a_body_that_prints_the_subject_is_as_steady_as_that(tmp_path: Path) -> None:
    assert "html" not in steady_of(
        tmp_path, {HTML: mail("<p>{{ message.subject }}</p>", "To {{ customer.city }}")}
    )


def test_what_a_partial_reads_counts(tmp_path: Path) -> None:
    files = {
        HTML: mail('<p>{% include "_partials/foot.html.j2" %}</p>'),
        "templates/_partials/foot.html.j2": "{{ customer.city }}",
    }

    assert steady_of(tmp_path, files) == {"subject"}


def test_headers_after_a_part_do_not_make_it_steady() -> None:
    read = {"subject": frozenset({"message"}), "preheader": frozenset({"customer"})}

    assert steady_parts(read, frozenset({"message"})) == frozenset()


def test_a_steady_subject_is_written_in_each_locale(tmp_path: Path) -> None:
    renderer = Renderer(shop(tmp_path, {TXT: mail("Hi", "Win {{ 1234.5 | money }}")}))
    locales = ("en-GB", "de-AT", "en-GB", "de-AT")

    found = [renderer.render(send(person(locale=locale))) for locale in locales]

    subjects = [one.subject for one in found if isinstance(one, Rendered)]
    assert len(set(subjects)) == 2
    assert subjects[:2] == subjects[2:]


def test_a_steady_part_takes_its_share_of_the_work_each_time(tmp_path: Path) -> None:
    loop = "{% for _ in range(900) %}{% for _ in range(10) %}{% endfor %}{% endfor %}"
    body = f"{{{{ customer.city }}}}{loop}"
    renderer = Renderer(shop(tmp_path, {HTML: mail(f"<p>{body}</p>", f"Hi{loop}"), TXT: body}))

    first, second = (renderer.render(send(person(city="Ubud"))) for _ in range(2))

    assert isinstance(first, RenderFailure)
    assert first == second


def test_long_runs_of_blanks_cost_little(tmp_path: Path) -> None:
    blanks = " " * 30_000
    renderer = Renderer(shop(tmp_path, {TXT: mail("{{ customer.city }}")}))

    found = renderer.render(send(person(city=f"a{blanks}b \n\n\n{blanks[1:]}\t\nc")))

    assert isinstance(found, Rendered)
    assert found.text == f"a{blanks}b\n\nc"


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
