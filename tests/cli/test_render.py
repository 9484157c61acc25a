"""``clmctl render``: what it shows of one message, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rendering_shop import AT, mail, write_shop
from sqlalchemy import insert

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.database import open_engine
from orchestrator.migrations.state import upgrade_schema

REPOSITORY = Path(__file__).parents[2]
BODY = "# Hi {{ customer.first_name }}\n\nYou made {{ customer.orders }} orders."
AT_OPTION = ["--at", "2026-03-02T20:30Z"]


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    """A shop with one customer, ``c_1``, who bought once; and one without a name, ``c_2``."""
    folder = write_shop(
        tmp_path / "shop",
        {"templates/hello/email.md.j2": mail(BODY, "For {{ customer.first_name }}")},
    )
    (folder / ".clm").mkdir()
    engine = open_engine(f"sqlite:///{folder / '.clm' / 'clm.db'}")
    upgrade_schema(engine)
    with engine.begin() as connection:
        for number in (1, 2):
            row = {
                "id": number,
                "external_id": f"c_{number}",
                "base": 0,
                "email": "ayu@mail.example",
            }
            connection.execute(insert(tables.customer).values(row))
        name = {"name": "first_name", "customer_id": 1, "text": "Ayu"}
        connection.execute(insert(tables.attribute_value).values(name))
        event = {
            "customer_id": 1, "name": "purchase", "occurred_at": AT, "received_at": AT,
            "source_id": "e1", "properties": "{}",
        }  # fmt: skip
        connection.execute(insert(tables.event).values(event))
    engine.dispose()
    return folder


def test_message_is_shown_masked_with_its_html_as_a_file(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = answer(
        ["render", "hello", "--customer", "c_1", "--project", str(shop_folder), *AT_OPTION]
    )

    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert "To:        a***@m***.example" in captured.out
    assert "Subject:   For A***" in captured.out
    assert "You made 1 orders." in captured.out
    html = shop_folder / ".clm" / "render" / "hello.email.html"
    assert str(html.resolve()) in captured.err
    assert "<h1>Hi A***</h1>" in html.read_text(encoding="utf-8")


def test_reveal_shows_everything_and_json_tells_it(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["render", "hello", "--customer", "c_1", "--project", str(shop_folder)]

    assert answer([*arguments, *AT_OPTION, "--reveal", "-o", "json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["format"] == "clmctl.render/1"
    assert (told["to"], told["subject"]) == ("ayu@mail.example", "For Ayu")
    assert (told["flow"], told["step"], told["channel"]) == ("welcome", "hello", "email")
    assert told["error"] is None


def test_attachments_are_listed_with_their_sizes(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shop_folder / "templates" / "hello"
    (folder / "terms.pdf").write_bytes(b"%PDF" + b"x" * 41_000)
    (folder / "message.yaml").write_text("attachments: [terms.pdf]\n")
    asked = ["render", "hello", "--customer", "c_1", "--project", str(shop_folder), *AT_OPTION]
    told = {}
    for form in ("human", "json", "html"):
        assert answer([*asked, "-o", form]) == 0
        told[form] = capsys.readouterr().out

    assert "Attached:  terms.pdf (42 KB)\n" in told["human"]
    assert json.loads(told["json"])["attachments"] == [
        {"name": "terms.pdf", "content_type": "application/pdf", "octets": 41_004}
    ]
    assert "<li>terms.pdf (42 KB)</li>" in told["html"]


def test_page_goes_to_a_browser_or_to_output_masked(shop_folder: Path, tmp_path: Path) -> None:
    page = (shop_folder / ".clm" / "render" / "hello.email.page.html").resolve()
    opened = tmp_path / "opened"
    path = f"{_desktop(tmp_path, opened)}{os.pathsep}{os.environ['PATH']}"

    shown = _render(shop_folder, "--open", PATH=path)
    printed = _render(shop_folder, "-o", "html")

    assert (shown.returncode, printed.returncode) == (0, 0)
    assert _within_a_while(opened) == str(page)
    assert printed.stdout.strip() == page.read_text(encoding="utf-8").strip()
    assert "a***@m***.example" in printed.stdout
    assert "Ayu" not in printed.stdout


def test_a_desktop_without_a_browser_adds_nothing_to_the_output(
    shop_folder: Path, tmp_path: Path
) -> None:
    path = f"{_desktop(tmp_path, tmp_path / 'opened')}{os.pathsep}{os.environ['PATH']}"
    page = (shop_folder / ".clm" / "render" / "hello.email.page.html").resolve()

    plain, shown = _render(shop_folder), _render(shop_folder, "--open", PATH=path)

    _within_a_while(tmp_path / "opened")
    assert shown.stdout == plain.stdout
    assert shown.stderr == f"{plain.stderr}Page: {page}\n"


def _desktop(folder: Path, opened: Path) -> Path:
    """Return a folder with an ``xdg-open`` that complains, and says what it was asked for."""
    script = folder / "bin" / "xdg-open"
    script.parent.mkdir()
    complain = "echo no browser; echo no browser >&2"
    script.write_text(
        f'#!/bin/sh\n{complain}\nprintf %s "$1" > "{opened}.part"\nmv "{opened}.part" "{opened}"\n'
    )
    script.chmod(0o755)
    return script.parent


def _render(folder: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the verb as a process; it has ended before what it opened has."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CLM_")}
    arguments = ["render", "hello", "--customer", "c_1", "--project", str(folder), *AT_OPTION]
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *arguments, *more],
        env={**kept, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def _within_a_while(file: Path) -> str:
    for _ in range(1000):
        if file.exists():
            return file.read_text(encoding="utf-8")
        time.sleep(0.02)
    pytest.fail(f"{file.name} never came")


def test_message_that_cannot_be_rendered_says_why(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["render", "hello", "--customer", "c_2", "--project", str(shop_folder)]

    assert answer([*arguments, *AT_OPTION]) == 1
    assert "undefined: customer.first_name is missing for this customer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["hello", "--customer", "nobody"], 1, 'there is no customer "nobody"'),
        (["hello", "--customer", "C_1"], 1, 'did you mean "c_1"?'),
        (["helo", "--customer", "c_1"], 2, 'did you mean "hello"?'),
        (["hello", "--customer", "c_1", "--channel", "sms"], 2, "has no sms template"),
        (["hello", "--customer", "c_1", "--channel", "pigeon"], 2, 'no channel "pigeon"'),
        (["hello", "--customer", "c_1", "--flow", "welcom"], 2, 'did you mean "welcome"?'),
        (["hello"], 2, "--customer"),
    ],
)
def test_wrong_question_gets_a_clear_answer(
    shop_folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    assert answer(["render", *arguments, "--project", str(shop_folder)]) == code
    assert says in capsys.readouterr().err
