"""What the sample shop's customers did: a year of visits, carts, orders and answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from orchestrator.demo import shop
from orchestrator.demo.people import Person, Row, moment, written
from orchestrator.demo.shop import Dice, Product

Dated = tuple[datetime, Row]
_END = datetime.combine(shop.LAST_DAY, datetime.max.time(), shop.ZONE)
_SINCE = timedelta(days=365)
_SPEAKS = ("", "", "", "lovely parcel", "too slow", "terima kasih!")


def history(customers: list[Person], seed: int = shop.SEED) -> list[Row]:
    """Return the events of a year, in order of time, each with an id of its own."""
    dated = [
        event for person in customers for event in _of(person, Dice(seed * 7_919 + person.number))
    ]
    dated += _strangers()
    dated.sort(key=lambda event: (event[0], str(event[1]["customer_id"]), str(event[1]["event"])))
    kept = [event for event in dated if _END - _SINCE <= event[0] <= _END]
    rows = [{"id": f"e{number:06}", **row} for number, (_, row) in enumerate(kept, 1)]
    return _with_oddities(rows)


def _of(person: Person, dice: Dice) -> Iterator[Dated]:
    yield _event(
        person, person.joined, "signed_up", source=dice.pick(("shop", "app", "fair", "friend"))
    )
    orders = list(_order_days(person, dice))
    for day in orders:
        yield from _shopping(person, day, dice, buys=True)
    last = orders[-1] if orders and not _stays(person) else shop.LAST_DAY
    for day in _looking_days(person, last, dice):
        yield from _shopping(person, day, dice, buys=False)
    yield from _voices(person, orders, dice)


def _stays(person: Person) -> bool:
    return person.number * 37 % 100 < person.persona.loyal


def _order_days(person: Person, dice: Dice) -> Iterator[date]:
    """Yield the local days of a customer's orders; the sale was the last for many."""
    first = person.joined.astimezone(person.zone).date()
    leaves = not _stays(person) and dice.chance(55)
    day = first + timedelta(days=dice.between(0, 18))
    for _ in range(dice.between(*person.persona.orders)):
        if leaves and day >= shop.SALE > first:
            yield shop.SALE + timedelta(days=dice.weighted(((1, -1), (3, 0), (1, 1))))
            return
        if day > shop.LAST_DAY:
            return
        yield day
        day += timedelta(days=dice.between(*person.persona.gap))


def _looking_days(person: Person, last: date, dice: Dice) -> Iterator[date]:
    """Yield days of visits without an order, more of them on Sundays."""
    day = person.joined.astimezone(person.zone).date()
    stop = last if last < shop.LAST_DAY else day + timedelta(days=dice.between(3, 300))
    while day <= min(stop, shop.LAST_DAY):
        yield day
        day += timedelta(days=dice.between(4, 38))
        if dice.chance(25):
            day += timedelta(days=6 - day.weekday())


def _shopping(person: Person, day: date, dice: Dice, *, buys: bool) -> Iterator[Dated]:
    """Yield one visit: views, perhaps a cart, perhaps an order."""
    at = max(moment(dice, day, person.zone), person.joined + timedelta(minutes=2))
    basket = [dice.pick(shop.PRODUCTS) for _ in range(dice.between(1, 3))]
    for product in basket:
        yield _event(person, at, "viewed_product", product=product.name, category=product.category,
                     price=_euro(product.price))  # fmt: skip
        at += timedelta(minutes=dice.between(1, 9))
    if buys or dice.chance(46):
        cart = f"k{person.number:04}{day:%y%m%d}"
        kept = basket[: dice.between(1, len(basket))]
        yield _cart(person, at, cart, kept)
        if buys:
            at += timedelta(minutes=dice.between(2, 150))
            yield _order(person, at, cart, kept, dice)


def _cart(person: Person, at: datetime, cart: str, basket: list[Product]) -> Dated:
    value = sum(product.price for product in basket)
    return _event(person, at, "cart_updated", cart_id=cart, cart_value=_euro(value),
                  items=len(basket), product=basket[0].name)  # fmt: skip


def _order(person: Person, at: datetime, cart: str, basket: list[Product], dice: Dice) -> Dated:
    amount = sum(product.price for product in basket)
    return _event(
        person,
        at,
        "purchase",
        order_id=f"o{cart[1:]}",
        cart_id=cart,
        amount=_euro(amount),
        category=basket[0].category,
        status="paid" if dice.chance(95) else "refused",
    )


def _voices(person: Person, orders: list[date], dice: Dice) -> Iterator[Dated]:
    """Yield what customers say: answers to surveys, friends they brought."""
    for day in orders:
        if dice.chance(9):
            yield _answer(
                person, moment(dice, day + timedelta(days=dice.between(1, 6)), person.zone), dice
            )
    if len(orders) > 1 and dice.chance(12):
        asked = shop.TODAY - timedelta(minutes=dice.between(5, 17 * 60))
        yield _answer(person, asked, dice)
    if orders and dice.chance(person.persona.refers):
        at = moment(dice, dice.pick(orders) + timedelta(days=dice.between(2, 40)), person.zone)
        yield _event(person, at, "referral_sent", via=dice.pick(("whatsapp", "mail", "link")))
        if dice.chance(40):
            yield _event(person, at + timedelta(days=3), "referral_converted", reward="10.00")


def _answer(person: Person, at: datetime, dice: Dice) -> Dated:
    score, comment = dice.pick(person.persona.scores), dice.pick(_SPEAKS)
    return _event(
        person, at, "nps_answered", score=score, **({"comment": comment} if comment else {})
    )


def _event(person: Person, at: datetime, name: str, **properties: object) -> Dated:
    return at, {"customer_id": person.id, "event": name, "at": written(at), **properties}


def _strangers() -> Iterator[Dated]:
    """Yield visits of people whom the customer file does not know."""
    for number in range(1, 4):
        at = shop.TODAY - timedelta(days=9 * number)
        row: Row = {"customer_id": f"guest_{number}", "event": "viewed_product", "at": written(at),
                    "product": "Gayo, 250 g", "category": "coffee", "price": "9.90"}  # fmt: skip
        yield at, row


def _with_oddities(rows: list[Row]) -> list[Row]:
    """Repeat some lines and spoil some values, as real exports do."""
    orders = [row for row in rows if row["event"] == "purchase"]
    for row in orders[7::900]:
        row["amount"] = "n/a"
    again = [dict(row) for row in rows[500::6000]]
    return rows + again


def _euro(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
