"""Whatever values are: rendering never raises, and never prints markup of them."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendering_shop import HTML, TXT, mail, person, send, shop

from orchestrator.records.sends import Rendered, RenderFailure
from orchestrator.render.faults import FAILURE_CODES
from orchestrator.render.headers import clean_header
from orchestrator.render.renderer import Renderer

LAYOUT = "_layouts/email.html.j2"

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


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    """A renderer whose message prints a value between brackets, as text."""
    folder = tmp_path_factory.mktemp("text")
    return Renderer(shop(folder, {TXT: mail("[{{ customer.city }}]")}))


@given(value=st.text(max_size=200))
def test_plain_text_prints_any_text_as_it_is(plain: Renderer, value: str) -> None:
    result = plain.render(send(person(city=value)))

    if isinstance(result, Rendered):
        assert result.text == f"[{value}]"
