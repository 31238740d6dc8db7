"""Buying as most people do: one card, a basket, a double click, another cashier, a return."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from demo.cast import Person
from demo.chronicle import Purchase
from demo.evening import Evening
from demo.mini_program import new_key
from demo.platforms import CHANNEL_OF

CLICKS: Final = 4


def buy_one(evening: Evening, person: Person) -> None:
    """Buy a card and look at its code."""
    purchase = _bought(evening, person, [line(evening.some_sku(person))])
    if purchase:
        evening.reveal(person, purchase)


def buy_basket(evening: Evening, person: Person) -> None:
    """Buy several units of several things in one order and look at every code."""
    skus = {evening.some_sku(person) for _ in range(2)} | {evening.special_sku}
    lines = [line(sku, person.draw.randint(1, 3)) for sku in sorted(skus)]
    purchase = _bought(evening, person, lines)
    if purchase:
        evening.reveal(person, purchase)


def buy_and_keep(evening: Evening, person: Person) -> None:
    """Buy a card and leave it unseen in the wallet, where no codes are."""
    purchase = _bought(evening, person, [line(evening.some_sku(person))])
    if purchase:
        for card in person.program.cards(purchase.order_id):
            evening.chronicle.probe("the wallet lists no codes", "False", "code" in card)


def click_twice(evening: Evening, person: Person) -> None:
    """Press "buy" several times at once: one key, so one order and one answer."""
    lines, key = [line(evening.special_sku)], new_key()
    with ThreadPoolExecutor(CLICKS) as fingers:
        answers = list(fingers.map(lambda _: person.program.place(lines, key=key), range(CLICKS)))
    same = all(answer.body == answers[0].body and answer.is_ok for answer in answers)
    evening.chronicle.probe("one key is one order", "True", same)
    other = person.program.place([line(evening.special_sku, 2)], key=key)
    evening.chronicle.probe(
        "a key is not used for anything else", "idempotency_key_reused", other.code
    )
    if not answers[0].is_ok:
        return
    purchase = evening.remember(person, answers[0], ("fulfilled",))
    if evening.pay(person, purchase) and evening.wait_for(person, purchase, "fulfilled"):
        evening.reveal(person, purchase)


def switch_cashier(evening: Evening, person: Person) -> None:
    """Open a trade on one platform and pay on the other: the first can no longer be paid."""
    purchase = evening.buy(person, [line(evening.some_sku(person))])
    if purchase is None:
        return
    first, second = CHANNEL_OF[person.platform], CHANNEL_OF[person.other_platform]
    params = evening.go_to_cashier(person, purchase, first)
    if params is None or not evening.pay(person, purchase, second):
        return
    is_paid_again = evening.confirm(purchase, first, params)
    evening.chronicle.probe("a trade left behind cannot be paid", "False", is_paid_again)
    if evening.wait_for(person, purchase, "fulfilled"):
        evening.reveal(person, purchase)
        evening.chronicle.tell(f"{person} changed from {first} to {second} at the cashier")


def buy_then_return(evening: Evening, person: Person) -> None:
    """Buy two cards, see none, and give both back."""
    purchase = _bought(evening, person, [line(evening.some_sku(person)), *_more(evening, person)])
    if purchase is None:
        return
    answer = person.program.refund(purchase.order_id)
    evening.chronicle.probe("unseen cards may go back", "201", answer.status)
    purchase.hoped = frozenset({"refunded"})
    evening.chronicle.count("refunds asked for")
    evening.chronicle.tell(f"{person} gives everything back: {_yuan(purchase.total_fen)}")


def return_in_parts(evening: Evening, person: Person) -> None:
    """Buy three, look at one, give one back, then the other; the one that was seen stays."""
    purchase = _bought(evening, person, [line(evening.special_sku, 3)])
    if purchase is None:
        return
    evening.reveal(person, purchase, most=1)
    line_id = person.program.order(purchase.order_id).body["lines"][0]["id"]
    for what in ({"line_id": line_id, "quantity": 1}, {}):
        answer = person.program.refund(purchase.order_id, **what)
        evening.chronicle.probe("unseen cards may go back", "201", answer.status)
        evening.chronicle.count("refunds asked for")
        evening.wait_for(person, purchase, "fulfilled")
    answer = person.program.refund(purchase.order_id)
    evening.chronicle.probe("seen cards stay", "orders.not_refundable", answer.code)
    evening.chronicle.tell(f"{person} kept the one card they had looked at and gave back two")


def regret(evening: Evening, person: Person) -> None:
    """Look at the code first and want the money back then."""
    purchase = _bought(evening, person, [line(evening.some_sku(person))])
    if purchase is None:
        return
    evening.reveal(person, purchase)
    answer = person.program.refund(purchase.order_id)
    evening.chronicle.probe("seen cards stay", "orders.not_refundable", answer.code)


def buy_the_last(evening: Evening, person: Person) -> None:
    """Buy what somebody else let lapse."""
    purchase = _bought(evening, person, [line(evening.rare_sku)])
    if purchase:
        evening.reveal(person, purchase)


def line(sku_id: str, quantity: int = 1) -> dict[str, Any]:
    """Return a line of an order."""
    return {"sku_id": sku_id, "quantity": quantity}


def _bought(evening: Evening, person: Person, lines: list[dict[str, Any]]) -> Purchase | None:
    """Order, pay and wait for the delivery."""
    purchase = evening.buy(person, lines)
    if purchase is None or not evening.pay(person, purchase):
        return None
    is_there = evening.wait_for(person, purchase, "fulfilled")
    return purchase if is_there else None


def _more(evening: Evening, person: Person) -> list[dict[str, Any]]:
    """Return a second line for some."""
    return [line(evening.special_sku)] if person.draw.random() < 0.5 and evening.offers else []


def _yuan(fen: int) -> str:
    return f"¥{fen // 100}.{fen % 100:02d}"
