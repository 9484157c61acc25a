"""``clmctl explain``: why one customer, what a flow does, what a code means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ProjectOption,
    RevealOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.errors import UsageError

FORMS = ("human", "json")
EXAMPLES = [
    ("clmctl explain c_1042 --flow win_back", "each condition, whether it holds, and why not"),
    ("clmctl explain c_1042 --flow cart --key A17", "the same for the run of one cart"),
    ("clmctl explain flow win_back", "the flow in English"),
    ("clmctl explain CLM104", "what an error of clmctl check means"),
    ("clmctl explain frequency", "what a reason code means"),
    ("clmctl explain in_doubt", "what a state of a message means"),
]

app = verb_app()


@verb(app, examples=EXAMPLES)
def explain(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="CUSTOMER|CODE|flow",
            help="A customer's id (with --flow), a code, or the word flow and a flow's name.",
        ),
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="After flow: the flow's name.")
    ] = None,
    flow: Annotated[
        str | None, typer.Option("--flow", metavar="FLOW", help="The flow to ask about.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="VALUE", help="Of a flow with key: which value of it to explain."
        ),
    ] = None,
    at: AtOption = None,
    as_live_since: Annotated[
        str | None,
        typer.Option(
            "--as-live-since",
            metavar="TIME",
            help="As in a preview: flows never yet live count as live since then, a draft too.",
        ),
    ] = None,
    reveal: RevealOption = False,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Say why a customer enters a flow or does not, what a flow does, or what a code means.

    Exit codes: 1 if there is no such customer, 2 if there is no such flow or code.
    """
    one_of("-o", output, FORMS)
    if flow is not None and name is None:
        about = _About(subject, flow, key, at, as_live_since, reveal, output)
        return _customer(about, project, db, var)
    if flow is not None:
        raise UsageError("a name and --flow exclude each other")
    if key is not None:
        raise UsageError("--key is for a customer and a flow", help="say --flow FLOW too")
    if output != "human":
        raise UsageError("-o json is for a customer", help="clmctl explain CUSTOMER --flow FLOW")
    if subject == "flow" and name is not None:
        return _flow(name, project, var)
    if subject == "flow":
        raise UsageError("explain flow: which flow?", help="clmctl explain flow NAME")
    if name is not None:
        raise UsageError(
            f'there is nothing to explain about "{subject} {name}"',
            help=f"for a customer and a flow: clmctl explain {subject} --flow {name}; "
            f"a flow is told by: clmctl explain flow {name}",
        )
    return _code(subject)


class _About(NamedTuple):
    customer: str
    flow: str
    key: str | None
    at: str | None
    as_live_since: str | None
    reveal: bool
    output: str


def _customer(about: _About, project: Path | None, db: str | None, var: list[str] | None) -> int:
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.report.contracts import explain_document
    from orchestrator.report.streams import pretty_json
    from orchestrator.report.why import why
    from orchestrator.settings import instant_from

    opened = root.open_project(project, var)
    since = (
        instant_from(about.as_live_since, opened.zone, option="--as-live-since")
        if about.as_live_since is not None
        else None
    )
    request = root.ExplainRequest(
        about.customer,
        opened.flow(about.flow),
        opened.now(about.at),
        since,
        about.reveal,
        about.key,
        opened.slack(about.at),
    )
    if since is not None and since > request.now:
        raise UsageError(
            "--as-live-since is later than now", help="name an earlier time, or a later --at"
        )
    engine = root.open_database(opened.folder, db, read_only=True)
    explained = root.explain_customer(opened, engine, request)
    if about.output == "json":
        console.out(pretty_json(explain_document(explained)))
        return 0
    for line in why(explained, console.results_page(), opened.zone):
        console.out(line)
    return 0


def _flow(name: str, project: Path | None, var: list[str] | None) -> int:
    from orchestrator import app as root  # opens projects
    from orchestrator.cli import console
    from orchestrator.report.story import story

    for line in story(root.open_project(project, var).flow(name), console.results_page()):
        console.out(line)
    return 0


def _code(code: str) -> int:
    from orchestrator.cli import console
    from orchestrator.language.nearest import did_you_mean
    from orchestrator.report.meanings import known_codes, meanings, told

    found = meanings(code)
    if not found and re.fullmatch(r"[A-Za-z_-]+|(?i:CLM)\d*", code):
        near = did_you_mean(code, known_codes())
        raise UsageError(f'there is no code "{code}"', help=near + _FLOW_HINT.format(code))
    if not found:
        raise UsageError(f'"{code}" is no code', help=_FLOW_HINT.format(code))
    page = console.results_page()
    for meaning in found:
        for line in told(meaning, page):
            console.out(line)
    return 0


_FLOW_HINT = (
    "for a customer say which flow: clmctl explain {0} --flow FLOW; "
    "a flow is told by: clmctl explain flow {0}"
)
