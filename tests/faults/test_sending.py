"""SIGKILL and SIGSTOP of workers at random instants: what is lost, what is sent twice."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from faults.kit import figures, sized
from faults.provider import acceptances
from faults.trial import POLICIES, most_in_doubt, trial
from harness import Shop
from loading import rows

from orchestrator.delivery.policy import Doubt


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "at_once"), POLICIES)
def test_a_worker_killed_again_and_again_loses_nothing_beyond_its_policy(
    shop: Shop, tmp_path: Path, policy: Doubt, at_once: int
) -> None:
    kills, messages = sized(8, 200), sized(800, 10_000)
    chance = random.Random(4)
    with trial(shop, tmp_path / "trial", policy, messages=messages, at_once=at_once) as found:
        for _ in range(kills):
            if found.is_over():
                break
            victim = found.begin()
            found.wait_for_more()
            time.sleep(chance.uniform(0, sized(0.08, 0.05)))
            found.kill(victim)
        said = found.end()
        p50, p99 = found.recovery()
    figures(
        f"kills of a worker, {policy}, {shop.engine.dialect.name}",
        messages=messages, kills=found.kills, at_once=at_once, **said,
        recovery_p50_s=p50, recovery_p99_s=p99,
    )  # fmt: skip
    assert (said["lost_outside_doubt"], said["stuck"]) == (0, 0)
    assert said["in_doubt"] <= most_in_doubt(policy, found.kills * at_once)
    assert said["duplicates"] <= (found.kills * at_once if policy == "resend" else 0)
    assert found.kills > kills // 2


@pytest.mark.slow
def test_a_message_that_brings_workers_down_is_dead_and_the_rest_leaves(
    shop: Shop, tmp_path: Path
) -> None:
    with trial(shop, tmp_path / "trial", "retry", messages=60, at_once=10) as found:
        found.sending = replace(found.sending, drains=True, deadly="q0000030")
        losses = 0
        while found.children.join(found.begin()) != 0:
            losses += 1
            assert losses <= 3
    after = rows(
        shop.engine,
        "SELECT state, count(*), max(error) FROM message GROUP BY state ORDER BY state",
    )
    figures(f"a deadly message, {shop.engine.dialect.name}", messages=60, workers_lost=losses)
    assert after == [("dead", 1, "poison: 3 workers were lost with it"), ("sent", 59, None)]
    assert set(acceptances(found.note).values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "at_once"), POLICIES)
def test_workers_that_are_killed_and_frozen_beside_each_other(
    shop: Shop, tmp_path: Path, policy: Doubt, at_once: int
) -> None:
    kind = shop.engine.dialect.name
    rounds, messages = sized(5, 100), sized(1_500, 10_000)
    crew = 1 if kind == "sqlite" else sized(2, 4)  # one process sends from a SQLite file
    chance, frozen = random.Random(5), 0
    with trial(shop, tmp_path / "trial", policy, messages=messages, at_once=at_once) as found:
        alive = [found.begin() for _ in range(crew)]
        for _ in range(rounds):
            found.refill(messages)
            found.wait_for_more()
            found.kill(alive.pop(chance.randrange(crew)))
            alive.append(found.begin())
            if crew == 1:
                found.wait_for_more()  # what has just begun is to be caught at work
            frozen += freeze(alive[chance.randrange(max(1, crew - 1))], chance.uniform(1.3, 2.5))
        for one in alive:
            found.kill(one)
        said = found.end()
        p50, p99 = found.recovery()
    slots = (found.kills + frozen) * at_once
    figures(
        f"kills and freezes of {crew} workers, {policy}, {kind}",
        messages=found.messages, kills=found.kills, freezes=frozen, at_once=at_once, **said,
        recovery_p50_s=p50, recovery_p99_s=p99,
    )  # fmt: skip
    assert (found.kills, frozen) == (rounds + crew, rounds)
    assert (said["lost_outside_doubt"], said["stuck"]) == (0, 0)
    assert said["in_doubt"] <= most_in_doubt(policy, slots)
    assert said["duplicates"] <= (slots if policy == "resend" else 0)


def freeze(process: ForkServerProcess, seconds: float) -> int:
    """Let a process stand still for a while; return 1, or 0 if it was gone."""
    assert process.pid is not None
    try:
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGCONT)
    except ProcessLookupError:
        return 0
    return 1
