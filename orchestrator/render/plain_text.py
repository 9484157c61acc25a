"""HTML templates become plain-text templates, once, with their Jinja untouched."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from jinja2 import Environment

from orchestrator.render.covers import Covered, inert

_DROPPED = frozenset({"head", "style", "script", "title", "template"})
_HIDEABLE = frozenset({"div", "span"})
"""Their end is always written, so what they hide is known."""
_HIDDEN = re.compile(r"display\s*:\s*none\b", re.IGNORECASE)
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "hr"}
)
_PRINTING = re.compile(r"\{%[-+]?\s*(include|endblock|endcall|endfilter)\b")
_LINES = frozenset({"br", "div", "tr", "li", "section", "article", "header", "footer", "center"})


class _TextWriter(HTMLParser):
    """Writes what a reader would see: lines, ``- `` items, links as ``text (address)``."""

    def __init__(self, covered: Covered) -> None:
        super().__init__(convert_charrefs=True)
        self.covered = covered
        self.out: list[str] = []
        self.dropping: list[str] = []
        self.preformatted = 0
        self.links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in (*_DROPPED, *self.dropping[-1:]) or (
            tag in _HIDEABLE and self._hides(given.get("style", ""))
        ):
            self.dropping.append(tag)
        if self.dropping:
            return
        if tag == "a":
            self.links.append((given.get("href", ""), len(self.out)))
        elif tag == "img":
            self._write(given.get("alt", ""))
        elif tag == "pre":
            self.preformatted += 1
        self._begin(tag)
        if tag == "li":
            self.out.append("- ")
        elif tag in ("td", "th"):
            self._write(" ")

    def handle_endtag(self, tag: str) -> None:
        if self.dropping:
            if tag == self.dropping[-1]:
                self.dropping.pop()
            return
        if tag == "a" and self.links:
            self._end_link()
        elif tag == "pre":
            self.preformatted = max(0, self.preformatted - 1)
        if tag not in ("br", "hr"):
            self._begin(tag)

    def _hides(self, style: str) -> bool:
        """Return whether a style hides its element from every reader, whatever the values."""
        return not self.covered.statement.search(style) and bool(_HIDDEN.search(style))

    def _end_link(self) -> None:
        address, begin = self.links.pop()
        shown = "".join(self.out[begin:]).strip()
        tag = " ".join(self.covered.tag_of(address).split())
        same = shown == address or (tag and tag == " ".join(self.covered.tag_of(shown).split()))
        if address and not address.startswith("#") and not same:
            self.out.append(f" ({address})" if shown else address)

    def handle_comment(self, data: str) -> None:
        tags = "".join(self.covered.statement.findall(data))
        if tags and not self.covered.statement.sub("", data).strip():
            self.out.append(tags)

    def handle_data(self, data: str) -> None:
        if self.dropping:
            # What a dropped part defines or imports may be used outside of it.
            self.out += self.covered.statement.findall(data)
        elif self.preformatted:
            self.out.append(data)
        else:
            self._write(re.sub(r"[ \t\r\n\f]+", " ", data))

    def _write(self, text: str) -> None:
        line = self._line()
        self.out.append(text if line and not line.endswith(" ") else text.lstrip(" "))

    def _line(self) -> str:
        """Return what stands on the line so far; of tags only includes and blocks print."""
        line = ""
        for part in reversed(self.out):
            line = part.rpartition("\n")[2] + line
            if "\n" in part or len(line) > 200:
                break
        return self.covered.statement.sub(self._shown, line)

    def _shown(self, word: re.Match[str]) -> str:
        return word[0] if _PRINTING.match(self.covered.tag_of(word[0])) else ""

    def _begin(self, tag: str) -> None:
        """Begin a new line, or paragraph, unless one has just begun."""
        if tag in _PARAGRAPHS:
            self.out.append("\n\n")
        elif tag == "br" or (tag in _LINES and self._line().strip()):
            self.out.append("\n")


def html_to_text(environment: Environment, source: str) -> str:
    """Return an HTML template as a plain-text template."""
    covered = Covered(environment, source)
    writer = _TextWriter(covered)
    writer.feed(covered.text)
    writer.close()
    text = "".join(writer.out)
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n[ \t]+(?=\S)", "\n", text) if "<pre" not in source else text
    text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
    # The environment of derived text drops the line break after a tag; those that print keep it.
    text = covered.statement.sub(lambda word: word[0] + _extra_break(covered, word), text)
    return covered.uncover(text, inert)


def _extra_break(covered: Covered, word: re.Match[str]) -> str:
    followed = word.string[word.end() : word.end() + 1] == "\n"
    return "\n" if followed and _PRINTING.match(covered.tag_of(word[0])) else ""


def visible_text(value: str) -> str:
    """Return what a reader sees of a piece of HTML that a message trusts."""
    return unescape(re.sub(r"<[^<>]*>", "", str(value)))


def tidy(text: str) -> str:
    """Return rendered text without trailing spaces, leading or doubled blank lines."""
    text = text.strip()
    if " \n" in text:
        text = text.replace(" \n", "\n")
        if " \n" in text or "\t" in text:
            text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text
