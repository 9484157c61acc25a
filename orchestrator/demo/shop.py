"""What the sample shop sells, to whom, and when its customers are awake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")

ZONE = ZoneInfo("Asia/Jakarta")
FIRST_DAY = date(2025, 1, 20)
LIVE_FROM = datetime(2026, 2, 15, 10, tzinfo=ZONE)
"""The flows go live at this tick: a Sunday."""
TODAY = datetime(2026, 3, 2, 10, tzinfo=ZONE)
"""The instant of the preview: a Monday morning here, the middle of the night in Europe."""
LAST_DAY = date(2026, 3, 8)
"""Some events are later than the preview; for it they have not happened."""
SALE = date(2025, 12, 1)
"""After this sale many stayed away; 90 days later they have gone quiet."""
SEED = 2026
CUSTOMERS = 2000


class Dice:
    """Chance that falls the same on every machine: only ``Random.random`` is used."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to ``limit - 1``."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return True in so many of 100 cases."""
        return self.below(100) < percent

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[tuple[int, T]]) -> T:
        """Return one of the items, each as often as its weight says."""
        at = self.below(sum(weight for weight, _ in items))
        for weight, item in items:
            if at < weight:
                return item
            at -= weight
        raise AssertionError("weights are positive")


@dataclass(frozen=True)
class Region:
    """Where customers live."""

    country: str
    timezone: str
    locale: str
    dial: str
    names: Sequence[str]


@dataclass(frozen=True)
class Product:
    """One thing on the shelf; the price is in cents."""

    name: str
    category: str
    price: int


@dataclass(frozen=True)
class Persona:
    """How a customer shops; gaps are in days."""

    name: str
    gap: tuple[int, int]
    """Between two orders."""
    orders: tuple[int, int]
    loyal: int
    """Percent who never stop."""
    refers: int
    """Percent who bring a friend."""
    scores: Sequence[int]


_JAVA = ("Ayu", "Budi", "Citra", "Dewi", "Eka", "Fajar", "Gita", "Hadi", "Indah", "Joko", "Kartika",
         "Lestari", "Made", "Nur", "Putri", "Rizky", "Sari", "Tono", "Wulan", "Yanti")  # fmt: skip
_EAST = ("Andi", "Baso", "Dian", "Ester", "Frans", "Grace", "Maria", "Nyoman", "Ruth", "Yosef")
_ALPS = ("Anna", "Clemens", "Eva", "Florian", "Greta", "Jakob", "Lena", "Moritz", "Nora", "Paul",
         "Sophie", "Tobias")  # fmt: skip
_ISLES = ("Alice", "Ben", "Chloe", "Dylan", "Emily", "George", "Hannah", "Isla", "Jack", "Ruby")

REGIONS: tuple[tuple[int, Region], ...] = (
    (42, Region("ID", "Asia/Jakarta", "id-ID", "+6281100", _JAVA)),
    (14, Region("ID", "Asia/Makassar", "id-ID", "+6281200", _EAST)),
    (8, Region("ID", "Asia/Jayapura", "id-ID", "+6281300", _EAST)),
    (16, Region("AT", "Europe/Vienna", "de-AT", "+4366000", _ALPS)),
    (12, Region("DE", "Europe/Berlin", "en-GB", "+4915100", _ALPS)),
    (8, Region("GB", "Europe/London", "en-GB", "+4479460", _ISLES)),
)

BROKEN_ZONES = ("WIB", "GMT+7", "Asia/Yogyakarta", "europe/vienna", "n/a")
AWKWARD_NAMES = (
    "Siti Nur'aini", "<b>Bagus</b>", "Zoë 🌿", "{{ 7 * 7 }}", "Ni Luh Putu Ayu Kartika Sari Dewi",
)  # fmt: skip

PERSONAS: tuple[tuple[int, Persona], ...] = (
    (42, Persona("looker", (20, 60), (0, 0), 0, 1, (5, 6, 7, 8))),
    (26, Persona("taster", (30, 60), (1, 1), 0, 3, (3, 6, 7, 8, 9))),
    (22, Persona("regular", (28, 70), (2, 9), 55, 10, (6, 7, 8, 9, 9, 10))),
    (10, Persona("devotee", (12, 28), (5, 30), 85, 40, (8, 9, 9, 10, 10))),
)

PRODUCTS: tuple[Product, ...] = (
    Product("Gayo, 250 g", "coffee", 990),
    Product("Toraja, 250 g", "coffee", 1190),
    Product("Kintamani, 500 g", "coffee", 1890),
    Product("Wamena, 250 g", "coffee", 1290),
    Product("Java Preanger, 1 kg", "coffee", 3290),
    Product("Batik scarf, parang", "batik", 4900),
    Product("Batik shirt, mega mendung", "batik", 7900),
    Product("Sarong, tenun ikat", "batik", 11900),
    Product("Cushion cover, kawung", "home", 2400),
    Product("Rattan tray", "home", 3450),
    Product("Coconut bowl, pair", "home", 1650),
    Product("Vanilla, 3 pods", "spices", 1250),
    Product("Long pepper", "spices", 780),
    Product("Sambal trio", "spices", 1490),
)

HOURS: tuple[tuple[int, int], ...] = (
    (1, 0), (1, 6), (3, 7), (4, 8), (5, 9), (5, 10), (5, 11), (7, 12), (6, 13), (4, 14), (4, 15),
    (5, 16), (6, 17), (8, 18), (11, 19), (12, 20), (10, 21), (6, 22), (3, 23),
)  # fmt: skip
"""(weight, hour): when people shop, on their own clock."""
