"""Signals: a wish to end is heard whenever it comes."""

from __future__ import annotations

import os
import random
import signal
import threading

import pytest

from orchestrator.scheduler.waking import stopped_by_signals


@pytest.mark.slow
def test_a_signal_at_any_instant_is_heard_and_holds_nobody_up() -> None:
    """A handler that takes a lock would, now and then, wait for the thread it interrupts."""
    chance = random.Random(8)
    for _ in range(60):
        with stopped_by_signals() as stop:
            pause = chance.uniform(0, 0.002)
            caller = threading.Timer(pause, os.kill, (os.getpid(), signal.SIGTERM))
            caller.start()
            assert stop.asked.wait(10)
            assert stop.signal == signal.SIGTERM
            caller.join()


def test_a_wait_ends_with_its_time() -> None:
    with stopped_by_signals() as stop:
        assert not stop.asked.wait(0.01)
        stop.asked.set()
        assert stop.asked.wait()
