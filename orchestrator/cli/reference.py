"""Keep the help texts in ``docs/cli.md`` equal to what the verbs print.

The page's prose is written by hand; between ``<!-- help: clmctl run -->`` and ``<!-- end -->``
stands that command's help. ``python -m orchestrator.cli.reference`` renews the page,
with ``--check`` it only says whether that is needed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from typer.core import TyperCommand, TyperGroup

from orchestrator.cli.invoke import load_verb
from orchestrator.cli.verbs import VERBS, overview
from orchestrator.errors import UsageError

PAGE = Path("docs") / "cli.md"
WIDTH = 90
_BLOCK = re.compile(r"(<!-- help: (?P<command>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_VERBS = re.compile(r"(<!-- verbs -->\n).*?(<!-- end of verbs -->)", re.DOTALL)


def stale_help(root: Path) -> list[Path]:
    """Return the pages below ``root`` whose help texts are not what the verbs print."""
    page = root / PAGE
    written = page.read_text(encoding="utf-8")
    return [page] if renewed(written) != written else []


def renew_help(root: Path) -> list[Path]:
    """Write the help texts into the pages that are stale; return those pages."""
    stale = stale_help(root)
    for page in stale:
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
    return stale


def renewed(page: str) -> str:
    """Return a page with every help text as it is now, and a section for every verb."""
    helps = dict(help_texts())
    sections = "\n".join(_section(command) for command in helps if command != "clmctl")
    page = _VERBS.sub(lambda found: f"{found[1]}{sections}{found[2]}", page)
    return _BLOCK.sub(lambda found: f"{found[1]}{_fenced(helps, found['command'])}{found[3]}", page)


def _section(command: str) -> str:
    return f"\n## `{command}`\n\n<!-- help: {command} -->\n<!-- end -->\n"


def _fenced(helps: dict[str, str], command: str) -> str:
    return f"\n```text\n{helps.get(command, 'There is no such command.')}\n```\n\n"


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield (command, its help page) for ``clmctl``, each verb and the verbs inside it."""
    yield "clmctl", overview()
    for name, verb in VERBS.items():
        try:
            command = load_verb(verb)
        except UsageError:  # its module is not written yet
            continue
        yield from _help_of(command, f"clmctl {name}")


def _help_of(command: TyperCommand | TyperGroup, path: str) -> Iterator[tuple[str, str]]:
    context = command.make_context(path, [], resilient_parsing=True, max_content_width=WIDTH)
    context.terminal_width = WIDTH
    lines = command.get_help(context).rstrip().splitlines()
    yield path, "\n".join(line.rstrip() for line in lines)
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            assert isinstance(inner, TyperCommand | TyperGroup)
            yield from _help_of(inner, f"{path} {name}")


def main() -> int:
    """Renew the page, or with ``--check`` return 1 if it is stale."""
    check = "--check" in sys.argv[1:]
    stale = stale_help(Path.cwd()) if check else renew_help(Path.cwd())
    for page in stale:
        sys.stderr.write(f"{page} {'is stale' if check else 'renewed'}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
