"""What holds of the repository as a whole: nothing undocumented, nothing stale, nothing private."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from orchestrator.criteria.base import conditions
from orchestrator.flow.base import starts, steps
from orchestrator.gate.reasons import REASONS
from orchestrator.playbook.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".ci", "docs", "examples", "orchestrator", "playbooks", "schemas", "templates", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HEADS = [
    *(("conditions.md", head) for head in conditions().kinds),
    *(("steps.md", head) for head in steps().kinds),
    *(("starts.md", head) for head in starts().kinds),
]
HEAVY = ("sqlalchemy", "sqlmodel", "pydantic", "rich", "jsonschema")
PRIVATE = re.compile(
    r"/(?:home|root|Users|work)/\w|[A-Z]:\\\\Users|pythonhosted|(?<!emit-)index-url|\.(?:internal|corp)\b"
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_PRAGMA = re.compile(r"# (?:noqa|type: ignore)\b")
_REASONED = re.compile(r"# (?:noqa: [A-Z]+\d+|type: ignore\[[\w-]+\])  ?[#-] \w")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def texts() -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text file that is written by hand or generated."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in sorted([*files, *ROOT.glob("*.*")]):
        if path.name.startswith(".coverage"):
            continue  # what a run of the tests writes meanwhile
        if path.is_file() and path.suffix in (".py", ".md", ".yaml", ".toml", ".j2", ".json", ""):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, text=True, capture_output=True, check=False
    )


@pytest.fixture(scope="module")
def tests_text() -> str:
    """The tests and their cases, in one."""
    own = Path(__file__).name
    files = [
        path for path in (ROOT / "tests").rglob("*") if path.suffix in (".py", ".yaml", ".txt")
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files if path.name != own)


@pytest.mark.parametrize(("page", "head"), HEADS, ids=str)
def test_every_kind_has_a_heading_in_the_reference(page: str, head: str) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")

    assert any(f"`{head}`" in line for line in text.splitlines() if line.startswith("## "))


@pytest.mark.parametrize(("page", "head"), HEADS, ids=str)
def test_every_kind_is_used_in_a_test(page: str, head: str, tests_text: str) -> None:
    assert re.search(rf"\b{head}\b[\"']?:", tests_text)


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_documented_and_tested(code: str, tests_text: str) -> None:
    page = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")

    assert f"`{code}`" in page
    assert re.search(rf"\b{code}\b", tests_text)


@pytest.mark.parametrize("rule", RULES)
def test_every_lint_rule_is_documented_and_has_cases_for_and_against(rule: str) -> None:
    cases = ROOT / "tests" / "playbook" / "rules"
    page = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")

    assert f"### {rule.upper()}\n" in page
    assert list((cases / "err").glob(f"{rule}*.out"))
    assert list((cases / "ok").glob(f"{rule}*"))


def test_generated_files_are_fresh() -> None:
    done = run(".ci/fresh.py")

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_the_readme_shows_what_the_commands_print() -> None:
    done = run(".ci/shown.py")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path}: {match[0]}"
        for path, text in texts()
        if path != str(Path(__file__).relative_to(ROOT))
        for match in PRIVATE.finditer(text)
    ]

    assert found == []


def test_every_exception_from_the_linters_has_its_reason_beside_it() -> None:
    bare = [
        f"{path}: {line.strip()}"
        for path, text in texts()
        if path.endswith(".py")
        for line in text.splitlines()
        if _PRAGMA.search(line) and not _REASONED.search(line)
    ]

    assert bare == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_docs_leads_somewhere(page: Path) -> None:
    dead = [target for target in links(page) if not leads_somewhere(page, target)]

    assert dead == []


def links(page: Path) -> list[str]:
    """Return the link targets of a page that are inside the repository."""
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [found["target"] for found in _LINK.finditer(prose)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def leads_somewhere(page: Path, target: str) -> bool:
    """Return whether the file exists and has a heading for the fragment."""
    name, _, fragment = target.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not fragment or fragment in anchors(path))


def anchors(page: Path) -> set[str]:
    """Return the fragments of a page's headings, as Markdown hosts make them."""
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


def test_every_page_of_the_docs_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in links(index)}

    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {index.resolve()}
    assert pages - listed == set()


QUICK = {
    "cli": "import orchestrator.cli",
    "verbs": "import orchestrator.cli.check, orchestrator.cli.shell",
    "kinds": """
from orchestrator.criteria.base import conditions
from orchestrator.flow.base import starts, steps
conditions(), steps(), starts()
""",
    "playbook": "import orchestrator.playbook.load, orchestrator.playbook.check",
    "clmctl check": """
from orchestrator.cli import main
sys.argv = ["clmctl", "check", "--quiet"]
try:
    main()
except SystemExit as end:
    assert not end.code
""",
}


@pytest.mark.parametrize("code", QUICK.values(), ids=QUICK)
def test_what_must_start_quickly_imports_nothing_heavy(code: str) -> None:
    loaded = f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = run("-c", f"import json, sys\n{code}\n{loaded}")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))

    wrong = [
        written
        for written in asked
        for wanted in [Requirement(written)]
        if locked.get(wanted.name.lower(), "0") not in wanted.specifier
    ]

    assert wrong == []


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony
    assert [
        name
        for name in phony[1].split()
        if not re.search(rf"^{name}:.*## ", makefile, re.MULTILINE)
    ] == []
