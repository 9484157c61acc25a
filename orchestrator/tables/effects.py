"""What flows do beside sending: a log of effects, and the tasks they give to people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    ROW_ID,
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)

_STEP = ("flow", "customer_id", "entry", "step", "occurrence")


class Effect(SQLModel, table=True):
    """One effect of one step occurrence, done or withheld. Append-only."""

    __tablename__ = "effect"
    __table_args__ = (
        UniqueConstraint(*_STEP, name="effect_key"),
        Index("effect_by_object", "kind", "object", "customer_id", "at"),
        Index("effect_by_tick", "at"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    at: datetime = required_instant()
    customer_id: int = big_field()
    flow: str = required_text()
    entry: int = Field(sa_type=Integer)
    step: str = required_text()
    occurrence: str = required_text()
    """Which lap of a repeated step; ``0`` outside a repeat."""
    kind: str = required_text()
    """The step's head: ``add_to``, ``remove_from``, ``task``, ``start_flow``, …"""
    object: str = required_text()
    """The list, topic, flow or text it is about."""
    withheld: str | None = text_field()
    """Why it was only noted: ``holdout`` or ``shadow``; NULL if it was done."""


class Task(SQLModel, table=True):
    """Something a person is asked to do about a customer."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint(*_STEP, name="task_key"),
        Index("task_by_customer", "customer_id", "flow", "step"),
        Index(
            "task_open",
            "due_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = big_field()
    flow: str = required_text()
    entry: int = Field(sa_type=Integer)
    step: str = required_text()
    occurrence: str = required_text()
    text: str = required_text()
    assign_to: str | None = text_field()
    created_at: datetime = required_instant()
    due_at: datetime | None = instant_field()
    done_at: datetime | None = instant_field()
