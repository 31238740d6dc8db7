"""Claims are committed together, each true or refused for its own reason, whatever the others."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from flash_sale.batch import Claimed, is_twin, recall_claims
from flash_sale.models import ClaimStatus
from flash_sale.rules import SoldOut
from kit.idempotency import IdempotencyKeyReused
from kit.ids import new_id
from shop.campaigns import service as campaigns
from shop.campaigns import stops
from shop.campaigns.queries import CampaignNotFound, lock_campaign
from shop.campaigns.rules import CampaignLimitReached, Ended, NotStarted, Paused
from shop.cards.models import CardStatus
from shop.catalog.models import SaleChannel
from shop.members.queries import MemberNotActive
from shop.orders.models import OrderStatus
from shop.orders.rules import LimitReached, SkuNotForSale
from tests.factories.sales import DEAL_FEN, PAY_WITHIN, WINDOW, Deal, SaleBench

SECOND = timedelta(seconds=1)


class TestTerms:
    """What a sale was published with."""

    @pytest.mark.parametrize(
        "verb", ["UPDATE flash_terms SET shards = 2", "DELETE FROM flash_terms"]
    )
    def test_stay(self, bench: SaleBench, verb: str) -> None:
        """With other shards the gate would be thrown away in the middle of the rush."""
        bench.sale()
        with pytest.raises(IntegrityError, match="never changed"), bench.begin() as session:
            session.execute(text(verb))


class TestCommitting:
    def test_each_has_an_order_and_a_reserved_card(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=5, limit=2))
        wanted = [bench.wanted(), bench.wanted(quantity=2)]
        outcomes = bench.commit(campaign_id, *wanted)
        for one, outcome in zip(wanted, outcomes, strict=True):
            assert isinstance(outcome, Claimed)
            order = bench.order(outcome.order_id)
            assert (order.status, order.member_id) == (OrderStatus.PENDING, one.member_id)
            assert order.total_fen == outcome.total_fen == DEAL_FEN * one.quantity
            assert order.pay_by == outcome.pay_by == bench.now + PAY_WITHIN
            cards = bench.cards(outcome.order_id)
            assert [card.status for card in cards] == [CardStatus.RESERVED] * one.quantity
        assert [claim.unit_no for claim in bench.claims(campaign_id)] == [1, 1, 2]
        assert bench.free_units(campaign_id) == 2
        assert len(bench.events("flash_sale.claimed")) == 1
        assert bench.violations() == []

    def test_first_come_first_served(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=3, limit=2))
        outcomes = bench.commit(
            campaign_id,
            bench.wanted(quantity=2),
            bench.wanted(quantity=2),
            bench.wanted(),
            bench.wanted(),
        )
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [Claimed, SoldOut, Claimed, SoldOut]
        assert bench.free_units(campaign_id) == 0

    def test_a_refusal_stops_nobody_else(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=9, sku={"on_sale": {"h5": True, "alipay": False}}))
        outcomes = bench.commit(
            campaign_id,
            bench.wanted(),
            bench.wanted(new_id()),
            bench.wanted(sale_channel=SaleChannel.ALIPAY),
            bench.wanted(),
        )
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [Claimed, MemberNotActive, SkuNotForSale, Claimed]

    def test_the_sku_s_own_limits_hold_too(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(limit=2, sku={"limit_ever": 1}))
        member = bench.member()
        bench.claimed(campaign_id, member)
        assert isinstance(bench.claim(campaign_id, member), LimitReached)

    def test_it_must_be_a_published_flash_sale(self, bench: SaleBench) -> None:
        with pytest.raises(CampaignNotFound):
            bench.claim(bench.draft())
        with pytest.raises(CampaignNotFound):
            bench.claim(uuid4())


class TestTheLimit:
    def test_counts_over_claims_and_within_a_batch(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=9, limit=2))
        member = bench.member()
        bench.claimed(campaign_id, member)
        outcomes = bench.commit(campaign_id, *[bench.wanted(member) for _ in range(3)])
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [Claimed, CampaignLimitReached, CampaignLimitReached]

    def test_what_lapsed_may_be_claimed_again(self, bench: SaleBench) -> None:
        campaign_id = bench.sale()
        member = bench.member()
        first = bench.claimed(campaign_id, member)
        assert isinstance(bench.claim(campaign_id, member), CampaignLimitReached)
        bench.lapse(first.order_id)
        bench.claimed(campaign_id, member)
        statuses = [claim.status for claim in bench.claims(campaign_id)]
        assert statuses == [ClaimStatus.LAPSED, ClaimStatus.HELD]


class TestTheSameRequest:
    def test_is_answered_alike(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(limit=3))
        one = bench.wanted()
        first, again = bench.commit(campaign_id, one)[0], bench.commit(campaign_id, one)[0]
        assert isinstance(first, Claimed)
        assert isinstance(again, Claimed)
        assert again.is_repeat
        assert (again.claim_id, again.order_no) == (first.claim_id, first.order_no)
        assert len(bench.claims(campaign_id)) == 1

    def test_twice_at_once_is_looked_up_without_an_answer_that_was_never_given(
        self, bench: SaleBench
    ) -> None:
        """A double click that the gate refuses hears the refusal both times."""
        campaign_id, one = bench.sale(), bench.wanted()
        with bench.begin() as session:
            assert recall_claims(session, campaign_id, [one, one]) == {}
        first, twin = bench.commit(campaign_id, one, one)
        assert isinstance(first, Claimed)
        assert is_twin(twin)  # committed again, alone, it hears what the first one hears
        with bench.begin() as session:
            assert set(recall_claims(session, campaign_id, [one, one])) == {0, 1}

    def test_with_another_body_is_refused(self, bench: SaleBench) -> None:
        campaign_id, other_id = bench.sale(Deal(limit=3)), bench.sale()
        member, key = bench.member(), uuid4().hex
        bench.claimed(campaign_id, member, key=key)
        for outcome in (
            bench.claim(campaign_id, member, key=key, quantity=2),
            bench.claim(other_id, member, key=key),
        ):
            assert isinstance(outcome, IdempotencyKeyReused)

    def test_keys_are_the_member_s_own(self, bench: SaleBench) -> None:
        campaign_id, key = bench.sale(), uuid4().hex
        bench.claimed(campaign_id, key=key)
        bench.claimed(campaign_id, key=key)


class TestTheWindow:
    def test_the_clock_opens_it_not_the_sweep(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(starts_in=timedelta(minutes=1)))
        bench.now += timedelta(minutes=1) - SECOND
        assert isinstance(bench.claim(campaign_id), NotStarted)
        bench.now += SECOND
        bench.claimed(campaign_id)

    def test_it_ends_to_the_moment(self, bench: SaleBench) -> None:
        campaign_id = bench.sale()
        bench.now += WINDOW - SECOND
        bench.claimed(campaign_id)
        bench.now += SECOND
        assert isinstance(bench.claim(campaign_id), Ended)

    def test_early_access_is_for_those_who_have_it(self, bench: SaleBench) -> None:
        early = {"early": timedelta(seconds=30), "early_units": 1}
        campaign_id = bench.sale(Deal(starts_in=timedelta(minutes=1), terms=early))
        bench.now += timedelta(seconds=30)
        assert isinstance(bench.claim(campaign_id), NotStarted)
        bench.claimed(campaign_id, is_early=True)

    def test_a_pause_and_the_emergency_stop_refuse(self, bench: SaleBench) -> None:
        live, coming = bench.sale(), bench.sale(Deal(starts_in=SECOND))
        with bench.begin() as session:
            campaigns.pause_campaign(
                session, lock_campaign(session, live), reason="盘点", actor="op", now=bench.now
            )
            stops.stop_all(session, why="事故", actor="op", now=bench.now)
        bench.now += SECOND
        assert isinstance(bench.claim(live), Paused)
        assert isinstance(bench.claim(coming), Paused)


class TestWhatBecomesOfThem:
    def test_paid_and_repaid(self, bench: SaleBench) -> None:
        campaign_id = bench.sale()
        claimed = bench.claimed(campaign_id)
        bench.pay(claimed.order_id)
        assert bench.claims(campaign_id)[0].status is ClaimStatus.PAID
        assert bench.order(claimed.order_id).status is OrderStatus.FULFILLED
        bench.refund(claimed.order_id)
        bench.recover()
        bench.relay()
        assert bench.claims(campaign_id)[0].status is ClaimStatus.RETURNED
        assert bench.violations(with_books=True) == []

    def test_a_late_payment_goes_back(self, bench: SaleBench) -> None:
        """Its unit went to whoever waited."""
        campaign_id = bench.sale(Deal(units=1))
        claimed = bench.claimed(campaign_id)
        number = bench.start_payment(claimed.order_id).out_trade_no
        bench.lapse(claimed.order_id)
        other = bench.claimed(campaign_id)
        bench.wechat.pay(number, force=True)
        bench.notify(number)
        bench.recover()
        bench.relay()
        assert [refund.reason.value for refund in bench.refunds(claimed.order_id)] == ["late"]
        assert bench.order(claimed.order_id).status is OrderStatus.CLOSED
        assert bench.order(other.order_id).status is OrderStatus.CLOSED
        assert bench.violations(with_books=True) == []

    def test_a_late_payment_goes_back_though_the_unit_is_free(self, bench: SaleBench) -> None:
        """Whoever comes next may have it; the time for paying was told."""
        campaign_id = bench.sale(Deal(units=1))
        claimed = bench.claimed(campaign_id)
        number = bench.start_payment(claimed.order_id).out_trade_no
        bench.lapse(claimed.order_id)
        bench.wechat.pay(number, force=True)
        bench.notify(number)
        assert [refund.reason.value for refund in bench.refunds(claimed.order_id)] == ["late"]
        assert bench.free_units(campaign_id) == 1

    def test_one_payer_of_two_accounts_is_noticed(self, bench: SaleBench) -> None:
        campaign_id = bench.sale()
        bench.pay(bench.claimed(campaign_id).order_id)
        assert bench.events("flash_sale.same_payer") == []
        bench.pay(bench.claimed(campaign_id).order_id)  # this platform knows one payer alone
        told = bench.events("flash_sale.same_payer")
        assert [event["campaign_id"] for event in told] == [str(campaign_id)]
