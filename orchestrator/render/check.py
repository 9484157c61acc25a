"""What is wrong in templates, found before anybody is rendered: with file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from orchestrator.language.marks import Mark, Problem
from orchestrator.language.reader import suggest
from orchestrator.playbook.model import Message, Playbook, Template
from orchestrator.render.blank import prints_nothing
from orchestrator.render.faults import RenderError
from orchestrator.render.findings import Finding
from orchestrator.render.formats import is_currency, is_locale
from orchestrator.render.grammar import LIBRARY, refusals, sources_of
from orchestrator.render.library import (
    JSON_REFUSED,
    Environments,
    Library,
    convert,
)
from orchestrator.render.locales import FALLBACK_LOCALE, choose, fallbacks
from orchestrator.render.names import KnownNames, library_names, message_names, name_findings
from orchestrator.render.preheaders import unseen_preheaders
from orchestrator.render.sending_steps import sending_steps
from orchestrator.render.slots import guard_slots
from orchestrator.render.unclosed import unclosed


@dataclass(frozen=True)
class Text:
    """One text with Jinja in it, and where it stands."""

    path: str
    """Below the project; its ending says what language surrounds the Jinja."""
    text: str
    kind: str
    """``html``, ``md``, ``txt``, ``json`` or ``header``."""
    first_line: int = 1
    at: Mark | None = None
    """The place of a text that is a value of a YAML file."""

    def mark(self, line: int, needle: str = "", order: int = 0) -> Mark:
        """Return the place of ``needle`` on a line of this text.

        Args:
            order: so many of its occurrences are passed over.
        """
        if self.at is not None:
            return self.at
        lines = self.text.split("\n")
        line = min(max(line, 1), len(lines))
        written = lines[line - 1]
        column = written.find(needle) if needle else -1
        for _ in range(order):
            column = written.find(needle, column + 1)
        if column < 0:
            column, needle = len(written) - len(written.lstrip()), ""
        return Mark(self.path, self.first_line + line - 1, column + 1, max(len(needle), 1))


def template_problems(
    playbook: Playbook, doubtful: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """Yield every problem of the project's templates and of the subjects in its flows.

    Args:
        doubtful: roots of names, such as ``entry``, that are not known completely.
    """
    checker = _Checker(playbook, doubtful)
    yield from _project_problems(playbook)
    for name, text in playbook.layouts.items():
        yield from checker.library_file(name, text)
    for message in playbook.messages.values():
        yield from checker.message(message)


def _project_problems(playbook: Playbook) -> Iterator[Problem]:
    project = playbook.project
    if project.locale and not is_locale(project.locale):
        message = f'"{project.locale[:40]}" is no locale that CLDR knows'
        yield Problem(project.mark_at("locale"), "CLM512", message, "for example: id-ID, en, de-AT")
    if project.currency and not is_currency(project.currency):
        message = f'"{project.currency[:40]}" is no ISO 4217 currency'
        yield Problem(project.mark_at("currency"), "CLM512", message, "for example: IDR, EUR, USD")

    if project.links and not _BASE_URL.match(project.links.base_url):
        at = project.links.mark_at("base_url")
        yield Problem(
            at, "CLM512", "base_url is no web address", "for example: https://shop.example"
        )


_BASE_URL = re.compile(r"https?://[^\s\"'<>?#]+\Z")


class _Checker:
    def __init__(self, playbook: Playbook, doubtful: frozenset[str]) -> None:
        self.playbook = playbook
        self.doubtful = doubtful
        self.library = Library(playbook.layouts)
        self.environments = Environments(self.library)
        self.senders = sending_steps(playbook)
        self.in_library = library_names(playbook, self.library).without(doubtful)

    def library_file(self, name: str, text: str) -> Iterator[Problem]:
        """Yield the problems of one layout or partial."""
        kind = name.removesuffix(".j2").rpartition(".")[2]
        here = Text(_path_of(self.playbook, name), text, kind)
        yield from self._text(here, self.in_library, (), name)
        try:
            self.library.weight(name)
        except RenderError as error:
            yield Problem(here.mark(1), "CLM503", error.message)

    def message(self, message: Message) -> Iterator[Problem]:
        """Yield the problems of one message: its templates, and the subjects steps give it."""
        trusted = message.settings.trusted or ()
        names = message_names(
            self.playbook, message, self.library, self.senders.get(message.name, ())
        ).without(self.doubtful)
        sound = True
        for template in message.templates:
            for here in _texts(template):
                problems = list(self._text(here, names, trusted, template.path))
                problems += self._without_content(here)
                sound = sound and not any(one.severity == "error" for one in problems)
                yield from problems
        for here in self._step_subjects(message):
            yield from self._text(here, names, (), here.path)
        yield from self._subjects(message)
        yield from self._unreachable(message)
        if sound:
            yield from self._derived(message)
            yield from unseen_preheaders(message, self.library, self.playbook.project.locale)

    def _text(
        self, here: Text, names: KnownNames, trusted: Iterable[str], name: str
    ) -> Iterator[Problem]:
        try:
            tree = self.library.tree(here.text) or self.library.parser.parse(here.text)
            converted_html = self._html(here, name)
        except TemplateSyntaxError as error:
            yield self._syntax(here, error)
            return
        findings = [*refusals(tree, trusted), *name_findings(tree, names)]
        findings += self._source_findings(tree)
        if here.kind == "json":
            findings += [
                Finding(one.lineno, "CLM505", "this tag is not available in JSON templates")
                for one in tree.find_all(JSON_REFUSED)
            ]
        if here.kind == "header" and _has_line_break(here.text):
            findings.append(Finding(1, "CLM509", "a subject or preheader is one line"))
        if converted_html is not None:
            slots = guard_slots(converted_html, name)
            findings += slots if here.kind != "md" else [_first_line(one) for one in slots]
        for finding in findings:
            mark = here.mark(finding.line, finding.needle)
            yield Problem(mark, finding.code, finding.message, finding.help, finding.severity)

    def _syntax(self, here: Text, error: TemplateSyntaxError) -> Problem:
        """Return what does not parse; a block that stays open is told where it opens."""
        says = error.message or ""
        opening = unclosed(self.library.parser, here.text) if says.startswith(_ENDS) else None
        if opening is None:
            return Problem(here.mark(error.lineno), "CLM501", _plainly(says))
        tag, end = f"{{% {opening.block} %}}", f"{{% end{opening.block} %}}"
        return Problem(
            here.mark(opening.line, opening.needle, opening.order),
            "CLM501",
            f"this {tag} is never closed",
            f"write {end} where it ends",
        )

    def _without_content(self, here: Text) -> Iterator[Problem]:
        tree = self.library.tree(here.text)
        if here.kind != "header" and tree is not None and prints_nothing(tree):
            yield Problem(
                Mark(here.path, 1, 1),
                "CLM514",
                "this template prints nothing",
                "write the text of the message, or remove the file",
            )

    def _html(self, here: Text, name: str) -> nodes.Template | None:
        if here.kind not in ("html", "md"):
            return None
        return self.library.parser.parse(convert(self.environments.html, here.text, name))

    def _source_findings(self, tree: nodes.Template) -> Iterator[Finding]:
        for line, name in sources_of(tree):
            if name not in self.library.texts and LIBRARY.match(name):
                help = suggest(name, self.library.texts, lead="there are")
                yield Finding(line, "CLM503", f'there is no "{name[:80]}"', help, name)

    def _step_subjects(self, message: Message) -> Iterator[Text]:
        for _, step in self.senders.get(message.name, ()):
            if step.subject:
                at = step.mark_at("subject")
                yield Text(at.path, step.subject, "header", at=at)

    def _subjects(self, message: Message) -> Iterator[Problem]:
        given = [step.subject for _, step in self.senders.get(message.name, ())]
        if given and all(given):
            return
        for locale in {template.locale for template in message.templates}:
            choice = choose(message.templates, "email", [locale])
            text = choice.text.subject if choice and choice.text else None
            if choice and not choice.body.subject and not text:
                yield Problem(
                    Mark(choice.body.path, 1, 1),
                    "CLM508",
                    "an e-mail needs a subject",
                    "begin the file with: --- / subject: … / ---",
                )

    def _unreachable(self, message: Message) -> Iterator[Problem]:
        default = self.playbook.project.locale or FALLBACK_LOCALE
        for channel in sorted(message.channels()):
            if choose(message.templates, channel, fallbacks(None, default)) is None:
                only = [one for one in message.templates if one.channel == channel]
                yield Problem(
                    Mark(only[0].path, 1, 1),
                    "CLM510",
                    f"customers of other locales get no {message.name} by {channel}: there is "
                    f'no template for "{default}" and none without a locale',
                    severity="warning",
                )

    def _derived(self, message: Message) -> Iterator[Problem]:
        """Yield where no plain-text part can be made of a body that has none of its own."""
        own = {(one.channel, one.locale) for one in message.templates if one.format == "txt"}
        for template in message.templates:
            has_text = (template.channel, template.locale) in own
            if has_text or template.format not in ("html", "md"):
                continue
            try:
                derived = self.environments.derived
                derived.parse(convert(derived, template.body, template.path))
            except TemplateSyntaxError:
                path = template.path.replace(f".{template.format}.j2", ".txt.j2")
                yield Problem(
                    Mark(template.path, template.body_line, 1),
                    "CLM511",
                    "no plain-text part can be made of this template",
                    f"its tags cross the borders of HTML elements; write {path}",
                )


def _texts(template: Template) -> Iterator[Text]:
    yield Text(template.path, template.body, template.format, template.body_line)
    for slot, text in (("subject", template.subject), ("preheader", template.preheader)):
        if text is not None:
            at = template.marks.get(slot, Mark(template.path, 1, 1))
            yield Text(template.path, text, "header", at=at)


def _path_of(playbook: Playbook, name: str) -> str:
    path = f"templates/{name}"
    return path if path in playbook.files else name


def _has_line_break(text: str) -> bool:
    return len(text.rstrip("\r\n").splitlines()) > 1


_ENDS = "Unexpected end of template"
"""What Jinja says of a text that ends inside a block."""


def _first_line(finding: Finding) -> Finding:
    """Return a finding about converted Markdown, whose lines are not those of the file."""
    return Finding(1, finding.code, finding.message, finding.help, "", finding.severity)


def _plainly(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
