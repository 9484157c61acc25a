"""The example programme, made to take in the whole shop at its first tick.

Conditions, steps and templates are those of ``playbooks/`` as they are; only the starts are
opened to everybody who is there already, and the volume breakers are taken off.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from orchestrator.playbook.check import check
from orchestrator.playbook.model import Playbook

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("birthday", "nps_survey")
"""A draft, and a flow that starts by the calendar."""
STARTS = {
    "abandoned_cart": "{enters_segment: cart_abandoners, backfill: true}",
    "referral": "{enters_segment: promoters, backfill: true}",
    "welcome": "{did: signed_up, backfill: 60 days, catch_up: 60 days}",
    "win_back": "{enters_segment: gone_quiet, backfill: true}",
}

LETTER = """\
flow: letter
title: A letter to a part of the readers
status: live

starts_when:
  matches:
    - {subscribed_to: newsletter}
    - {sample: 30%}
audience: {not_in_segment: employees}
re_entry: never
goal: {did: purchase, within: 30 days}
guardrails: {priority: 20}

steps:
  - send: any_offer
    with: {discount: 5%}
"""


def example() -> Playbook:
    """Return the example programme as it is."""
    return _loaded(ROOT)


def opened(folder: Path) -> Playbook:
    """Return the programme of the first tick, its files written below a folder."""
    for part in ("playbooks", "templates"):
        shutil.rmtree(folder / part, ignore_errors=True)
        shutil.copytree(ROOT / part, folder / part)
    for name in LEFT_OUT:
        (folder / "playbooks" / "flows" / f"{name}.yaml").unlink()
    (folder / "playbooks" / "flows" / "letter.yaml").write_text(LETTER, encoding="utf-8")
    for path in (folder / "playbooks").rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\n +stop_if_more_than: .*", "", text)
        if path.stem in STARTS:
            text = re.sub(r"(?m)^starts_when: .*$", f"starts_when: {STARTS[path.stem]}", text)
        path.write_text(text, encoding="utf-8")
    return _loaded(folder)


def _loaded(folder: Path) -> Playbook:
    loaded = check(folder, {})
    if loaded.playbook is None:
        raise SystemExit("\n".join(str(problem) for problem in loaded.problems))
    return loaded.playbook
