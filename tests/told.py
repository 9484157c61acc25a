"""Hand-made reports and decisions for tests of what is printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orchestrator.records.explained import Explained, ExplainedLeaf
from orchestrator.records.sends import RenderFailure
from orchestrator.records.ticks import DecisionLine, FlowReport, TickReport

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def decision(customer: str = "c_1", flow: str = "win_back", **changes: Any) -> DecisionLine:
    """Return a send by e-mail; the keyword arguments are what is different."""
    values: dict[str, Any] = {
        "customer": customer,
        "flow": flow,
        "step": "we_miss_you",
        "message": "we_miss_you",
        "channel": "email",
        "to": "anna@example.com",
        "decision": "send",
        "reason": None,
        "at": NOW,
        "due_at": NOW,
        "subject": "We miss you, Anna",
        "variant": None,
        "entry": 1,
        "text": "Hello Anna,\n\nit has been a while.",
        "html": "<p>Hello Anna</p>",
    }
    return DecisionLine(**{**values, **changes})


def refusal(customer: str, flow: str, kind: str, reason: str) -> DecisionLine:
    """Return a decision that is no send."""
    return decision(
        customer,
        flow,
        decision=kind,
        reason=reason,
        channel=None,
        to=None,
        subject=None,
        text=None,
        html=None,
    )


def failed(customer: str, flow: str = "win_back") -> DecisionLine:
    """Return a send whose message could not be rendered."""
    error = RenderFailure("undefined", "customer.first_name is missing")
    return decision(customer, flow, error=error, subject=None, text=None, html=None)


LINES = (
    decision("c_1", "nurture", message="tips", step="tips", variant="copy/tips"),
    decision("c_2", "nurture", message="tips", step="tips", channel="sms", to="+436641234567",
             subject=None, text="Halo Budi! Diskon 10% untuk pesanan kedua."),
    refusal("c_3", "nurture", "suppress", "consent"),
    failed("c_4"),
    refusal("c_5", "win_back", "hold", "volume"),
)  # fmt: skip

REPORT = TickReport(
    now=NOW,
    release="3f9a2c1d77aa00bb" * 4,
    dry_run=True,
    customers=100_000,
    flows={
        "nurture": FlowReport(
            entered=1_204,
            exited={"goal": 30, "completed": 2, "exit": 0},
            sends=833,
            sends_by_channel={"email": 600, "sms": 233},
            held={"frequency": 211, "quiet_hours": 96, "send_between": 4},
            suppressed={"holdout": 64, "consent": 2_211, "unreachable": 12},
            expired=3,
            left_out={"before_live": 22_300, "audience": 4_000},
        ),
        "welcome": FlowReport(),
        "win_back": FlowReport(
            entered=5, sends=1, sends_by_channel={"email": 1}, held={"volume": 5}, tripped=True
        ),
    },
    stages={"new": 1_200, "active": 53_090, "at_risk": 17_989, "churned": 27_721},
    sends=834,
    notes=("2 customers have a time zone that is none; the project's is used for them",),
)

EXPLAINED = Explained(
    customer="c_1042",
    flow="win_back",
    enters=False,
    conditions=(
        ExplainedLeaf(
            "starts_when", "entered stage lapsed", True, "yesterday", None, "flows/win_back.yaml:2"
        ),
        ExplainedLeaf(
            "audience.0",
            "total of purchase.amount at least 100",
            False,
            "is 64.00",
            "needs 36.00 more",
            "flows/win_back.yaml:4",
        ),
        ExplainedLeaf(
            "audience.1",
            "not received any_offer in the last 90 days",
            True,
            "never",
            None,
            "flows/win_back.yaml:5",
        ),
        ExplainedLeaf(
            "audience.any.0",
            "in the 90% sample",
            True,
            "bucket 4127 of 9000",
            None,
            "playbooks/segments.yaml:6",
        ),
    ),
    state={"entry": 2, "step": None, "ended_at": NOW},
    next="enters on 9 March if nothing happens",
)
