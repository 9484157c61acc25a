"""Files that go with messages: what may be attached, and what is said of the rest."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from rendering_shop import mail, write_shop

from orchestrator.language.marks import Problem
from orchestrator.playbook.attachments import LARGEST
from orchestrator.playbook.check import check
from orchestrator.playbook.load import load, load_texts

PDF = b"%PDF-1.7\n" + bytes(range(256))
FILES = {"templates/hello/terms.pdf": PDF, "templates/_attachments/Map of us.PNG": b"\x89PNG"}


def attaching(folder: Path, words: str, files: dict[str, bytes] | None = None) -> Path:
    """Write a shop whose message says ``attachments: words``, and files beside its templates."""
    settings = {"templates/hello/message.yaml": f"note: with files\nattachments: {words}\n"}
    write_shop(folder, {"templates/hello/email.md.j2": mail("Hi"), **settings})
    for name, content in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def problems(folder: Path) -> list[Problem]:
    """Return what is wrong with templates and their files."""
    return [one for one in check(folder).problems if not one.code.startswith("CLM4")]


def said(folder: Path) -> list[str]:
    return [f"{one.mark}: {one.code}: {one.message}" for one in problems(folder)]


def test_attached_files_are_part_of_the_message_and_of_the_release(tmp_path: Path) -> None:
    attaching(tmp_path, "[terms.pdf, _attachments/Map of us.PNG]")
    before = load(tmp_path).playbook
    assert before is not None, said(tmp_path)
    assert [
        (one.name, one.content_type, one.octets) for one in before.messages["hello"].attachments
    ] == [("terms.pdf", "application/pdf", len(PDF)), ("Map of us.PNG", "image/png", 4)]
    assert before.contents[sha256(PDF).hexdigest()] == PDF
    assert said(tmp_path) == []

    (tmp_path / "templates/hello/terms.pdf").write_bytes(PDF[:-1])
    after = load(tmp_path).playbook
    assert after is not None
    assert after.fingerprint != before.fingerprint


def test_a_release_is_read_back_without_its_files(tmp_path: Path) -> None:
    attaching(tmp_path, "[terms.pdf, _attachments/Map of us.PNG]")
    released = load(tmp_path).playbook
    assert released is not None
    again = load_texts(released.files).playbook
    assert again is not None
    assert again.fingerprint == released.fingerprint
    assert again.messages["hello"].attachments == released.messages["hello"].attachments
    assert not again.contents
    assert max(len(text) for text in released.files.values()) < 5_000


@pytest.mark.parametrize(
    ("words", "column", "message", "help"),
    [
        ("[trems.pdf]", 15, "there is no file templates/hello/trems.pdf", '"terms.pdf"'),
        ("[terms.pdf, Map of us.PNG]", 26, "there is no file", '"_attachments/Map of us.PNG"'),
        ("[terms.pfd]", 15, "cannot be attached", 'did you mean "pdf"?'),
        ("[setup.exe]", 15, "cannot be attached", "end in: csv"),
        ("[email.md.j2]", 15, "cannot be attached", "end in: csv"),
        ("[../hello/terms.pdf]", 15, "is no path", "for example: terms.pdf"),
        ("[/etc/hosts.txt]", 15, "is no path", "for example: terms.pdf"),
        ("['a\\b.pdf']", 15, "is no path", "for example: terms.pdf"),
        ("[.secret.pdf]", 15, "is no path", "for example: terms.pdf"),
        ("[terms.pdf, terms.pdf]", 26, "already attaches", "keep one"),
    ],
)
def test_what_cannot_be_attached_is_told_at_its_place(
    tmp_path: Path, words: str, column: int, message: str, help: str
) -> None:
    attaching(tmp_path, words)

    [problem] = [one for one in problems(tmp_path) if one.code == "CLM515"]

    mark = problem.mark
    assert (mark.path, mark.line, mark.column) == ("templates/hello/message.yaml", 2, column)
    assert message in problem.message
    assert help in (problem.help or "")


def test_what_links_lead_out_to_is_not_attached(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    attaching(tmp_path, "[a.txt, b.txt]")
    (tmp_path / "templates/hello/a.txt").symlink_to("../../secret.txt")
    (tmp_path / "templates/hello/b.txt").symlink_to("b.txt")

    found = [one.message for one in problems(tmp_path) if one.code == "CLM515"]

    assert "leads out of templates/" in found[0]
    assert "cannot be read" in found[1]


def test_attachments_are_bounded_together(tmp_path: Path) -> None:
    half = LARGEST // 2
    files = {
        "templates/hello/a.pdf": b"a" * half,
        "templates/hello/b.pdf": b"b" * half,
        "templates/hello/c.pdf": b"c",
        "templates/hello/d.pdf": b"d" * (LARGEST + 1),
        "templates/hello/e.pdf": b"",
    }
    attaching(tmp_path, "[a.pdf, b.pdf, c.pdf, d.pdf, e.pdf]", files)

    found = [one.message for one in problems(tmp_path)]

    assert found == [
        "from here on the attachments are more than 2 MB together",
        "templates/hello/d.pdf is larger than 2 MB",
        "templates/hello/e.pdf is empty",
    ]


def test_a_file_that_no_message_attaches_is_no_file_of_it(tmp_path: Path) -> None:
    attaching(tmp_path, "[terms.pdf]", {**FILES, "templates/hello/old.pdf": PDF})

    [problem] = problems(tmp_path)

    assert (problem.mark.path, problem.code) == ("templates/hello/old.pdf", "CLM119")
    assert problem.help == "to send it, say attachments: [old.pdf] in message.yaml"


def test_attachments_without_a_mail_are_warned_of(tmp_path: Path) -> None:
    attaching(tmp_path, "[terms.pdf]")
    (tmp_path / "templates/hello/sms.txt.j2").write_text("Hi")
    assert said(tmp_path) == []
    flow = tmp_path / "playbooks/flows/welcome.yaml"
    flow.write_text(flow.read_text().replace("send: hello", "send: hello\n    channel: sms", 1))
    (tmp_path / "templates/hello/email.md.j2").unlink()

    warned = [one for one in problems(tmp_path) if one.code == "CLM516"]

    assert [(one.severity, one.mark.line) for one in warned] == [("warning", 2)]
