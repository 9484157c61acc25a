"""Rendering one decided send: the plan of its message is made once, then only printed."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Template as Compiled
from jinja2 import UndefinedError

from orchestrator.channels.spec import CHANNELS
from orchestrator.playbook.model import Playbook
from orchestrator.records import Rendered, RenderFailure, Send
from orchestrator.render.context import (
    MESSAGE_NAMES,
    CustomerView,
    entry_view,
    fill,
    links_view,
    project_view,
    resolved,
)
from orchestrator.render.environment import bounded_concat
from orchestrator.render.faults import RenderError
from orchestrator.render.filters import RENDERING, Rendering
from orchestrator.render.formats import Formats, formats_for, is_currency, is_locale, is_zone
from orchestrator.render.headers import clean_address, clean_header
from orchestrator.render.locales import FALLBACK_LOCALE
from orchestrator.render.plain_text import tidy
from orchestrator.render.plans import Plan, Planner
from orchestrator.render.values import Facts

LARGEST_OCTETS = 1_000_000
CHANNEL_OCTETS = {"push": 4_096, "sms": 6_400, "whatsapp": 16_384}
"""Octets of a text where the channel itself takes no more."""


class Renderer:
    """Renders sends of one playbook. Not for use by several threads at once."""

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        self._planner = Planner(playbook)
        self._plans: dict[tuple[str, str, str | None, str, str], Plan | RenderFailure] = {}
        self._attributes: dict[str, frozenset[str]] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._formats: dict[tuple[str | None, str | None], Formats] = {}
        self._customers = CustomerView(playbook)
        self._project = project_view(playbook)

    def render(self, send: Send) -> Rendered | RenderFailure:
        """Return the message of one send, or why there is none; never raises.

        Nobody else's message is affected, and a failure's text holds no customer data.
        """
        key = _key(send)
        try:
            plan = self._plans.get(key) or self._plan(key)
            if isinstance(plan, RenderFailure):
                return plan
            return self._print(plan, send)
        except RenderError as error:
            return RenderFailure(error.code, error.message)
        except UndefinedError as error:
            return RenderFailure("undefined", str(error.message))
        except RecursionError:
            return RenderFailure("too_large", "the template or a value nests too deep")
        except UnicodeError:
            return RenderFailure("value", "a value holds half a character (a lone surrogate)")
        except Exception as error:  # noqa: BLE001 - one message's fault must stay its own
            return RenderFailure("internal", f"{type(error).__name__} while rendering")

    def attributes_used(self, message: str) -> frozenset[str]:
        """Return the customer attributes that any template of a message may read.

        Includes what its layouts, partials, subjects and ``with`` values name; every
        attribute of the catalog if a template takes ``customer`` as a whole.
        """
        if message not in self._attributes:
            self._attributes[message] = self._planner.attributes_used(message)
        return self._attributes[message]

    def names_read(self, message: str) -> frozenset[str]:
        """Return what a message reads of ``customer``: attributes, addresses, ``*`` for all."""
        if message not in self._names:
            self._names[message] = self._planner.names_read(message)
        return self._names[message]

    def subject(self, send: Send) -> str | None:
        """Return the subject alone of a send that rendered; None if it has none, or fails."""
        try:
            plan = self._plans.get(_key(send)) or self._plan(_key(send))
            if isinstance(plan, RenderFailure):
                return None
            return _header(plan.subject, "subject", self._context(plan, send))
        except Exception:  # noqa: BLE001 - one message's fault must stay its own
            return None

    def context_of(self, send: Send) -> dict[str, Any]:
        """Return the names that the templates of a send see; for measuring and explaining.

        Raises:
            RenderError: the message has no plan, or a value is not plain data.
        """
        key = _key(send)
        plan = self._plan(key)
        if isinstance(plan, RenderFailure):
            raise RenderError("template", plan.message)
        return self._context(plan, send)

    def _plan(self, key: tuple[str, str, str | None, str, str]) -> Plan | RenderFailure:
        message, channel, locale, flow, step = key
        plan: Plan | RenderFailure
        try:
            plan = self._planner.plan(message, channel, locale, flow=flow, step=step)
        except RenderError as error:
            plan = RenderFailure(error.code, error.message)
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _print(self, plan: Plan, send: Send) -> Rendered:
        names = self._context(plan, send)
        message = names["message"]
        subject = _header(plan.subject, "subject", names)
        if subject is not None:
            if not subject:
                raise RenderError("header", "the subject is empty")
            message["subject"] = subject
        preheader = _header(plan.preheader, "preheader", names)
        if preheader:
            message["preheader"] = preheader
        html = None if plan.html is None else _body(plan.html, names, LARGEST_OCTETS)
        text = _body(plan.text, names, CHANNEL_OCTETS.get(send.channel, LARGEST_OCTETS))
        if plan.is_json:
            _check_json(text)
        else:
            text = tidy(text)
        return Rendered(_address(send), subject, preheader, text, html, plan.locale)

    def _context(self, plan: Plan, send: Send) -> dict[str, Any]:
        names = dict(plan.fixed)
        formats = self._formats_of(send.customer.locale, send.customer.timezone)
        names[RENDERING] = Rendering(formats)
        customer = self._customers.of(send.customer)
        names["customer"] = customer
        names["entry"] = entry = entry_view(send.entry_facts)
        names["project"] = self._project
        if "links" in plan.roots:
            names["links"] = links_view(self._playbook, send.customer)
        if "today" in plan.roots:
            names["today"] = formats.local(send.at).date()
        message = Facts("message", _MESSAGE_ABSENT)
        message.update(plan.message)
        names["message"] = message
        names["with"] = given = plan.given
        if plan.referring:
            names["with"] = Facts("with", given.absent)
            names["with"].update(given)
            fill(
                names["with"],
                {key: resolved(one, customer, entry) for key, one in plan.referring.items()},
            )
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


def _key(send: Send) -> tuple[str, str, str | None, str, str]:
    """Return what the plan of a send depends on."""
    return send.message, send.channel, send.customer.locale, send.flow, send.step


_MESSAGE_ABSENT = dict.fromkeys(MESSAGE_NAMES, "is not set for this message")


def _header(template: Compiled | None, slot: str, names: dict[str, Any]) -> str | None:
    return None if template is None else clean_header(slot, _printed(template, names))


def _printed(template: Compiled, names: dict[str, Any]) -> str:
    return bounded_concat(template.root_render_func(template.new_context(names, shared=True)))


def _body(template: Compiled, names: dict[str, Any], most: int) -> str:
    text = _printed(template, names)
    if "\x00" in text:
        raise RenderError("value", "a value holds a NUL character")
    if len(text.encode()) > most:
        raise RenderError("too_large", f"the message is longer than {most} octets")
    return text


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        raise RenderError("template", "the template prints something that is no JSON") from None


def _address(send: Send) -> str | None:
    kind = CHANNELS[send.channel].address
    address = getattr(send.customer, kind) if kind else None
    return clean_address(kind, address) if kind and address else None
