"""Folders of messages: one mistake is told once, with what belongs there."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_project import write_project

from orchestrator.playbook.check import check


def told(folder: Path, files: dict[str, str]) -> list[tuple[str, str, str | None]]:
    write_project(folder)
    for name, text in files.items():
        path = folder / "templates" / "fresh" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = check(folder).problems
    return [
        (one.code, one.message, one.help)
        for one in found
        if one.mark.path.startswith("templates/fresh/") and one.severity == "error"
    ]


@pytest.mark.parametrize("text", ["---\nsubject: Hi\nHello\n", "---\n", "---\nsubject: Hi\n"])
def test_front_matter_that_is_never_closed_is_one_mistake(tmp_path: Path, text: str) -> None:
    [(code, message, help)] = told(tmp_path, {"email.md.j2": text})

    assert (code, message) == ("CLM100", "the front matter is never closed")
    assert help == "end it with a line ---"


def test_a_file_name_that_is_none_is_one_mistake(tmp_path: Path) -> None:
    [(_, message, _)] = told(tmp_path, {"emial.md.j2": "Hello"})

    assert message == 'unknown channel "emial" in the file name'


def test_a_message_without_any_template_is_told(tmp_path: Path) -> None:
    [(code, message, _)] = told(tmp_path, {"message.yaml": "note: x\n"})

    assert (code, message) == ("CLM119", 'the message "fresh" has no template')


@pytest.mark.parametrize("text", ["", "\n", "# later\n", "---\n"])
def test_an_empty_message_file_is_answered_with_what_belongs_there(
    tmp_path: Path, text: str
) -> None:
    files = {"message.yaml": text, "sms.txt.j2": "Hello"}

    [(code, _, help)] = told(tmp_path, files)

    assert code == "CLM116"
    assert help == "say what it holds, for example: topic: newsletter; or remove it"


def test_empty_front_matter_is_answered_with_what_belongs_there(tmp_path: Path) -> None:
    [(code, _, help)] = told(tmp_path, {"sms.txt.j2": "---\n# later\n---\nHello"})

    assert code == "CLM116"
    assert help == "say what it holds, for example: subject: Welcome; or remove it"
