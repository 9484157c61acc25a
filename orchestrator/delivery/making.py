"""Making: from claimed rows to messages as an adapter gets them, each rendered once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from orchestrator import timing
from orchestrator.channels.file import message_key
from orchestrator.channels.message import Attachment, OutgoingMessage, Purpose
from orchestrator.channels.spec import WEBHOOK
from orchestrator.delivery.book import Book
from orchestrator.delivery.freezing import Frozen, freeze, numbered, thaw
from orchestrator.delivery.guards import Leaving
from orchestrator.delivery.links import marketing_topic
from orchestrator.delivery.loading import Order
from orchestrator.delivery.terms import Kind
from orchestrator.delivery.webhooks import Calls
from orchestrator.errors import EnvironmentFault
from orchestrator.orders import Printer, address
from orchestrator.playbook.attachments import attachments_of
from orchestrator.records.sends import Rendered, RenderFailure, Send
from orchestrator.tick.attachments import kept


class Made(NamedTuple):
    """A claimed message, ready to leave."""

    order: Order
    message: OutgoingMessage
    """As the coming attempt carries it."""
    frozen: Frozen | None
    """To be kept before that attempt; None if an earlier one did."""

    @property
    def leaving(self) -> Leaving:
        """What the last look before the wire asks about."""
        decided, message = self.order.decided, self.message
        return Leaving(
            self.order.id,
            decided.customer_id,
            Kind(decided.flow, decided.step, message.channel, message.purpose, message.topic),
            decided.due_at,
            decided.at,
            message.to,
            self.order.attempt > 0,
            decided.message,
        )


class Spoilt(NamedTuple):
    """A claimed message that cannot be made."""

    order: Order
    why: str


@dataclass
class Maker:
    """Makes the messages of one batch by one book."""

    connection: Connection
    book: Book
    now: datetime
    may_go_on: Callable[[], bool] = lambda: True
    """Asked after each message that is rendered; what is not made by then is left out."""
    _attached: dict[str, bytes] = field(default_factory=dict)
    """SHA-256 → what is attached, as far as it was asked for."""

    def make(self, orders: Sequence[Order]) -> list[Made | Spoilt]:
        """Return the orders' messages, or why they have none; one never spoils another.

        All of them, as far as making ``may_go_on``; at least one.
        """
        try:
            return self._make(orders)
        except (DBAPIError, EnvironmentFault):
            raise
        except Exception as error:  # noqa: BLE001  # whose fault it is shows one by one
            if len(orders) == 1:
                return [Spoilt(orders[0], f"internal: {type(error).__name__} while making it")]
        return [made for order in orders for made in self.make([order])]

    def _make(self, orders: Sequence[Order]) -> list[Made | Spoilt]:
        """Return each order's message; what was frozen before is taken as it is."""
        fresh = [order for order in orders if order.frozen is None]
        made = {order.id: self._thawed(order) for order in orders if order.frozen is not None}
        made |= self._called([one for one in fresh if one.decided.channel == WEBHOOK])
        made |= self._printed([one for one in fresh if one.decided.channel != WEBHOOK])
        return [made[order.id] for order in orders if order.id in made]

    def _thawed(self, order: Order) -> Made | Spoilt:
        assert order.frozen is not None
        assert order.digest is not None
        try:
            message = thaw(Frozen(order.frozen, order.digest), self._contents)
        except EnvironmentFault as fault:
            return Spoilt(order, str(fault))
        return Made(order, _attempted(message, order), None)

    def _called(self, orders: Sequence[Order]) -> dict[int, Made | Spoilt]:
        """Return calls of webhooks: nothing is rendered of them."""
        calls = Calls(self.connection, self.book, orders, self.now)
        made: dict[int, Made | Spoilt] = {}
        for order in orders:
            call = calls.message(order, _key(self.book.project, order))
            made[order.id] = (
                Spoilt(order, call)
                if isinstance(call, str)
                else Made(order, _attempted(call, order), freeze(call))
            )
        return made

    def _printed(self, orders: Sequence[Order]) -> dict[int, Made | Spoilt]:
        keys = {order.id: _key(self.book.project, order) for order in orders}
        links = {id(order.decided): self._links(order, keys[order.id]) for order in orders}
        printer = Printer(
            self.connection,
            self.book.playbook,
            self.book.renderer,
            links_of=lambda decided: links[id(decided)],
            desk=self.book.desk,
        )
        made: dict[int, Made | Spoilt] = {}
        printed = printer.print([order.decided for order in orders])
        for order, one in zip(orders, printed, strict=True):
            made[order.id] = self._made(order, keys[order.id], *one)
            if not self.may_go_on():
                break
        return made

    def _links(self, order: Order, key: str) -> Mapping[str, str]:
        topic = marketing_topic(self.book.playbook, order.topic)
        return self.book.links.in_templates(key, topic)

    def _made(
        self, order: Order, key: str, send: Send, printed: Rendered | RenderFailure
    ) -> Made | Spoilt:
        if isinstance(printed, RenderFailure):
            return Spoilt(order, f"{printed.code}: {printed.message}")
        files = self._attachments(order.decided.message, send.channel)
        if isinstance(files, str):
            return Spoilt(order, files)
        message = self._message(order, key, send, printed)
        message = replace(message, attachments=files) if files else message
        return Made(order, _attempted(message, order), freeze(message))

    def _message(self, order: Order, key: str, send: Send, printed: Rendered) -> OutgoingMessage:
        decided, book = order.decided, self.book
        purpose = cast("Purpose", order.purpose)
        kind = Kind(decided.flow, decided.step, send.channel, purpose, order.topic)
        topic = marketing_topic(book.playbook, order.topic)
        provider_key = order.provider_key or book.keys.provider_key(key)
        by_mail = provider_key if send.channel == "email" else None
        return OutgoingMessage(
            key=key,
            provider_key=provider_key,
            channel=send.channel,
            message=decided.message,
            flow=decided.flow,
            step=decided.step,
            customer=decided.customer,
            to=address(send) or "",
            purpose=purpose,
            text=printed.text,
            created_at=self.now,
            subject=printed.subject,
            preheader=printed.preheader,
            html=printed.html,
            is_json=printed.is_json,
            locale=printed.locale,
            topic=order.topic,
            variant=decided.variant,
            sender=book.sender(decided.message),
            unsubscribe=(
                book.links.unsubscribe(key, topic, by_mail) if purpose == "marketing" else None
            ),
            expires_at=timing.plus(decided.due_at, book.terms(kind).expires_after),
            project=book.project,
            entry=decided.entry,
            decided_at=decided.at,
            due_at=decided.due_at,
        )

    def _attachments(self, message: str, channel: str) -> tuple[Attachment, ...] | str:
        """Return the files that go with a message, or why one of them cannot."""
        files = attachments_of(self.book.playbook, message, channel)
        contents = self._contents([one.sha256 for one in files])
        for one in files:
            if one.sha256 not in contents:
                return f"attachment: {one.path} is not kept as the release had it"
        return tuple(Attachment(one.name, one.content_type, contents[one.sha256]) for one in files)

    def _contents(self, digests: Collection[str]) -> Mapping[str, bytes]:
        """Return what is attached: as the files have it, else as it is kept."""
        known = self.book.playbook.contents
        wanted = [one for one in digests if one not in known and one not in self._attached]
        self._attached |= kept(self.connection, wanted)
        stores = (self._attached, known)
        return {one: store[one] for store in stores for one in digests if one in store}


def _key(project: str, order: Order) -> str:
    decided = order.decided
    return message_key(
        project,
        decided.customer,
        decided.flow,
        entry=decided.entry,
        step=decided.step,
        occurrence=decided.occurrence,
        channel=decided.channel or "",
        generation=order.generation,
    )


def _attempted(message: OutgoingMessage, order: Order) -> OutgoingMessage:
    return numbered(message, order.attempt + 1, again=bool(order.possible_duplicate))
