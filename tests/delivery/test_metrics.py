from __future__ import annotations

from datetime import timedelta

from prometheus_client import generate_latest

from orchestrator.delivery.metrics import Metrics


def test_what_is_told_is_counted() -> None:
    metrics = Metrics()
    metrics.claimed("email", 3)
    metrics.called("email", "smtp", "accepted", 0.03)
    metrics.called("email", "smtp", "accepted", 0.2)
    metrics.ended("email", "sent", 2)
    metrics.received("sms", "delivered")
    metrics.forged("sms")
    metrics.unsubscribed("topic")
    page = generate_latest(metrics.registry).decode()
    for line in (
        'clm_claims_total{channel="email"} 3.0',
        'clm_calls_total{channel="email",outcome="accepted",provider="smtp"} 2.0',
        'clm_call_seconds_bucket{channel="email",le="0.05",provider="smtp"} 1.0',
        'clm_call_seconds_count{channel="email",provider="smtp"} 2.0',
        'clm_messages_ended_total{channel="email",state="sent"} 2.0',
        'clm_receipts_total{channel="sms",kind="delivered"} 1.0',
        'clm_callbacks_refused_total{channel="sms"} 1.0',
        'clm_unsubscribes_total{scope="topic"} 1.0',
    ):
        assert line in page


def test_a_loop_ages_from_the_moment_it_is_expected() -> None:
    now = 100.0
    metrics = Metrics(clock=lambda: now)
    metrics.expects("lane email", timedelta(seconds=4))
    now = 103.0
    metrics.looped("scheduler")
    now = 104.5
    seconds = {"lane email": 4.5, "scheduler": 1.5}
    assert metrics.ages() == {name: timedelta(seconds=one) for name, one in seconds.items()}
    assert metrics.late() == ["lane email"]
    metrics.looped("lane email")
    assert metrics.late() == []
