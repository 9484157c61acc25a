"""A release is read back from the database as the playbook that decided."""

from __future__ import annotations

import pytest
from harness import Shop, at
from sqlalchemy import update
from ticking import live

from orchestrator import tables
from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.load import load
from orchestrator.playbook.model import Playbook
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


LAPSE = """
flow: hello
status: live
in_flight: pin
starts_when: {did: signed_up}
steps:
  - {id: pause, wait: $lapse}
  - {send: welcome}
"""


def _playbook(shop: Shop, lapse: str) -> Playbook:
    loaded = load(shop.folder, variables={"lapse": lapse})
    assert loaded.playbook is not None, loaded.problems
    return loaded.playbook


def _entered(shop: Shop, lapse: str) -> Shop:
    """Let anna enter a flow whose only wait is a variable that the command line gives."""
    shop.write(hello=LAPSE).customers(anna={}).event("anna", "signed_up", "2026-03-02T09:00")
    shop.import_facts()
    assert live(shop.engine, _playbook(shop, lapse), at("2026-03-02T09:00")).decisions == []
    return shop


def test_a_release_has_the_variables_that_were_given_beside_its_files(shop: Shop) -> None:
    decided = _playbook(_entered(shop, "3 days"), "3 days")
    assert decided.fingerprint != _playbook(shop, "4 days").fingerprint

    with shop.engine.connect() as connection:
        assert recorded_playbook(connection, decided.fingerprint) == decided


@pytest.mark.parametrize(
    ("text", "lapse"),
    [
        (LAPSE.replace("{send: welcome}", "{send: other, only_if: {did: buy}}"), "3 days"),
        (LAPSE, "90 days"),
    ],
    ids=["edited", "given anew"],
)
def test_a_pinned_run_walks_on_with_the_variables_of_its_release(
    shop: Shop, text: str, lapse: str
) -> None:
    _entered(shop, "3 days").write(hello=text)
    told = live(shop.engine, _playbook(shop, lapse), at("2026-03-05T09:00"))
    assert [(one.decision, one.message) for one in told.decisions] == [("send", "welcome")]
