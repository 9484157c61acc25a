"""What keeps messages from leaving, told when it begins and when it is over.

A worker that sends nothing looks like one that has nothing to send; its log says the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.delivery.manner import Say
from orchestrator.delivery.switch import Switch

Shut = dict[tuple[str, str], str | None]
"""(provider, domain) → why it is left alone; the domain is empty of a provider as a whole."""
_WORDS = {"in_doubt": "in doubt", "queued": "to be tried again"}


@dataclass
class Watch:
    """Looks at the kill switch and at breakers, for one worker's log."""

    providers: frozenset[str]
    switch: Switch
    say: Say
    _why_off: str | None = None
    _shut: Shut = field(default_factory=dict)

    def look_at_switch(self) -> None:
        """Tell if the kill switch was set, or is no more."""
        was, self._why_off = self._why_off, self.switch.why_off()
        if self._why_off and not was:
            self.say("kill_switch_on", f"nothing is sent: {self._why_off}", "warning")
        elif was and not self._why_off:
            self.say("kill_switch_off", "messages leave again: the kill switch is no longer set")

    def look_at_breakers(self, connection: Connection) -> None:
        """Tell which providers, or domains at them, are left alone now, and which no more."""
        was, self._shut = self._shut, left_alone(connection, self.providers)
        for key in self._shut.keys() - was.keys():
            why = self._shut[key]
            says = f"{named(*key)} is left alone for a while{f': {why}' if why else ''}"
            self.say("left_alone", says, "warning", {**_facts(key), "reason": why})
        for key in was.keys() - self._shut.keys():
            self.say("left_alone_no_more", f"{named(*key)} is sent to again", "info", _facts(key))


def left_alone(connection: Connection, providers: Iterable[str]) -> Shut:
    """Return what is left alone at some providers, and why."""
    row = tables.breaker.c
    query = select(row.provider, row.domain, row.reason)
    shut = query.where(row.state != "closed", row.provider.in_(sorted(providers)))
    return {(provider, domain): why for provider, domain, why in connection.execute(shut)}


def named(provider: str, domain: str) -> str:
    """Return how a person calls a provider, or one domain of receivers at it."""
    return f"{domain} at {provider}" if domain else provider


def told_of(states: Mapping[str, int]) -> str:
    """Return what messages came to, in words: ``3 sent, 1 dead``.

    Args:
        states: state → messages; ``queued`` are those that are tried again.
    """
    order = sorted(states, key=lambda state: (state != "sent", state))
    return ", ".join(f"{states[one]:,} {_WORDS.get(one, one)}" for one in order if states[one])


def _facts(key: tuple[str, str]) -> dict[str, str]:
    provider, domain = key
    return {"provider": provider, "domain": domain} if domain else {"provider": provider}
