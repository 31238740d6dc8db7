"""The waitlist: who waits longest is offered what comes back, alone, for a while."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from flash_sale import waiting
from flash_sale.batch import Claimed
from flash_sale.models import ClaimStatus, Wait, WaitStatus
from flash_sale.rules import NoOffer, SoldOut, StillOnSale
from kit.ids import new_id
from shop.campaigns import service as campaigns
from shop.campaigns import stops
from shop.campaigns.models import Audience
from shop.campaigns.queries import CampaignNotFound, lock_campaign
from shop.campaigns.rules import CampaignLimitReached, Ended, NotForYou, NotStarted, Paused
from shop.cards.models import Card
from shop.catalog.models import SaleChannel
from shop.members.queries import MemberNotFound
from shop.orders.rules import SkuNotForSale
from tests.factories.sales import OFFER, WINDOW, Deal, SaleBench

SECOND = timedelta(seconds=1)
S = WaitStatus


def set_aside(bench: SaleBench, wait: Wait) -> int:
    """Count the cards that are set aside for a wait."""
    with bench.begin() as session:
        return len(session.scalars(select(Card.id).where(Card.allotted_to == wait.id)).all())


def statuses(bench: SaleBench, *waits: Wait) -> list[WaitStatus]:
    """Return how waits stand."""
    return [bench.wait_of(wait).status for wait in waits]


class TestJoining:
    """waiting.join: when nothing is left, once, for whom the campaign is."""

    def test_only_when_it_is_sold_out(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=2))
        bench.claimed(campaign_id)
        with pytest.raises(StillOnSale):
            bench.wait(campaign_id)
        bench.claimed(campaign_id)
        assert bench.wait(campaign_id).status is S.WAITING

    def test_a_unit_for_which_others_wait_is_not_on_sale(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        bench.wait(campaign_id)
        bench.now = bench.order(claimed.order_id).pay_by
        bench.sweep("close")  # and nobody has heard of it
        assert bench.free_units(campaign_id) == 1
        bench.wait(campaign_id)

    def test_twice_keeps_the_place(self, bench: SaleBench) -> None:
        campaign_id, _ = bench.sold_out()
        first, member = bench.wait(campaign_id), bench.member()
        again = [bench.wait(campaign_id, member).id for _ in range(2)]
        assert again[0] == again[1]
        assert [wait.id for wait in bench.waits(campaign_id)] == [first.id, again[0]]

    def test_again_after_leaving_at_the_end(self, bench: SaleBench) -> None:
        campaign_id, _ = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.leave(first)
        third = bench.wait(campaign_id, first.member_id)
        assert third.id > second.id
        assert statuses(bench, first, second, third) == [S.LEFT, S.WAITING, S.WAITING]

    def test_not_beyond_the_limit(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=2, limit=2))
        one, other = bench.claimed(campaign_id), bench.claimed(campaign_id)
        member = bench.order(one.order_id).member_id
        bench.wait(campaign_id, member)  # has one of two
        bench.cancel(other.order_id)
        bench.relay()
        (wait,) = bench.waits(campaign_id)
        bench.take(wait)
        with pytest.raises(CampaignLimitReached):
            bench.wait(campaign_id, member)

    def test_only_members_for_whom_it_is(self, bench: SaleBench) -> None:
        campaign_id, _ = bench.sold_out(Deal(units=1, plan={"audience": Audience.NEW_MEMBERS}))
        member = bench.member()
        order_id = bench.place(member, (bench.sku(), 1))
        bench.pay(order_id)
        with pytest.raises(NotForYou):
            bench.wait(campaign_id, member)
        with pytest.raises(MemberNotFound):
            bench.wait(campaign_id, new_id())
        assert bench.wait(campaign_id).status is S.WAITING

    def test_only_in_the_window(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=1, starts_in=SECOND))
        with pytest.raises(NotStarted):
            bench.wait(campaign_id)
        bench.now += SECOND
        bench.claimed(campaign_id)
        bench.now += WINDOW - SECOND
        bench.wait(campaign_id)
        bench.now += SECOND
        with pytest.raises(Ended):
            bench.wait(campaign_id)

    def test_of_a_published_flash_sale(self, bench: SaleBench) -> None:
        for campaign_id in (bench.draft(), new_id()):
            with pytest.raises(CampaignNotFound):
                bench.wait(campaign_id)


class TestOffers:
    """waiting.offer_free_units: oldest first, one card each, for a while."""

    def test_a_unit_that_was_not_paid_goes_to_who_waits_longest(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        assert statuses(bench, first, second) == [S.OFFERED, S.WAITING]
        offered = bench.wait_of(first)
        assert offered.offered_until == offered.due_at == bench.now + OFFER
        assert (set_aside(bench, first), set_aside(bench, second)) == (1, 0)
        (told,) = bench.events("flash_sale.offer_made")
        assert told == {
            "wait_id": str(first.id),
            "campaign_id": str(campaign_id),
            "member_id": str(first.member_id),
            "until": (bench.now + OFFER).isoformat(),
        }
        assert bench.violations() == []

    def test_never_more_than_there_are_units(self, bench: SaleBench) -> None:
        campaign_id, claimed = bench.sold_out(Deal(units=3))
        waits = [bench.wait(campaign_id) for _ in range(5)]
        for one in claimed[:2]:
            bench.cancel(one.order_id)
        for _ in range(3):
            bench.relay()
            bench.sweep("offer")
        assert statuses(bench, *waits) == [S.OFFERED] * 2 + [S.WAITING] * 3
        assert bench.free_units(campaign_id) == 0

    def test_nobody_else_has_what_is_set_aside(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        assert isinstance(bench.claim(campaign_id), SoldOut)
        assert isinstance(bench.claim(campaign_id, first.member_id), SoldOut)
        for wait, member_id in ((second, second.member_id), (first, second.member_id)):
            with bench.begin() as session, pytest.raises(NoOffer):
                waiting.take_offer(
                    session,
                    wait.id,
                    campaign_id=campaign_id,
                    member_id=member_id,
                    now=bench.now,
                )

    def test_last_no_longer_than_the_campaign(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out(Deal(units=1, window=timedelta(minutes=12)))
        wait = bench.wait(campaign_id)
        bench.lapse(claimed.order_id)  # after ten minutes
        assert bench.wait_of(wait).offered_until == bench.campaign_row(campaign_id).ends_at

    def test_none_while_it_is_paused(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        wait = bench.wait(campaign_id)
        with bench.begin() as session:
            row = lock_campaign(session, campaign_id)
            campaigns.pause_campaign(session, row, reason="盘点", actor="op", now=bench.now)
        bench.lapse(claimed.order_id)
        bench.sweep("offer")
        assert statuses(bench, wait) == [S.WAITING]
        with bench.begin() as session:
            row = lock_campaign(session, campaign_id)
            campaigns.resume_campaign(session, row, actor="op", now=bench.now)
        bench.sweep("offer")
        assert statuses(bench, wait) == [S.OFFERED]

    def test_a_sweep_finds_what_no_event_told_of(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        wait = bench.wait(campaign_id)
        bench.cancel(claimed.order_id)
        bench.sweep("offer")
        assert statuses(bench, wait) == [S.OFFERED]
        bench.relay()
        assert bench.violations() == []


class TestTaking:
    """take_offer, finish_offer and the claim, in one transaction."""

    def test_takes_just_one_unit(self, bench: SaleBench) -> None:
        campaign_id, claimed = bench.sold_out(Deal(units=2))
        wait = bench.wait(campaign_id)
        bench.lapse(claimed[0].order_id)  # both lapse
        assert (set_aside(bench, wait), bench.free_units(campaign_id)) == (1, 1)
        taken = bench.take(wait)
        assert (set_aside(bench, wait), bench.free_units(campaign_id)) == (0, 1)
        assert len(bench.cards(taken.order_id)) == 1
        assert statuses(bench, wait) == [S.TAKEN]
        bench.pay(taken.order_id)
        assert bench.claims(campaign_id)[-1].status is ClaimStatus.PAID
        assert bench.violations() == []

    def test_not_twice(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        wait = bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        bench.take(wait)
        with pytest.raises(NoOffer):
            bench.take(wait)

    def test_to_the_moment(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        wait = bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        bench.now += OFFER
        with pytest.raises(NoOffer):
            bench.take(wait)
        bench.now -= SECOND
        assert isinstance(bench.take(wait), Claimed)

    def test_a_refused_claim_leaves_the_offer(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out(Deal(units=1, sku={"on_sale": {"h5": True}}))
        wait = bench.wait(campaign_id)
        bench.cancel(claimed.order_id)
        bench.relay()
        with pytest.raises(SkuNotForSale):
            bench.take(wait, sale_channel=SaleChannel.ALIPAY)
        assert (set_aside(bench, wait), statuses(bench, wait)) == (1, [S.OFFERED])

    @pytest.mark.parametrize("is_stop", [True, False])
    def test_nothing_is_sold_while_it_is_paused(self, bench: SaleBench, is_stop: bool) -> None:
        """Whatever makes somebody stop everything is no less wrong for those who waited."""
        campaign_id, (claimed,) = bench.sold_out()
        wait = bench.wait(campaign_id)
        bench.cancel(claimed.order_id)
        bench.relay()
        with bench.begin() as session:
            if is_stop:
                stops.stop_all(session, why="事故", actor="op", now=bench.now)
            else:
                row = lock_campaign(session, campaign_id)
                campaigns.pause_campaign(session, row, reason="盘点", actor="op", now=bench.now)
        with pytest.raises(Paused):
            bench.take(wait)
        assert statuses(bench, wait) == [S.OFFERED]

    def test_an_order_from_an_offer_that_lapses_comes_back_too(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        bench.lapse(bench.take(first).order_id)
        assert statuses(bench, first, second) == [S.TAKEN, S.OFFERED]
        bench.pay(bench.take(second).order_id)
        assert [claim.status for claim in bench.claims(campaign_id)] == [
            ClaimStatus.LAPSED,
            ClaimStatus.LAPSED,
            ClaimStatus.PAID,
        ]
        assert bench.violations() == []
