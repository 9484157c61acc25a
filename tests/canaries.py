"""Values that are found wherever they turn up: a project, its secrets, and one person in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from harness import at
from rendering_shop import write_shop
from sqlalchemy import insert

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database import open_engine
from orchestrator.migrations.state import upgrade_schema

SECRETS = {
    "CLM_SECRET_KEY": "canary-key-4f1f9f0c2f5d4c9bb1d0aa",
    "SHOP_SMTP_PASSWORD": "canary-smtp-2b7c",
    "SHOP_SMS_ACCOUNT": "canary-account-31bb",
    "SHOP_SMS_TOKEN": "canary-sms-9d31",
    "SHOP_UNUSED_TOKEN": "canary-unused-77aa",
    "SHOP_META_TOKEN": "canary-meta-51c0",
    "SHOP_META_SECRET": "canary-app-secret-e81d",
    "SHOP_META_WORD": "canary-verify-word-0c3f",
    "SHOP_HOOK_SECRET": "canary-hook-secret-6a09",
    "SHOP_WAIL": "canary-wail-b5b5",
}
PERSON = {
    "email": "canary.mail@person.example",
    "phone": "+628115550001",
    "push_token": "canary-push-token-1",
}
NAMES = {"first_name": "Canarianne", "city": "Canaryville"}
PERSONAL = (*PERSON.values(), *NAMES.values(), "canary.mail", "8115550001")
CANARIES = (*SECRETS.values(), *PERSONAL)
PROJECT = """
project: shop
timezone: Europe/Vienna
postal_address: 1 Market Square
guardrails: {quiet_hours: none}
links: {base_url: "https://shop.example"}
"""
THEN = at("2026-03-01T09:00:00")


def write_project(folder: Path, files: Mapping[str, str], topics: Iterable[str]) -> Path:
    """Write a project with a database, in which one person has subscribed to topics."""
    made = write_shop(folder, files)
    (made / ".clm").mkdir()
    engine = open_engine(f"sqlite:///{made / '.clm' / 'clm.db'}")
    upgrade_schema(engine)
    with engine.begin() as connection:
        person = {"id": 1, "external_id": "c_1", "base": 0, "locale": "en", **PERSON}
        connection.execute(insert(tables.customer).values(person))
        for name, text in NAMES.items():
            attribute = {"name": name, "customer_id": 1, "text": text}
            connection.execute(insert(tables.attribute_value).values(attribute))
        for topic in topics:
            act = {
                "customer_id": 1,
                "topic": topic,
                "at": to_micros(THEN),
                "withdrawn": 0,
                "source": "test",
            }
            connection.execute(insert(tables.consent).values(act))
    engine.dispose()
    return made


def sign_up(folder: Path, when: datetime) -> None:
    """Let the person sign up."""
    event = {"customer_id": 1, "name": "signed_up", "occurred_at": when, "received_at": when,
             "source_id": "e1", "properties": "{}"}  # fmt: skip
    engine = open_engine(f"sqlite:///{folder / '.clm' / 'clm.db'}")
    with engine.begin() as connection:
        connection.execute(insert(tables.event).values(event))
        connection.execute(insert(tables.dirty).values(customer_id=1))
    engine.dispose()


def found_in(text: str) -> set[str]:
    """Return which canaries a text holds."""
    return {one for one in CANARIES if one in text}


def columns_with(folder: Path, canaries: Iterable[str]) -> set[str]:
    """Return the columns (``table.column``) of the database in which any of these stands."""
    found: set[str] = set()
    with sqlite3.connect(folder / ".clm" / "clm.db") as file:
        names = [
            name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        for table in names:
            rows = file.execute(f'SELECT * FROM "{table}"')
            columns = [str(one[0]) for one in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    if any(one in text for one in canaries):
                        found.add(f"{table}.{column}")
    file.close()
    return found
