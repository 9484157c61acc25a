"""A keeper that was frozen itself judges nobody at its first look."""

from __future__ import annotations

import pytest

from orchestrator.delivery.presence import Presence


@pytest.mark.parametrize(
    ("looks", "holds"),
    [
        ([0, 10, 20, 31], [True, True, True, True]),
        ([0, 10, 100, 110], [True, True, False, True]),
        ([0, 100, 200, 300], [True, False, True, False]),
        ([0, 10, 31, 41], [True, True, True, True]),
    ],
)
def test_the_first_look_after_a_gap_judges_nobody(looks: list[float], holds: list[bool]) -> None:
    presence = Presence()
    assert [presence.holds(now, every=10) for now in looks] == holds
