"""What must hold of the flash sale after the evening, each a pure function of the facts."""

from collections import Counter
from typing import Final

from demo.checks import Looks, Named, status_of
from demo.facts import Facts
from demo.sale_record import SaleRecord

NOT_STARTED: Final = "not_started"
DELIVERED: Final = "fulfilled"
LAPSED: Final = "closed"


def never_more_than_stock(facts: Facts) -> Looks:
    """Whenever somebody looked, no more units were sold than there are."""
    for look in _looks(facts):
        fits = 0 <= look["sold"] <= _sale(facts).stock == look["stock"]
        yield None if fits else f"{look['at']}: {look['sold']} of {look['stock']} sold"


def sold_is_stock(facts: Facts) -> Looks:
    """In the end every unit is sold and paid for, no more and no fewer."""
    sold = units_ended(facts, DELIVERED)
    stock = _sale(facts).stock
    yield None if sold == stock else f"{sold} units are with members, {stock} were there"


def live_numbers_agree(facts: Facts) -> Looks:
    """What the operator saw at the end is what the members know."""
    sale = _sale(facts)
    ours = {
        "stock": sale.stock,
        "sold": units_ended(facts, DELIVERED),
        "left": sale.stock - units_ended(facts, DELIVERED),
        "paid_percent": 100,
        "waiting": sale.still_waiting,
    }
    for name, number in ours.items():
        seen = sale.last_look.get(name)
        yield None if seen == number else f"{name}: {seen} seen, {number} counted"


def nobody_beyond_the_limit(facts: Facts) -> Looks:
    """No member has more units than the limit allows."""
    limit, units = _sale(facts).limit, Counter[int]()
    for order_id, granted in _sale(facts).granted().items():
        if _status(facts, order_id) != LAPSED:
            units[granted.member] += granted.quantity
    for member, number in units.items():
        yield None if number <= limit else f"member {member} has {number} units"


def winners_are_served(facts: Facts) -> Looks:
    """Every order that was granted is delivered, or closed since it was not paid for."""
    for order_id in _sale(facts).granted():
        status = _status(facts, order_id)
        yield None if status in (DELIVERED, LAPSED) else f"an order is {status}"


def repeats_are_one_order(facts: Facts) -> Looks:
    """A claim that was sent again under its key got the order it had."""
    for (member, _), answers in _sale(facts).repeats().items():
        orders = {one.order_id for one in answers}
        yield None if len(orders) == 1 else f"member {member} got {len(orders)} orders for one key"


def claims_outlive_redis(facts: Facts) -> Looks:
    """A claim granted before Redis was lost is known after it, as the same order."""
    sale = _sale(facts)
    for loss in sale.losses:
        for (member, _), answers in sale.repeats().items():
            before = {one.order_id for one in answers if one.heard_at < loss.at}
            after = {one.order_id for one in answers if one.sent_at > loss.back_at}
            if before and after:
                yield None if before == after else f"member {member}: another order after the loss"


def selling_goes_on(facts: Facts) -> Looks:
    """Units were granted before Redis was lost, and after it."""
    granted = _sale(facts).granted().values()
    for loss in _sale(facts).losses:
        before = sum(one.quantity for one in granted if one.claimed_before(loss.at))
        after = sum(one.quantity for one in granted) - before
        yield None if before and after else f"{before} units before the loss, {after} after it"


def nobody_before_the_opening(facts: Facts) -> Looks:
    """Who came too early was told so, and no claim is older than the opening."""
    sale = _sale(facts)
    for one in sale.attempts:
        if one.code == NOT_STARTED:
            words = f"member {one.member} was told to wait after the opening"
            yield None if one.sent_at < sale.starts_at else words
        elif one.heard_at < sale.starts_at:
            yield f"member {one.member} was answered {one.code or one.status} before the opening"
        if one.claimed_at is not None and one.claimed_at < sale.starts_at:
            yield f"member {one.member} claimed before the opening"


def refused_have_no_order(facts: Facts) -> Looks:
    """Whoever was never granted anything has no order."""
    winners = {one.member for one in _sale(facts).granted().values()}
    for member, orders in _sale(facts).orders_of_refused.items():
        if member not in winners:
            yield None if orders == 0 else f"member {member} was refused and has {orders} orders"


def lapsed_units_sold_again(facts: Facts) -> Looks:
    """Units that somebody let lapse were sold again: as many as were given up are with others."""
    lapsed = units_ended(facts, LAPSED)
    if lapsed:
        again = _sale(facts).units_granted() - _sale(facts).stock
        taken = sum(one.quantity for one in _sale(facts).granted().values() if one.is_offer)
        fits = again == lapsed and taken > 0
        words = f"{lapsed} units lapsed, {again} were sold again, {taken} of them by an offer"
        yield None if fits else words


def _sale(facts: Facts) -> SaleRecord:
    if facts.sale is None:
        raise LookupError("there was no flash sale")
    return facts.sale


def _looks(facts: Facts) -> list[dict[str, int]]:
    return [dict(look) for look in _sale(facts).looks]


def units_ended(facts: Facts, status: str) -> int:
    """Count the units of the granted orders that ended so."""
    return sum(
        one.quantity
        for order_id, one in _sale(facts).granted().items()
        if _status(facts, order_id) == status
    )


def _status(facts: Facts, order_id: str) -> str:
    for purchase in facts.purchases:
        if purchase.order_id == order_id:
            return status_of(purchase)
    return "unknown"


FLASH_CHECKS: Final[tuple[Named, ...]] = (
    ("flash sale: never more sold than there is", never_more_than_stock),
    ("flash sale: sold == stock in the end", sold_is_stock),
    ("flash sale: the operator's live numbers agree", live_numbers_agree),
    ("flash sale: nobody is beyond the limit", nobody_beyond_the_limit),
    ("flash sale: winners' orders are delivered or closed", winners_are_served),
    ("flash sale: a repeated claim is one order", repeats_are_one_order),
    ("flash sale: claims outlive the loss of Redis", claims_outlive_redis),
    ("flash sale: selling goes on after the loss", selling_goes_on),
    ("flash sale: nobody gets in before the opening", nobody_before_the_opening),
    ("flash sale: who was refused has no order", refused_have_no_order),
    ("flash sale: lapsed units were sold again", lapsed_units_sold_again),
)
