"""A small project written to a folder, for tests of the verbs."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "playbooks/project.yaml": "project: small_shop\ntimezone: Europe/Vienna\n",
    "playbooks/catalog.yaml": """\
events:
  purchase: {amount: money}
  signed_up: {}
attributes: {country: text}
topics: {newsletter: marketing}
""",
    "playbooks/stages.yaml": """\
stages:
  - {stage: buyer, when: {did: purchase}}
  - {stage: lead, otherwise: true}
""",
    "playbooks/segments.yaml": """\
segments:
  big: {total_of: purchase.amount, at_least: 100}
  away: {none: [{attribute: country, is: AT}, {did: purchase}]}
""",
    "playbooks/flows/welcome.yaml": """\
flow: welcome
title: Say hello
owner: crm
status: live
tags: [onboarding, "first week"]
starts_when: {did: signed_up}
audience:
  - {subscribed_to: newsletter}
  - any: [{in_segment: big}, {attribute: country, is_one_of: [AT, DE]}]
re_entry: after 90 days
goal: {did: purchase, within: 14 days}
steps:
  - {send: hello, channels: [push, email]}
  - {wait: 2 days, then_between: 09:00-11:00}
  - branch:
      - {if: {clicked: hello}, do: [{send: offer, channel: sms}]}
    otherwise: [{exit: quiet}]
""",
    "playbooks/flows/win_back.yaml": """\
flow: win_back
status: draft
starts_when: {enters_stage: lead}
steps:
  - id: copy
    split:
      short: {share: 25%, do: [{send: hello}]}
      long: {share: 75%, do: [{send: offer}]}
""",
    "templates/hello/email.md.j2": "---\nsubject: Hello\n---\nHello.\n",
    "templates/hello/push.txt.j2": "Hello.\n",
    "templates/offer/email.md.j2": "---\nsubject: Offer\n---\nAn offer.\n",
    "templates/offer/sms.txt.j2": "An offer.\n",
}


def write_project(folder: Path, **changes: str) -> Path:
    """Write the project into a folder and return it.

    Args:
        changes: file name with ``__`` for ``/`` (``playbooks__stages``) → other text.
    """
    for path, text in FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        key = path.removesuffix(".yaml").replace("/", "__")
        target.write_text(changes.get(key, text), encoding="utf-8")
    return folder
