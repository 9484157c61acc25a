"""Compiling templates, and the layouts and partials they may use."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from functools import cached_property
from typing import Any

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound, TemplateSyntaxError, nodes

from orchestrator.render.default_layouts import DEFAULT_LAYOUTS
from orchestrator.render.environment import (
    HeaderEnvironment,
    HtmlEnvironment,
    JsonEnvironment,
    MessageEnvironment,
    TextEnvironment,
)
from orchestrator.render.faults import RenderError
from orchestrator.render.findings import Finding
from orchestrator.render.grammar import harden, refusals, sources_of
from orchestrator.render.inlining import NO_STYLES, Styles, dress, styles_of
from orchestrator.render.markdown import markdown_to_html
from orchestrator.render.plain_text import html_to_text, visible_text
from orchestrator.render.slots import guard_slots

MOST_SOURCES = 200
"""Layouts and partials that one message may pull in, each counted every time it is named."""
_CONVERTED = (".html.j2", ".md.j2")
CONTENT_BLOCK = re.compile(r"\{%[-+]?\s*block\s+content\b")
JSON_REFUSED = (nodes.Macro, nodes.CallBlock, nodes.AssignBlock, nodes.FilterBlock, nodes.Concat)


def base_environment() -> Environment:
    """Return an environment to parse with: the same syntax as all others, nothing more."""
    return Environment(autoescape=False)  # noqa: S701  # parses, never renders


class Library(BaseLoader):
    """Layouts and partials by name, from the playbook and nowhere else."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = {**DEFAULT_LAYOUTS, **texts}
        self.parser = base_environment()
        self._weights: dict[str, int] = {}
        self._trees: dict[str, nodes.Template | None] = {}

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> Template:
        """Compile one layout or partial for the environment that asks."""
        assert isinstance(environment, MessageEnvironment)
        if name not in self.texts:
            raise TemplateNotFound(name)
        return compile_template(environment, self.texts[name], name)

    @cached_property
    def sources(self) -> dict[str, list[tuple[int, str]]]:
        """(line, name) of what each file uses; a file that does not parse uses nothing."""
        return {name: self.used_by(text) for name, text in self.texts.items()}

    def used_by(self, text: str) -> list[tuple[int, str]]:
        """Return (line, name) of the layouts and partials that a template's text names."""
        tree = self.tree(text)
        return list(sources_of(tree)) if tree is not None else []

    def tree(self, text: str) -> nodes.Template | None:
        """Return a template's text parsed, for reading only; None if it does not parse."""
        if text not in self._trees:
            try:
                self._trees[text] = self.parser.parse(text)
            except TemplateSyntaxError:
                self._trees[text] = None
        return self._trees[text]

    def parsed(self, text: str) -> nodes.Template:
        """Return a template's text parsed, for reading only.

        Raises:
            RenderError: it does not parse.
        """
        tree = self.tree(text)
        if tree is not None:
            return tree
        try:
            return self.parser.parse(text)
        except TemplateSyntaxError as error:
            raise RenderError("template", f"line {error.lineno}: {error.message}") from None

    def layout(self, channel: str, locales: Iterable[str | None]) -> str | None:
        """Return the name of the first locale's layout for Markdown bodies, or None."""
        parts = ((channel, locale, "html.j2") for locale in locales)
        names = ("_layouts/" + ".".join(part for part in one if part) for one in parts)
        return next((name for name in names if name in self.texts), None)

    def weight(self, name: str, above: tuple[str, ...] = ()) -> int:
        """Return how many files a file pulls in, itself included.

        Raises:
            RenderError: a file that leads back to itself, or more than ``MOST_SOURCES``.
        """
        if name in above:
            raise RenderError("template", f"{name} uses itself: " + " → ".join((*above, name)))
        if name not in self._weights:
            inner = (self.weight(used, (*above, name)) for _, used in self.sources.get(name, ()))
            self._weights[name] = 1 + sum(inner)
        if self._weights[name] > MOST_SOURCES:
            raise RenderError("too_large", f"{name} pulls in more than {MOST_SOURCES} files")
        return self._weights[name]

    def reach(self, text: str) -> set[str]:
        """Return the names of all layouts and partials that a template's text leads to."""
        found: set[str] = set()
        waiting = [name for _, name in self.used_by(text)]
        while waiting:
            name = waiting.pop()
            if name in self.texts and name not in found:
                found.add(name)
                waiting += [used for _, used in self.sources[name]]
        return found


class Environments:
    """One environment per kind of output, all reading one library."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.html = HtmlEnvironment(loader=library)
        self.text = TextEnvironment(loader=library)
        self.derived = TextEnvironment(loader=library, trim_blocks=True, lstrip_blocks=True)
        self.derived.filters["safe"] = visible_text
        self.header = HeaderEnvironment(loader=library)
        self.json = JsonEnvironment(loader=library)


def compile_template(
    environment: MessageEnvironment,
    source: str,
    name: str,
    trusted: Collection[str] = (),
    styles: Styles = NO_STYLES,
) -> Template:
    """Compile a template after checking it against the closed grammar.

    Args:
        name: file name below ``templates/``; its ending says how the text is converted.
        trusted: paths that ``| safe`` may stand after.
        styles: what to write into its tags.
    Raises:
        RenderError: ``template``, with the first thing that is wrong.
    """
    try:
        tree = environment.parse(converted(environment, source, name), name, name)
        findings = check_tree(environment, tree, name, trusted)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            raise RenderError("template", f"{name}: {errors[0].message}")
        dress(tree, name, styles)
        hardened = harden(tree)
        hardened.set_environment(environment)
        code = environment.compile(hardened, name, name)
    except TemplateSyntaxError as error:
        raise RenderError("template", f"{name}: {error.message}") from None
    return Template.from_code(environment, code, environment.globals)


def compile_mail(
    library: Library, source: str, name: str, trusted: Collection[str] = ()
) -> Template:
    """Compile an HTML template with its style sheets written into its elements.

    The layouts and partials that it brings are compiled for it alone: their elements may be
    styled by its sheets, and its own by theirs.

    Raises:
        RenderError: see ``compile_template``.
    """
    environment = HtmlEnvironment(loader=library)

    def parse(file: str) -> nodes.Template:
        return environment.parse(converted(environment, library.texts[file], file), file, file)

    try:
        tree = environment.parse(converted(environment, source, name), name, name)
        styles = styles_of(name, tree, parse)
    except TemplateSyntaxError as error:
        raise RenderError("template", f"{name}: {error.message}") from None
    if styles:
        environment = HtmlEnvironment(loader=_Dressed(library, styles))
    return compile_template(environment, source, name, trusted, styles)


class _Dressed(BaseLoader):
    """A library whose files have styles in their elements."""

    def __init__(self, library: Library, styles: Styles) -> None:
        self._library = library
        self._styles = styles

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> Template:
        """Compile one layout or partial for the environment that asks."""
        assert isinstance(environment, MessageEnvironment)
        if name not in self._library.texts:
            raise TemplateNotFound(name)
        text = self._library.texts[name]
        return compile_template(environment, text, name, styles=self._styles)


def converted(environment: MessageEnvironment, source: str, name: str) -> str:
    """Return a file's text in the language of the environment that uses it."""
    if name.endswith(_CONVERTED):
        environment.parse(source, name, name)  # what is wrong is told of the text as written
    return convert(environment, source, name)


def convert(environment: MessageEnvironment, source: str, name: str) -> str:
    """Return a text that is known to parse in the language of the environment that uses it."""
    is_html = name.endswith(_CONVERTED)
    html = markdown_to_html(environment, source) if name.endswith(".md.j2") else source
    return html_to_text(environment, html) if is_html and environment.kind == "text" else html


def check_tree(
    environment: MessageEnvironment,
    tree: nodes.Template,
    name: str,
    trusted: Iterable[str],
) -> list[Finding]:
    """Return what is wrong in a parsed template; guards the slots of an HTML one in place."""
    findings = list(refusals(tree, trusted))
    if environment.kind == "html":
        findings += guard_slots(tree, name)
    if environment.kind == "json":
        findings += [
            Finding(node.lineno, "CLM505", "this tag is not available in JSON templates")
            for node in tree.find_all(JSON_REFUSED)
        ]
    return findings


def with_layout(html: str, layout: str, layout_text: str) -> str:
    """Return a Markdown body's HTML inside a layout.

    A layout takes it in its block ``content``, or prints ``{{ content }}``.
    """
    if CONTENT_BLOCK.search(layout_text):
        return f'{{% extends "{layout}" %}}{{% block content %}}{html}{{% endblock %}}'
    return f'{{% set content %}}{html}{{% endset %}}{{% include "{layout}" %}}'


Printer = Callable[[dict[str, Any]], str]
"""Prints one part of a message from its context."""
