"""How this process talks: how much, in colour or not, asking or not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.errors import EnvironmentFault, UsageError


@contextmanager
def writing_results() -> Iterator[None]:
    """Say of a full disk below stdout that it is stdout's.

    Raises:
        EnvironmentFault: what is written cannot be; a reader that left is no such fault.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(f"the output cannot be written: {reason}") from error


@dataclass
class Manner:
    """The flags that every verb takes. One per process, set once by the shell."""

    quiet: bool = False
    verbose: bool = False
    color: bool | None = None
    """None: colour on a terminal, unless ``NO_COLOR`` says otherwise."""
    no_input: bool = False
    yes: bool = False

    def colored(self, stream: object) -> bool:
        """Return whether text for that stream may carry colour."""
        if self.color is not None:
            return self.color
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return is_terminal(stream)

    def asks(self) -> bool:
        """Return whether a question may be put to a person."""
        return not self.no_input and is_terminal(sys.stdin) and is_terminal(sys.stderr)


manner = Manner()
"""The manner of this process."""

FLAGS: dict[str, tuple[str, bool]] = {
    "--quiet": ("quiet", True),
    "--verbose": ("verbose", True),
    "--color": ("color", True),
    "--no-color": ("color", False),
    "--no-input": ("no_input", True),
    "--yes": ("yes", True),
}


def take_manner(arguments: list[str]) -> list[str]:
    """Set the manner from the flags among the arguments and return the others.

    Words after ``--`` are left alone.

    Raises:
        UsageError: ``--quiet`` and ``--verbose`` together.
    """
    manner.__init__()  # type: ignore[misc]  # a second call in one process begins anew
    end = arguments.index("--") if "--" in arguments else len(arguments)
    rest = []
    for argument in arguments[:end]:
        if argument in FLAGS:
            setattr(manner, *FLAGS[argument])
        else:
            rest.append(argument)
    if manner.quiet and manner.verbose:
        raise UsageError("--quiet and --verbose exclude each other")
    return rest + arguments[end:]


def is_terminal(stream: object) -> bool:
    """Return whether a person sits at that stream."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # AttributeError: no terminal
    except (AttributeError, ValueError):
        return False
