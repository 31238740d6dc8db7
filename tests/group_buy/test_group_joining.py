"""Taking a seat: who may, when, at which price; the seat is held before anything is paid."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from group_buy.models import GroupStatus, SeatStatus
from group_buy.queries import GroupNotFound
from group_buy.rules import AlreadyIn, GroupFull, GroupOver, NewMembersOnly, TooManyGroups
from kit.errors import DomainError
from kit.ids import new_id
from kit.money import Fen
from shop.campaigns import queries as campaigns
from shop.campaigns import service
from shop.campaigns.models import Audience, Campaign, CampaignKind
from shop.campaigns.queries import CampaignNotFound
from shop.campaigns.rules import CampaignLimitReached, Ended, NotForYou, NotStarted, Paused
from shop.cards.service import OutOfStock
from shop.orders.rules import SkuNotForSale
from tests.factories.groups import LADDER, LASTS, GroupBench, Offer

SECOND = timedelta(seconds=1)


def pause(bench: GroupBench, campaign_id: Any) -> None:
    """Pause a campaign."""
    with bench.begin() as session:
        row = campaigns.lock_campaign(session, campaign_id)
        service.pause_campaign(session, row, reason="盘点", actor="op", now=bench.now)


class TestOpenGroup:
    """open_group: a campaign that takes buyers, a first seat, an order at the deal price."""

    def test_holds_the_first_seat_before_payment(self, bench: GroupBench) -> None:
        """Price, deadline, order and card are there; nothing is paid."""
        joined = bench.open(bench.campaign(Offer(seats=3)))
        group, seat, order = joined.group, joined.seat, bench.order(joined.order.id)
        assert (group.status, group.seats_paid, group.seats_max) == (GroupStatus.OPEN, 0, 3)
        assert group.ends_at == bench.now + LASTS == group.due_at
        assert (seat.seat_no, seat.status, seat.member_id) == (
            1,
            SeatStatus.HELD,
            group.initiator_id,
        )
        assert (order.total_fen, order.is_held) == (900, True)
        assert len(bench.cards(order.id)) == 1
        assert bench.violations() == []

    @pytest.mark.parametrize(
        ("waits", "refusal"),
        [(-SECOND, NotStarted), (timedelta(hours=6), Ended), (timedelta(hours=7), Ended)],
    )
    def test_i28_only_in_the_window(
        self, bench: GroupBench, waits: timedelta, refusal: type[DomainError]
    ) -> None:
        """Half-open: not a second before, not at its end, though no sweep has closed it yet."""
        campaign_id = bench.campaign(Offer(starts_in=timedelta(hours=1)))
        bench.now += timedelta(hours=1)
        bench.sweep("turn")
        bench.now += waits
        with pytest.raises(refusal):
            bench.open(campaign_id)

    def test_not_before_the_edge_is_passed(self, bench: GroupBench) -> None:
        """The clock alone opens nothing."""
        campaign_id = bench.campaign(Offer(starts_in=timedelta(hours=1)))
        bench.now += timedelta(hours=1)
        with pytest.raises(NotStarted):
            bench.open(campaign_id)

    def test_a_paused_campaign_says_why(self, bench: GroupBench) -> None:
        """Opening and joining are both refused; who holds a seat may still pay."""
        campaign_id = bench.campaign(Offer())
        first = bench.open(campaign_id)
        pause(bench, campaign_id)
        for act in (lambda: bench.open(campaign_id), lambda: bench.join(first.group.id)):
            with pytest.raises(Paused) as refused:
                act()
            assert refused.value.details["reason"] == "盘点"
        bench.pay(first)
        assert bench.group(first.group.id).seats_paid == 1

    def test_drafts_and_other_kinds_are_not_there(self, bench: GroupBench) -> None:
        """A flash sale has no terms of groups: not an error, but no such campaign."""
        campaign_id = bench.campaign(Offer())
        for missing in (bench.draft(Offer()), new_id()):
            with pytest.raises(CampaignNotFound):
                bench.open(missing)
        with bench.begin() as session:
            session.execute(update(Campaign).values(kind=CampaignKind.FLASH_SALE))
        with pytest.raises(CampaignNotFound):
            bench.open(campaign_id)

    def test_the_initiators_price_is_the_initiators_alone(self, bench: GroupBench) -> None:
        """Even when the initiator takes a second seat."""
        terms = {"initiator_price_fen": Fen(500), "seats_per_member": 2}
        first = bench.open(bench.campaign(Offer(seats=3, terms=terms)))
        again = bench.join(first.group.id, first.seat.member_id)
        other = bench.join(first.group.id)
        assert [joined.order.total_fen for joined in (first, again, other)] == [500, 900, 900]

    def test_an_allotment_is_all_there_is(self, bench: GroupBench) -> None:
        """Though others of the SKU lie free in stock; and members outside do not take ours."""
        sku_id = bench.sku(5)
        campaign_id = bench.campaign(Offer(seats=2, units=2), sku_id=sku_id)
        first = bench.open(campaign_id)
        bench.open(campaign_id)
        with pytest.raises(OutOfStock):
            bench.join(first.group.id)
        bench.place(bench.member(), (sku_id, 3))
        with pytest.raises(OutOfStock):
            bench.place(bench.member(), (sku_id, 1))

    def test_a_choice_that_is_not_offered(self, bench: GroupBench) -> None:
        """Of several items one may be named, another SKU may not."""
        campaign_id = bench.campaign(Offer())
        with pytest.raises(SkuNotForSale):
            bench.open(campaign_id, sku_id=new_id())


class TestJoinGroup:
    """join_group: under the group's lock."""

    def test_d61_the_next_free_seat_and_then_none(self, bench: GroupBench) -> None:
        """Held seats count: whoever comes too late is never asked for money."""
        first = bench.open(bench.campaign(Offer(seats=3)))
        seats = [bench.join(first.group.id).seat.seat_no for _ in range(2)]
        assert seats == [2, 3]
        with pytest.raises(GroupFull):
            bench.join(first.group.id)

    def test_d69_a_group_that_is_over_or_not_there(self, bench: GroupBench) -> None:
        """Formed, failed, past its time before any sweep, foreign."""
        campaign_id = bench.campaign(Offer())
        formed, late = bench.opened(campaign_id, paid=2), bench.opened(campaign_id)
        with pytest.raises(GroupOver):
            bench.join(formed.group.id)
        bench.now += LASTS
        with pytest.raises(GroupOver):
            bench.join(late.group.id)
        bench.sweep("decide")
        with pytest.raises(GroupOver) as refused:
            bench.join(late.group.id)
        assert refused.value.details["status"] == "failed"
        with pytest.raises(GroupNotFound):
            bench.join(new_id())

    def test_a_group_outlives_its_campaigns_window(self, bench: GroupBench) -> None:
        """It may be joined and formed afterwards; none is opened any more."""
        campaign_id = bench.campaign(Offer(window=timedelta(minutes=30)))
        first = bench.opened(campaign_id)
        bench.now += timedelta(minutes=40)
        bench.sweep("turn")
        with pytest.raises(Ended):
            bench.open(campaign_id)
        bench.pay(bench.join(first.group.id))
        assert bench.group(first.group.id).status is GroupStatus.FORMED
        bench.recover()
        assert bench.violations(with_books=True) == []

    def test_d68_one_seat_each_unless_more_are_allowed(self, bench: GroupBench) -> None:
        """The limit is of the group; a seat given up does not count."""
        first = bench.open(bench.campaign(Offer(seats=4)))
        with pytest.raises(AlreadyIn):
            bench.join(first.group.id, first.seat.member_id)
        other = bench.open(bench.campaign(Offer(seats=4, terms={"seats_per_member": 2})))
        second = bench.join(other.group.id, other.seat.member_id)
        assert second.seat.member_seat == 2
        with pytest.raises(AlreadyIn):
            bench.join(other.group.id, other.seat.member_id)

    def test_no_more_groups_than_allowed(self, bench: GroupBench) -> None:
        """Failed ones and those that were left do not count."""
        campaign_id = bench.campaign(Offer(terms={"groups_per_member": 1}))
        member = bench.member()
        joined = bench.open(campaign_id, member)
        with pytest.raises(TooManyGroups):
            bench.open(campaign_id, member)
        other = bench.open(campaign_id)
        with pytest.raises(TooManyGroups):
            bench.join(other.group.id, member)
        bench.leave(joined.group.id, member)
        bench.join(other.group.id, member)

    def test_c53_no_more_units_than_the_campaign_allows(self, bench: GroupBench) -> None:
        """Over all its groups; what went back is free again."""
        campaign_id = bench.campaign(Offer(plan={"limit_per_member": 2}))
        member = bench.member()
        first = bench.opened(campaign_id, member=member)
        bench.open(campaign_id, member)
        with pytest.raises(CampaignLimitReached) as refused:
            bench.open(campaign_id, member)
        assert refused.value.details == {"limit": 2, "left": 0}
        bench.leave(first.group.id, member)
        bench.open(campaign_id, member)

    def test_old_members_open_and_bring_new_ones(self, bench: GroupBench) -> None:
        """老带新: whoever has paid before may open, and may not join."""
        old = bench.order(bench.bought()).member_id
        first = bench.open(bench.campaign(Offer(seats=3, terms={"new_members_only": True})), old)
        bench.join(first.group.id)
        other = bench.order(bench.bought()).member_id
        with pytest.raises(NewMembersOnly):
            bench.join(first.group.id, other)

    def test_a_campaign_for_new_members(self, bench: GroupBench) -> None:
        """Neither opening nor joining; a refund makes nobody old."""
        campaign_id = bench.campaign(Offer(plan={"audience": Audience.NEW_MEMBERS}))
        first = bench.open(campaign_id)
        order_id = bench.bought()
        old = bench.order(order_id).member_id
        for act in (lambda: bench.open(campaign_id, old), lambda: bench.join(first.group.id, old)):
            with pytest.raises(NotForYou):
                act()
        bench.refund(order_id)
        bench.join(first.group.id, old)

    def test_nobody_is_asked_to_pay_after_the_groups_time(self, bench: GroupBench) -> None:
        """The order's time ends with the group's."""
        first = bench.open(bench.campaign(Offer(seats=3)))
        assert first.order.pay_by == bench.now + timedelta(minutes=15)
        bench.now += LASTS - timedelta(minutes=1)
        first = bench.group(first.group.id)
        assert bench.join(first.id).order.pay_by == first.ends_at

    def test_up_a_ladder_the_price_is_the_rungs(self, bench: GroupBench) -> None:
        """A formed group goes on; who joins pays what is reached."""
        first = bench.opened(bench.campaign(Offer(ladder=LADDER)), paid=3)
        assert bench.group(first.group.id).status is GroupStatus.FORMED
        fourth = bench.join(first.group.id)
        assert fourth.order.total_fen == 800
        with pytest.raises(GroupFull):
            bench.join(first.group.id)
