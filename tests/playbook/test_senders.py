"""Whom messages come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering_shop import CATALOG, PROJECT, mail, shop

from orchestrator.channels.message import Sender
from orchestrator.playbook.senders import sender_of

SENDERS = "senders: {hello: 'Acme, Inc. <hello@acme.example>', care: care@acme.example}\n"
HELLO, CARE = Sender("Acme, Inc.", "hello@acme.example"), Sender("", "care@acme.example")


@pytest.mark.parametrize(
    ("catalog", "defaults", "settings", "expected"),
    [
        (SENDERS, "defaults: {from: hello}\n", "from: care\n", CARE),
        (SENDERS, "defaults: {from: hello}\n", None, HELLO),
        (SENDERS, "", None, None),
        ("senders: {care: care@acme.example}\n", "", None, CARE),
        ("", "", None, None),
        (
            SENDERS, "", "from: hello\nreply_to: Care <care@acme.example>\n",
            Sender("Acme, Inc.", "hello@acme.example", "Care <care@acme.example>"),
        ),
    ],
    ids=["the message's", "the project's", "one of two", "the only one", "none", "with answers"],
)  # fmt: skip
def test_the_sender_is_the_nearest_that_is_named(
    tmp_path: Path, catalog: str, defaults: str, settings: str | None, expected: Sender | None
) -> None:
    files = {
        "playbooks/catalog.yaml": CATALOG + catalog,
        "playbooks/project.yaml": PROJECT + defaults,
        "templates/hello/email.txt.j2": mail("Hi"),
    }
    if settings is not None:
        files["templates/hello/message.yaml"] = settings
    playbook = shop(tmp_path, files)

    assert sender_of(playbook, "hello") == expected


def test_a_message_that_is_gone_comes_from_the_project(tmp_path: Path) -> None:
    defaults = PROJECT + "defaults: {from: hello}\n"
    files = {"playbooks/catalog.yaml": CATALOG + SENDERS, "playbooks/project.yaml": defaults}
    playbook = shop(tmp_path, {**files, "templates/hello/email.txt.j2": mail("Hi")})

    assert sender_of(playbook, "gone") == HELLO
