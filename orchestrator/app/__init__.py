"""The composition root: from what the command line says to a project, a database, a tick."""

from __future__ import annotations

from orchestrator.app.clock import (
    ClockRequest,
    Status,
    patient,
    planner,
    run_clock,
    status,
    wake_once,
)
from orchestrator.app.delivery import WorkerRequest, drain, worker
from orchestrator.app.last_good import LastGood, last_good
from orchestrator.app.opening import (
    OUTBOX,
    OpenProject,
    breaker,
    known_channel,
    known_flow,
    known_sender,
    open_database,
    open_demo_database,
    open_project,
    pauses_by_hand,
    trial_keys,
    unknown,
)
from orchestrator.app.outbox import acting, export_lists, looking, with_keepers
from orchestrator.app.returning import returns_to, take_mail
from orchestrator.app.serving import ServeRequest, run_worker, serve
from orchestrator.app.tasks import finish_task, open_tasks
from orchestrator.app.ticks import (
    ALREADY_DONE,
    ExplainRequest,
    Passed,
    TickRequest,
    explain_customer,
    one_tick,
    simulated,
    sizes,
)

__all__ = [
    "ALREADY_DONE",
    "OUTBOX",
    "ClockRequest",
    "ExplainRequest",
    "LastGood",
    "OpenProject",
    "Passed",
    "ServeRequest",
    "Status",
    "TickRequest",
    "WorkerRequest",
    "acting",
    "breaker",
    "drain",
    "explain_customer",
    "export_lists",
    "finish_task",
    "known_channel",
    "known_flow",
    "known_sender",
    "last_good",
    "looking",
    "one_tick",
    "open_database",
    "open_demo_database",
    "open_project",
    "open_tasks",
    "patient",
    "pauses_by_hand",
    "planner",
    "returns_to",
    "run_clock",
    "run_worker",
    "serve",
    "simulated",
    "sizes",
    "status",
    "take_mail",
    "trial_keys",
    "unknown",
    "wake_once",
    "with_keepers",
    "worker",
]
