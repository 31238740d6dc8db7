"""Straying from the way: paying late, twice, after cancelling or not at all, prying, forging."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from demo.buying import line
from demo.cast import Person
from demo.chronicle import Purchase
from demo.evening import Evening
from demo.platforms import CHANNEL_OF

REFUSED: Final = ("400", "401", "409")
NOTICES: Final = {"wechat_pay": "wechat_pay.notice", "alipay": "alipay.notice"}
CLOSINGS: Final = {"wechat_pay": "wechat_pay.close", "alipay": "alipay.trade_close"}


def order_and_forget(evening: Evening, person: Person) -> None:
    """Order, perhaps look at the cashier, and forget about it."""
    purchase = evening.buy(person, [line(evening.special_sku, 2)], hoped=("closed",))
    if purchase:
        person.mind["purchase"] = purchase
        if person.draw.random() < 0.7:
            person.mind["params"] = evening.go_to_cashier(person, purchase)


def remember_too_late(evening: Evening, person: Person) -> None:
    """Try to pay when the order has lapsed: the platform has closed the trade."""
    purchase = person.mind["purchase"]
    if not evening.wait_for(person, purchase, "closed"):
        return
    params = person.mind.get("params")
    if params:
        is_paid = evening.confirm(purchase, CHANNEL_OF[person.platform], params)
        evening.chronicle.probe("a lapsed order cannot be paid", "False", is_paid)
    evening.chronicle.tell(f"{person} never paid: the cards are for sale again")


def dawdle(evening: Evening, person: Person) -> None:
    """Open a trade and dawdle, while the platform wrongly says that the trade is closed."""
    purchase = evening.buy(person, [line(evening.special_sku)])
    if purchase:
        dawdle_over(evening, person, purchase)


def dawdle_over_the_rare(evening: Evening, person: Person) -> None:
    """The same with something that somebody else will buy meanwhile."""
    purchase = evening.buy(person, [line(evening.rare_sku)], hoped=("closed",))
    if purchase:
        dawdle_over(evening, person, purchase)


def see_it_lapse(evening: Evening, person: Person) -> None:
    """Let the order lapse."""
    if "purchase" in person.mind:
        evening.wait_for(person, person.mind["purchase"], "closed")


def pay_late(evening: Evening, person: Person) -> None:
    """Pay for a lapsed order: it is revived when the cards can be had, else the money returns."""
    purchase: Purchase | None = person.mind.get("purchase")
    params = person.mind.get("params")
    if purchase is None or params is None or not evening.wait_for(person, purchase, "closed"):
        return
    if not evening.confirm(purchase, CHANNEL_OF[person.platform], params):
        purchase.hoped |= {"closed"}  # a slow evening: by now it is too late for the platform, too
        return
    evening.chronicle.count("late payments")
    if "fulfilled" not in purchase.hoped:
        evening.chronicle.tell(f"{person} pays late for what is sold out: the money goes back")
    elif evening.wait_for(person, purchase, "fulfilled"):
        evening.reveal(person, purchase)
        evening.chronicle.tell(f"{person} pays late: the order is revived")


def pay_at_the_last_moment(evening: Evening, person: Person) -> None:
    """Confirm at the very moment at which the order lapses."""
    hoped = ("fulfilled", "closed")
    purchase = evening.buy(person, [line(evening.special_sku)], hoped=hoped)
    params = evening.go_to_cashier(person, purchase) if purchase else None
    if purchase is None or params is None:
        return
    left = datetime.fromisoformat(purchase.pay_by) - datetime.now(UTC)
    time.sleep(max(left.total_seconds() + person.draw.uniform(-0.3, 1.2), 0))
    is_paid = evening.confirm(purchase, CHANNEL_OF[person.platform], params)
    evening.wait_for(person, purchase, *hoped)
    words = "is in time" if is_paid else "is too late, and nothing was taken"
    evening.chronicle.tell(f"{person} pays in the last second and {words}")


def cancel(evening: Evening, person: Person) -> None:
    """Open a trade and cancel; some closings do not hear the platform's answer."""
    purchase = evening.buy(person, [line(evening.some_sku(person))], hoped=("closed",))
    params = evening.go_to_cashier(person, purchase) if purchase else None
    if purchase is None or params is None:
        return
    channel = CHANNEL_OF[person.platform]
    if person.draw.random() < 0.5:
        trade = evening.platforms.open_trade(channel, person.open_ids[person.platform])
        evening.platforms.trouble(
            CLOSINGS[channel],
            "timeout_after_acting",
            delay_seconds=0.5,
            match={"out_trade_no": trade["out_trade_no"]},
        )
    evening.chronicle.probe("cancelled", "200", person.program.cancel(purchase.order_id).status)
    if evening.wait_for(person, purchase, "closed"):
        is_paid = evening.confirm(purchase, channel, params)
        evening.chronicle.probe("a cancelled order cannot be paid", "False", is_paid)
    evening.chronicle.count("cancelled")


def cancel_and_pay(evening: Evening, person: Person) -> None:
    """Cancel, and pay all the same because the platform lied about closing: the money returns."""
    purchase = evening.buy(person, [line(evening.some_sku(person))], hoped=("closed",))
    if purchase is None:
        return
    dawdle_over(evening, person, purchase)
    params = person.mind.get("params")
    if params is None:
        return
    person.program.cancel(purchase.order_id)
    evening.chronicle.count("cancelled")
    if evening.wait_for(person, purchase, "closed"):
        is_paid = evening.confirm(purchase, CHANNEL_OF[person.platform], params)
        evening.chronicle.probe("late money reaches us", "True", is_paid)
        evening.chronicle.tell(f"{person} pays for a cancelled order: the money goes back")


def pay_twice(evening: Evening, person: Person) -> None:
    """Pay on both platforms, because the first wrongly said that its trade was closed."""
    purchase = evening.buy(person, [line(evening.some_sku(person))])
    if purchase is None:
        return
    dawdle_over(evening, person, purchase)
    params = person.mind.get("params")
    if params is None or not evening.pay(person, purchase, CHANNEL_OF[person.other_platform]):
        return
    is_paid = evening.confirm(purchase, CHANNEL_OF[person.platform], params)
    evening.chronicle.probe("the second payment reaches us", "True", is_paid)
    evening.chronicle.count("double payments")
    evening.chronicle.tell(f"{person} pays on both platforms: one of the two goes back")
    if evening.wait_for(person, purchase, "fulfilled"):
        evening.reveal(person, purchase)


def pay_unheard(evening: Evening, person: Person) -> None:
    """Pay while every notice of it is lost: the shop asks by itself."""
    _pay_misreported(evening, person, "drop", times=None)


def pay_misheard(evening: Evening, person: Person) -> None:
    """Pay while the first notice has another amount, or a bad signature."""
    kind = "wrong_amount" if person.number // 2 % 2 else "bad_signature"
    _pay_misreported(evening, person, kind, times=1)


def pry(evening: Evening, person: Person) -> None:
    """Try what belongs to others: their cards, their orders."""
    others = [reveal for reveal in evening.chronicle.reveals if reveal.member != person.number]
    orders = [one for one in evening.chronicle.purchases if one.member != person.number]
    program = person.program
    for reveal in person.draw.sample(others, min(3, len(others))):
        answer = program.reveal(reveal.card_id)
        evening.chronicle.probe("others' cards stay closed", "404", answer.status)
        if answer.is_ok:
            evening.chronicle.add_reveal(replace(reveal, member=person.number))
    for purchase in person.draw.sample(orders, min(2, len(orders))):
        tries = (
            program.order(purchase.order_id),
            program.cancel(purchase.order_id),
            program.refund(purchase.order_id),
            program.pay(purchase.order_id, CHANNEL_OF[person.platform]),
        )
        for answer in tries:
            evening.chronicle.probe("others' orders are not to be seen", "404", answer.status)
        evening.chronicle.probe(
            "others' orders list no cards", "0", len(program.cards(purchase.order_id))
        )
    evening.chronicle.tell(f"{person} pries into others' cards and orders, and sees nothing")


def be_forged(evening: Evening, person: Person) -> None:
    """Have somebody tell the shop that an unpaid order is paid, in several false ways."""
    channel = CHANNEL_OF[person.platform]
    genuine = evening.buy(person, [line(evening.special_sku)])
    params = evening.go_to_cashier(person, genuine) if genuine else None
    if genuine is None or params is None:
        return
    told = evening.platforms.pay(channel, params).body
    genuine.paid[told["out_trade_no"]] = channel
    evening.chronicle.count("payments")
    evening.wait_for(person, genuine, "fulfilled")
    target = evening.buy(person, [line(evening.special_sku)], hoped=("closed",))
    if target is None or evening.go_to_cashier(person, target) is None:
        return
    trade = evening.platforms.open_trade(channel, person.open_ids[person.platform])
    for name, forgery in forgeries(channel, trade).items():
        status = evening.platforms.forge(channel, {"notice_id": told["notice_id"], **forgery})
        evening.chronicle.probe(f"forged notices refused ({name})", REFUSED, status)
        seen = person.program.order(target.order_id).body
        # On a slow machine its time may be over by now; paid it must not be.
        stands = "pending" if seen.get("status") == "closed" else seen.get("status")
        evening.chronicle.probe("forged notices change nothing", "pending", stands)
    evening.chronicle.tell(f"somebody forges notices about {person}'s order: none is believed")


def forgeries(channel: str, trade: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return false notices of a payment of this trade, by what is false about them."""
    number, fen = trade["out_trade_no"], trade["total_fen"]
    if channel == "wechat_pay":
        told = {"out_trade_no": number, "transaction_id": f"4200{number[-20:]}"}
        right = {**told, "amount": {"total": fen, "payer_total": fen}}
        wrong = {**told, "amount": {"total": fen - 1, "payer_total": fen - 1}}
        return {
            "wrong amount": {"plain": wrong},
            "bad signature": {"plain": right, "key": "stranger"},
            "other merchant": {"plain": {**right, "mchid": "1900000001"}},
        }
    told = {"out_trade_no": number, "trade_no": trade["trade_no"]}
    right = {**told, "total_amount": f"{fen // 100}.{fen % 100:02d}"}
    wrong = {**told, "total_amount": f"{(fen - 1) // 100}.{(fen - 1) % 100:02d}"}
    return {
        "wrong amount": {"fields": wrong},
        "bad signature": {"fields": right, "key": "stranger"},
        "other merchant": {"fields": {**right, "seller_id": "2088000000000001"}},
    }


def dawdle_over(evening: Evening, person: Person, purchase: Purchase) -> None:
    """Open a trade of which the platform will wrongly say that it is closed."""
    person.mind["purchase"] = purchase
    person.mind["params"] = evening.go_to_cashier(person, purchase)
    if person.mind["params"]:
        channel = CHANNEL_OF[person.platform]
        trade = evening.platforms.open_trade(channel, person.open_ids[person.platform])
        evening.platforms.believe_closed(channel, trade["out_trade_no"])


def _pay_misreported(evening: Evening, person: Person, kind: str, *, times: int | None) -> None:
    purchase = evening.buy(person, [line(evening.some_sku(person))])
    params = evening.go_to_cashier(person, purchase) if purchase else None
    if purchase is None or params is None:
        return
    channel = CHANNEL_OF[person.platform]
    trade = evening.platforms.open_trade(channel, person.open_ids[person.platform])
    match = {"out_trade_no": trade["out_trade_no"]}
    evening.platforms.trouble(NOTICES[channel], kind, times=times, match=match)
    since = time.monotonic()
    if evening.confirm(purchase, channel, params):
        is_found = evening.wait_for(person, purchase, "fulfilled")
        evening.chronicle.probe("lost and false notices are made up for", "True", is_found)
        took = time.monotonic() - since
        evening.chronicle.tell(
            f"{person} pays, and the notice fails ({kind}): delivered after {took:.0f} s"
        )
        evening.reveal(person, purchase)
