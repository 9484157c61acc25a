"""What was found, in words: ``is 64.00``, ``never``, ``bucket 4127 of 9000``, ``on 9 March``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Integer, cast

from orchestrator.columns import from_day_number, from_micros
from orchestrator.criteria.nearest import Change, amount
from orchestrator.criteria.numbers import SCALE
from orchestrator.criteria.shown import Actual
from orchestrator.render.mask import MASK, mask_address, mask_value

_INSTANTS = ("instant", "since", "datetime")


def column(actual: Actual) -> ColumnElement[Any]:
    """Return the value as the plain column that ``found`` reads."""
    if actual.kind in (*_INSTANTS, "act"):
        return cast(actual.value, BigInteger)
    return cast(actual.value, Integer) if actual.kind == "date" else actual.value


def found(kind: str, raw: Any) -> Any:
    """Return a raw value of ``column`` as Python has it."""
    if raw is None or kind in ("text", "address"):
        return raw
    if kind in _INSTANTS:
        return from_micros(raw)
    if kind in ("money", "scaled"):
        return Decimal(int(raw)) / SCALE
    if kind == "number":
        return round(Decimal(str(raw)), 4)
    if kind == "date":
        return from_day_number(raw)
    return bool(raw) if kind == "boolean" else int(raw)


@dataclass(frozen=True)
class Speech:
    """How values are told: on whose clock, and how much of them."""

    now: datetime
    zone: ZoneInfo
    """The project's."""
    reveal: bool

    def actual(self, actual: Actual, value: Any, *, personal: bool) -> str:
        """Return what was found of one leaf."""
        match actual.kind:
            case "times":
                return {0: "never", 1: "once"}.get(value, f"{value} times")
            case "instant":
                return "never" if value is None else f"on {self.instant(value)}"
            case "since":
                return "is not in it" if value is None else f"since {self.instant(value)}"
            case "act":
                return self._act(value)
            case "bucket":
                return f"bucket {value} of {actual.of}"
            case "address":
                return self._address(actual.of, value)
        if value is None:
            return "is missing"
        hidden = personal and not self.reveal
        return f"is {self._hidden(value) if hidden else self.value(actual.kind, value)}"

    def value(self, kind: str, value: Any) -> str:
        """Return one value as it is."""
        match value:
            case bool():
                return "true" if value else "false"
            case datetime():
                return self.instant(value)
            case date():
                return f"{value:%Y-%m-%d}"
            case int() | Decimal():
                return amount(value, money=kind == "money")
        return str(value)

    def nearest(self, change: Change | None) -> str | None:
        """Return a change in words; None if nothing is known of it."""
        if change is None:
            return None
        told = [change.says] if change.says else []
        told += [f"on {self.instant(change.at)}"] if change.at else []
        return " or ".join(told) or None

    def instant(self, instant: datetime) -> str:
        """Return ``9 March 2026 10:30`` in the project's zone; midnights are just days."""
        local = instant.astimezone(self.zone)
        year = "" if local.year == self.now.astimezone(self.zone).year else f" {local.year}"
        clock = f" {local:%H:%M}" if (local.hour, local.minute) != (0, 0) else ""
        return f"{local.day} {local:%B}{year}{clock}"

    def _act(self, value: int | None) -> str:
        if value is None:
            return "never agreed"
        at, withdrawn = divmod(value, 2)
        if at < -(2**59):
            return "withdrawn" if withdrawn else "agreed"
        return f"{'withdrawn' if withdrawn else 'agreed'} on {self.instant(from_micros(at))}"

    def _address(self, channel: str, value: str | None) -> str:
        if value is None:
            return "no address"
        return value if self.reveal else mask_address(channel, value)

    def _hidden(self, value: Any) -> str:
        return str(mask_value(value)) if isinstance(value, str) else MASK
