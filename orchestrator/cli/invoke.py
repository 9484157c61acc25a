"""Run one verb: import its module, parse its arguments with Typer, answer usage errors."""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING, Any, cast

from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException
from typer.main import get_command

from orchestrator.cli.manner import FLAGS
from orchestrator.cli.verbs import Verb
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.language.nearest import did_you_mean

if TYPE_CHECKING:
    import typer

BROKEN_PIPE = 1
"""What Typer exits with when the reader of our output has gone; it prints nothing."""


def load_verb(verb: Verb) -> TyperCommand | TyperGroup:
    """Import a verb's module and return its command."""
    try:
        module = importlib.import_module(f"orchestrator.cli.{verb.module}")
    except ModuleNotFoundError as error:
        if error.name != f"orchestrator.cli.{verb.module}":
            raise
        raise UsageError(f'the verb "{verb.name}" is not available yet') from None
    app: typer.Typer = module.app
    command = cast("TyperCommand | TyperGroup", get_command(app))
    command.name = verb.name
    return command


def run_verb(verb: Verb, before: list[str], after: list[str]) -> int:
    """Run a verb and return its exit code.

    Args:
        before: common options that stood before the verb.
        after: the words after it.
    """
    command = load_verb(verb)
    named = isinstance(command, TyperGroup) and bool(after) and after[0] in command.commands
    arguments = [*after[:named], *before, *after[named:]]
    try:
        code: Any = command.main(
            arguments or (["--help"] if isinstance(command, TyperGroup) else []),
            prog_name=f"clmctl {verb.name}",
            standalone_mode=False,
        )
    except TyperException as error:
        raise usage_error(error, command) from None
    except Abort:
        raise UsageError("a question was left without an answer", help=_UNASKED) from None
    except SystemExit as leaving:
        if leaving.code == BROKEN_PIPE:
            raise BrokenPipeError from None
        raise
    sys.stdout.flush()
    return int(code or 0)


_UNASKED = "--yes answers yes to every question, --no-input takes the safe answer"


def usage_error(error: TyperException, command: TyperCommand | TyperGroup) -> OrchestratorError:
    """Return what Typer refused, in our words, with the nearest right one."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else f"clmctl {command.name}"
    at_fault = context.command if context is not None else command
    lists = f"{path} --help shows what it takes"
    unknown = getattr(error, "option_name", None)
    known = [name for param in at_fault.params for name in param.opts if name[0] == "-"]
    known += [*FLAGS, "--help"]
    if unknown is not None and hasattr(error, "possibilities"):
        return UsageError(f'unknown option "{unknown}"', help=did_you_mean(unknown, known) + lists)
    message = error.format_message().rstrip(".")
    if message.startswith("No such command") and isinstance(at_fault, TyperGroup):
        word = message.partition("'")[2].partition("'")[0]
        verbs = list(at_fault.commands)
        listed = f"{path} has: {', '.join(verbs)}"
        return UsageError(f'unknown verb "{path} {word}"', help=did_you_mean(word, verbs) + listed)
    if extra := re.search(r"unexpected extra arguments?(?:\(s\))? \((.*)\)$", message):
        option = f"--{extra[1].partition(' ')[0]}"
        near = did_you_mean(option, [option]) if option in known else ""
        return UsageError(f'"{extra[1]}" is more than it takes', help=near + lists)
    return UsageError(message[:1].lower() + message[1:], help=lists)
