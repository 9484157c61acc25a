from __future__ import annotations

import io

import pytest

from orchestrator.cli import console
from orchestrator.cli.manner import manner, take_manner


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _usual_manner(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    take_manner([])


def test_flags_are_taken_wherever_they_stand_before_the_dashes() -> None:
    rest = take_manner(["--yes", "run", "--quiet", "--", "--yes"])

    assert rest == ["run", "--", "--yes"]
    assert (manner.yes, manner.quiet, manner.verbose) == (True, True, False)


def test_colour_is_for_terminals() -> None:
    assert manner.colored(Terminal())
    assert not manner.colored(io.StringIO())


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_environment_turns_colour_off(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    assert not manner.colored(Terminal())
    take_manner(["--color"])
    assert manner.colored(io.StringIO())


def test_option_turns_colour_off() -> None:
    take_manner(["--no-color"])

    assert not manner.colored(Terminal())


def test_questions_are_not_asked_where_nobody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))

    assert not console.confirm("Go on?")
    take_manner(["--yes"])
    assert console.confirm("Go on?")


@pytest.mark.parametrize(("typed", "meant"), [("y\n", True), ("YES\n", True), ("\n", False)])
def test_a_person_is_asked(typed: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr", Terminal())

    assert console.confirm("Go on?") is meant
    take_manner(["--no-input"])
    assert not console.confirm("Go on?")


def test_quiet_silences_messages_but_no_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    take_manner(["--quiet"])

    console.say("hello")
    console.note("aside")
    console.warn("careful")

    assert capsys.readouterr().err == "warning: careful\n"


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, shown = io.StringIO(), Terminal()
    for stream in (quiet, shown):
        monkeypatch.setattr("sys.stderr", stream)
        with console.stations("facts") as passed:
            passed("entries")
        assert sum(console.tracked(range(1_000), "messages", total=1_000)) == 499_500

    assert quiet.getvalue() == ""
    assert "messages" in shown.getvalue()
