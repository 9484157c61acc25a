"""The last look before the wire: what was decided may not hold any more (semantics 62).

Asked inside the transaction that marks messages ``sending``. The facts of a batch come in
three statements; nobody is held by frequency here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from orchestrator import openings, smear, tables, timing
from orchestrator.channels.spec import CHANNELS, AddressKind
from orchestrator.columns import to_micros
from orchestrator.delivery.stops import Stops
from orchestrator.delivery.terms import Kind, TermsOf
from orchestrator.given import among

VerdictKind = Literal["suppress", "expire", "cancel", "later", "wait", "anew"]
ENDED = ("goal", "exit", "audience", "restarted")
"""Exit reasons of a run after which what it still has in the queue is not wanted. A run that is
``completed``, or ended at an ``exit`` step, has meant what it sent before."""
SKEW = timedelta(minutes=1)
"""How far a worker's clock may be behind the one that dated a withdrawal."""


class Leaving(NamedTuple):
    """One message about to leave."""

    id: int
    """Row id in the ledger."""
    customer_id: int
    kind: Kind
    due_at: datetime
    decided_at: datetime
    to: str
    """The address it was made for; empty if its channel needs none."""
    was_tried: bool
    """Whether an earlier attempt may have reached its provider."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a message does not leave now."""

    kind: VerdictKind
    """``suppress``, ``expire`` and ``cancel`` end it; ``later`` moves it to ``not_before``;
    ``wait`` is until somebody resumes; ``anew``: made for an address that is not the customer's
    any more, so it is to be made again."""
    reason: str | None = None
    """Of the decision that follows (semantics 61)."""
    detail: str | None = None
    not_before: datetime | None = None


_WAIT, _ANEW, _EXPIRE = Verdict("wait"), Verdict("anew"), Verdict("expire")


class _Standing(NamedTuple):
    """What is known of a message's customer and run."""

    email: str | None
    phone: str | None
    push_token: str | None
    timezone: str | None
    status: str | None
    exit_reason: str | None
    exit_detail: str | None


@dataclass(frozen=True)
class _Found:
    """The facts of a batch."""

    standing: Mapping[int, _Standing]
    """By row of the ledger; a customer who is gone has none."""
    consents: Mapping[int, Collection[str]]
    """Customer row → topics subscribed to."""
    suppressed: Collection[tuple[str, str]]
    """(kind, address)."""


@dataclass
class Guard:
    """Looks at messages once more, by the playbook in force."""

    terms: TermsOf
    zone: ZoneInfo
    """The project's, for customers whose own is not known."""

    def look(
        self, connection: Connection, leaving: Sequence[Leaving], stops: Stops, now: datetime
    ) -> dict[int, Verdict]:
        """Return the verdict on each message that may not leave now, by its row."""
        if not leaving:
            return {}
        found = _facts(connection, leaving, now)
        verdicts = {one.id: self._verdict(one, found, stops, now) for one in leaving}
        return {row: verdict for row, verdict in verdicts.items() if verdict is not None}

    def _verdict(self, one: Leaving, found: _Found, stops: Stops, now: datetime) -> Verdict | None:
        """Ask in the gate's order (semantics 51); a pause comes before all."""
        terms, standing = self.terms(one.kind), found.standing.get(one.id)
        if stops.hold(one.kind.flow, one.kind.step, one.kind.channel, one.decided_at):
            return _WAIT
        if stops.holds_mail(one.message, one.kind.channel, one.kind.purpose):
            return _WAIT
        if timing.minus(now, terms.expires_after) >= one.due_at:
            return _EXPIRE
        if standing is None:
            return Verdict("cancel", "unreachable", "the customer is gone")
        if standing.status == "ended" and standing.exit_reason in ENDED:
            detail = ": ".join(filter(None, (standing.exit_reason, standing.exit_detail)))
            return Verdict("cancel", "run_ended", detail)
        if terms.topics is not None and terms.topics.isdisjoint(
            found.consents.get(one.customer_id, ())
        ):
            return Verdict("suppress", "consent")
        return _address_verdict(one, standing, found) or self._hours(one, standing, now)

    def _hours(self, one: Leaving, standing: _Standing, now: datetime) -> Verdict | None:
        terms, (zone, _) = self.terms(one.kind), timing.zone_or(standing.timezone, self.zone)
        if all(openings.is_open(opening, now, zone) for opening in terms.openings):
            return None
        opens = openings.first_open(now, zone, terms.openings)
        if opens is None:
            return Verdict("later", "quiet_hours", not_before=timing.LATEST)
        ends = openings.first_closed(opens, zone, terms.openings)
        over = smear.span(opens, ends, timing.plus(one.due_at, terms.expires_after))
        when = smear.place(opens, over, one.customer_id)
        return Verdict("later", "quiet_hours", not_before=when)


def _address_verdict(one: Leaving, standing: _Standing, found: _Found) -> Verdict | None:
    kind = address_kind(one.kind.channel)
    if kind is None:
        return None
    current: str | None = getattr(standing, kind)
    if current != one.to and not one.was_tried:
        return _ANEW if current else Verdict("suppress", "unreachable")
    if (kind, one.to) in found.suppressed:
        return Verdict("suppress", "suppressed")
    return None


def address_kind(channel: str) -> AddressKind | None:
    """Return which column of ``customer`` a channel's address stands in; calls have none."""
    spec = CHANNELS.get(channel)
    return spec.address if spec else None


# --- facts ----------------------------------------------------------------------------


def _facts(connection: Connection, leaving: Sequence[Leaving], now: datetime) -> _Found:
    by = {"now": to_micros(now), "soon": to_micros(now + SKEW)}
    rows = connection.execute(_STANDING, {"rows": [one.id for one in leaving]})
    standing = {row[0]: _Standing(*row[1:]) for row in rows}
    asked = {one.customer_id for one in leaving if one.kind.purpose == "marketing"}
    consents: dict[int, list[str]] = {}
    for customer, topic, latest in connection.execute(_CONSENTS, {**by, "people": list(asked)}):
        if latest % 2 == 0:
            consents.setdefault(customer, []).append(topic)
    held = connection.execute(_SUPPRESSED, _addresses(leaving))
    suppressed = {(kind, address) for kind, address, at in held if at < now + SKEW}
    return _Found(standing, consents, suppressed)


def _addresses(leaving: Iterable[Leaving]) -> dict[str, list[str]]:
    """Return the addresses of a batch by the column they stand in."""
    found: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    for one in leaving:
        kind = address_kind(one.kind.channel)
        if kind is not None:
            found[kind].add(one.to)
    return {kind: sorted(addresses) for kind, addresses in found.items()}


_KINDS = ("email", "phone", "push_token")
_message, _customer, _run = tables.message, tables.customer, tables.enrollment
_STANDING = (
    select(
        _message.c.id, _customer.c.email, _customer.c.phone, _customer.c.push_token,
        _customer.c.timezone, _run.c.status, _run.c.exit_reason, _run.c.exit_detail,
    )
    .join_from(_message, _customer, _customer.c.id == _message.c.customer_id)
    .outerjoin(
        _run,
        and_(
            _run.c.flow == _message.c.flow,
            _run.c.customer_id == _message.c.customer_id,
            _run.c.entry == _message.c.entry,
        ),
    )
    .where(among(_message.c.id, "rows"))
)  # fmt: skip
_acts = tables.consent.c
_CONSENTS = (
    select(_acts.customer_id, _acts.topic, func.max(_acts.at * 2 + _acts.withdrawn))
    .where(
        among(_acts.customer_id, "people"),
        or_(_acts.at <= bindparam("now"), and_(_acts.withdrawn == 1, _acts.at < bindparam("soon"))),
    )
    .group_by(_acts.customer_id, _acts.topic)
)
"""The latest act about each topic, as ``2 * at + withdrawn``: a withdrawal counts as later, and
one that another machine's clock has dated a little ahead counts already."""
_held = tables.suppression.c
_SUPPRESSED = select(_held.kind, _held.address, _held.at).where(
    or_(*(and_(_held.kind == kind, among(_held.address, kind)) for kind in _KINDS))
)
"""Since when is not asked here: it would lead SQLite to all of a kind, by the index of times."""
