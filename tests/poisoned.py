"""Renderers that do what no template can: they bring down what they run in.

Templates are a closed language, so what these tests need comes in by the maker of renderers, which
is no option of the product.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered, RenderFailure, Send
from orchestrator.render.apart.limited import MEMORY_OCTETS
from orchestrator.render.renderer import Renderer

KINDS = ("exception", "memory", "loop", "crash")
REASONS = {
    "exception": "internal",
    "memory": "render_memory",
    "loop": "render_time",
    "crash": "render_crash",
    "sleep": "render_time",
    "eat": "render_memory",
    "exit": "render_crash",
    "silence": "render_time",
    "lie": "render_crash",
    "garbage": "render_crash",
}
"""What a customer's id begins with → what becomes of the message."""
HARMLESS = ("hoard", "spend")
"""What an id may begin with besides: these have messages all the same."""
HOARD: list[mmap.mmap] = []
"""What messages leave behind in their process."""


class Poisoned(Renderer):
    """Does to the message of a customer what the id says, before its first ``-``."""

    def render(self, send: Send) -> Rendered | RenderFailure:
        kind, _, number = send.customer.external_id.partition("-")
        if number and (kind in REASONS or kind in HARMLESS):
            try:
                getattr(self, f"_{kind}")()
            except ValueError:
                return RenderFailure("internal", "ValueError while rendering")
            except OSError as error:  # what maps memory says so of it
                raise MemoryError from error
        return super().render(send)

    def _exception(self) -> None:
        raise ValueError

    def _memory(self) -> None:
        b"x" * (1 << 30)

    def _eat(self) -> None:
        """Take most of what there is at once, untouched since that takes time, the rest bit by bit."""
        kept: list[bytes | mmap.mmap] = [mmap.mmap(-1, MEMORY_OCTETS * 7 // 8)]
        while True:
            kept.append(b"x" * 1000)

    def _hoard(self) -> None:
        """Keep half of what there is."""
        HOARD.append(mmap.mmap(-1, MEMORY_OCTETS // 2))

    def _spend(self) -> None:
        """Take a little more than half, and give it back."""
        mmap.mmap(-1, MEMORY_OCTETS * 5 // 8).close()

    def _loop(self) -> None:
        """Compute until that is too much, however long a loaded machine takes for it."""
        signal.setitimer(signal.ITIMER_REAL, 60)
        while True:
            pass

    def _sleep(self) -> None:
        time.sleep(60)

    def _crash(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def _exit(self) -> NoReturn:
        sys.exit(0)

    def _silence(self) -> None:
        """Be deaf to the alarm: what the sender's own patience is for."""
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        time.sleep(60)

    def _lie(self) -> None:
        """Answer what nobody asked, as whoever broke out of a template could."""
        for number in range(3, 64):
            try:
                os.write(number, b"\x00\x00\x00\x02[]" * 500)
            except OSError:
                continue

    def _garbage(self) -> None:
        for number in range(3, 64):
            try:
                os.write(number, b"\xff" * 100)
            except OSError:
                continue


class Telling(Renderer):
    """Prints what its process sees of the environment."""

    def render(self, send: Send) -> Rendered | RenderFailure:
        seen = sorted({*os.environ, *_at_birth()})
        return Rendered(None, None, None, " ".join(seen), None, None)


def _at_birth() -> list[str]:
    seen = Path("/proc/self/environ").read_text(encoding="utf-8", errors="replace")
    return [one.partition("=")[0] for one in seen.split("\0") if one]


def poisoned(playbook: Playbook) -> Poisoned:
    """Return a renderer that does as the ids of customers say."""
    return Poisoned(playbook)


class Deranged:
    """Cannot be made at all."""

    def __init__(self, playbook: Playbook) -> None:
        raise SystemExit(3)
