"""Whatever is edited and in whatever order, nothing is sent twice and nobody is stranded."""

from __future__ import annotations

from datetime import timedelta

from edited_flow import START, flow
from harness import Shop, at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.world import World
from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.flow.graph import graph
from orchestrator.tick.releases import recorded_playbook

SENDS = ("one", "two", "three", "four")
WAITS = ("w1", "w2", "w3")


@st.composite
def steps_of(draw: st.DrawFn) -> str:
    """Return steps in any order: sends, waits of any length, a branch, rounds."""
    chosen = draw(st.lists(st.sampled_from([*SENDS, *WAITS, "which", "rounds"]), unique=True))
    lines = []
    inside = draw(st.sampled_from(["five", "six"]))
    for name in chosen or ["one"]:
        if name in SENDS:
            held = draw(st.sampled_from(["", ", send_between: 20:00-21:00"]))
            lines.append(f"  - {{send: {name}{held}}}")
        elif name in WAITS:
            lines.append(f"  - {{id: {name}, wait: {draw(st.integers(1, 40))} hours}}")
        elif name == "which":
            way = f"[{{id: inner, wait: 5 hours}}, {{send: {inside}}}]"
            lines.append(
                f"  - {{id: which, branch: [{{if: {{attribute: vip, is: true}}, do: {way}}}]}}"
            )
        else:
            lines.append(
                "  - {id: rounds, repeat: {every: 9 hours, at_most: 3 times, do: [{send: seven}]}}"
            )
    return "steps:\n" + "\n".join(lines) + "\n"


EDITS = st.lists(
    st.tuples(
        steps_of(),
        st.sampled_from(["follow", "pin", "restart", "drain"]),
        st.sampled_from(["live", "live", "live", "paused", "retired", "shadow", "gone"]),
        st.integers(1, 30),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
def test_no_edits_send_anything_twice_or_leave_anybody_on_a_step_that_is_not_there(
    shop: Shop, edits: list[tuple[str, str, str, int]]
) -> None:
    forget(shop)
    now = at(START)
    shop.customers(anna={"vip": "true"}, ben={})
    shop.event("anna", "signed_up", START).event("ben", "signed_up", START)
    begin = (edits[0][0], "pin" if edits[0][1] == "drain" else edits[0][1], "live", 1)
    for number, (steps, choice, status, hours) in enumerate((begin, *edits[1:])):
        now += timedelta(hours=hours)
        file = shop.folder / "playbooks" / "care.yaml"
        if status == "gone" and number:
            shop.files.pop("care", None)
            file.unlink(missing_ok=True)
        else:
            said = "live" if status == "gone" else status
            shop.write(care=flow(choice, steps).replace("status: live", f"status: {said}"))
        shop.tick(now.isoformat())
        now += timedelta(hours=1)
        shop.tick(now.isoformat())
        assert twice(shop) == []
        if status in ("live", "shadow"):
            assert stranded(shop, choice) == set()


def twice(shop: Shop) -> list[tuple[object, ...]]:
    """Return what a run was sent more than once: steps outside rounds, and any one round."""
    row = tables.message.c
    keys = (row.customer_id, row.flow, row.entry, row.step, row.occurrence)
    with shop.engine.connect() as connection:
        return [
            tuple(one)
            for one in connection.execute(select(*keys).group_by(*keys).having(func.count() > 1))
        ]


def stranded(shop: Shop, choice: str) -> set[str]:
    """Return the steps that active runs stand on and that their flow has not."""
    row = tables.enrollment.c
    with shop.engine.connect() as connection:
        found = connection.execute(
            select(row.step, row.release).where(row.status == "active")
        ).all()
        there = set(graph(shop.playbook.flows["care"].steps).nodes) if found else set()
        own = {
            release: set(graph(past.flows["care"].steps).nodes)
            for release in {one.release for one in found}
            if (past := recorded_playbook(connection, release)) and choice == "pin"
        }
    return {one.step for one in found if one.step not in there | own.get(one.release, set())}


def forget(shop: Shop) -> None:
    """Empty the database and the project, for the next example."""
    shop.world, shop.files = World(), {}
    for file in (shop.folder / "playbooks").glob("*.yaml"):
        file.unlink()
    with shop.engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())
