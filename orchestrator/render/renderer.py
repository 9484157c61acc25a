"""Rendering one decided send: the plan of its message is made once, then only printed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Template as Compiled
from jinja2 import UndefinedError

from orchestrator.channels.spec import CHANNELS
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered, RenderFailure, Send
from orchestrator.render.blank import shows_nothing
from orchestrator.render.context import (
    MESSAGE_NAMES,
    CustomerView,
    LinksView,
    entry_view,
    fill,
    project_view,
    resolved,
    result_view,
)
from orchestrator.render.environment import bounded_concat
from orchestrator.render.faults import RenderError
from orchestrator.render.filters import RENDERING, Rendering
from orchestrator.render.finishing import FINISH
from orchestrator.render.formats import Formats, formats_for, is_currency, is_locale, is_zone
from orchestrator.render.headers import clean_address
from orchestrator.render.locales import FALLBACK_LOCALE
from orchestrator.render.plans import Plan, Planner
from orchestrator.render.values import Facts


class Renderer:
    """Renders sends of one playbook. Not for use by several threads at once."""

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        self._planner = Planner(playbook)
        self._plans: dict[_PlanKey, Plan | RenderFailure] = {}
        self._settings: dict[tuple[*_PlanKey, str | None], _Setting | RenderFailure] = {}
        self._attributes: dict[str, frozenset[str]] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._formats: dict[tuple[str | None, str | None], Formats] = {}
        self._customers = CustomerView(playbook)
        self._links = LinksView(playbook)
        self._project = project_view(playbook)

    def render(self, send: Send) -> Rendered | RenderFailure:
        """Return the message of one send, or why there is none; never raises.

        Nobody else's message is affected, and a failure's text holds no customer data.
        """
        try:
            setting = self._settings.get(_key(send)) or self._setting(send)
            if isinstance(setting, RenderFailure):
                return setting
            return self._print(setting, send)
        except RenderError as error:
            return RenderFailure(error.code, error.message)
        except UndefinedError as error:
            return RenderFailure("undefined", str(error.message))
        except RecursionError:
            return RenderFailure("too_large", "the template or a value nests too deep")
        except MemoryError:
            return RenderFailure("render_memory", "there is not enough memory for it")
        except UnicodeError:
            return RenderFailure("value", "a value holds half a character (a lone surrogate)")
        except Exception as error:  # noqa: BLE001 - one message's fault must stay its own
            return RenderFailure("internal", f"{type(error).__name__} while rendering")

    def knows(self, send: Send) -> bool:
        """Return whether what the send has in common with others is worked out."""
        return _key(send) in self._settings

    def prepare(self, send: Send) -> None:
        """Work that out: templates are compiled here. Rendering tells what is wrong with it."""
        with contextlib.suppress(Exception):
            self._setting(send)

    def attributes_used(self, message: str) -> frozenset[str]:
        """Return the customer attributes that any template of a message may read.

        Includes what its layouts, partials, subjects and ``with`` values name; every
        attribute of the catalog if a template takes ``customer`` as a whole.
        """
        if message not in self._attributes:
            self._attributes[message] = self._planner.reads.attributes_used(message)
        return self._attributes[message]

    def names_read(self, message: str) -> frozenset[str]:
        """Return what a message reads of ``customer``: attributes, addresses, ``*`` for all."""
        if message not in self._names:
            self._names[message] = self._planner.reads.names_read(message)
        return self._names[message]

    def subject(self, send: Send) -> str | None:
        """Return the subject alone of a send that rendered; None if it has none, or fails."""
        try:
            setting = self._settings.get(_key(send)) or self._setting(send)
            if isinstance(setting, RenderFailure):
                return None
            return _part(setting, "subject", self._context(setting, send))
        except Exception:  # noqa: BLE001 - one message's fault must stay its own
            return None

    def has_steady_subject(self, send: Send) -> bool:
        """Return whether a rendered send's subject tells nothing of its customer."""
        setting = self._settings.get(_key(send))
        return isinstance(setting, _Setting) and "subject" in setting.plan.steady

    def context_of(self, send: Send) -> dict[str, Any]:
        """Return the names that the templates of a send see; for measuring and explaining.

        Raises:
            RenderError: the message has no plan, or a value is not plain data.
        """
        setting = self._setting(send)
        if isinstance(setting, RenderFailure):
            raise RenderError("template", setting.message)
        return self._context(setting, send)

    def _setting(self, send: Send) -> _Setting | RenderFailure:
        """Return what the send has in common with others; plans outlive a run of zones."""
        key = _key(send)
        plan = self._plan(key[:5])
        made: _Setting | RenderFailure = (
            plan
            if isinstance(plan, RenderFailure)
            else _Setting(plan, self._formats_of(send.customer.locale, send.customer.timezone))
        )
        if len(self._settings) >= _MOST_PLANS:
            self._settings.clear()
        self._settings[key] = made
        return made

    def _plan(self, key: _PlanKey) -> Plan | RenderFailure:
        plan = self._plans.get(key)
        if plan is None:
            message, channel, locale, flow, step = key
            try:
                plan = self._planner.plan(message, channel, locale, flow=flow, step=step)
            except RenderError as error:
                plan = RenderFailure(error.code, error.message)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _print(self, setting: _Setting, send: Send) -> Rendered:
        plan = setting.plan
        names = self._context(setting, send)
        message = names["message"]
        subject = _part(setting, "subject", names)
        if subject is not None:
            message["subject"] = subject
        preheader = _part(setting, "preheader", names)
        if preheader:
            message["preheader"] = preheader
        html = _part(setting, "html", names)
        text = _part(setting, "text", names) or ""
        if shows_nothing(text, html):
            raise RenderError("empty", "the message has no text once it is rendered")
        return Rendered(
            _address(send), subject, preheader, text, html, plan.locale, is_json=plan.is_json
        )

    def _context(self, setting: _Setting, send: Send) -> dict[str, Any]:
        plan, formats = setting.plan, setting.formats
        names = dict(plan.fixed)
        names[RENDERING] = Rendering(formats)
        customer = self._customers.of(send.customer)
        names["customer"] = customer
        names["entry"] = entry = entry_view(send.entry_facts)
        for step in plan.results:
            names[step] = result_view(step, send.results.get(step, {}))
        names["project"] = self._project
        if "links" in plan.roots:
            names["links"] = self._links.of(send)
        if "today" in plan.roots:
            names["today"] = formats.local(send.at).date()
        message = Facts("message", _MESSAGE_ABSENT)
        message.update(plan.message)
        names["message"] = message
        names["with"] = given = plan.given
        if plan.referring:
            names["with"] = Facts("with", given.absent)
            names["with"].update(given)
            known = {"customer": customer, "entry": entry}
            known |= {step: names[step] for step in plan.results}
            fill(names["with"], {key: resolved(one, known) for key, one in plan.referring.items()})
        return names

    def _formats_of(self, locale: str | None, zone: str | None) -> Formats:
        """Return the customer's formats; a locale or zone nobody knows is the project's."""
        found = self._formats.get((locale, zone))
        if found is None:
            project = self._playbook.project
            own = next(
                (one for one in (locale, project.locale) if one and is_locale(one)), FALLBACK_LOCALE
            )
            currency = project.currency or "EUR"
            found = formats_for(
                own,
                zone if zone and is_zone(zone) else project.timezone,
                currency if is_currency(currency) else "EUR",
            )
            if len(self._formats) >= _MOST_PLANS:
                self._formats.clear()
            self._formats[locale, zone] = found
        return found


_MOST_PLANS = 10_000


_PlanKey = tuple[str, str, str | None, str, str]


def _key(send: Send) -> tuple[*_PlanKey, str | None]:
    """Return what the setting of a send depends on: what its plan does, and the zone."""
    customer = send.customer
    return send.message, send.channel, customer.locale, send.flow, send.step, customer.timezone


_MESSAGE_ABSENT = dict.fromkeys(MESSAGE_NAMES, "is not set for this message")


@dataclass(slots=True)
class _Setting:
    """What sends of one step to customers of one locale and zone have in common."""

    plan: Plan
    formats: Formats
    kept: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Steady part → its text, and the work that printing it took."""


def _part(setting: _Setting, slot: str, names: dict[str, Any]) -> str | None:
    """Return one part of a message, None if it has none; a steady one is printed once."""
    rendering: Rendering = names[RENDERING]
    kept = setting.kept.get(slot)
    if kept is not None:
        rendering.spend(kept[1])
        return kept[0]
    plan = setting.plan
    template: Compiled | None = getattr(plan, slot)
    if template is None:
        return None
    work = rendering.work
    text = bounded_concat(template.root_render_func(template.new_context(names, shared=True)))
    text = FINISH[slot](plan, text)
    if slot in plan.steady:
        setting.kept[slot] = text, work - rendering.work
    return text


def _address(send: Send) -> str | None:
    kind = CHANNELS[send.channel].address
    address = getattr(send.customer, kind) if kind else None
    return clean_address(kind, address) if kind and address else None
