"""``clmctl test --from-customer``: a customer's history as a masked test."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from care_flow import CATALOG, care_project, play, save
from databases import opened_at
from harness import at
from sqlalchemy import insert

from orchestrator import tables
from orchestrator.cli.shell import answer


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return care_project(tmp_path)


def test_a_customers_facts_make_a_masked_test(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "playbooks" / "catalog.yaml").write_text(
        CATALOG.replace("{country: text}", "{country: text, name: {type: text, personal: true}}"),
        encoding="utf-8",
    )
    people, events = tmp_path / "people.csv", tmp_path / "events.csv"
    people.write_text("id,email,country,name\nc_7,rosa@mail.example,AT,Rosa\n", encoding="utf-8")
    events.write_text(
        "customer_id,event,at,amount\nc_7,signed_up,2026-03-02T08:30:20Z,\n"
        "c_7,purchase,2026-03-04T08:30:00Z,12\n",
        encoding="utf-8",
    )
    where = ["--project", str(project)]
    assert answer(["import", "customers", str(people), *where]) == 0
    assert answer(["import", "events", str(events), *where]) == 0
    capsys.readouterr()
    asked = ["--from-customer", "c_7", "--flow", "care", "--at", "2026-03-02T08:00"]
    assert play(project, *asked) == 0
    text = capsys.readouterr().out
    assert "rosa" not in text.lower()
    assert "c_7" not in text
    assert "country: AT" in text
    save(project, text)
    assert play(project) == 0
    assert play(project, "--from-customer", "c_8", "--flow", "care") == 1
    assert play(project, "--from-customer", "c_7") == 2


FADING = """\
flow: fading
status: live
starts_when: {did: signed_up}
steps:
  - {send: hello}
  - {wait: 2 days}
  - {send: offer, channel: email}
  - {wait: 1 day}
  - {unsubscribe_from: newsletter}
"""


def acts_of_one_minute(url: str, begin: str) -> None:
    """Let the first customer withdraw from the newsletter, and subscribe 40 seconds later."""
    engine = opened_at(url)
    act = {"customer_id": 1, "topic": "newsletter", "source": "customer"}
    with engine.begin() as connection:
        for seconds, withdrawn in ((0, 1), (40, 0)):
            later = at(begin) + timedelta(seconds=seconds)
            connection.execute(insert(tables.consent).values(**act, at=later, withdrawn=withdrawn))
    engine.dispose()


def test_consents_given_and_withdrawn_on_the_way_are_in_a_customers_test(
    project: Path, tmp_path: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "playbooks" / "flows" / "fading.yaml").write_text(FADING, encoding="utf-8")
    people, events = tmp_path / "people.csv", tmp_path / "events.csv"
    events.write_text("customer_id,event,at\nc_7,signed_up,2026-03-02T10:00\n", encoding="utf-8")
    where = ["--project", str(project), "--db", sqlite_url]
    run = ["run", *where, "--at"]
    people.write_text(
        "id,email,created_at,subscribed_to,consented_at\n"
        "c_7,rosa@mail.example,2026-03-02T10:00,newsletter,2026-03-02T11:00:20\n",
        encoding="utf-8",
    )
    assert answer(["import", "customers", str(people), *where]) == 0
    acts_of_one_minute(sqlite_url, begin="2026-03-03T11:00Z")
    assert answer([*run, "2026-03-02T09:59"]) == 0
    assert answer(["import", "events", str(events), *where]) == 0
    for instant in ("2026-03-02T10:00", "2026-03-04T10:00", "2026-03-05T10:00"):
        assert answer([*run, instant]) == 0
    capsys.readouterr()
    asked = ["--from-customer", "c_7", "--flow", "fading", "--at", "2026-03-06T10:00"]
    asked += ["--db", sqlite_url]
    assert play(project, *asked) == 0
    text = capsys.readouterr().out
    assert "subscribed_to: []" in text
    told = re.findall(r"at: (\S+ \S+), customer: \S+, (\w+: \w+)}", text)
    assert sorted(told) == [
        ("2026-03-02 10:00", "did: signed_up"),
        ("2026-03-02 11:00", "subscribes: newsletter"),
        ("2026-03-03 12:00", "subscribes: newsletter"),
    ]
    for said in ("suppressed: hello, because: consent", "{after: 2 days, receives: offer}",
                 "{after: 3 days, unsubscribed_from: newsletter}"):  # fmt: skip
        assert said in text
    save(project, text, "fading")
    assert play(project) == 0
