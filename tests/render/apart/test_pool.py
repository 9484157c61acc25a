"""Rendering apart: the same messages, and what kills a process costs one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults.kit import wait_for
from poisoned import REASONS
from rendering_shop import failure, mail, person, send, shop

from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.model import Playbook
from orchestrator.records.sends import Rendered, RenderFailure, Send
from orchestrator.render.apart import hand
from orchestrator.render.apart import pool as pools
from orchestrator.render.apart.pool import Desk, Pool
from orchestrator.render.renderer import Renderer

BODY = "# Hi {{ customer.first_name }}\n\n{{ customer.city | default('') }}"


@pytest.fixture
def playbook(tmp_path: Path) -> Playbook:
    """A shop with one mail."""
    return shop(tmp_path, {"templates/hello/email.md.j2": mail(BODY, "For {{ customer.id }}")})


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Processes that do to messages what the ids of customers say."""
    found = Pool("poisoned:Poisoned")
    yield found
    found.close()


def sends(*ids: str, **more: str) -> list[Send]:
    """Return one send to each customer."""
    return [send(person(external_id=one, first_name="Ayu", **more)) for one in ids]


def fine(count: int, begin: int = 0) -> list[str]:
    return [f"c_{number}" for number in range(begin, begin + count)]


def codes(desk: Desk, asked: list[Send]) -> dict[str, str]:
    """Return customer → code of those that have no message."""
    results = list(desk.render(asked))
    assert len(results) == len(asked)
    for one, result in zip(asked, results, strict=True):
        if isinstance(result, Rendered):
            assert result.subject == f"For {one.customer.external_id}"
    return {
        one.customer.external_id: result.code
        for one, result in zip(asked, results, strict=True)
        if isinstance(result, RenderFailure)
    }


def test_messages_are_those_that_are_rendered_here(playbook: Playbook, pool: Pool) -> None:
    asked = [*sends(*fine(300)), replace(sends("c_x")[0], channel="sms"), send(person())]
    here = Renderer(playbook)

    assert list(pool.desk(playbook).render(asked)) == [here.render(one) for one in asked]
    assert pool.lost == 0


@pytest.mark.parametrize("kind", [kind for kind in REASONS if kind != "silence"])
def test_exactly_the_message_that_kills_its_process_is_lost(
    playbook: Playbook, pool: Pool, kind: str
) -> None:
    asked = sends(*fine(80), f"{kind}-1", *fine(80, 100))

    assert codes(pool.desk(playbook), asked) == {f"{kind}-1": REASONS[kind]}


@pytest.mark.parametrize(
    ("kind", "lost"),
    [("memory", 0), ("eat", 0), ("loop", 1), ("crash", 1), ("exit", 2), ("lie", 2)],
)
def test_only_what_can_be_no_accident_is_not_tried_twice(
    playbook: Playbook, pool: Pool, kind: str, lost: int
) -> None:
    asked = sends(*fine(40), f"{kind}-1", *fine(40, 100))

    assert codes(pool.desk(playbook), asked) == {f"{kind}-1": REASONS[kind]}
    assert pool.lost == lost


def test_memory_that_others_left_behind_costs_no_message(playbook: Playbook, pool: Pool) -> None:
    asked = sends(*fine(10), "hoard-1", *fine(10, 50), "spend-1", *fine(10, 100))

    assert codes(pool.desk(playbook), asked) == {}
    assert pool.lost == 1


def test_process_killed_from_outside_costs_no_message(playbook: Playbook, pool: Pool) -> None:
    desk = pool.desk(playbook)
    results = desk.render(sends(*fine(60)))
    assert isinstance(next(results), Rendered)
    assert desk._hand is not None
    pool._settle()
    os.kill(desk._hand.id, signal.SIGKILL)

    assert all(isinstance(one, Rendered) for one in results)
    assert codes(desk, sends(*fine(3, 100))) == {}


@pytest.mark.slow
def test_process_that_hears_no_alarm_is_ended_by_the_sender(
    playbook: Playbook, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "SILENCE_SECONDS", 3.0)

    asked = sends(*fine(3), "silence-1", *fine(3, 10))

    assert codes(pool.desk(playbook), asked) == {"silence-1": "render_time"}


def test_several_of_one_batch_are_found_each(playbook: Playbook, pool: Pool) -> None:
    bad = ("crash-1", "exit-2", "memory-3", "exception-4", "crash-5")
    asked = sends(bad[0], bad[1], *fine(100), bad[2], bad[3], *fine(100, 200), bad[4])

    found = codes(pool.desk(playbook), asked)

    assert found == {one: REASONS[one.partition("-")[0]] for one in bad}


def test_what_does_not_fit_between_the_processes_does_not_lock_them(
    playbook: Playbook, pool: Pool
) -> None:
    asked = sends(*fine(200), city="x" * 60_000)

    assert codes(pool.desk(playbook), asked) == {}


def test_caller_who_leaves_early_gets_fresh_answers_next_time(
    playbook: Playbook, pool: Pool
) -> None:
    desk = pool.desk(playbook)
    first = desk.render(sends(*fine(150)))
    assert isinstance(next(first), Rendered)
    del first

    assert codes(desk, sends(*fine(20, 500))) == {}


def test_lost_nursery_is_started_anew(playbook: Playbook, pool: Pool) -> None:
    desk = pool.desk(playbook)
    assert codes(desk, sends("c_1")) == {}
    nursery = pool._nursery
    assert nursery is not None
    nursery.kill()

    assert codes(desk, sends("c_2", "crash-1", "c_3")) == {"crash-1": "render_crash"}


def test_the_process_that_waits_for_the_next_loss_costs_nothing_when_it_is_lost_itself(
    playbook: Playbook, pool: Pool
) -> None:
    desk = pool.desk(playbook)
    assert codes(desk, sends("crash-1", *fine(3))) == {"crash-1": "render_crash"}
    for _ in range(2):
        assert pool._spare is not None
        _, spare = pool._spare
        pool._settle()
        os.kill(spare.id, signal.SIGKILL)
        wait_for(spare.is_over)
        asked = sends(*fine(9), "exit-1", *fine(9, 20))
        assert codes(desk, asked) == {"exit-1": "render_crash"}


def test_a_process_that_waits_renders_its_own_playbook_alone(
    playbook: Playbook, pool: Pool, tmp_path: Path
) -> None:
    assert codes(pool.desk(playbook), sends("crash-1")) == {"crash-1": "render_crash"}
    other = shop(tmp_path / "other", {"templates/hello/email.md.j2": mail("Bye.", "No. {{ 1 }}")})

    [told] = pool.desk(other).render(sends("c_1"))

    assert isinstance(told, Rendered)
    assert told.subject == "No. 1"


def test_renderers_see_no_variable_that_could_hold_a_secret(
    playbook: Playbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLM_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("SHOP_SMTP_PASSWORD", "hunter2")
    pool = Pool("poisoned:Telling")
    [told] = pool.desk(playbook).render(sends("c_1"))
    pool.close()

    assert isinstance(told, Rendered)
    assert set(told.text.split()) <= {*pools._INHERITED, "PYTHONPATH", "LC_CTYPE", "PWD"}


def test_signals_to_all_of_a_terminal_or_a_unit_do_not_end_what_renders(
    playbook: Playbook, pool: Pool
) -> None:
    desk = pool.desk(playbook)
    assert codes(desk, sends("c_1")) == {}
    nursery, hand = pool._nursery, desk._hand
    assert nursery is not None
    assert hand is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(nursery.pid, number)
        os.kill(hand.id, number)

    assert codes(desk, sends("c_2")) == {}
    assert pool.lost == 0


def test_nothing_outlives_a_sender_that_is_killed(tmp_path: Path, playbook: Playbook) -> None:
    script = (
        "import os, sys, signal; from pathlib import Path; from rendering_shop import *;"
        "from orchestrator.render.apart.pool import Pool; from orchestrator.playbook.load import *;"
        f"book = load(Path({str(tmp_path)!r})).playbook; pool = Pool(); desk = pool.desk(book);"
        "list(desk.render([send(person(first_name='Ayu'))]));"
        "print(pool._nursery.pid, desk._hand.id, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=path, check=False
    )
    ids = [int(one) for one in done.stdout.split()]
    assert len(ids) == 2, done.stderr

    until = time.monotonic() + 60
    while any(Path(f"/proc/{id}").exists() and not _is_zombie(id) for id in ids):
        assert time.monotonic() < until, "they live on"
        time.sleep(0.05)


def _is_zombie(id: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{id}/stat").read_text()
    except FileNotFoundError:
        return True


def test_renderer_that_cannot_be_made_is_a_fault_of_the_environment(playbook: Playbook) -> None:
    pool = Pool("poisoned:Deranged")
    with pytest.raises(EnvironmentFault, match="cannot be started"):
        list(pool.desk(playbook).render(sends("c_1")))
    pool.close()


def test_memory_that_is_not_there_is_a_reason_here_too(
    playbook: Playbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Renderer, "_print", exhausted)

    assert failure(playbook).code == "render_memory"
