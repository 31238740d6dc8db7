"""Groups and campaigns under many hands at once: real threads, real commits, then the auditor."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, text

from group_buy.models import Group, GroupStatus, Seat, SeatStatus
from group_buy.rules import AlreadyIn, GroupFull, GroupOver
from kit.db import Begin
from shop.campaigns.models import CampaignStatus
from shop.campaigns.rules import CampaignLimitReached
from shop.orders.models import OrderStatus
from shop.payments.models import RefundReason
from tests.factories.groups import LADDER, LASTS, LONG_AGO, GroupBench, Offer
from tests.races.at_once import at_once, errors

pytestmark = pytest.mark.race

SECOND = timedelta(seconds=1)
S = CampaignStatus


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def shop(real_begin: Begin, now: datetime) -> GroupBench:
    """Return a shop whose transactions commit."""
    return GroupBench(real_begin, now)


def kinds(results: list[Any]) -> Counter[str]:
    """Count how the acts ended."""
    return Counter(
        type(result).__name__ if isinstance(result, Exception) else "done" for result in results
    )


def in_order(shop: GroupBench) -> None:
    """Let everything come to its end, then find nothing wrong, here or at the platforms."""
    shop.relay()
    assert shop.violations() == []
    shop.finish()
    assert shop.violations(with_books=True) == []
    assert shop.failed == 0


class TestSeats:
    """More hands than seats."""

    @pytest.mark.parametrize("seats", [2, 10])
    def test_d61_fifty_more_than_there_are_seats(
        self, shop: GroupBench, seats: int, is_chaos: bool
    ) -> None:
        """All at once: as many are seated as there are seats, nobody else is asked for money."""
        people = [shop.member() for _ in range(seats - 1 + (50 if is_chaos or seats == 2 else 20))]
        campaign_id = shop.campaign(Offer(seats=seats, units=80))
        first = shop.open(campaign_id)
        results = at_once(*[partial(shop.join, first.group.id, member) for member in people])
        seated = [result for result in results if not isinstance(result, Exception)]
        assert len(seated) == seats - 1
        assert {type(error) for error in errors(results)} == {GroupFull}
        payers = [first, *seated]
        assert errors(at_once(*[partial(shop.pay, seat, relays=False) for seat in payers])) == []
        assert errors(at_once(*[shop.relay] * 4)) == []
        group = shop.group(first.group.id)
        assert (group.status, group.seats_paid) == (GroupStatus.FORMED, seats)
        assert len(shop.events("group_buy.formed")) == 1
        in_order(shop)
        with shop.begin() as session:
            fulfilled = text("SELECT count(*) FROM orders WHERE status = 'fulfilled'")
            assert session.scalar(fulfilled) == seats

    def test_d61_two_payments_for_the_last_seat(self, shop: GroupBench) -> None:
        """One's hold had lapsed, the other has the seat: seated is one, the other moves or not."""
        campaign_id = shop.campaign(Offer(seats=2, units=60))
        for may_move in (True, False) * 3:
            first = shop.opened(campaign_id)
            late = shop.join(first.group.id, may_move=may_move)
            number = shop.start_payment(late.order.id).out_trade_no
            shop.now += timedelta(minutes=15)
            shop.sweep("close")
            shop.relay()
            other = shop.join(first.group.id)
            shop.opened(campaign_id)
            shop.wechat.pay(number, force=True)
            at_once(partial(shop.notify, number), partial(shop.pay, other, relays=False))
            assert errors(at_once(*[shop.relay] * 3)) == []
            seats = [seat for seat in shop.seats(first.group.id) if seat.status is SeatStatus.PAID]
            assert len(seats) == 2
            assert shop.group(first.group.id).seats_paid == 2
            shop.now += 3 * SECOND
            shop.relay()  # again, should every other group have been locked in that moment
            shop.sweep("fulfil")
            if may_move:
                assert shop.seat(late.order.id).status is SeatStatus.PAID
                assert shop.seat(late.order.id).group_id not in (None, first.group.id)
            else:
                (refund,) = shop.refunds(late.order.id)
                assert refund.reason is RefundReason.GROUP_LATE
        in_order(shop)

    def test_d68_one_member_many_tabs(self, shop: GroupBench) -> None:
        """One seat in a group; over all groups as many units as the campaign allows."""
        terms = {"seats_per_member": 2, "groups_per_member": 100}
        offer = Offer(seats=9, units=60, terms=terms, plan={"limit_per_member": 3})
        campaign_id = shop.campaign(offer)
        member = shop.member()
        groups = [shop.open(campaign_id) for _ in range(6)]
        mine = [shop.join(groups[n].group.id, member) for n in range(2)]
        assert len(mine) == 2
        # A second seat in each of the two, and a first in each of the others: one is left.
        acts = [partial(shop.join, joined.group.id, member) for joined in groups] * 2
        results = at_once(*acts)
        assert kinds(results)["done"] == 1
        # Who asks for a third seat in one group is told that first.
        assert {type(error) for error in errors(results)} <= {CampaignLimitReached, AlreadyIn}
        with shop.begin() as session:
            held = select(func.count()).where(Seat.member_id == member)
            assert session.scalar(held) == 3
        in_order(shop)

    def test_join_and_deadline(self, shop: GroupBench) -> None:
        """In the group's last second: seated and repaid, or refused; never left behind."""
        campaign_id = shop.campaign(Offer(seats=4, units=60))
        groups = [shop.opened(campaign_id).group.id for _ in range(4)]
        people = [shop.member() for _ in range(4)]
        shop.now += LASTS - SECOND
        early, late = shop.now, shop.now + SECOND

        def join(group_id: Any, member: Any, at: datetime) -> Any:
            return GroupBench(shop.begin, at, platforms=shop.platforms).join(group_id, member)

        def decide() -> None:
            GroupBench(shop.begin, late, platforms=shop.platforms).sweep("close", "decide")

        acts = [
            partial(join, group_id, member, at)
            for (group_id, member), at in zip(
                zip(groups, people, strict=True), (early, late, early, late), strict=True
            )
        ]
        results = at_once(*acts, decide, decide)
        assert {type(error) for error in errors(results)} <= {GroupOver}
        shop.now = late
        in_order(shop)
        with shop.begin() as session:
            assert set(session.scalars(select(Group.status))) == {GroupStatus.FAILED}


class TestLadderRace:
    """Rungs, releases and gifts back in one moment."""

    def test_everybody_pays_the_same_in_the_end(self, shop: GroupBench) -> None:
        """Two payers of a rung each, the delivery and a refund, all at once."""
        for _ in range(3):
            first = shop.opened(shop.campaign(Offer(ladder=LADDER, units=4)), paid=2)
            seats = [shop.join(first.group.id) for _ in range(2)]
            for seat in seats:
                shop.pay(seat, relays=False)
            results = at_once(
                shop.relay,
                shop.relay,
                partial(shop.sweep, "fulfil"),
                partial(shop.refund, first.order.id),
            )
            assert errors(results) == []
            assert shop.group(first.group.id).price_fen == 700
            assert shop.order(first.order.id).status in (
                OrderStatus.REFUNDING,
                OrderStatus.REFUNDED,
            )
        in_order(shop)
