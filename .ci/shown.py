"""Say which outputs shown in README.md are stale (exit 1), or with ``--write`` renew them.

Between ``<!-- shown: COMMAND -->`` and ``<!-- end -->`` stands what that command prints, run
in a fresh copy of the example programme; ``| head -n N`` in the comment shows its beginning.
The commands run in the order of the page, and ``EDITS`` are made before theirs.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "README.md"
CLMCTL = Path(sys.executable).parent / "clmctl"
FINDINGS = 1
"""The highest exit code of a command that did its work."""
WIDTH = "90"
"""Columns of the shown outputs, whatever terminal this runs in."""
EDITED = Path("playbooks/flows/win_back.yaml")
EDITS = {
    "clmctl check --quiet": ("at_least: 20,", "at_leest: 200,"),
    "clmctl run --dry-run --at 2026-03-02T10:00 --select win_back": (
        "at_leest: 200,",
        "at_least: 200,",
    ),
}
"""Command → what is replaced in ``EDITED`` before it runs."""

_BLOCK = re.compile(
    r"(<!-- shown: (?P<command>clmctl [^|>]+?)(?: \| head -n (?P<lines>\d+))? -->\n)"
    r".*?(<!-- end -->)",
    re.DOTALL,
)


def renewed(page: str) -> str:
    """Return the page with every shown output as it is now."""
    commands = [found["command"] for found in _BLOCK.finditer(page)]
    with tempfile.TemporaryDirectory() as scratch:
        shop = Path(scratch) / "kopi_kain"
        for folder in ("playbooks", "templates"):
            shutil.copytree(ROOT / folder, shop / folder)
        shown = dict(_printed(commands, shop))
    return _BLOCK.sub(lambda found: f"{found[1]}{_fenced(found, shown)}{found[4]}", page)


def _printed(commands: list[str], shop: Path) -> Iterator[tuple[str, str]]:
    """Yield (command, what it prints on both streams, the shop's folder as ``.``)."""
    for command in commands:
        if command in EDITS:
            text = (shop / EDITED).read_text(encoding="utf-8")
            (shop / EDITED).write_text(text.replace(*EDITS[command]), encoding="utf-8")
        arguments = shlex.split(command.removeprefix("clmctl"))
        done = subprocess.run(  # noqa: S603  # the project's own command
            [CLMCTL, *arguments],
            cwd=shop,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"COLUMNS": WIDTH, "NO_COLOR": "1"},
            check=False,
        )
        if done.returncode > FINDINGS:
            raise SystemExit(f"{command} failed, the page stays as it is:\n{done.stdout}")
        yield command, done.stdout.replace(f"{shop.resolve()}/", "").rstrip()


def _fenced(found: re.Match[str], shown: dict[str, str]) -> str:
    lines = [line.rstrip() for line in shown[found["command"]].splitlines()]
    if found["lines"]:
        lines = [*lines[: int(found["lines"])], "…"]
    return "\n```text\n$ " + found["command"] + "\n" + "\n".join(lines) + "\n```\n\n"


def main() -> int:
    """Compare or write the page."""
    page = PAGE.read_text(encoding="utf-8")
    fresh = renewed(page)
    if fresh == page:
        return 0
    if sys.argv[1:] != ["--write"]:
        print(f"stale; .ci/shown.py --write renews it: {PAGE.name}")
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    print(f"written: {PAGE.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
