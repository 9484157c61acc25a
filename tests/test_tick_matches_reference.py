"""Random programmes over several ticks: both databases decide what the reference decides."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
import ticking
from databases import empty
from harness import PACKAGES
from hypothesis import HealthCheck, Phase, given, settings
from programmes import playbook
from random_programmes import Story, stories
from reference.calls import hear
from reference.loading import load
from reference.state import State
from reference.tick import tick
from smaller import smallest
from sqlalchemy import Engine
from ticking import Told, lines

from orchestrator.playbook.model import Playbook

SECONDS_TO_SHRINK = 30
ZONE = ZoneInfo("Europe/Vienna")


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package with conditions of its own be installed."""
    monkeypatch.syspath_prepend(str(PACKAGES))


def difference(engine: Engine, story: Story) -> str | None:
    """Return the first thing the product tells otherwise than the reference, if any."""
    empty(engine)
    load(engine, story.world, ZONE)
    built, state = playbook(story.programme), State()
    for now in story.ticks:
        ticking.pause(engine, story.paused(now), now)
        preview = ticking.preview(engine, built, now)
        live = ticking.live(engine, built, now)
        expected = ticking.told_by(tick(built, story.world, state, now, paused=story.paused(now)))
        found = (
            _unequal("a dry run tells what the live one does", lines(preview.decisions), live)
            or _unequal("decisions", lines(live.decisions), expected)
            or _unlike("stages", live.stages, expected.stages)
            or _unlike("runs", ticking.runs(engine), ticking.runs_of(state))
            or _unlike("effects", ticking.effects(engine), state.effects)
            or _unlike("left out", *(_left_out(one, built) for one in (live, expected)))
            or _unlike("twice", ticking.live(engine, built, now).decisions, [])
        )
        if found:
            return f"at {now.isoformat()}: {found}"
        ticking.hear(engine)
        hear(state)
    return None


def _left_out(told: Told, built: Playbook) -> dict[tuple[str, str], int]:
    """Return who was left out; of ``matches`` a tick counts only those it looks at."""
    return {
        (flow, reason): count
        for (flow, reason), count in told.left_out.items()
        if not any(start.asks_again for start in built.flows[flow].starts_when)
    }


def _unequal(what: str, found: list[str], expected: Told) -> str | None:
    return _unlike(what, found, lines(expected.decisions))


def _unlike(what: str, found: object, expected: object) -> str | None:
    return None if found == expected else f"{what}\n  found    {found}\n  expected {expected}"


@settings(
    max_examples=30,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories())
def test_ticks_decide_what_the_reference_decides(engine: Engine, story: Story) -> None:
    if difference(engine, story) is None:
        return
    small = smallest(story, lambda one: difference(engine, one), SECONDS_TO_SHRINK)
    pytest.fail(f"{difference(engine, small)}\n\n{told(small)}")


def told(story: Story) -> str:
    """Return a story to read, the catalog left out."""
    programme = {key: part for key, part in story.programme.items() if key != "catalog"}
    computed = story.programme["catalog"].get("attributes", {})
    facts = [*story.world.people, *story.world.happenings, *story.world.consents]
    parts = [f"ticks {[now.isoformat() for now in story.ticks]}", repr(programme), repr(computed)]
    parts += [f"{flow or 'everything'} is paused at {at}" for at, flow in sorted(story.pauses)]
    parts += [
        repr({name: value for name, value in vars(fact).items() if value})
        for fact in (*facts, *story.world.receipts)
    ]
    return "\n".join(parts)
