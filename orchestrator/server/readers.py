"""What reads the callbacks of providers: one adapter a channel, as files and secrets say now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from orchestrator.channels.base import Channel
from orchestrator.channels.receipt import Callback, Receipt
from orchestrator.channels.routes import Route
from orchestrator.delivery.aside import Aside
from orchestrator.delivery.manner import Say
from orchestrator.delivery.receiving import Origin
from orchestrator.delivery.reopening import Made, goes_on, made_of
from orchestrator.errors import EnvironmentFault

MOST_RECEIPTS = 1_000
"""In one callback."""
READ_SECONDS, PAUSE_SECONDS = 10.0, 30.0
"""In which a callback is read: providers do not wait longer; and in which a channel's callbacks
are told to come again once one was not."""


@dataclass(frozen=True)
class Reader:
    """Reads the callbacks of one channel's provider, one at a time."""

    channel: str
    adapter: Channel
    made: Made
    """What the adapter was opened by."""
    aside: Aside

    @property
    def origin(self) -> Origin:
        """Where its receipts come from."""
        return Origin(self.channel, type(self.adapter).name)

    def read(self, callback: Callback) -> list[Receipt]:
        """Return what a callback tells; of more than it may only the beginning.

        Raises:
            ForgedCallback: it is not known to come from the provider.
            Hangs: reading it does not end.
            Exception: it cannot be read.
        """
        return self.aside.ask(lambda one: list(islice(one.receipts(callback), MOST_RECEIPTS + 1)))

    def handshake(self, callback: Callback) -> str | None:
        """Return the answer to a GET that sets callbacks up; None refuses it.

        Raises:
            Hangs: it does not end.
        """
        return self.aside.ask(lambda one: one.handshake(callback))


def _reader(route: Route, made: Made) -> Reader:
    adapter = route.open()
    return Reader(
        route.channel, adapter, made, Aside(route.open, READ_SECONDS, PAUSE_SECONDS, adapter)
    )


@dataclass
class Readers:
    """The readers of a project, opened when they are first asked for.

    Secrets are looked at each time: a callback that is signed with a new one is read by it.
    """

    routes: Callable[[], Mapping[str, Route]]
    """Returns the channels as the playbook in force has them."""
    say: Say
    _open: dict[str, Reader] = field(default_factory=dict)
    _faults: dict[str, str] = field(default_factory=dict)
    """Channel → what was told of it while it goes on as it was."""
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def of(self, channel: str) -> Reader | None:
        """Return what reads a channel's callbacks; None if its provider tells nothing.

        One that could not be opened is tried again whenever it is asked for; the others are read.

        Raises:
            EnvironmentFault: its secret is missing, or its adapter cannot be made. One that was
                open before goes on as it was instead, which is told once.
        """
        with self._looking:
            try:
                route = self.routes().get(channel)
                if route is None or route.adapter.receipts is Channel.receipts:
                    self._close(channel)
                    return None
                return self._current(route)
            except EnvironmentFault as fault:
                if channel not in self._open:
                    raise
                self._tell(channel, fault)
                return self._open[channel]

    def close(self) -> None:
        """Let go of what is open."""
        for channel in list(self._open):
            self._close(channel)

    def _current(self, route: Route) -> Reader:
        made, known = made_of(route), self._open.get(route.channel)
        if known is None or known.made != made:
            new = _reader(route, made)
            self._close(route.channel)
            self._open[route.channel] = new
            if known is not None:
                says = f"{route.channel}: callbacks are read by what is set now"
                self.say("channel_opened", says, "info", {"channel": route.channel})
        self._faults.pop(route.channel, None)
        return self._open[route.channel]

    def _close(self, channel: str) -> None:
        reader = self._open.pop(channel, None)
        if reader is not None:
            reader.aside.close()

    def _tell(self, channel: str, fault: EnvironmentFault) -> None:
        if self._faults.get(channel) != str(fault):
            self._faults[channel] = str(fault)
            facts = {"channel": channel, "reason": str(fault)}
            self.say("channel_kept", goes_on(channel, fault), "error", facts)
