"""The verbs of ``clmctl``: where each one lives, and its line of the overview.

Nothing is imported here: a verb's module is loaded when that verb runs.
"""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """One verb: ``module`` of ``orchestrator.cli`` holds its Typer ``app``."""

    name: str
    module: str
    chapter: str
    summary: str


VERBS = {
    verb.name: verb
    for verb in (
        Verb("init", "init", "Begin", "Start a new project: playbooks, templates, sample data."),
        Verb("demo", "demo", "Begin", "Load the sample shop: customers, events, receipts."),
        Verb("import", "import_", "Begin", "Load customers, events, receipts, answers from files."),
        Verb("check", "check", "Write", "Read all playbooks and templates and name every problem."),
        Verb("schema", "schema", "Write", "Write the JSON Schemas that editors complete from."),
        Verb("test", "test", "Write", "Play the tests of the flows, under virtual time."),
        Verb("ls", "ls", "Look", "List flows, segments, stages or messages."),
        Verb(
            "explain", "explain", "Look", "Say why a customer enters a flow, or what a code means."
        ),
        Verb(
            "simulate",
            "simulate",
            "Look",
            "Run months of ticks in advance on a copy, keep nothing.",
        ),
        Verb("render", "render", "Look", "Show one message as one customer gets it."),
        Verb("run", "run", "Run", "Run one tick, or preview it with --dry-run."),
        Verb("start", "start", "Run", "Run the clock: tick after tick, until it is stopped."),
        Verb("worker", "worker", "Run", "Send what is queued, until it is stopped."),
        Verb("serve", "serve", "Run", "Answer links and callbacks, until it is stopped."),
        Verb("receive", "receive", "Run", "Take mail that came back: bounces, complaints, wishes."),
        Verb("status", "status", "Run", "Say what is due, held and queued, and who plans."),
        Verb("doctor", "doctor", "Run", "Look for what needs mending, and say how."),
        Verb("pause", "pause", "Run", "Stop a flow, or all of them, until they are resumed."),
        Verb(
            "resume", "resume", "Run", "Let a flow go on that was paused, or whose breaker tripped."
        ),
        Verb("outbox", "outbox", "Run", "List messages on their way, rule about those in doubt."),
        Verb("suppression", "suppression", "Run", "Use addresses again that bounced by mistake."),
        Verb("tasks", "tasks", "Run", "List the tasks that flows gave, mark them done."),
        Verb("channels", "channels", "Run", "List the channels, check them, send one for trial."),
        Verb("db", "db", "Run", "Create, upgrade or inspect the database."),
    )
}
"""By name, in the order of the overview."""

LATER = (
    "apply", "ci", "diff", "docs", "fmt", "graph", "plan",
)  # fmt: skip
"""Verbs of the design that this version refuses by name."""

EVERYWHERE = (
    ("-h, --help", "Show the help of clmctl or of a verb."),
    ("--quiet", "Print results only, no messages."),
    ("--verbose", "Print more about what happens."),
    ("--color, --no-color", "Colour, or none; NO_COLOR=1 does the same."),
    ("--no-input", "Never ask; take the safe answer."),
    ("--yes", "Answer every question with yes."),
)
"""Flags that every verb takes, before or after it."""

EXAMPLES = (
    ("clmctl init shop", "start a project; it ends with the way to a first preview"),
    ("clmctl check", "find every mistake in the playbooks"),
    ("clmctl run --dry-run", "see who would receive what, and why others would not"),
    ("clmctl explain c_1042 --flow welcome", "see why one customer does not enter"),
)


def overview() -> str:
    """Return the help page of ``clmctl`` itself."""
    lines = ["clmctl: customer-lifecycle campaigns as code.", "", "Examples:"]
    lines += _columns(EXAMPLES)
    lines += ["", "Usage: clmctl VERB [OPTIONS] [ARGS]..."]
    for chapter in dict.fromkeys(verb.chapter for verb in VERBS.values()):
        rows = [(verb.name, verb.summary) for verb in VERBS.values() if verb.chapter == chapter]
        lines += ["", f"{chapter}:", *_columns(rows, width=10)]
    lines += ["", "Everywhere:", *_columns((*EVERYWHERE, ("--version", "Show the version.")))]
    lines += ["", "Next: clmctl VERB --help shows a verb's options, examples first."]
    return "\n".join(lines)


def _columns(
    rows: tuple[tuple[str, str], ...] | list[tuple[str, str]], width: int = 0
) -> list[str]:
    width = width or max(len(first) for first, _ in rows)
    return [f"  {first:<{width}}  {second}" for first, second in rows]
