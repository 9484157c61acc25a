"""What the verbs print with: results to stdout, everything said about them to stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from orchestrator.cli.manner import is_terminal, manner, writing_results
from orchestrator.report.layout import Page, printable

T = TypeVar("T")


def out(line: str = "") -> None:
    """Print one line of a result to stdout."""
    with writing_results():
        sys.stdout.write(f"{line}\n")


def say(line: str = "") -> None:
    """Print a message to stderr, unless ``--quiet``."""
    if not manner.quiet:
        print(line, file=sys.stderr)


def note(line: str) -> None:
    """Print a side remark to stderr, unless ``--quiet``."""
    say(message_line("note", line))


def warn(line: str) -> None:
    """Print a warning to stderr, also with ``--quiet``."""
    print(message_line("warning", line), file=sys.stderr)


def message_line(kind: str, text: str) -> str:
    """Return ``error: …``, its first word in the colour of the kind."""
    page = Page(color=manner.colored(sys.stderr))
    return f"{page.paint(f'{kind}:', kind)} {printable(text)}"


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on a terminal; without one the answer is no (``--yes``: yes)."""
    if manner.yes:
        return True
    if not manner.asks():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def results_page() -> Page:
    """Return the page that results are laid out for: the terminal's, 60 to 120 columns wide.

    ``COLUMNS`` wins; where there is no terminal it is 100 columns.
    """
    columns = shutil.get_terminal_size((100, 24)).columns
    return Page(max(60, min(columns, 120)), manner.colored(sys.stdout))


def on_terminal() -> bool:
    """Return whether messages are read by a person, who gets progress bars."""
    return not manner.quiet and is_terminal(sys.stderr)


@contextmanager
def stations(first: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal which station of a long piece of work is passed.

    Yields:
        a function to be called with what begins now: ``entries``. Elsewhere it prints
        nothing, or with ``--verbose`` one line.
    """
    if not on_terminal():
        yield lambda name: note(name) if manner.verbose else None
        return
    from rich.console import Console  # costs 60 ms, and only a terminal wants it

    console = Console(stderr=True, no_color=not manner.colored(sys.stderr))
    with console.status(f"{first} …") as status:
        yield lambda name: status.update(f"{name} …")


def tracked(items: Iterable[T], what: str, *, total: int | None) -> Iterator[T]:
    """Yield the items, with a progress bar on a terminal.

    Args:
        what: what is being done: ``rendering``.
        total: how many there will be, if known.
    """
    if not on_terminal() or (total is not None and total < 500):
        yield from items
        return
    from rich.console import Console  # costs 60 ms, and only a terminal wants it
    from rich.progress import track

    console = Console(stderr=True, no_color=not manner.colored(sys.stderr))
    yield from track(items, description=what, total=total, console=console, transient=True)
