"""The command line as a process: what it prints where, and what it exits with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import write_project

from orchestrator.cli.shell import answer, split_at_verb

REPOSITORY = Path(__file__).parents[2]


def clmctl(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *arguments],
        cwd=cwd,
        env={**_environment(), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CLM_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "80"}


def told(captured: pytest.CaptureFixture[str]) -> str:
    return captured.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--help", "run"], ["--no-color", "-h"]])
def test_help_shows_every_verb_with_examples_first(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(arguments) == 0

    page = capsys.readouterr().out
    assert page.index("Examples:") < page.index("Usage:")
    for verb in ("init", "check", "run", "explain", "import", "db"):
        assert f"\n  {verb} " in page


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([]) == 0
    assert "Usage: clmctl VERB" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["run", "ls", "explain", "resume"])
def test_help_of_a_verb_has_examples_first(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([verb, "-h"]) == 0

    page = capsys.readouterr().out
    assert page.index("Examples:") < page.index("Usage:") < page.index("Options:")
    assert "clmctl " + verb in page


def test_help_imports_no_verb_and_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom orchestrator.cli.shell import answer\nanswer(['--help'])\n"
        "print(sorted(name for name in sys.modules), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    for module in ("typer", "rich", "sqlalchemy", "pydantic", "yaml", "orchestrator.cli.run"):
        assert f"'{module}'" not in done.stderr


def test_reading_verbs_import_nothing_heavy(tmp_path: Path) -> None:
    write_project(tmp_path)
    code = (
        "import sys\nfrom orchestrator.cli.shell import answer\nassert answer(['ls']) == 0\n"
        "print(sorted(name for name in sys.modules), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    for module in ("rich", "sqlalchemy", "sqlmodel", "pydantic", "jsonschema"):
        assert f"'{module}'" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (["rnu"], 'unknown verb "rnu"', 'did you mean "run"?'),
        (["--versoin"], 'unknown option "--versoin"', 'did you mean "--version"?'),
        (["apply"], '"apply" is not available yet', "clmctl --help"),
        (["run", "--dryrun"], 'unknown option "--dryrun"', 'did you mean "--dry-run"?'),
        (["run", "--quite"], 'unknown option "--quite"', 'did you mean "--quiet"?'),
        (["run", "-o", "jsn"], '-o takes no "jsn"', 'did you mean "json"?'),
        (["run", "--limit", "many"], '"many" is not a whole number', "clmctl run --help"),
        (["run", "--limit", "-1"], "-1 is less than 0", "clmctl run --help"),
        (["run", "--at"], "--at", "clmctl run --help"),
        (["run", "extra"], '"extra" is more than it takes', "help: clmctl run --help"),
        (["run", "dry-run"], '"dry-run" is more than it takes', 'did you mean "--dry-run"?'),
        (["run", "limit", "5"], '"limit 5" is more than it takes', 'did you mean "--limit"?'),
        (["run", "--as-live-since", "2026-03-01"], "is for previews", "--dry-run"),
        (["run", "--quiet", "--verbose"], "exclude each other", ""),
        (["ls", "flwos"], 'ls takes no "flwos"', 'did you mean "flows"?'),
        (["resume"], "FLOW", "clmctl ls"),
        (["explain", "frequenzy"], 'no code "frequenzy"', 'did you mean "frequency"?'),
        (["explain", "c_1"], "c_1", "--flow"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_understood_exits_2_with_the_nearest_right_word(
    arguments: list[str], sentence: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(arguments) == 2

    said = told(capsys)
    assert said.startswith("error: ")
    assert sentence in said
    assert hint in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--project", "DIR", "ls"],
        ["--project=DIR", "ls"],
        ["ls", "--project", "DIR"],
        ["--project", "/nowhere", "ls", "--project", "DIR"],
        ["--quiet", "--project", "DIR", "--no-input", "ls"],
    ],
    ids=" ".join,
)
def test_common_options_stand_before_or_after_the_verb(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path)
    located = [argument.replace("DIR", str(tmp_path)) for argument in arguments]

    assert answer(located) == 0
    assert "welcome" in capsys.readouterr().out


def test_options_before_the_verb_are_told_from_it() -> None:
    assert split_at_verb(["--at", "2026-01-01", "run", "--db", "x"]) == (
        ["--at", "2026-01-01"],
        ["run", "--db", "x"],
    )


def test_missing_project_exits_2_and_says_what_to_do(tmp_path: Path) -> None:
    done = clmctl("run", "--dry-run", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "there is no project here" in done.stderr
    assert "clmctl init DIR" in done.stderr


def test_project_is_found_from_a_folder_inside(tmp_path: Path) -> None:
    inside = write_project(tmp_path) / "playbooks" / "flows"

    assert clmctl("ls", cwd=inside).returncode == 0


@pytest.mark.parametrize("url", ["mysql://h/x", "nonsense://", "sqlite:////no/such/folder/a.db"])
def test_wrong_database_exits_5_with_one_sentence(url: str, tmp_path: Path) -> None:
    write_project(tmp_path)

    done = clmctl("run", "--dry-run", "--db", url, cwd=tmp_path)

    assert done.returncode == 5
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_unreachable_server_exits_5_without_the_password(tmp_path: Path) -> None:
    write_project(tmp_path)

    done = clmctl(
        "run", "--dry-run", cwd=tmp_path, CLM_DATABASE_URL="postgresql://me:secret@127.0.0.1:1/x"
    )

    assert done.returncode == 5
    assert "secret" not in done.stderr


@pytest.mark.parametrize("at", ["yesterday", "2026-02-30", "", "2026-03-02T25:00"])
def test_wrong_time_exits_2(at: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_project(tmp_path)

    assert answer(["run", "--dry-run", "--project", str(tmp_path), "--at", at]) == 2
    assert f'--at "{at}" is not a time' in told(capsys)


def test_wrong_playbook_exits_1_and_shows_the_place(tmp_path: Path) -> None:
    write_project(tmp_path, playbooks__stages="stages:\n  - {stage: a, whn: {did: purchase}}\n")

    done = clmctl("run", "--dry-run", cwd=tmp_path)

    assert done.returncode == 1
    assert "playbooks/stages.yaml:2:" in done.stderr
    assert "whn" in done.stderr


def test_unknown_flow_exits_2_with_the_nearest(tmp_path: Path) -> None:
    write_project(tmp_path)

    done = clmctl("explain", "c_1", "--flow", "welcme", cwd=tmp_path)

    assert done.returncode == 2
    assert 'did you mean "welcome"?' in done.stderr


def test_bugs_are_told_as_such_with_the_details_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("orchestrator.app.open_project", lambda *_given: 1 / 0)

    assert answer(["ls"]) == 70

    said = told(capsys)
    assert "this is a bug in clmctl (ZeroDivisionError)" in said
    assert "Traceback" not in said
    (report,) = (tmp_path / ".clm").glob("bug-*.txt")
    assert "ZeroDivisionError" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_faults_of_the_machine_exit_5(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_given: object) -> None:
        raise error

    monkeypatch.setattr("orchestrator.app.open_project", fails)

    assert answer(["ls"]) == 5
    assert "Traceback" not in told(capsys)


def test_interrupt_exits_130_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.app.open_project", interrupted)

    assert answer(["ls"]) == 130
    assert "Interrupted" in told(capsys)


def test_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    many = "\n".join(f"  s{number}: {{did: purchase}}" for number in range(1_200))
    write_project(tmp_path, playbooks__segments=f"segments:\n  big: {{did: purchase}}\n{many}\n")

    with subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", "ls", "segments", "-o", "json"],
        cwd=tmp_path,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

        assert process.wait(timeout=60) == 0
    assert said == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--help"], {}), (["run", "--dry-run"], {"PYTHONUNBUFFERED": "1"})],
    ids=["at_the_end", "inside_a_tick"],
)
def test_full_disk_exits_5_with_one_sentence(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    write_project(tmp_path)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", *arguments],
            cwd=tmp_path,
            env=_environment() | environment,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )

    assert done.returncode == 5
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


def test_a_process_without_stdout_is_no_bug(tmp_path: Path) -> None:
    command = f"{sys.executable} -m orchestrator.cli --help >&-"

    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=_environment(), capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["help"], ["help", "run"]])
def test_help_may_be_asked_for_as_a_verb(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(arguments) == 0
    assert "Usage: clmctl" in capsys.readouterr().out


def test_results_are_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    write_project(tmp_path)

    done = clmctl(
        "explain", "flow", "welcome", cwd=tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING=""
    )

    assert done.returncode == 0


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["--version"]) == 0
    assert capsys.readouterr().out.startswith("clmctl ")


def test_ctrl_c_ends_a_process_with_130(tmp_path: Path) -> None:
    write_project(tmp_path)
    code = (
        "import orchestrator.app, signal, time, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def slow(*a):\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "orchestrator.app.open_project = slow\n"
        "from orchestrator.cli.shell import answer\nsys.exit(answer(['ls']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=30) == 130
        assert b"Traceback" not in process.stderr.read()
