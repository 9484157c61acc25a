"""``clmctl doctor``: what needs mending, each thing with its fix."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.conventions import (
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)

FORMS = ("human", "json")
OK, FINDINGS = 0, 1

app = verb_app()


@verb(
    app,
    examples=[
        ("clmctl doctor", "look at the database, the clocks, the playbooks as they run"),
        ("clmctl doctor --dns off", "the same without asking about SPF, DKIM and DMARC"),
        ("clmctl doctor -o json", "the same for a monitor"),
    ],
)
def doctor(
    output: Annotated[str, output_option(*FORMS)] = "human",
    dns: Annotated[
        str | None,
        typer.Option(
            "--dns",
            metavar="HOST:PORT",
            help="Who is asked about the domains of mail (default: the machine's name server); "
            "off: nobody.",
        ),
    ] = None,
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Look for what needs mending, and say how: nothing is changed.

    Exit code 1 if anything found keeps work from being done, or done rightly.
    """
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects and databases
    from orchestrator.cli import console
    from orchestrator.counting import counted
    from orchestrator.health.doctor import doctor_document, doctor_page, findings
    from orchestrator.report.streams import pretty_json

    patient = root.patient(project, db, var, dns)
    found = list(findings(patient))
    serious = sum(one.severity == "error" for one in found)
    if output == "json":
        console.out(pretty_json(doctor_document(found, patient.now)))
    else:
        for line in doctor_page(found, console.results_page()):
            console.out(line)
        warnings = counted(len(found) - serious, "warning")
        console.say(f"{counted(serious, 'error')}, {warnings}" if found else "all is well")
    return FINDINGS if serious else OK
