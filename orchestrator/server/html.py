"""The pages that customers see: one look, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from orchestrator.server.wording import WORDS, Language

Note = Literal["lost", "later", "too_often"]

_STYLE = files("orchestrator.server").joinpath("pages/page.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""What a browser may do on these pages: show them, and send their form back here."""
_PAGES = Environment(
    loader=PackageLoader("orchestrator.server", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)


def page(
    name: str,
    language: Language,
    shop: str,
    names: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Return one page.

    Args:
        name: the template's file below ``pages/``, without its endings.
        shop: whose pages these are.
        names: what the template asks for.
    """
    text = _PAGES.get_template(f"{name}.html.j2").render(
        say=WORDS[language],
        language=language,
        shop=shop,
        style=Markup(_STYLE),  # noqa: S704  # a file of this package
        **names,
    )
    fixed = {
        "content-security-policy": POLICY,
        "content-language": language,
        "vary": "accept-language",
    }
    return HTMLResponse(text, status, fixed | dict(headers or {}))


def note(name: Note, language: Language, shop: str, status: int) -> HTMLResponse:
    """Return a page that only says why there is no other."""
    say = WORDS[language]
    names = {"head": say[name], "text": say[f"{name}_hint"]}
    headers = {} if name == "lost" else {"retry-after": "60"}
    return page("note", language, shop, names, status=status, headers=headers)
