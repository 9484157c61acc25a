"""A release is read back from the database as the playbook that decided."""

from __future__ import annotations

import pytest
from harness import Shop
from sqlalchemy import update

from orchestrator import tables
from orchestrator.errors import EnvironmentFault
from orchestrator.tick.releases import latest_release, recorded_playbook

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: welcome}]
"""


def test_a_release_is_the_playbook_that_decided_templates_included(shop: Shop) -> None:
    shop.write(hello=FLOW).customers(anna={}).tick("2026-03-02T09:00")
    decided = shop.playbook
    shop.write(hello=FLOW.replace("welcome", "other"))

    with shop.engine.connect() as connection:
        kept = recorded_playbook(connection, latest_release(connection) or "")

    assert kept is not None
    assert kept == decided
    assert "welcome" in kept.messages
    assert kept.fingerprint != shop.playbook.fingerprint


def test_before_the_first_tick_there_is_no_release(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        assert latest_release(connection) is None
        assert recorded_playbook(connection, "0" * 64) is None


def test_a_release_whose_texts_were_changed_is_refused(shop: Shop) -> None:
    shop.write(hello=FLOW).customers(anna={}).tick("2026-03-02T09:00")
    with shop.engine.begin() as connection:
        release = latest_release(connection) or ""
        changed = '{"playbooks/project.yaml": "project: shop\\ntimezone: UTC\\n"}'
        connection.execute(update(tables.release).values(files=changed))

    with shop.engine.connect() as connection, pytest.raises(EnvironmentFault, match="changed"):
        recorded_playbook(connection, release)


def test_a_release_that_this_version_cannot_read_names_the_place(shop: Shop) -> None:
    shop.write(hello=FLOW).customers(anna={}).tick("2026-03-02T09:00")
    with shop.engine.begin() as connection:
        release = latest_release(connection) or ""
        connection.execute(update(tables.release).values(files='{"playbooks/a.yaml": "fow: x"}'))

    with (
        shop.engine.connect() as connection,
        pytest.raises(EnvironmentFault, match="playbooks/a.yaml:1"),
    ):
        recorded_playbook(connection, release)
