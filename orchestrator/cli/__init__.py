"""``clmctl``, the command line: parse, call one function, print, exit code."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run ``clmctl`` on the arguments of this process; the console script's entry point."""
    from orchestrator.cli.shell import answer  # a help page needs no verb's imports

    code = answer(sys.argv[1:])
    gc.freeze()  # the process ends: looking through all it has for garbage takes 15 ms
    sys.exit(code)
