"""A small project whose flow ``care`` is played by ``clmctl test``, and a test that passes."""

from __future__ import annotations

from pathlib import Path

from small_project import write_project

from orchestrator.cli.shell import answer

FLOW = """\
flow: care
status: draft
starts_when: {did: signed_up}
audience: {attribute: country, is: AT}
goal: {did: purchase, within: 30 days}
steps:
  - {send: hello}
  - {wait: 2 days}
  - branch:
      - {if: {clicked: hello}, do: [{send: offer, id: bonus, channel: email}]}
    otherwise: [{task: Call them, id: call}, {add_to: quiet}, {exit: no click}]
"""
CATALOG = """\
events:
  purchase: {amount: money}
  signed_up: {}
attributes: {country: text}
topics: {newsletter: marketing, sms_offers: {purpose: marketing, channels: [sms]}}
lists: [quiet]
webhooks: {points: {url: "https://shop.example/points", gives: {balance: number}}}
"""
PASSING = """\
# a remark at the top
test: who clicks gets the offer
flow: care
clock: 2026-03-02 09:30   # a Monday
customers:
  ana: {country: AT}
  ben: {country: AT}
  zoe: {country: DE}
timeline:
  - {after: 0 min, customer: [ana, ben, zoe], did: signed_up}
  - {after: 1 day, customer: ana, clicked: hello}
  - {after: 3 days, customer: ana, did: purchase, amount: 40}
run_for: 21 days
expect:
  ana:                     # kept
    - {after: 0 min, receives: hello, channel: email, subject_contains: Hello}
    - {after: 2 days, receives: offer, text_contains: An offer}
    - {after: 2 days, leaves: completed}
    - {after: 3 days, reaches: goal}
  ben:
    - {after: 0 min, receives: hello}
    - {after: 2 days, task: Call them}
    - {after: 2 days, added_to: quiet}
    - {after: 2 days, leaves: no click}
  zoe: {receives: nothing, because: audience}   # not from here
"""


def care_project(folder: Path) -> Path:
    """Write a small project with a flow to test, and the folder of its tests."""
    folder = write_project(folder / "shop")
    (folder / "playbooks" / "flows" / "care.yaml").write_text(FLOW, encoding="utf-8")
    (folder / "playbooks" / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "tests" / "playbooks").mkdir(parents=True)
    return folder


def save(project: Path, text: str, name: str = "care") -> Path:
    path = project / "tests" / "playbooks" / f"{name}.test.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def play(project: Path, *words: str) -> int:
    return answer(["test", "--project", str(project), *words])
