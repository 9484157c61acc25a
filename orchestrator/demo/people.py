"""The sample shop's customers: who they are, what they agreed to, what is odd about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.demo import shop
from orchestrator.demo.shop import Dice, Persona, Region

Row = dict[str, object]
"""One line of a JSONL file."""

_INTERESTS = ("coffee", "batik", "spices", "home")
_TOPICS = ((82, "newsletter"), (76, "surveys"), (48, "sms_offers"), (100, "receipts"))


@dataclass(frozen=True)
class Person:
    """A customer with the habits that the events are made from."""

    number: int
    row: Row
    persona: Persona
    joined: datetime
    zone: ZoneInfo
    """The clock they live by, also when the shop knows another."""

    @property
    def id(self) -> str:
        """The customer's id at the shop."""
        return str(self.row["id"])


def people(count: int = shop.CUSTOMERS, seed: int = shop.SEED) -> list[Person]:
    """Return the sample shop's customers, in the order of their ids."""
    return [_person(number, Dice(seed * 1_000_003 + number)) for number in range(1, count + 1)]


def moment(dice: Dice, day: date, zone: ZoneInfo) -> datetime:
    """Return an instant of that local day at which somebody may well be shopping."""
    at = time(dice.weighted(shop.HOURS), dice.below(60), dice.below(60))
    return timing.local_instant(day, at, zone)


def written(instant: datetime) -> str:
    """Return the instant as the shop's files write it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _person(number: int, dice: Dice) -> Person:
    region, persona = dice.weighted(shop.REGIONS), dice.weighted(shop.PERSONAS)
    zone = ZoneInfo(region.timezone)
    joined = moment(dice, _joining_day(dice), zone)
    row: Row = {"id": f"c_{number:04}", "created_at": written(joined)}
    row |= _identity(number, region, dice)
    row |= _addresses(number, region, dice)
    row |= _consent(dice, joined)
    row |= _oddities(number)
    filled = {key: value for key, value in row.items() if value is not None}
    return Person(number, filled, persona, joined, zone)


def _joining_day(dice: Dice) -> date:
    """Return a day since the shop opened; the last two months were its best."""
    days = (shop.LAST_DAY - shop.FIRST_DAY).days
    back = dice.below(62) if dice.chance(33) else dice.below(days)
    return shop.LAST_DAY - timedelta(days=back)


def _identity(number: int, region: Region, dice: Dice) -> Row:
    born = date(1958, 1, 1) + timedelta(days=dice.below(17_500))
    return {
        "first_name": dice.pick(region.names) if dice.chance(94) else None,
        "country": region.country,
        "locale": region.locale,
        "timezone": region.timezone if dice.chance(96) else None,
        "birthday": born.isoformat() if dice.chance(70) else None,
        "interests": [name for name in _INTERESTS if dice.chance(30)] or None,
        "employee": True if number % 97 == 0 else None,
        "open_cases": dice.between(1, 2) if dice.chance(3) else None,
    }


def _addresses(number: int, region: Region, dice: Dice) -> Row:
    """Return addresses that reach nobody: reserved domains, numbers with a made-up middle."""
    return {
        "email": f"c{number:04}@customers.example" if dice.chance(94) else None,
        "phone": f"{region.dial}{number:05}" if dice.chance(76) else None,
        "push_token": f"token-{number:05}" if dice.chance(56) else None,
        "preferred_channel": dice.weighted(((38, None), (25, "email"), (32, "push"), (5, "sms"))),
    }


def _consent(dice: Dice, joined: datetime) -> Row:
    topics = [topic for percent, topic in _TOPICS if dice.chance(percent)]
    agreed = joined + timedelta(minutes=dice.between(1, 30))
    return {"subscribed_to": ";".join(topics), "consented_at": written(agreed)}


def _oddities(number: int) -> Row:
    """Return what a real export always holds somewhere: broken zones, names, dates."""
    odd: Row = {}
    if number % 181 == 7:
        odd["timezone"] = shop.BROKEN_ZONES[number // 181 % len(shop.BROKEN_ZONES)]
    if number % 211 == 11:
        odd["first_name"] = shop.AWKWARD_NAMES[number // 211 % len(shop.AWKWARD_NAMES)]
    if number % 499 == 3:
        odd["birthday"] = "1992-02-29"
    if number == 1234:
        odd["birthday"] = "31.02.1990"
    return odd
