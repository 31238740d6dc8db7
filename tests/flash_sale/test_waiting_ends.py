"""How waits end: an offer that lapses, a member who leaves, a campaign that is over."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from flash_sale import waiting
from flash_sale.models import Wait, WaitStatus
from flash_sale.queries import NotWaiting
from flash_sale.rules import NoOffer, SoldOut
from shop.campaigns import queries as campaigns
from shop.campaigns.models import CampaignStatus
from shop.campaigns.rules import Ended
from shop.campaigns.service import cancel_campaign
from shop.cards import batches
from shop.cards.models import Batch, Card
from shop.members import service as members
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


class TestEnding:
    """Offers that nobody takes, members who leave, campaigns that are over."""

    def test_an_offer_that_lapses_goes_to_the_next(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        bench.now += OFFER - SECOND
        bench.sweep("lapse", "offer")
        assert statuses(bench, first, second) == [S.OFFERED, S.WAITING]
        bench.now += SECOND
        bench.sweep("lapse", "offer")
        assert statuses(bench, first, second) == [S.LAPSED, S.OFFERED]
        assert (set_aside(bench, first), set_aside(bench, second)) == (0, 1)
        assert bench.violations() == []

    def test_whoever_leaves_gives_an_offer_to_the_next(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        waits = [bench.wait(campaign_id) for _ in range(3)]
        bench.leave(waits[1])
        bench.lapse(claimed.order_id)
        bench.leave(waits[0])
        bench.sweep("offer")
        assert statuses(bench, *waits) == [S.LEFT, S.LEFT, S.OFFERED]
        for wait in waits[:2]:
            with pytest.raises(NotWaiting):
                bench.leave(wait)

    def test_the_campaign_s_end_closes_the_queue(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.pay(claimed.order_id)
        bench.now += WINDOW
        bench.sweep("turn")
        bench.relay()
        assert statuses(bench, first, second) == [S.OVER, S.OVER]
        with pytest.raises(Ended):
            bench.wait(campaign_id, first.member_id)

    def test_a_sale_called_off_after_its_time_keeps_nobody_waiting(self, bench: SaleBench) -> None:
        """By the clock it was open, though nothing had turned it; so members had come to wait."""
        campaign_id = bench.sale(Deal(units=1, starts_in=SECOND))
        bench.now += SECOND
        claimed = bench.claimed(campaign_id)
        wait = bench.wait(campaign_id)
        with bench.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            cancel_campaign(session, campaign, actor="op", now=bench.now)
        bench.relay()
        assert statuses(bench, wait) == [S.OVER]
        bench.lapse(claimed.order_id)
        bench.sweep("offer")
        assert statuses(bench, wait) == [S.OVER]
        assert bench.violations() == []
        assert bench.loose_ends() == []

    def test_a_settled_campaign_keeps_no_card_for_an_offer(self, bench: SaleBench) -> None:
        """The offer ends as the campaign does, and the sweep that settles may come first."""
        campaign_id, (claimed,) = bench.sold_out(Deal(units=1, window=timedelta(minutes=12)))
        wait = bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        bench.now += timedelta(minutes=2)
        bench.sweep("turn", "settle")
        assert bench.campaign_row(campaign_id).status is CampaignStatus.SETTLED
        with pytest.raises(NoOffer):
            bench.take(wait)
        bench.sweep("lapse")
        bench.relay()
        assert statuses(bench, wait) == [S.LAPSED]
        with bench.begin() as session:
            assert session.scalars(select(Card.allotted_to)).all() == [None]
        assert bench.violations() == []

    def test_a_frozen_card_holds_no_offer_up(self, bench: SaleBench) -> None:
        """What may not be sold at present is taken from its member all the same."""
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        bench.lapse(claimed.order_id)
        with bench.begin() as session:
            batch = session.scalars(select(Batch).with_for_update()).one()
            batches.freeze_batch(session, batch, actor="op", now=bench.now)
        with pytest.raises(SoldOut):
            bench.take(first)
        bench.now += OFFER
        bench.sweep("lapse", "offer")
        assert bench.failed == 0
        assert statuses(bench, first, second) == [S.LAPSED, S.WAITING]
        with bench.begin() as session:
            batches.unfreeze_batch(
                session, session.scalars(select(Batch)).one(), actor="op", now=bench.now
            )
        bench.sweep("offer")
        assert statuses(bench, first, second) == [S.LAPSED, S.OFFERED]


class TestTheQueue:
    """Order is by the moment of joining, also in large numbers."""

    def test_more_than_fit_into_one_transaction(
        self, bench: SaleBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waiting, "MOST_OFFERS", 2)
        campaign_id, claimed = bench.sold_out(Deal(units=3))
        waits = [bench.wait(campaign_id) for _ in range(4)]
        for one in claimed:
            bench.cancel(one.order_id)
        bench.sweep("offer")
        assert statuses(bench, *waits) == [S.OFFERED] * 2 + [S.WAITING] * 2
        bench.sweep("offer")
        assert statuses(bench, *waits) == [S.OFFERED] * 3 + [S.WAITING]

    def test_an_account_that_is_no_more_is_offered_nothing(self, bench: SaleBench) -> None:
        """Nobody could take it, and the next one would wait for nothing."""
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        with bench.begin() as session:
            members.pseudonymise(session, member_id=first.member_id, now=bench.now)
        bench.lapse(claimed.order_id)
        bench.sweep("offer")
        assert statuses(bench, first, second) == [S.LEFT, S.OFFERED]
        assert bench.violations() == []
