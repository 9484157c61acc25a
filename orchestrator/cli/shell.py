"""From arguments to an exit code: find the verb, run it, answer every error in a sentence.

Exit codes: 0 fine · 1 findings, or some sends failed · 2 usage · 3 changes present ·
4 refused by a guardrail · 5 environment · 70 bug · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from orchestrator.cli.manner import take_manner, writing_results
from orchestrator.cli.verbs import LATER, VERBS, overview
from orchestrator.errors import EnvironmentFault, OrchestratorError, UsageError

OK, USAGE, BUG, INTERRUPTED = 0, 2, 70, 130

VALUED = ("--project", "--db", "--at", "--var")
"""Options with a value that may also stand before the verb."""


def answer(arguments: list[str]) -> int:
    """Run one command line and return its exit code; no error leaves as a traceback."""
    try:
        _speak_utf8()
        code = _answer(arguments)
        _flush()
    except OrchestratorError as error:
        return tell(error)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001  # the last line of defence: a sentence
        from orchestrator.cli.failures import explain_failure  # only now is it needed

        return tell(explain_failure(error, arguments))
    return _interrupted() if code == INTERRUPTED else code


def _speak_utf8() -> None:
    """Print UTF-8 whatever the locale says: results are for machines too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _answer(arguments: list[str]) -> int:
    before, rest = split_at_verb(take_manner(arguments))
    if rest[:1] == ["help"]:
        rest = [*rest[1:2], "--help"]
    if not rest or rest[0] in ("-h", "--help"):
        with writing_results():
            print(overview())
        return OK if rest or not before else USAGE
    if rest[0] == "--version":
        print(f"clmctl {_version()}")
        return OK
    if rest[0] not in VERBS:
        raise _unknown(rest[0])
    from orchestrator.cli.invoke import run_verb  # imports Typer, which costs 40 ms

    return run_verb(VERBS[rest[0]], before, rest[1:])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # costs 20 ms

    try:
        return version("clmctl")
    except PackageNotFoundError:
        return "from a folder that is not installed"


def split_at_verb(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split into the common options before the verb, and everything from the verb on."""
    at = 0
    while at < len(arguments) and arguments[at].partition("=")[0] in VALUED:
        at += 1 if "=" in arguments[at] else 2
    return arguments[:at], arguments[at:]


def _unknown(word: str) -> UsageError:
    if word in LATER:
        return UsageError(
            f'the verb "{word}" is not available yet', help="clmctl --help lists those that are"
        )
    from orchestrator.language.nearest import did_you_mean  # a mistake may cost a little

    kind = "option" if word.startswith("-") else "verb"
    known = ("--help", "--version", *VALUED) if kind == "option" else tuple(VERBS)
    near = did_you_mean(word, known)
    return UsageError(f'unknown {kind} "{word}"', help=f"{near}clmctl --help lists all {kind}s")


def tell(error: OrchestratorError) -> int:
    """Print an error's sentence and its help to stderr; return its exit code."""
    from orchestrator.cli.console import message_line  # only now is it needed

    try:
        _flush()
    except (OSError, EnvironmentFault):
        _reader_left()
    for line in getattr(error, "details", ()):
        print(line, file=sys.stderr)
    print(message_line("error", str(error)), file=sys.stderr)
    if error.help:
        print(message_line("help", error.help), file=sys.stderr)
    return error.exit_code


def _flush() -> None:
    if sys.stdout is not None:  # a process may be started without one
        with writing_results():
            sys.stdout.flush()


def _interrupted() -> int:
    print("\nInterrupted.", file=sys.stderr)
    return INTERRUPTED


def _reader_left() -> int:
    """Leave in peace when nobody takes our output any more (``head``, a full disk).

    What is still buffered goes nowhere: the interpreter would complain at its exit.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return OK
