"""The tables: everything the engine knows, one class per table, a module per family.

Classes are SQLModel tables (they carry the schema and no validation: rows are checked
before they get here); queries use the ``Table`` objects here. Instants are
``columns.Instant``, dates ``columns.LocalDate``, text compares by bytes.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table
from sqlmodel import SQLModel

from orchestrator.tables.audiences import AudienceExport
from orchestrator.tables.delivery import Attachment, Audit, Breaker, Bucket, MessageEvent, Payload
from orchestrator.tables.effects import Effect, Task
from orchestrator.tables.events import Event, EventValue
from orchestrator.tables.messages import DELIVERY as DELIVERY
from orchestrator.tables.messages import Decision, Message, Receipt
from orchestrator.tables.onsite import OnsiteMessage
from orchestrator.tables.people import (
    Alias,
    AttributeItem,
    AttributeValue,
    Consent,
    Customer,
    Suppression,
)
from orchestrator.tables.runs import ACTIVE as ACTIVE
from orchestrator.tables.runs import (
    Enrollment,
    Occurrence,
    Round,
    SegmentInterval,
    StageInterval,
    StepResult,
)
from orchestrator.tables.ticks import (
    Control,
    Definition,
    Dirty,
    FlowState,
    Instance,
    Lease,
    Release,
    StepVolume,
    Tick,
    TickCount,
)


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", vars(model)["__table__"])


metadata = SQLModel.metadata
alias = _table(Alias)
attachment = _table(Attachment)
attribute_item = _table(AttributeItem)
attribute_value = _table(AttributeValue)
audience_export = _table(AudienceExport)
audit = _table(Audit)
breaker = _table(Breaker)
bucket = _table(Bucket)
consent = _table(Consent)
control = _table(Control)
customer = _table(Customer)
decision = _table(Decision)
definition = _table(Definition)
dirty = _table(Dirty)
effect = _table(Effect)
enrollment = _table(Enrollment)
event = _table(Event)
event_value = _table(EventValue)
flow_state = _table(FlowState)
instance = _table(Instance)
lease = _table(Lease)
message = _table(Message)
message_event = _table(MessageEvent)
occurrence = _table(Occurrence)
onsite_message = _table(OnsiteMessage)
payload = _table(Payload)
receipt = _table(Receipt)
release = _table(Release)
round_ = _table(Round)
segment_interval = _table(SegmentInterval)
stage_interval = _table(StageInterval)
step_result = _table(StepResult)
step_volume = _table(StepVolume)
suppression = _table(Suppression)
task = _table(Task)
tick = _table(Tick)
tick_count = _table(TickCount)
