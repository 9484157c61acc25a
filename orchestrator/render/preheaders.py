"""Preheaders that no reader would get: mail has no header for them, so its HTML prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jinja2 import nodes

from orchestrator.language.marks import Mark, Problem
from orchestrator.playbook.model import Message, Template
from orchestrator.render.library import Library
from orchestrator.render.locales import FALLBACK_LOCALE, choose, fallbacks
from orchestrator.render.reads import names_of


def unseen_preheaders(
    message: Message, library: Library, locale: str | None = None
) -> Iterator[Problem]:
    """Yield each preheader of a mail whose HTML, layouts and partials never speak of it.

    Args:
        locale: the project's, for the layout that a Markdown body gets.
    """
    for own in dict.fromkeys(template.locale for template in message.templates):
        choice = choose(message.templates, "email", [own])
        if choice is None or choice.body.format not in ("html", "md"):
            continue
        said = next((one for one in (choice.body, choice.text) if one and one.preheader), None)
        locales = fallbacks(own, locale or FALLBACK_LOCALE)
        if said and not _speaks_of_it(_texts(choice.body, library, locales), library):
            yield Problem(
                said.marks.get("preheader", Mark(said.path, 1, 1)),
                "CLM513",
                f"nobody reads this preheader: the HTML of {choice.body.path} never prints it",
                "print {{ message.preheader }} at the start of the layout's body, hidden",
                severity="warning",
            )


def _texts(body: Template, library: Library, locales: list[str | None]) -> Iterator[str]:
    """Yield the body, the layout it is put into, and what the two lead to."""
    tops = [body.body]
    tree = library.tree(body.body)
    if body.format == "md" and tree is not None and tree.find(nodes.Extends) is None:
        layout = library.layout(body.channel, locales)
        tops += [library.texts[layout]] if layout else []
    yield from tops
    for name in sorted({name for top in tops for name in library.reach(top)}):
        yield library.texts[name]


def _speaks_of_it(texts: Iterable[str], library: Library) -> bool:
    """Return whether one of the texts reads the preheader, or cannot be read itself."""
    trees = [library.tree(text) for text in texts]
    return any(
        tree is None or not {"preheader", "*"}.isdisjoint(names_of(tree, "message"))
        for tree in trees
    )
