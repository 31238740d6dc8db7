"""Dangerous pairs of a group in every order of their statements; then the auditor looks."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from group_buy.models import GroupStatus, SeatStatus
from kit.db import Begin
from kit.errors import DomainError
from shop.orders.models import OrderStatus
from tests.factories.groups import LASTS, LONG_AGO, GroupBench, Offer
from tests.races.interleaving import Actor, Choose, Driver, Plan, plans, sampled

EVERYDAY_SCHEDULES = 16
CHAOS_SCHEDULES = 600
SECOND = timedelta(seconds=1)
ENDS = (OrderStatus.FULFILLED, OrderStatus.REFUNDED, OrderStatus.CLOSED)
LATENESS = {"I16.orders_come_to_an_end", "I27.no_orphan_payment"}


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def shop(real_begin: Begin, now: datetime) -> GroupBench:
    """Return a shop whose transactions commit."""
    return GroupBench(real_begin, now)


@dataclass
class Pair:
    """Two acts on one group, and what must be true in the end, whoever was first."""

    one: Callable[[], Any]
    other: Callable[[], Any]
    check: Callable[[list[Any]], bool]


def tell(shop: GroupBench, number: str) -> Callable[[], None]:
    """Return the act of a notice and the worker that brings its news to the group."""

    def act() -> None:
        shop.notify(number)
        shop.relay_once()

    return act


def end(shop: GroupBench) -> Callable[[], None]:
    """Return the act of a scheduler at a deadline."""
    return lambda: shop.sweep("close", "decide")


def is_formed(shop: GroupBench, group_id: Any) -> Callable[[list[Any]], bool]:
    """Return a check that the group is formed and everybody in it has their card."""

    def check(_: list[Any]) -> bool:
        paid = [seat for seat in shop.seats(group_id) if seat.status is SeatStatus.PAID]
        orders = {shop.order(seat.order_id).status for seat in paid}
        is_whole = len(paid) == shop.group(group_id).seats_required
        return is_whole and orders == {OrderStatus.FULFILLED}

    return check


def is_failed(shop: GroupBench, group_id: Any) -> Callable[[list[Any]], bool]:
    """Return a check that the group failed and nobody's money is kept."""

    def check(_: list[Any]) -> bool:
        orders = [shop.order(seat.order_id) for seat in shop.seats(group_id)]
        is_even = all(order.status in ENDS[1:] for order in orders)
        once = all(
            len(shop.refunds(order.id)) == (order.status is OrderStatus.REFUNDED)
            for order in orders
        )
        return shop.group(group_id).status is GroupStatus.FAILED and is_even and once

    return check


def last_payment_and_deadline(shop: GroupBench, campaign_id: Any) -> Pair:
    """D62: paid a second before the end, told at the end: it counts, whoever is first."""
    group_id = shop.opened(campaign_id).group.id
    shop.now += LASTS - SECOND
    number = shop.pay(shop.join(group_id), is_told=False)
    shop.now += SECOND
    return Pair(tell(shop, number), end(shop), is_formed(shop, group_id))


def late_payment_and_deadline(shop: GroupBench, campaign_id: Any) -> Pair:
    """D62, D65: paid at the very end: it does not count, and goes back once."""
    group_id = shop.opened(campaign_id).group.id
    shop.now += LASTS - SECOND
    late = shop.join(group_id)
    number = shop.start_payment(late.order.id).out_trade_no
    shop.now += SECOND
    shop.wechat.pay(number)
    return Pair(tell(shop, number), end(shop), is_failed(shop, group_id))


def leave_and_form(shop: GroupBench, campaign_id: Any) -> Pair:
    """Whoever leaves is repaid and the group goes on, or it is formed and nobody leaves."""
    first = shop.opened(campaign_id)
    group_id, member = first.group.id, first.seat.member_id
    number = shop.pay(shop.join(group_id), is_told=False)

    def check(results: list[Any]) -> bool:
        if isinstance(results[1], DomainError):
            return is_formed(shop, group_id)(results)
        is_repaid = shop.order(first.order.id).status is OrderStatus.REFUNDED
        group = shop.group(group_id)
        return is_repaid and (group.status, group.seats_paid) == (GroupStatus.OPEN, 1)

    return Pair(tell(shop, number), lambda: shop.leave(group_id, member), check)


def leave_and_pay(shop: GroupBench, campaign_id: Any) -> Pair:
    """B35: a member leaves while their own payment comes in: repaid once, if it was booked."""
    group_id = shop.opened(campaign_id).group.id
    mine = shop.join(group_id)
    number = shop.pay(mine, is_told=False)

    def leave() -> None:
        shop.leave(group_id, mine.seat.member_id)
        shop.sweep("close")

    def check(results: list[Any]) -> bool:
        if isinstance(results[1], DomainError):  # it had just formed
            return is_formed(shop, group_id)(results)
        order, refunds = shop.order(mine.order.id), shop.refunds(mine.order.id)
        return order.status is OrderStatus.REFUNDED and len(refunds) == 1

    return Pair(tell(shop, number), leave, check)


def join_and_deadline(shop: GroupBench, campaign_id: Any) -> Pair:
    """In the last second by one clock, at the end by the other: nobody is left behind."""
    group_id, member = shop.opened(campaign_id).group.id, shop.member()
    shop.now += LASTS - SECOND
    before = GroupBench(shop.begin, shop.now)
    shop.now += SECOND
    return Pair(lambda: before.join(group_id, member), end(shop), is_failed(shop, group_id))


def two_payments_for_one_seat(shop: GroupBench, campaign_id: Any) -> Pair:
    """D61: a late one and one in time for the last seat: two are seated, one is repaid."""
    group_id = shop.opened(campaign_id).group.id
    late = shop.join(group_id)
    number = shop.start_payment(late.order.id).out_trade_no
    shop.now += timedelta(minutes=15)
    shop.sweep("close")
    shop.relay()
    in_time = shop.pay(shop.join(group_id), is_told=False)
    shop.wechat.pay(number, force=True)
    return Pair(tell(shop, number), tell(shop, in_time), is_formed(shop, group_id))


def move_and_target_leaves(shop: GroupBench, campaign_id: Any) -> Pair:
    """A late payer moves to a group whose only member is just leaving: seated, or repaid."""
    first = shop.opened(campaign_id)
    late = shop.join(first.group.id, may_move=True)
    number = shop.start_payment(late.order.id).out_trade_no
    shop.now += timedelta(minutes=15)
    shop.sweep("close")
    shop.relay()
    shop.pay(shop.join(first.group.id))
    other = shop.opened(campaign_id)
    shop.wechat.pay(number, force=True)

    def check(_: list[Any]) -> bool:
        seat, order = shop.seat(late.order.id), shop.order(late.order.id)
        is_seated = seat.group_id == other.group.id and order.status is OrderStatus.FULFILLED
        is_alone = seat.status is SeatStatus.PAID and order.is_held
        is_repaid = order.status is OrderStatus.REFUNDED and len(shop.refunds(order.id)) == 1
        return is_seated or is_alone or is_repaid

    return Pair(tell(shop, number), lambda: shop.leave(other.group.id, other.seat.member_id), check)


def decide_and_decide(shop: GroupBench, campaign_id: Any) -> Pair:
    """D71: two schedulers, one group, one end."""
    group_id = shop.opened(campaign_id).group.id
    shop.now += LASTS
    return Pair(end(shop), end(shop), is_failed(shop, group_id))


PAIRS: list[Callable[[GroupBench, Any], Pair]] = [
    last_payment_and_deadline,
    late_payment_and_deadline,
    leave_and_form,
    leave_and_pay,
    join_and_deadline,
    two_payments_for_one_seat,
    move_and_target_leaves,
    decide_and_decide,
]


def drawn(steps: list[int], seed: str, most: int) -> list[tuple[str, Choose]]:
    """Return every schedule of one and two turns, or as many drawn by lot, and coin tosses."""
    every: list[tuple[str, Choose]] = [
        (str(plan), plan.choose) for turns in (1, 2) for plan in plans(steps, turns=turns)
    ]
    rng = random.Random(seed)
    chosen = rng.sample(every, min(most * 3 // 4, len(every)))
    tosses = range(most - len(chosen))
    return chosen + [(f"{seed}/{toss}", sampled(f"{seed}/{toss}")) for toss in tosses]


@pytest.mark.race
class TestGroupInterleavings:
    """Every pair, many schedules: the check holds and the auditor finds nothing."""

    @pytest.mark.parametrize("pair_of", PAIRS, ids=lambda pair_of: pair_of.__name__)
    def test_d62_every_order_of_statements_ends_well(
        self,
        shop: GroupBench,
        driver: Driver,
        pair_of: Callable[[GroupBench, Any], Pair],
        is_chaos: bool,
    ) -> None:
        """A seeded sample every day, in a long run all of one turn and most of two."""
        most = CHAOS_SCHEDULES if is_chaos else EVERYDAY_SCHEDULES
        offer = Offer(seats=2, units=4 * most + 20, window=timedelta(days=80))
        campaign_id = shop.campaign(offer)
        steps = [0, 0]
        for whose in (0, 1):  # each before the other, to learn how many gates it passes
            plan = Plan(whose, ()).choose
            steps[whose] = self.play(shop, driver, campaign_id, pair_of, plan)[whose].steps
        for name, choose in drawn(steps, pair_of.__name__, most):
            self.play(shop, driver, campaign_id, pair_of, choose, name)
        shop.finish()
        assert shop.violations(with_books=True) == []
        assert shop.failed == 0
        assert driver.schedules == most + 2
        print(f"{pair_of.__name__}: {steps} statements, {driver.schedules} schedules")  # noqa: T201 - the figure

    def play(
        self,
        shop: GroupBench,
        driver: Driver,
        campaign_id: Any,
        pair_of: Callable[[GroupBench, Any], Pair],
        choose: Choose,
        name: str = "alone",
    ) -> list[Actor]:
        """Set the pair up, run one schedule, let the processes go on, check."""
        pair = pair_of(shop, campaign_id)
        actors = driver.run([pair.one, pair.other], choose)
        results = [actor.result for actor in actors]
        broken = [result for result in results if isinstance(result, Exception)]
        assert all(isinstance(result, DomainError) for result in broken), (name, broken)
        found = [row for row in shop.violations() if row["invariant"] not in LATENESS]
        assert found == [], name
        for _ in range(3):
            shop.now += 2 * SECOND
            shop.sweep("close", "decide", "refund", "fulfil")
            shop.relay()
        assert pair.check(results), (name, results)
        return actors
