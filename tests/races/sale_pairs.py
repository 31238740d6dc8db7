"""Dangerous pairs of a flash sale: two acts on it, and what must be true whoever was first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from app.reactions import REACTIONS
from flash_sale.batch import Claimed
from flash_sale.models import ClaimStatus, SaleMode, WaitStatus
from kit.outbox import relay
from shop.orders.models import OrderStatus
from tests.factories.sales import OFFER, WINDOW, Deal, SaleBench
from tests.races.sales import claimed_of, taken

SECOND = timedelta(seconds=1)
S = WaitStatus


@dataclass
class Pair:
    """Two acts on one sale, and what must be true in the end, whoever was first."""

    one: Callable[[], Any]
    other: Callable[[], Any]
    check: Callable[[list[Any]], bool]


def tell(shop: SaleBench, number: str) -> Callable[[], None]:
    """Return the act of a notice and the worker that brings its news to the claims."""

    def act() -> None:
        shop.notify(number)
        relay(shop.begin, REACTIONS, now=shop.now)

    return act


def close(shop: SaleBench) -> None:
    """Be scheduler and worker when the time for paying is over."""
    shop.sweep("close")
    relay(shop.begin, REACTIONS, now=shop.now)


def claim_and_claim(shop: SaleBench) -> Pair:
    """C45: two batches and the last units: as many are sold as there are."""
    campaign_id = shop.sale(Deal(units=3))
    batches = [[shop.wanted(), shop.wanted()] for _ in range(2)]

    def check(results: list[Any]) -> bool:
        return len(claimed_of(results)) == taken(shop.claims(campaign_id)) == 3

    one, other = (partial(shop.commit, campaign_id, *some) for some in batches)
    return Pair(one, other, check)


def same_members(shop: SaleBench) -> Pair:
    """C53: two batches with the same people, in another order: one unit for each."""
    campaign_id = shop.sale(Deal(units=9))
    people = [shop.member() for _ in range(2)]
    one, other = (
        partial(shop.commit, campaign_id, *[shop.wanted(member) for member in some])
        for some in (people, people[::-1])
    )

    def check(results: list[Any]) -> bool:
        return len(claimed_of(results)) == taken(shop.claims(campaign_id)) == 2

    return Pair(one, other, check)


def claim_and_lapse(shop: SaleBench) -> Pair:
    """C57: a claim while the only unit comes back: it is sold, or free for the next."""
    campaign_id, (claimed,) = shop.sold_out()
    shop.now = claimed.pay_by
    wanted = shop.wanted()

    def check(results: list[Any]) -> bool:
        is_sold = bool(claimed_of(results[:1]))
        return taken(shop.claims(campaign_id)) == is_sold == 1 - shop.free_units(campaign_id)

    return Pair(partial(shop.commit, campaign_id, wanted), partial(close, shop), check)


def claim_and_lapse_with_queue(shop: SaleBench) -> Pair:
    """The same with somebody in the queue: the unit is the claimer's or set aside."""
    campaign_id, (claimed,) = shop.sold_out()
    wait = shop.wait(campaign_id)
    shop.now = claimed.pay_by
    wanted = shop.wanted()

    def check(results: list[Any]) -> bool:
        is_sold = bool(claimed_of(results[:1]))
        return shop.wait_of(wait).status is (S.WAITING if is_sold else S.OFFERED)

    return Pair(partial(shop.commit, campaign_id, wanted), partial(close, shop), check)


def take_and_lapse(shop: SaleBench) -> Pair:
    """In the offer's last second by one clock, at its end by the other."""
    campaign_id, (claimed,) = shop.sold_out()
    first, second = shop.wait(campaign_id), shop.wait(campaign_id)
    shop.lapse(claimed.order_id)
    shop.now += OFFER
    early = SaleBench(shop.begin, shop.now - SECOND, platforms=shop.platforms)

    def lapse() -> None:
        shop.sweep("lapse", "offer")

    def check(results: list[Any]) -> bool:
        told = shop.wait_of(first).status, shop.wait_of(second).status
        is_taken = isinstance(results[0], Claimed)
        return told == ((S.TAKEN, S.WAITING) if is_taken else (S.LAPSED, S.OFFERED))

    return Pair(partial(early.take, first), lapse, check)


def take_and_leave(shop: SaleBench) -> Pair:
    """In two tabs: the member takes the unit, or leaves."""
    campaign_id, (claimed,) = shop.sold_out()
    wait = shop.wait(campaign_id)
    shop.lapse(claimed.order_id)

    def check(results: list[Any]) -> bool:
        is_taken = isinstance(results[0], Claimed)
        is_free = shop.free_units(campaign_id) == 1
        return shop.wait_of(wait).status is (S.TAKEN if is_taken else S.LEFT) and (
            is_free is not is_taken
        )

    return Pair(partial(shop.take, wait), partial(shop.leave, wait), check)


def pay_and_lapse(shop: SaleBench) -> Pair:
    """C58: paid in time, told at the end: delivered, whoever is first."""
    campaign_id, (claimed,) = shop.sold_out()
    number = shop.start_payment(claimed.order_id).out_trade_no
    shop.wechat.pay(number)
    shop.now = claimed.pay_by

    def check(_: list[Any]) -> bool:
        (claim,) = shop.claims(campaign_id)
        is_delivered = shop.order(claimed.order_id).status is OrderStatus.FULFILLED
        return is_delivered and claim.status is ClaimStatus.PAID

    return Pair(tell(shop, number), partial(close, shop), check)


def late_payment_and_claim(shop: SaleBench) -> Pair:
    """Money for a unit that lapsed goes back, whoever has the unit now."""
    campaign_id, (claimed,) = shop.sold_out()
    number = shop.start_payment(claimed.order_id).out_trade_no
    shop.lapse(claimed.order_id)
    shop.wechat.pay(number, force=True)

    def check(results: list[Any]) -> bool:
        (refund,) = shop.refunds(claimed.order_id)
        return refund.reason.value == "late" and bool(claimed_of(results[1:]))

    return Pair(tell(shop, number), partial(shop.claim, campaign_id), check)


def offer_and_offer(shop: SaleBench) -> Pair:
    """Two relays, one unit: one is offered it."""
    campaign_id, (claimed,) = shop.sold_out()
    first, second = shop.wait(campaign_id), shop.wait(campaign_id)
    shop.cancel(claimed.order_id)

    def check(_: list[Any]) -> bool:
        return [shop.wait_of(wait).status for wait in (first, second)] == [S.OFFERED, S.WAITING]

    return Pair(partial(shop.sweep, "offer"), partial(shop.sweep, "offer"), check)


def settle_and_lapse(shop: SaleBench) -> Pair:
    """The campaign is settled while its last offer ends: its card is everybody's."""
    campaign_id, (claimed,) = shop.sold_out(Deal(units=1, window=timedelta(minutes=12)))
    wait = shop.wait(campaign_id)
    shop.lapse(claimed.order_id)
    shop.now += timedelta(minutes=2)
    shop.sweep("turn")

    def check(_: list[Any]) -> bool:
        is_lapsed = shop.wait_of(wait).status is S.LAPSED
        return is_lapsed and shop.campaign_row(campaign_id).status.value == "settled"

    return Pair(partial(shop.sweep, "settle"), partial(shop.sweep, "lapse"), check)


def register_and_draw(shop: SaleBench) -> Pair:
    """In the last moment by one clock: in the draw, or told that it is over; never before it."""
    campaign_id = shop.sale(Deal(units=1, terms={"mode": SaleMode.LOTTERY}))
    shop.wait(campaign_id)
    member = shop.member()
    early = SaleBench(shop.begin, shop.now + WINDOW - SECOND, platforms=shop.platforms)
    shop.now += WINDOW

    def draw() -> None:
        shop.sweep("turn")
        relay(shop.begin, REACTIONS, now=shop.now)

    def check(results: list[Any]) -> bool:
        waits = shop.waits(campaign_id)
        is_in = not isinstance(results[0], Exception)
        return sorted(wait.rank for wait in waits) == ([1, 2] if is_in else [1])

    return Pair(partial(early.wait, campaign_id, member), draw, check)


def join_and_end(shop: SaleBench) -> Pair:
    """In the last moment by one clock, while the campaign ends and is settled: nobody waits on."""
    campaign_id, (claimed,) = shop.sold_out()
    shop.pay(claimed.order_id)
    member = shop.member()
    early = SaleBench(shop.begin, shop.now + WINDOW - SECOND, platforms=shop.platforms)
    shop.now += WINDOW

    def end() -> None:
        shop.sweep("turn", "settle")
        relay(shop.begin, REACTIONS, now=shop.now)

    def check(results: list[Any]) -> bool:
        is_in = not isinstance(results[0], Exception)
        return [wait.status for wait in shop.waits(campaign_id)] == [S.OVER] * is_in

    return Pair(partial(early.wait, campaign_id, member), end, check)


PAIRS: list[Callable[[SaleBench], Pair]] = [
    claim_and_claim,
    same_members,
    claim_and_lapse,
    claim_and_lapse_with_queue,
    take_and_lapse,
    take_and_leave,
    pay_and_lapse,
    late_payment_and_claim,
    offer_and_offer,
    settle_and_lapse,
    register_and_draw,
    join_and_end,
]
