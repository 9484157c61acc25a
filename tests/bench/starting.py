"""How long the command takes to start, beside ``python -c pass``; checking many flows; memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from bench.programme import opened
from bench.shop import NOW

RUNS = 25
CLMCTL = (str(Path(sys.executable).parent / "clmctl"),)
PASS = (sys.executable, "-c", "pass")
PROJECT = """\
project: small
timezone: Europe/Vienna
locale: en
postal_address: Street 1
links: {base_url: "https://small.example"}
"""
CATALOG = "events:\n  signed_up: {source: text}\ntopics: {newsletter: marketing}\n"
FLOW = """\
flow: flow_{0:03}
title: Flow {0}
owner: crm
status: live

starts_when: {{did: signed_up}}
audience: {{did_not: signed_up, in_last: {1} days}}

steps:
  - send: hello
  - wait: 2 days
  - branch:
      - if: {{clicked: hello}}
        do: [{{send: hello, id: again}}]
    otherwise: [{{exit: done}}]
"""
HELLO = (
    "---\nsubject: Hello\n---\nHello {{ customer.id }}, [your choice]({{ links.preferences }}).\n"
)


def project(folder: Path, flows: int) -> Path:
    """Write a project with that many flows."""
    files = {
        "playbooks/project.yaml": PROJECT,
        "playbooks/catalog.yaml": CATALOG,
        "templates/hello/email.md.j2": HELLO,
        **{
            f"playbooks/flows/flow_{number:03}.yaml": FLOW.format(number, 30 + number)
            for number in range(flows)
        },
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _run(command: Sequence[str], folder: Path) -> float:
    begun = perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return perf_counter() - begun


def started() -> tuple[float, float, float]:
    """Return the median seconds of ``pass``, ``--help`` and ``check``, run by turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = project(Path(name), 1)
        commands = (PASS, (*CLMCTL, "--help"), (*CLMCTL, "check"))
        taken = [[_run(command, folder) for command in commands] for _ in range(RUNS)]
    empty, help_, check = (statistics.median(column) for column in zip(*taken, strict=True))
    return empty, help_, check


def checked(counts: Sequence[int] = (125, 250, 500)) -> list[tuple[int, float]]:
    """Return (flows, seconds of ``check``), best of three, for projects of some sizes."""
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = project(Path(name), count)
            taken = [_run((*CLMCTL, "check"), folder) for _ in range(3)]
        found.append((count, min(taken)))
    return found


def peak_of_dry_run(url: str) -> tuple[int, float]:
    """Return (most memory in MB, seconds) of ``clmctl run --dry-run`` over a shop."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        opened(folder)
        command = (
            *CLMCTL, "run", "--dry-run", "--output", "jsonl", "--render",
            "--at", f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "--db", url,
        )  # fmt: skip
        begun = perf_counter()
        peak = _peak(command, folder)
        return peak, perf_counter() - begun


def _peak(command: Sequence[str], folder: Path) -> int:
    """Run a command and return the most memory it held, in MB."""
    script = (
        "import resource, subprocess, sys\n"
        "with open('/dev/null', 'wb') as nowhere:\n"
        "    subprocess.run(sys.argv[1:], stdout=nowhere, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(done.stdout)
