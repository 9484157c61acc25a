"""One mistake hides no other, and calls no other: each is told as if it were alone."""

from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path

import pytest

from orchestrator.playbook.check import check

BASE = Path(__file__).parent / "corpus" / "base"
FLOW = """\
flow: case
owner: crm
status: live
starts_when:
  did: cart_updated
  where:
    cart_value: {at_least: 20}
re_entry: after 30 days
audience:
  - {attribute: country, is_one_of: [DE, AT]}
  - did: purchase
    at_least: 2
    in_last: 30 days
    where:
      amount: {at_least: 50}
      status: {is: paid}
  - any:
      - {in_stage: active}
      - none: [{in_segment: buyers}]
exits_when: {did: purchase, since: entry}
goal:
  did: purchase
  within: 14 days
guardrails:
  frequency: [{at_most: 3, per: 7 days}]
steps:
  - send: hello
  - wait: 2 days
    then_between: 09:00-11:00
  - branch:
      - if: {clicked: hello}
        do:
          - send: offer
            channel: sms
            topic: sms_offers
          - set: {credit: {add: 5}}
      - if: {attribute: entry.cart_value, at_least: 50}
        do: [{wait: 1 day}]
    otherwise:
      - {wait: 3 days, id: rest}
      - {send: nudge, channels: [push, email]}
  - split:
      short: {share: 50%, do: [{wait: 1 hour}]}
      long: {share: 50%}
    id: halves
"""
MISTAKES = [
    ("owner: crm", "onwer: crm"),
    ("owner: crm", "color: red"),
    ("status: live", "status: alive"),
    ("  did: cart_updated", "  did: cart_updatd"),
    ("    cart_value: {at_least: 20}", "    cart_value: {at_least: abc}"),
    ("    cart_value: {at_least: 20}", "    cart_valu: {at_least: 20}"),
    ("re_entry: after 30 days", "re_entry: after 30 dys"),
    ("audience:", "audiance:"),
    ("is_one_of: [DE, AT]", "is_one_of: [DE, XX]"),
    ("is_one_of: [DE, AT]", "is_one_of: [DE, [AT]]"),
    ("  - did: purchase\n", "  - ddi: purchase\n"),
    ("    at_least: 2\n", "    at_least: 1.5\n"),
    ("    at_least: 2\n", "    at_leest: 2\n"),
    ("    in_last: 30 days", "    in_last: 3 mns"),
    ("      amount: {at_least: 50}", "      amount: {at_least: abc}"),
    ("      status: {is: paid}", "      status: {iss: paid}"),
    ("      status: {is: paid}", "      status: {is: 5}"),
    ("      status: {is: paid}", "      status: {is: [paid]}"),
    ("{in_stage: active}", "{in_stage: activ}"),
    ("{in_stage: active}", "{in_stage: active, in_last: 3 days}"),
    ("{in_segment: buyers}", "{in_segment: byers}"),
    ("{did: purchase, since: entry}", "{did: purchase, sinse: entry}"),
    ("goal:\n", "gaol:\n"),
    ("  within: 14 days", "  within: 14 mns"),
    ("  within: 14 days", "  whatever: 14 days"),
    ("{at_most: 3, per: 7 days}", "{at_most: x, per: 7 days}"),
    ("steps:\n", "stpes:\n"),
    ("  - send: hello\n", "  - sned: hello\n"),
    ("  - send: hello\n", "  - send: helo\n"),
    ("  - wait: 2 days\n", "  - wait: 2 dys\n"),
    ("then_between: 09:00-11:00", "then_between: 9-11"),
    ("  - branch:", "  - brnch:"),
    ("{clicked: hello}", "{clicked: helo}"),
    ("{clicked: hello}", "{clicked: hello, in_last: 3 mns}"),
    ("          - send: offer\n", "          - send: hello\n"),
    ("            channel: sms", "            channel: push"),
    ("            channel: sms", "            chanel: sms"),
    ("            topic: sms_offers", "            topic: sms_ofers"),
    ("{credit: {add: 5}}", "{credit: {add: five}}"),
    ("{credit: {add: 5}}", "{country: {add: 5}}"),
    ("entry.cart_value, at_least: 50", "entry.cart_valu, at_least: 50"),
    ("entry.cart_value, at_least: 50", "entry.cart_value, at_least: much"),
    ("    otherwise:", "    otherwize:"),
    ("{wait: 3 days, id: rest}", "{wait: 3 days, send: helo, id: rest}"),
    ("[push, email]", "[push, emial]"),
    ("short: {share: 50%,", "short: {share: 40%,"),
    ("short: {share: 50%,", "short: {shere: 50%,"),
    ("long: {share: 50%}", "long: {share: half}"),
    ("    id: halves", "    if: halves"),
]
DEPEND = {
    # the property is looked for in what starts the flow, which nobody knows then
    ("cart_updatd", "cart_valu"),
    ("cart_updatd", "entry.cart_valu"),
    ("cart_updatd", "much"),
    ("cart_updatd", "at_least: abc"),
    # the second changes what the first is about
    ("- send: helo", "- send: hello"),
    ("- send: hello", "channel: push"),
    ("- send: hello", "chanel: sms"),
    ("share: 40%", "share: half"),
}
"""Pairs of which one is only told when the other is mended."""
Told = set[tuple[int, str, str]]


def told(project: Path, text: str) -> Told:
    """Return (line, code, message) of every error in the flow."""
    (project / "playbooks/case.yaml").write_text(text)
    return {
        (problem.mark.line, problem.code, problem.message)
        for problem in check(project).problems
        if problem.severity == "error"
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the sample shop."""
    shutil.copytree(BASE, tmp_path / "shop")
    return tmp_path / "shop"


def test_the_flow_has_no_errors_by_itself(project: Path) -> None:
    assert told(project, FLOW) == set()


def test_each_mistake_is_told(project: Path) -> None:
    for right, wrong in MISTAKES:
        assert FLOW.count(right) == 1, right
        assert told(project, FLOW.replace(right, wrong)), wrong


def _depend(one: str, other: str) -> bool:
    return any((a in one and b in other) or (a in other and b in one) for a, b in DEPEND)


@pytest.mark.slow
def test_two_mistakes_are_told_like_each_alone(project: Path) -> None:
    alone = {wrong: told(project, FLOW.replace(right, wrong)) for right, wrong in MISTAKES}
    wrongs = []
    for (right, wrong), (other_right, other_wrong) in combinations(MISTAKES, 2):
        if right == other_right or _depend(wrong, other_wrong):
            continue
        text = FLOW.replace(right, wrong).replace(other_right, other_wrong)
        if wrong not in text or other_wrong not in text:
            continue
        both, expected = told(project, text), alone[wrong] | alone[other_wrong]
        if both != expected:
            wrongs.append((wrong.strip(), other_wrong.strip(), expected - both, both - expected))
    assert not wrongs, "\n".join(map(str, wrongs))
