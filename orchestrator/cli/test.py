"""``clmctl test``: the flows' tests, under virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.conventions import (
    AtOption,
    DatabaseOption,
    ProjectOption,
    VariablesOption,
    one_of,
    output_option,
    verb,
    verb_app,
)
from orchestrator.counting import counted
from orchestrator.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from orchestrator.app import OpenProject
    from orchestrator.playbook.model import Playbook
    from orchestrator.testing.coverage import Coverage
    from orchestrator.testing.files import Sources
    from orchestrator.testing.judge import Verdict

FORMS = ("human", "json", "junit")
EXAMPLES = [
    ("clmctl test", "play every test of tests/playbooks/"),
    ("clmctl test tests/playbooks/welcome.test.yaml", "one file"),
    ("clmctl test welcome.test.yaml::'a buyer stops getting the series'", "one test"),
    ("clmctl test --coverage", "also name conditions never true or false, steps never reached"),
    ("clmctl test --update", "write what happened into the tests; look at the difference then"),
    ("clmctl test --from-customer c_1042 --flow welcome", "begin a test with real facts, masked"),
]

app = verb_app()


@verb(app, examples=EXAMPLES)
def play(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH[::NAME]]", help="Files or folders, perhaps with a test's name (all)."
        ),
    ] = None,
    keyword: Annotated[
        str | None,
        typer.Option("-k", "--keyword", metavar="TEXT", help="Only tests whose name has this."),
    ] = None,
    coverage: Annotated[
        bool,
        typer.Option(
            "--coverage", help="Name conditions never true or never false, and steps not reached."
        ),
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML, too."),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Write what happened into the tests' expect."),
    ] = False,
    from_customer: Annotated[
        str | None,
        typer.Option(
            "--from-customer",
            metavar="ID",
            help="Print a test made of this customer's facts, masked. Needs --flow.",
        ),
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option("--flow", metavar="FLOW", help="With --from-customer: the flow to test."),
    ] = None,
    at: AtOption = None,
    output: Annotated[str, output_option(*FORMS)] = "human",
    project: ProjectOption = None,
    db: DatabaseOption = None,
    var: VariablesOption = None,
) -> int:
    """Play the flows' tests under virtual time, with the engine that runs them.

    Each test has customers of its own in an empty database; nothing is sent or kept. Exit
    codes: 0 all as expected, 1 something is not, 2 the command is not understood. --at and
    --db belong to --from-customer.
    """
    one_of("-o", output, FORMS)
    from orchestrator import app as root  # opens projects

    opened = root.open_project(project, var)
    if (from_customer is None) != (flow is None):
        raise UsageError("--from-customer and --flow go together")
    if from_customer is not None and flow is not None:
        return _draft(opened, from_customer, flow, at, db)
    if at is not None or db is not None:
        raise UsageError("--at and --db belong to --from-customer: a test has a clock of its own")
    from orchestrator.testing.coverage import Coverage

    watch = Coverage() if coverage else None
    read = partial(_sources, opened, paths or [], keyword)
    return _Answer(opened, read, watch, output, junit, update).give(var or [])


def _sources(opened: OpenProject, paths: list[str], keyword: str | None) -> Sources:
    from orchestrator.testing.files import read_tests

    sources = read_tests(opened.folder, paths)
    if keyword is not None:
        sources.tests = [one for one in sources.tests if keyword.lower() in one.test.lower()]
    return sources


class _Answer:
    """One run of some tests, and what is said of it."""

    def __init__(
        self,
        opened: OpenProject,
        read: Callable[[], Sources],
        watch: Coverage | None,
        output: str,
        junit: Path | None,
        update: bool,
    ) -> None:
        self.opened = opened
        self.read = read
        self.sources = read()
        self.watch = watch
        self.output = output
        self.junit = junit
        self.update = update
        self.verdicts: list[Verdict] = []

    def give(self, variables: list[str]) -> int:
        """Play the tests and tell of them; returns the exit code."""
        from orchestrator.cli import console
        from orchestrator.playbook.report import human
        from orchestrator.testing.judge import Judge
        from orchestrator.testing.report import coverage_lines, updated_line, verdict_lines

        is_human = self.output == "human"
        for line in human(self.sources.problems, self.sources.texts) if is_human else ():
            console.out(line)
        judge = Judge(self.opened.folder, _loader(self.opened, variables), self.watch)
        page = console.results_page()
        for verdict in judge.judge(self.sources.tests):
            self.verdicts.append(verdict)
            if is_human and self.update and verdict.failed:
                console.out(updated_line(verdict, page))
                continue
            for line in verdict_lines(verdict, self.sources.texts, page) if is_human else ():
                console.out(line)
        if is_human and self.watch is not None:
            for line in coverage_lines(self.watch, page):
                console.out(line)
        failed = any(one.failed for one in self.verdicts)
        if self.update:
            failed = self._update()
            self._look_again(variables)
        elif is_human:
            self._say_what_next()
        self._tell_machines()
        bad = any(one.severity == "error" for one in self.sources.problems)
        return int(bad or failed or any(one.broken for one in self.verdicts))

    def _tell_machines(self) -> None:
        from orchestrator.cli import console
        from orchestrator.report.streams import pretty_json
        from orchestrator.testing import machines

        problems, texts = self.sources.problems, self.sources.texts
        if self.output == "json":
            document = machines.document_of(self.verdicts, problems, self.watch)
            console.out(pretty_json(document))
        if self.output == "junit" or self.junit is not None:
            written = machines.junit(self.verdicts, problems, texts)
            if self.output == "junit":
                console.out(written.rstrip("\n"))
            if self.junit is not None:
                _write(self.junit, written)

    def _update(self) -> bool:
        """Write what happened into the files; return whether some tests fail all the same."""
        from orchestrator.cli import console
        from orchestrator.testing.update import unwritable, updated

        changed = 0
        for path, text in self.sources.texts.items():
            mine = [one for one in self.verdicts if one.test.mark.path == path and one.failed]
            written = updated(text, mine) if mine else text
            if written != text:
                _write(self.opened.folder / path, written)
                console.say(f"{path}: written")
                changed += sum(updated(text, [one]) != text for one in mine)
        failing = list(unwritable(self.verdicts))
        for sentence in failing:
            console.warn(sentence)
        if changed:
            tests = counted(changed, "test")
            console.say(f"updated {tests}. Next: read the difference, then run clmctl test again")
        else:
            console.say("nothing to update")
        return bool(failing)

    def _look_again(self, variables: list[str]) -> None:
        """Play what was written, so that programs are told of the tests as they are now."""
        from orchestrator.testing.judge import Judge

        if self.output == "human" and self.junit is None:
            return
        self.sources = self.read()
        judge = Judge(self.opened.folder, _loader(self.opened, variables))
        self.verdicts = list(judge.judge(self.sources.tests))

    def _say_what_next(self) -> None:
        from orchestrator.cli import console
        from orchestrator.testing.files import FOLDER
        from orchestrator.testing.report import summary

        if not self.verdicts and not self.sources.problems:
            console.say(f"no tests found; they are files {FOLDER.as_posix()}/*.test.yaml")
            return
        console.say(summary(self.verdicts))
        if any(one.failed for one in self.verdicts):
            console.say("Next: mend the flow, or let clmctl test --update write what happens now")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise EnvironmentFault(f"cannot write {path}: {error.strerror or error}") from error


def _loader(opened: OpenProject, variables: list[str]) -> Callable[[Mapping[str, str]], Playbook]:
    """Return what loads the project with a test's variables; without any it is open already."""
    from orchestrator import app as root

    known: dict[tuple[tuple[str, str], ...], Playbook] = {(): opened.playbook}

    def load(own: Mapping[str, str]) -> Playbook:
        key = tuple(sorted(own.items()))
        if key not in known:
            pairs = [*variables, *(f"{name}={value}" for name, value in key)]
            known[key] = root.open_project(opened.folder, pairs).playbook
        return known[key]

    return load


def _draft(opened: OpenProject, customer: str, flow: str, at: str | None, db: str | None) -> int:
    from orchestrator import app as root
    from orchestrator.cli import console
    from orchestrator.testing.draft import Source, draft
    from orchestrator.testing.files import read_text
    from orchestrator.testing.judge import Judge
    from orchestrator.testing.update import unwritable, updated

    engine = root.open_database(opened.folder, db, read_only=True)
    source = Source(engine, opened.playbook, opened.flow(flow), opened.now(at))
    text = draft(source, customer)
    tests, problems = read_text(text, "draft")
    if not problems:
        judge = Judge(opened.folder, lambda _own: opened.playbook)
        verdicts = list(judge.judge(tests))
        text = updated(text, [one for one in verdicts if one.failed])
        for sentence in unwritable(verdicts):
            console.warn(sentence)
    console.out(text.rstrip("\n"))
    console.say(f"Next: save it as tests/playbooks/{flow}_from_customer.test.yaml, and read it")
    return 0
