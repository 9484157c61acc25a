"""The plan of a message: its templates compiled, its fixed values resolved, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template as Compiled
from jinja2 import TemplateSyntaxError, nodes

from orchestrator.flow.brought import steps_that_bring
from orchestrator.flow.steps.send import Send as SendStep
from orchestrator.playbook.model import Message, Playbook, Template
from orchestrator.render.context import fill, plain_node
from orchestrator.render.environment import MessageEnvironment
from orchestrator.render.faults import RenderError
from orchestrator.render.filters import capped_range
from orchestrator.render.library import (
    Environments,
    Library,
    compile_mail,
    compile_template,
    converted,
    with_layout,
)
from orchestrator.render.locales import FALLBACK_LOCALE, Choice, choose, fallbacks
from orchestrator.render.reads import SHARED_ROOTS, Reads, refers, steady_parts, variables_of
from orchestrator.render.sending_steps import sending_steps
from orchestrator.render.values import Facts


@dataclass(frozen=True)
class Plan:
    """One message on one channel in one locale, sent by one step."""

    subject: Compiled | None
    preheader: Compiled | None
    text: Compiled
    html: Compiled | None
    is_json: bool
    locale: str | None
    """Of the template taken."""
    roots: frozenset[str]
    """The names that its templates begin expressions with."""
    steady: frozenset[str]
    """Which of its four parts are the same for all customers of one locale and zone."""
    fixed: Mapping[str, Any]
    """Names whose values are the same for every customer."""
    message: Mapping[str, str]
    given: Facts
    """``with``: message defaults below the step's values, where they are the same for all."""
    referring: Mapping[str, Any]
    """The other values of ``with``: those that hold a ``$customer.x`` or ``$entry.x``."""
    results: frozenset[str]
    """The steps of its flow that bring something back."""


class Planner:
    """Makes plans; compiles each template once, whoever sends it."""

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.library = Library(playbook.layouts)
        self.environments = Environments(self.library)
        senders = sending_steps(playbook)
        self.reads = Reads(playbook, self.library, senders)
        self._compiled: dict[tuple[str, str, str], Compiled] = {}
        self._steps: dict[tuple[str, str, str], SendStep] = {}
        for message, sent_by in senders.items():
            for flow, step in sent_by:  # those of today come first
                self._steps.setdefault((str(flow.flow), step.own_id, message), step)

    def plan(self, message: str, channel: str, locale: str | None, *, flow: str, step: str) -> Plan:
        """Return the plan of a message.

        Raises:
            RenderError: there is no template for it, or one of them is wrong.
        """
        known = self.playbook.messages.get(message)
        project = self.playbook.project
        locales = fallbacks(locale, project.locale or FALLBACK_LOCALE)
        choice = choose(known.templates, channel, locales) if known else None
        if known is None or choice is None:
            wanted = ", ".join(one or "no locale" for one in locales)
            raise RenderError(
                "no_template", f"{message} has no {channel} template for any of: {wanted}"
            )
        sent = self._steps.get((flow, step, message))
        return self._plan(known, choice, locales, _Origin(flow, step, sent))

    def _plan(
        self, message: Message, choice: Choice, locales: list[str | None], origin: _Origin
    ) -> Plan:
        body = choice.body
        wrapped = self._wrapped(body, locales)
        text = choice.text
        subject = origin.subject or body.subject or (text.subject if text else None)
        preheader = body.preheader or (text.preheader if text else None)
        if subject is None and body.channel == "email":
            raise RenderError("header", f"{body.path} has no subject")
        trusted = message.settings.trusted or ()
        parts = [part for part in (wrapped, subject, preheader, text and text.body) if part]
        for part in parts:
            self._check_sources(part)
        has_html = body.format in ("html", "md")
        given = self._given(message, origin)
        referring = {name: value for name, value in given.items() if refers(value)}
        own = text.body if text else wrapped
        results = self._results(origin.flow)
        read = {
            slot: self.reads.roots([part], results)
            for slot, part in (
                ("subject", subject), ("preheader", preheader), ("html", wrapped), ("text", own)
            )
            if part is not None
        }  # fmt: skip
        locale = body.locale or self.playbook.project.locale or FALLBACK_LOCALE
        return Plan(
            subject=self._header(subject, body.path),
            preheader=self._header(preheader, body.path),
            text=self._text(body, wrapped, text, trusted),
            html=self._html(body, wrapped, trusted) if has_html else None,
            is_json=body.format == "json",
            locale=body.locale,
            roots=frozenset().union(*read.values()),
            steady=steady_parts(read, SHARED_ROOTS if referring else SHARED_ROOTS | {"with"}),
            fixed=self._fixed(origin),
            message={
                "name": message.name,
                "channel": body.channel,
                "flow": origin.flow,
                "step": origin.step,
                "locale": locale,
            },
            given=_fixed_values(given),
            referring=referring,
            results=results,
        )

    def _text(
        self, body: Template, wrapped: str, own: Template | None, trusted: tuple[str, ...]
    ) -> Compiled:
        if own is not None:
            return self._compile("text", own.body, own.path, trusted)
        if body.format in ("html", "md"):
            return self._compile("derived", wrapped, _wrapped_name(body), trusted)
        return self._compile(
            "json" if body.format == "json" else "text", body.body, body.path, trusted
        )

    def _html(self, body: Template, wrapped: str, trusted: tuple[str, ...]) -> Compiled:
        """Return the HTML part; of a mail with its style sheets written into the elements."""
        name = _wrapped_name(body)
        if body.channel != "email":
            return self._compile("html", wrapped, name, trusted)
        key = ("html", name, wrapped)
        if key not in self._compiled:
            self._compiled[key] = compile_mail(self.library, wrapped, name, trusted)
        return self._compiled[key]

    def _wrapped(self, body: Template, locales: list[str | None]) -> str:
        """Return a Markdown body as HTML in its layout; any other body as it is."""
        if body.format != "md":
            return body.body
        html = _converted(self.environments.html, body)
        if any(True for _ in self.library.parsed(html).find_all(nodes.Extends)):
            return html
        layout = self.library.layout(body.channel, locales)
        return with_layout(html, layout, self.library.texts[layout]) if layout else html

    def _check_sources(self, text: str) -> None:
        for name in (used for _, used in self.library.used_by(text)):
            if name not in self.library.texts:
                raise RenderError("template", f"there is no {name[:80]}")
            self.library.weight(name)

    def _header(self, text: str | None, path: str) -> Compiled | None:
        if text is None:
            return None
        return self._compile("header", text.rstrip("\r\n"), path.removesuffix(".j2"), ())

    def _compile(self, kind: str, text: str, name: str, trusted: tuple[str, ...]) -> Compiled:
        key = (kind, name, text)
        if key not in self._compiled:
            environment: MessageEnvironment = getattr(self.environments, kind)
            self._compiled[key] = compile_template(environment, text, name, trusted)
        return self._compiled[key]

    def _fixed(self, origin: _Origin) -> dict[str, Any]:
        variables = variables_of(self.playbook, origin.flow)
        view = Facts("vars")
        for name in variables:
            value = plain_node(variables[name], variables)
            if value is not None:
                view[name] = value
        return {"range": capped_range, "vars": view}

    def _given(self, message: Message, origin: _Origin) -> dict[str, Any]:
        variables = variables_of(self.playbook, origin.flow)
        defaults = message.settings.with_ or {}
        given = {str(name): plain_node(node, variables) for name, node in defaults.items()}
        step = origin.sent.with_ if origin.sent else None
        given.update({str(name): literal.value for name, literal in (step or {}).items()})
        return given

    def _results(self, flow: str) -> frozenset[str]:
        known = self.playbook.flows.get(flow)
        return frozenset(steps_that_bring(known.steps)) if known else frozenset()


def _fixed_values(given: Mapping[str, Any]) -> Facts:
    view = Facts("with", dict.fromkeys(given, "is missing for this customer"))
    fill(view, {name: value for name, value in given.items() if not refers(value)})
    return view


@dataclass(frozen=True)
class _Origin:
    """Who sends: a flow's step, if the playbook has it."""

    flow: str
    step: str
    sent: SendStep | None

    @property
    def subject(self) -> str | None:
        return self.sent.subject if self.sent else None


def _converted(environment: MessageEnvironment, body: Template) -> str:
    try:
        return converted(environment, body.body, body.path)
    except TemplateSyntaxError as error:
        raise RenderError("template", f"{body.path}: {error.message}") from None


def _wrapped_name(body: Template) -> str:
    """Return the name of what a body is compiled from: Markdown is HTML by then."""
    return body.path.removesuffix(".md.j2") + ".html.j2" if body.format == "md" else body.path
