"""What must hold of groups and campaigns after the evening, each a pure function of the facts."""

from typing import Final

from demo.checks import Looks, Named, captured, refunded, rows_of, status_of
from demo.chronicle import Gathering, Purchase
from demo.facts import Facts


def ended_as_told(facts: Facts) -> Looks:
    """Every group came to the end that its story tells."""
    for one in facts.gatherings:
        hoped = "/".join(sorted(one.hoped))
        fits = _of(one, "status") in one.hoped
        yield None if fits else f"{one.story}: {_of(one, 'status')}, not {hoped}"


def formed_is_full(facts: Facts) -> Looks:
    """A formed group has its seats paid, or openly the house's, and shows nobody invented."""
    for one in _having(facts, "formed"):
        delivered = sum(status_of(order) == "fulfilled" for order in one.purchases)
        paid, house = int(_of(one, "seats_paid")), int(_of(one, "house_seats"))
        is_full = int(_of(one, "seats_required")) <= paid + house <= int(_of(one, "seats_max"))
        is_honest = len((one.seen or {}).get("members", [])) == paid
        fits = is_full and is_honest and house == one.house_seats and delivered == paid
        yield None if fits else f"{one.story}: {paid} paid, {house} house, {delivered} delivered"


def failed_is_repaid(facts: Facts) -> Looks:
    """Of a failed group every payment went back once, whole, and nobody has a card."""
    for one in _having(facts, "failed"):
        for order in one.purchases:
            if not order.paid:
                continue
            back = [row["amount_fen"] for row in rows_of(order, "refunds")]
            fits = back == [captured(order)] == [refunded(order)] and not order.cards
            yield None if fits else f"{order.order_no}: {back} of {captured(order)} fen back"


def price_is_the_same_for_all(facts: Facts) -> Looks:
    """In a formed group everybody paid its price in the end; the initiator perhaps a lower one."""
    for one in _having(facts, "formed"):
        price = int(_of(one, "price_fen"))
        for order in one.purchases:
            if status_of(order) != "fulfilled":
                continue
            kept = captured(order) - refunded(order)
            fits = kept == price or kept == one.initiator_price_fen == order.total_fen
            yield None if fits else f"{order.order_no}: {kept} fen kept, {price} fen is the price"


def campaigns_are_settled(facts: Facts) -> Looks:
    """Every campaign of the evening was opened, ended and settled by the scheduler."""
    for deal in facts.deals:
        status = (deal.seen or {}).get("status")
        yield None if status == "settled" else f"{deal.name} is {status}"


def set_aside_adds_up(facts: Facts) -> Looks:
    """Of what was set aside for a campaign, what nobody kept is for sale again."""
    for deal in facts.deals:
        kept = sum(_kept(order, deal.sku_id) for order in facts.purchases)
        words = f"{deal.name}: {deal.made} made, {deal.left} left, {kept} kept"
        yield None if deal.made == deal.left + kept else words


def _having(facts: Facts, status: str) -> list[Gathering]:
    return [one for one in facts.gatherings if _of(one, "status") == status]


def _of(one: Gathering, name: str) -> str:
    return str((one.seen or {}).get(name, 0))


def _kept(order: Purchase, sku_id: str) -> int:
    if status_of(order) == "closed":
        return 0
    lines = [line for line in rows_of(order, "lines") if line["sku_id"] == sku_id]
    return sum(line["quantity"] - line["refunded_quantity"] for line in lines)


GROUP_CHECKS: Final[tuple[Named, ...]] = (
    ("every group ended as its story says", ended_as_told),
    ("formed groups are full, and nobody in them is invented", formed_is_full),
    ("failed groups were repaid, each payment once", failed_is_repaid),
    ("the price of a group is the same for all", price_is_the_same_for_all),
    ("campaigns opened, ended and settled by themselves", campaigns_are_settled),
    ("what was set aside for campaigns adds up", set_aside_adds_up),
)
