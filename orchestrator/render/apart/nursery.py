"""The process that forks the ones that render: started once, single-threaded, and always warm.

It renders nothing itself but samples that were rendered well before. So what kills a process that
it forked never kills it, and the next one begins with compiled templates.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import signal
import socket
import sys
from collections import OrderedDict
from importlib import import_module
from typing import cast

from orchestrator.channels.spec import CHANNELS
from orchestrator.render.apart.limited import Renders, serve
from orchestrator.render.apart.wire import Frames, Menu, Wanted, framed, receive

FORK, END = b"F", b"E"
"""One more process, whose end of a connection comes along; or one less."""
MOST_MENUS = 4
WARMING_SECONDS = 30.0


class Nursery:
    """Forks processes for one sender."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._frames = Frames()
        self._renderers: OrderedDict[tuple[str, bytes], Renders] = OrderedDict()
        self._ended: dict[int, int] = {}
        """Process → how it ended, until somebody asks."""

    def run(self) -> None:
        """Do as asked, until the sender is gone."""
        while True:
            # One octet, so that what follows is not taken along with the file descriptor.
            word, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
            frame = receive(self._control, self._frames) if word else None
            if frame is None:
                return
            answer = self._fork(frame, descriptors[0]) if word == FORK else self._end(frame)
            self._control.sendall(framed(json.dumps(answer).encode()))

    def _fork(self, frame: bytes, descriptor: int) -> int:
        """Return the id of a new process that renders at the other end of a connection."""
        wanted = pickle.loads(frame)  # noqa: S301  # of the sender, who is trusted
        assert isinstance(wanted, Wanted)
        connection = socket.socket(fileno=descriptor)
        renderer = self._renderer(wanted)
        self._gather()
        gc.freeze()
        id = os.fork()
        if id == 0:
            self._control.close()
            serve(connection, renderer)
        connection.close()
        self._ended.pop(id, None)
        return id

    def _renderer(self, wanted: Wanted) -> Renders:
        key = (wanted.renders, wanted.menu)
        if key not in self._renderers:
            self._renderers[key] = _made(wanted)
        self._renderers.move_to_end(key)
        while len(self._renderers) > MOST_MENUS:
            self._renderers.popitem(last=False)
        renderer = self._renderers[key]
        signal.setitimer(signal.ITIMER_REAL, WARMING_SECONDS)
        for send in wanted.samples:
            if not renderer.knows(send):
                renderer.render(send)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return renderer

    def _end(self, frame: bytes) -> int:
        """End one process; return how it ended, by itself if it already had."""
        id = int(frame)
        if id in self._ended:
            return self._ended.pop(id)
        with contextlib.suppress(ProcessLookupError):
            os.kill(id, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(id, 0)[1])

    def _gather(self) -> None:
        """Let go of processes whose sender dropped them, so that none of them stays a zombie."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self._ended[found[0]] = os.waitstatus_to_exitcode(found[1])


def _made(wanted: Wanted) -> Renders:
    menu = pickle.loads(wanted.menu)  # noqa: S301  # of the sender, who is trusted
    assert isinstance(menu, Menu)
    for spec in menu.channels:
        CHANNELS.join(spec)
    module, _, name = wanted.renders.partition(":")
    return cast("Renders", getattr(import_module(module), name)(menu.playbook))


def main() -> None:
    """Serve the sender at the other end of the socket whose number is the first argument."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the sender's end is the end of this
    import_module("orchestrator.render.renderer")
    Nursery(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
