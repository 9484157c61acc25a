"""What runs on tells of itself in whole lines, whichever thread speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SPEAKING = """
import sys
from concurrent.futures import ThreadPoolExecutor

from orchestrator.cli.telling import tell_event
from orchestrator.scheduler.events import Happened

sys.setswitchinterval(1e-6)


def speak(lane: int) -> None:
    for _ in range(300):
        tell_event(Happened("lane_failed", "The lane waits.", "error", {"lane": lane}))


with ThreadPoolExecutor(8) as pool:
    list(pool.map(speak, range(8)))
"""


def test_lines_of_several_threads_are_never_torn(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with log.open("wb") as stream:
        subprocess.run([sys.executable, "-c", SPEAKING], stderr=stream, check=True)
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [sum(one["lane"] == lane for one in told) for lane in range(8)] == [300] * 8
