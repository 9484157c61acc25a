"""Making a failing story small: drop one part after the other while it still fails.

Much quicker than shrinking by Hypothesis where one try costs a whole tick on a database.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from random_programmes import Story
from reference.world import Person, World

Path = tuple[Any, ...]
OPTIONAL = ("email", "phone", "push_token", "timezone", "preferred_channel", "created_at")


def smallest(story: Story, fails: Callable[[Story], str | None], seconds: float) -> Story:
    """Return a story that is as small as the time allows and for which ``fails`` says something."""
    end = time.monotonic() + seconds
    going = True
    while going:
        going = False
        for smaller in _smaller(story):
            if time.monotonic() > end:
                return story
            if _still_fails(smaller, fails):
                story, going = smaller, True
                break
    return story


def _still_fails(story: Story, fails: Callable[[Story], str | None]) -> bool:
    try:
        return fails(story) is not None
    except Exception:  # noqa: BLE001 - a cut may leave a programme that makes no sense
        return False


def _smaller(story: Story) -> Iterator[Story]:
    if len(story.ticks) > 1:
        for number in range(len(story.ticks)):
            yield replace(story, ticks=_without(story.ticks, number))
    for pause in sorted(story.pauses):
        yield replace(story, pauses=story.pauses - {pause})
    for world in _smaller_worlds(story.world):
        yield replace(story, world=world)
    for path in _paths(story.programme):
        cut = _cut(story.programme, path)
        if cut is not None:
            yield replace(story, programme=cut)


def _without(items: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return items[:number] + items[number + 1 :]


def _smaller_worlds(world: World) -> Iterator[World]:
    for person in world.people:
        if len(world.people) > 1:
            yield _without_person(world, person)
    for kind in ("happenings", "consents", "receipts"):
        facts = getattr(world, kind)
        fewer = [(), *(_without(facts, number) for number in range(len(facts)))] if facts else []
        for kept in fewer:
            change: dict[str, Any] = {kind: kept}
            yield replace(world, **change)
    if world.suppressed:
        yield replace(world, suppressed=frozenset())
    for number, person in enumerate(world.people):
        for simpler in _simpler_people(person):
            people = (*world.people[:number], simpler, *world.people[number + 1 :])
            yield replace(world, people=people)
    for number, event in enumerate(world.happenings):
        if event.properties:
            bare = replace(event, properties={})
            yield replace(
                world,
                happenings=(*world.happenings[:number], bare, *world.happenings[number + 1 :]),
            )


def _without_person(world: World, person: Person) -> World:
    id = person.external_id
    return replace(
        world,
        people=tuple(one for one in world.people if one is not person),
        happenings=tuple(one for one in world.happenings if one.customer != id),
        consents=tuple(one for one in world.consents if one.customer != id),
        receipts=tuple(one for one in world.receipts if one.customer != id),
    )


def _simpler_people(person: Person) -> Iterator[Person]:
    for name in person.attributes:
        kept = {key: raw for key, raw in person.attributes.items() if key != name}
        yield replace(person, attributes=kept)
    for column in OPTIONAL:
        if getattr(person, column):
            bare: dict[str, Any] = {column: None}
            yield replace(person, **bare)


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        if (*path, key) != ("catalog",):
            yield (*path, key)
            yield from _paths(value[key], (*path, key))


def _cut(programme: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """Return the programme without the part at that path, or None if a list would be empty."""
    smaller = copy.deepcopy(programme)
    inside: Any = smaller
    for key in path[:-1]:
        inside = inside[key]
    if isinstance(inside, list) and len(inside) == 1:
        return None
    del inside[path[-1]]
    return smaller
