"""Rendering in other processes, as a sender sees it: sends go in, messages come out, in order.

A process that dies or falls silent is replaced. What it rendered when that happened comes first in
the next one; if it kills that too, having it all to itself, it is dead, and the rest goes on. One
that computed too long, or was ended by a fault of its own, dies of its message at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import RLock
from time import monotonic

from orchestrator.channels.spec import CHANNELS
from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered, RenderFailure, Send
from orchestrator.render.apart.hand import Hand, Lost
from orchestrator.render.apart.limited import (
    MEMORY_EXIT,
    MESSAGE_SECONDS,
    PATIENCE,
    TOO_MUCH_MEMORY,
)
from orchestrator.render.apart.nursery import END, FORK
from orchestrator.render.apart.wire import Frames, Menu, Result, Wanted, framed, receive

RENDERER = "orchestrator.render.renderer:Renderer"
CHUNK = 32
"""Sends that go out together."""
AHEAD = 2 * CHUNK
"""Sends that may be out at once: one chunk is rendered while the next one waits."""
STARTING_SECONDS = 60.0
MOST_SAMPLES = 64
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZDIR", "PYTHONDONTWRITEBYTECODE")
"""What the processes see of the environment. Secrets are there too; these see none."""
_WORK = RenderFailure(
    "render_time", f"rendering took more than {MESSAGE_SECONDS:g} seconds of computing"
)
_TIME = RenderFailure(
    "render_time", f"rendering took longer than {PATIENCE * MESSAGE_SECONDS:g} seconds"
)
_CRASH = RenderFailure("render_crash", "the process that rendered it died")
_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
_OWN_DOING = {-signal.SIGPROF: _WORK, **{-fault: _CRASH for fault in _FAULTS}}
"""Exit → failure, where nothing but what the process was at can have ended it."""
_BY_EXIT = {**_OWN_DOING, -signal.SIGALRM: _TIME, MEMORY_EXIT: TOO_MUCH_MEMORY}


@dataclass
class Pool:
    """The processes that render for one worker; its threads share it."""

    renders: str = RENDERER
    """``module:name`` of what makes a renderer of a playbook."""
    lost: int = 0
    """How many processes had to be replaced."""
    lost_seconds: float = 0.0
    """How long messages were rendered that never came to be."""
    _nursery: subprocess.Popen[bytes] | None = None
    _control: socket.socket | None = None
    _answers: Frames = field(default_factory=Frames)
    _ordered: Hand | None = None
    """The process whose id the nursery has still to tell."""
    _spare: tuple[Wanted, Hand] | None = None
    """A process that waits for the next one to be lost: one that was lost is seldom the last."""
    _lock: RLock = field(default_factory=RLock)

    def desk(self, playbook: Playbook) -> Desk:
        """Return what renders a playbook's messages. Nothing is started before it is needed."""
        return Desk(self, playbook)

    def fork(self, wanted: Wanted) -> Hand:
        """Return one more process.

        Raises:
            EnvironmentFault: none can be started.
        """
        asked = Wanted(wanted.renders, wanted.menu, ())
        for attempt in (wanted, asked, asked):
            with contextlib.suppress(OSError, ValueError), self._lock:
                return self._forked(attempt)
            self.close()
        raise EnvironmentFault("the process that renders messages cannot be started")

    def end(self, hand: Hand) -> int | None:
        """End a process; return how it had ended, None if nobody can tell."""
        hand.connection.close()
        with contextlib.suppress(OSError, ValueError), self._lock:
            if self._control is not None:
                self._settle()
                self._control.sendall(END + framed(str(hand.id).encode()))
                return self._told(self._control)
        return None

    def close(self) -> None:
        """End all processes; the next use starts them anew."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._nursery is not None:
                self._nursery.kill()
                self._nursery.wait()
            self._control = self._nursery = self._ordered = self._spare = None
            self._answers = Frames()

    def _forked(self, wanted: Wanted) -> Hand:
        hand = self._spared(wanted) or self._order(wanted)
        self._settle()
        if self.lost:
            self._spare = wanted, self._order(wanted)
        return hand

    def _spared(self, wanted: Wanted) -> Hand | None:
        """Return the process that waits, if it renders what is wanted and still lives."""
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        made, hand = spare
        is_same = (made.renders, made.menu) == (wanted.renders, wanted.menu)
        return hand if is_same and not hand.is_over() else None

    def _order(self, wanted: Wanted) -> Hand:
        """Ask for a process; it is there before the nursery hears another word."""
        self._settle()
        control = self._started()
        mine, its = socket.socketpair()
        hand = Hand(mine)
        with its:
            socket.send_fds(control, [FORK], [its.fileno()])
            control.sendall(framed(pickle.dumps(wanted, pickle.HIGHEST_PROTOCOL)))
        self._ordered = hand
        return hand

    def _settle(self) -> None:
        """Hear the id of the process that was asked for."""
        if self._ordered is not None and self._control is not None:
            self._ordered.id = self._told(self._control)
            self._ordered = None

    def _told(self, control: socket.socket) -> int:
        answer = receive(control, self._answers)
        if answer is None:
            raise ConnectionResetError
        return int(json.loads(answer))

    def _started(self) -> socket.socket:
        if self._control is None:
            mine, its = socket.socketpair()
            with its:
                self._nursery = subprocess.Popen(  # noqa: S603  # this interpreter, and a module of ours
                    [sys.executable, "-P", "-m", _NURSERY, str(its.fileno())],
                    pass_fds=[its.fileno()],
                    env=_environment(),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a traceback would show what was rendered
                    start_new_session=True,  # Ctrl-C is for the sender to hear
                )
            mine.settimeout(STARTING_SECONDS)
            self._control = mine
        return self._control


_NURSERY = "orchestrator.render.apart.nursery"


def _environment() -> dict[str, str]:
    known = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**known, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}


class Desk:
    """Renders sends of one playbook apart. For one thread."""

    def __init__(self, pool: Pool, playbook: Playbook) -> None:
        self._pool, self._playbook = pool, playbook
        self._menu: bytes | None = None
        self._hand: Hand | None = None
        self._samples: dict[tuple[str | None, ...], Send] = {}

    def stand_by(self) -> None:
        """Have a process ready, so that no message waits for it to start.

        Raises:
            EnvironmentFault: no process can be started.
        """
        self._working()

    def render(self, sends: Iterable[Send]) -> Iterator[Result]:
        """Yield the message of each send, or why there is none, while others are rendered.

        Raises:
            EnvironmentFault: no process can be started.
        """
        coming, out = iter(sends), deque[Send]()
        if self._hand is not None and self._hand.out:  # of a caller who did not stay to the end
            self._end()
        is_suspect = False  # whether a process was lost while it rendered the oldest that is out
        while True:
            began = monotonic()
            try:
                while len(out) <= AHEAD - CHUNK and (chunk := list(islice(coming, CHUNK))):
                    out.extend(chunk)
                    self._working().give(chunk)
                if not out:
                    return
                results = self._working().take()
            except Lost as lost:
                failure, is_certain = self._tell(began, lost)
                is_suspect = not (is_suspect or is_certain)
                if not is_suspect:
                    out.popleft()
                    yield failure
                if out:
                    self._working().give(tuple(out))
                continue
            is_suspect = False
            for result in results:
                self._keep_sample(out.popleft(), result)
                yield result

    def _working(self) -> Hand:
        if self._hand is None:
            if self._menu is None:
                playbook = replace(self._playbook, contents={})  # files that nobody renders
                menu = Menu(playbook, tuple(CHANNELS.values()))
                self._menu = pickle.dumps(menu, pickle.HIGHEST_PROTOCOL)
            samples = tuple(self._samples.values())
            self._hand = self._pool.fork(Wanted(self._pool.renders, self._menu, samples))
        return self._hand

    def _tell(self, began: float, lost: Lost) -> tuple[RenderFailure, bool]:
        """Give a process up; return how what it was at would fail, and whether that is certain."""
        status = self._end()
        self._pool.lost += 1
        self._pool.lost_seconds += monotonic() - began
        if lost.is_silent or status is None:
            return (_TIME if lost.is_silent else _CRASH), False
        return _BY_EXIT.get(status, _CRASH), status in _OWN_DOING

    def _end(self) -> int | None:
        hand, self._hand = self._hand, None
        return None if hand is None else self._pool.end(hand)

    def _keep_sample(self, send: Send, result: Result) -> None:
        who = send.customer
        key = (send.flow, send.step, send.message, send.channel, who.locale, who.timezone)
        is_new = len(self._samples) < MOST_SAMPLES and key not in self._samples
        if is_new and isinstance(result, Rendered):
            self._samples[key] = send
