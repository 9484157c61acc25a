"""Writing style sheets into the elements, once for each template: many mail programs know none.

The templates of a message are written out as one document with every start tag marked.
``css-inline`` says which declarations each gets, and these are written into the tag's own text,
before what its ``style`` says already. Nothing else of a template changes, and the sheets stay:
they hold what is for small screens and for states.

What differs between the places where a partial stands is left to the sheet, and so are elements
whose class or id depends on a value or a condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from html.parser import HTMLParser

from jinja2 import nodes

from orchestrator.render.css import declarations_of, sorted_rules
from orchestrator.render.tags import Tag, TagReader
from orchestrator.render.whole_document import (
    MARK,
    Parse,
    TooInvolved,
    WholeDocument,
    spliced,
)

Styles = Mapping[str, Mapping[int, str]]
"""File → number of one of its tags → the declarations to write into it."""
NO_STYLES: Styles = {}
_SHEET = re.compile(r"<style\b([^>]*)>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_OF_MEDIA = re.compile(r"\bmedia\s*=", re.IGNORECASE)


def styles_of(name: str, tree: nodes.Template, parse: Parse) -> Styles:
    """Return the declarations to write into the tags of a message's templates.

    Args:
        name: the body's file.
        tree: it, parsed.
        parse: returns a layout or partial by its name, parsed.
    """
    try:
        whole = WholeDocument(name, tree, parse)
    except TooInvolved:
        return NO_STYLES
    sheets = [
        css for attributes, css in _SHEET.findall(whole.text) if not _OF_MEDIA.search(attributes)
    ]
    if not sheets or any(file.reader.has_decided_css for file in whole.files.values()):
        return NO_STYLES
    found = _declared(whole.text, sorted_rules("\n".join(sheets)))
    names = list(whole.files)
    styles: dict[str, dict[int, str]] = {}
    for mark, declarations in found.items():
        file, _, number = mark.partition("-")
        if declarations:
            styles.setdefault(names[int(file)], {})[int(number)] = "; ".join(declarations)
    return styles


def dress(tree: nodes.Template, name: str, styles: Styles) -> None:
    """Write the declarations for one file's tags into its parsed template."""
    wanted = styles.get(name)
    if not wanted:
        return
    reader = TagReader(tree, is_style_sheet=name.endswith(".css.j2"))
    changes: dict[int, list[tuple[int, int, str]]] = {}
    for number, style in wanted.items():
        _change(reader.tags[number], escape(style), changes)
    for node in tree.find_all(nodes.TemplateData):
        node.data = spliced(node.data, changes.get(id(node), ()))


def _change(tag: Tag, style: str, changes: dict[int, list[tuple[int, int, str]]]) -> None:
    spot, text = tag.after_name, f' style="{style}"'
    if tag.style_value is not None:
        spot, text = tag.style_value, f"{style}; "
    changes.setdefault(id(spot.node), []).append((spot.at, 0, text))


def _declared(document: str, css: str) -> dict[str, list[str]]:
    """Return mark → the declarations that it has wherever it stands."""
    reader = _Reader()
    reader.feed(_inlined(document, css))
    return reader.found


class _Reader(HTMLParser):
    """Reads the styles of marked tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        mark = given.get(MARK)
        if mark is None:
            return
        own = declarations_of(given.get("style") or "")
        before = self.found.get(mark, own)
        self.found[mark] = [one for one in before if one in own]


def _inlined(document: str, css: str) -> str:
    from css_inline import CSSInliner  # noqa: PLC0415 - only who renders HTML with sheets needs it

    inliner = CSSInliner(
        inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False, extra_css=css
    )
    return inliner.inline(document)
