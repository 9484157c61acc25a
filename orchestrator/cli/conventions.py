"""What the verbs share: their Typer app, their help page, their common options.

A verb's module makes ``app = verb_app()`` and registers its function with ``@verb(...)``.
The function returns its exit code (None is 0), prints results to stdout and messages
through ``console``, and raises ``OrchestratorError`` for whatever it cannot do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from orchestrator.cli.parameters import read_plainly
from orchestrator.cli.verbs import EVERYWHERE
from orchestrator.errors import UsageError
from orchestrator.language.nearest import did_you_mean

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter

F = TypeVar("F", bound=Callable[..., Any])

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help="The project's folder (default: this one, or the nearest parent with "
        "playbooks/project.yaml).",
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="The database: sqlite:///FILE or postgresql://… (default: CLM_DATABASE_URL, "
        "else a SQLite file under .clm/).",
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Take this as now: 2026-03-02, 2026-03-02T09:00 (project's zone) or with an "
        "offset, 2026-03-02T08:00Z.",
    ),
]
VariablesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--var", metavar="NAME=VALUE", help="Set a variable of the playbooks; repeatable."
    ),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="HOST:PORT",
        help="Where /metrics and /healthz are (default: 127.0.0.1:9464 or one of the next ports); "
        "off: nowhere.",
    ),
]
RevealOption = Annotated[
    bool, typer.Option("--reveal", help="Show addresses and personal attributes unmasked.")
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="SEL",
        help="Show only these flows: a name (win_back, win*), flow:win*, tag:x, channel:sms, "
        "owner:x; repeatable, commas join.",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="SEL", help="Leave these flows out of what is shown."),
]


def one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    """Return the value of an option that takes one of some words.

    Raises:
        UsageError: it is none of them.
    """
    if value in allowed:
        return value
    listed = f"{option} takes: {', '.join(allowed)}"
    raise UsageError(f'{option} takes no "{value}"', help=did_you_mean(value, allowed) + listed)


def output_option(*allowed: str) -> Any:
    """Return the declaration of ``-o/--output`` for a verb with these forms."""
    return typer.Option("-o", "--output", metavar="|".join(allowed), help="The form of the result.")


class VerbCommand(TyperCommand):
    """A verb whose help page begins with examples."""

    examples: ClassVar[tuple[tuple[str, str], ...]] = ()

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Return the parameters, each to be read without pydantic."""
        return read_plainly(super().get_params(ctx))

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the help page: what it does, examples, usage, options."""
        formatter.write_text(_first_paragraphs(self.help or ""))
        if self.examples:
            with formatter.section("Examples"):
                for command, meaning in self.examples:
                    formatter.write(f"  {command}\n      {meaning}\n")
        self.format_usage(ctx, formatter)
        self.format_options(ctx, formatter)

    def format_usage(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write how the verb is called: its arguments, then its options."""
        pieces = [_argument(param) for param in self.params if not _is_option(param)]
        formatter.write(f"\nUsage: {' '.join([ctx.command_path, *pieces])} [OPTIONS]\n")

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write what each argument and option means."""
        shown = [param for param in self.params if not getattr(param, "hidden", False)]
        arguments = [(_argument(p), _meaning(p)) for p in shown if not _is_option(p)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        with formatter.section("Options"):
            formatter.write_dl([(_option(p), _meaning(p)) for p in shown if _is_option(p)])
        with formatter.section("Everywhere"):
            formatter.write_dl(EVERYWHERE)


class VerbGroup(TyperGroup):
    """A verb with verbs of its own, in the order they were written."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Return the parameters, each to be read without pydantic."""
        return read_plainly(super().get_params(ctx))

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the help page: what it does, usage, the verbs inside."""
        formatter.write_text(_first_paragraphs(self.help or ""))
        formatter.write(f"\nUsage: {ctx.command_path} VERB [OPTIONS] [ARGS]...\n")
        self.format_commands(ctx, formatter)
        with formatter.section("Everywhere"):
            formatter.write_dl(EVERYWHERE)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each verb inside with the first sentence of its help, whole."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _first_sentence(one.help or "")) for name, one in found if one]
            )


def _first_sentence(text: str) -> str:
    """Return what a docstring begins with, as far as its first full stop."""
    return " ".join(text.split()).partition(". ")[0].removesuffix(".") + "."


def _is_option(param: Parameter) -> bool:
    return param.param_type_name == "option"


def _argument(param: Parameter) -> str:
    shown = param.metavar or param.name.upper()
    shown = f"{shown}..." if param.nargs != 1 and "..." not in shown else shown
    return shown if param.required or shown.startswith("[") else f"[{shown}]"


def _option(param: Parameter) -> str:
    names = ", ".join([*param.opts, *param.secondary_opts])
    if getattr(param, "is_flag", False):
        return names
    return f"{names} {param.metavar or param.name.upper()}"


def _meaning(param: Parameter) -> str:
    return getattr(param, "help", None) or ""


def verb_app(help: str | None = None) -> typer.Typer:
    """Return an empty Typer app with the conventions of ``clmctl``.

    Args:
        help: given for a verb that has verbs of its own (``db upgrade``).
    """
    app = typer.Typer(
        cls=VerbGroup,
        help=help,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    if help is not None:
        app.callback()(_no_options)
    return app


def verb(
    app: typer.Typer, name: str | None = None, *, examples: Sequence[tuple[str, str]]
) -> Callable[[F], F]:
    """Register a function as the verb of ``app`` (or, with ``name``, as one of several).

    Args:
        examples: (command, what it is for); shown first in the help page.
    """
    cls = type("Command", (VerbCommand,), {"examples": tuple(examples)})
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return app.command(name, cls=cls, context_settings=settings)


def _no_options() -> None:
    """Make a group even of a single verb."""


def _first_paragraphs(text: str) -> str:
    """Return a docstring without its Google sections, which are for programmers."""
    kept = []
    for paragraph in text.split("\n\n"):
        if paragraph.lstrip().startswith(("Args:", "Raises:", "Returns:")):
            break
        kept.append(paragraph)
    return "\n\n".join(kept)
