"""What customers open: the page that ends messages, and the one to choose among them.

A link shows a page and changes nothing, for scanners open every link of a mail; its button, and
the one-click request of mail programmes (RFC 8058), act at once. Who holds the link needs no
login, and a link that was tampered with gets the same answer as one that never was.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from orchestrator.delivery.links import Page, Wish
from orchestrator.delivery.settle import settle
from orchestrator.delivery.withdrawing import (
    MARKETING,
    Decided,
    Holder,
    choose,
    holder_of,
    withdraw,
)
from orchestrator.errors import EnvironmentFault
from orchestrator.server.html import note, page
from orchestrator.server.site import Site
from orchestrator.server.wording import Language, accepted_locales, language_of, shown

MOST_FIELDS = 200


async def form_of(request: Request) -> FormData:
    """Return the form that was sent; an unreadable one is empty, for the wish is in the link."""
    try:
        return await request.form(max_files=1, max_fields=MOST_FIELDS)
    except (HTTPException, ValueError):
        return FormData()


Form = Annotated[FormData, Depends(form_of)]


def routes(site: Site) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter()
    pages = _Pages(site)

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str, request: Request) -> Response:
        return pages.ask(token, request)

    @router.post("/u/{token}")
    def leave(token: str, request: Request, form: Form) -> Response:
        return pages.leave(token, request, form)

    @router.api_route("/p/{token}", methods=["GET", "HEAD"])
    def offer(token: str, request: Request) -> Response:
        return pages.offer(token, request)

    @router.post("/p/{token}")
    def take(token: str, request: Request, form: Form) -> Response:
        return pages.take(token, request, form)

    return router


class _Pages:
    """Answers requests for the pages of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def ask(self, token: str, request: Request) -> Response:
        wish = self._site.links.read("unsubscribe", token)
        if wish is None:
            return lost(self._site, request)
        language = self._language(request, self._holder(wish))
        return page("leave", language, shop_of(self._site), self._about(wish, wish.topic))

    def leave(self, token: str, request: Request, form: FormData) -> Response:
        wish = self._site.links.read("unsubscribe", token)
        if wish is None:
            return lost(self._site, request)
        topic = None if form.get("scope") == "all" else wish.topic
        language = self._language(request, self._holder(wish))
        site = self._site
        try:
            done = withdraw(site.deciding, wish, topic, site.topics, site.clock())
        except EnvironmentFault as fault:
            return later(site, language, fault)
        self._settle(wish, done, "topic" if topic else "all")
        return page("left", language, shop_of(site), self._about(wish, topic))

    def offer(self, token: str, request: Request) -> Response:
        wish = self._site.links.read("preferences", token)
        if wish is None:
            return lost(self._site, request)
        return self._choices(request, wish, is_saved=False)

    def take(self, token: str, request: Request, form: FormData) -> Response:
        site = self._site
        wish = site.links.read("preferences", token)
        if wish is None:
            return lost(site, request)
        wanted = {one for one in form.getlist("topic") if isinstance(one, str)}
        wanted = set() if "none" in form else wanted
        try:
            done = choose(site.deciding, wish, wanted, site.topics, site.clock())
        except EnvironmentFault as fault:
            return later(site, self._language(request, None), fault)
        self._settle(wish, done, "preferences")
        return self._choices(request, wish, is_saved=True)

    # --- what they show -------------------------------------------------------------------

    def _choices(self, request: Request, wish: Wish, *, is_saved: bool) -> Response:
        holder = self._holder(wish)
        subscribed = holder.subscribed() if holder else frozenset()
        offered = [
            {"name": name, "shown": shown(name), "is_on": name in subscribed}
            for name, purpose in sorted(self._site.topics.items())
            if purpose == MARKETING
        ]
        names = {"offered": offered, "is_saved": is_saved}
        return page("choose", self._language(request, holder), shop_of(self._site), names)

    def _about(self, wish: Wish, topic: str | None) -> dict[str, str | None]:
        links = self._site.links.in_templates(wish.key, wish.topic)
        return {"topic": shown(topic) if topic else None, "preferences": links.get(_CHOOSE)}

    def _holder(self, wish: Wish) -> Holder | None:
        """Return whose link it is; a page is shown also while the database cannot tell."""
        try:
            return self._site.showing.read(lambda connection: holder_of(connection, wish))
        except EnvironmentFault:
            return None

    def _language(self, request: Request, holder: Holder | None) -> Language:
        return spoken(self._site, request, holder.locale if holder else None)

    def _settle(self, wish: Wish, done: Decided, scope: str) -> None:
        """Wait until it is true at the wire too, and tell of it."""
        site, part = self._site, wish.message
        if done.customer is not None:
            settle(site.engine, {done.customer})
        if not done.is_new:
            return
        site.observer.unsubscribed(scope)
        facts = {
            "customer": part.customer,
            "flow": part.flow,
            "step": part.step,
            "channel": part.channel,
            "scope": wish.topic if scope == "topic" else scope,
        }
        site.say(
            "chosen" if scope == "preferences" else "unsubscribed", _SAYS[scope], "info", facts
        )


_CHOOSE: Page = "preferences"
_SAYS = {
    "topic": "a customer left a topic, by the link in a message",
    "all": "a customer left all marketing, by the link in a message",
    "preferences": "a customer chose what to get",
}


def shop_of(site: Site) -> str:
    """Return whose pages these are, as people read it."""
    return shown(str(site.playbook.project.project))


def spoken(site: Site, request: Request, locale: str | None) -> Language:
    """Return the language of a page: the customer's, else the browser's, else the project's."""
    accepted = accepted_locales(request.headers.get("accept-language", ""))
    known = [one for one in (locale, *accepted) if one]
    return language_of(*known, site.playbook.project.locale)


def later(site: Site, language: Language, fault: EnvironmentFault) -> Response:
    """Return the answer while the database cannot be asked or written."""
    site.say("not_written", f"a withdrawal has to wait: {fault}", "error", {})
    return note("later", language, shop_of(site), 503)


def lost(site: Site, request: Request) -> Response:
    """Return the one answer to every link that is none."""
    client = request.client.host if request.client else ""
    language = spoken(site, request, None)
    if site.failures.are_too_many(client):
        return note("too_often", language, shop_of(site), 429)
    return note("lost", language, shop_of(site), 404)
