"""Campaigns at an operator's hand: plan, dry run, publish, pause, cancel, copy, settle."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from group_buy import service as group_buy
from kit.ids import new_id
from kit.lifecycle import IllegalMove
from kit.money import Fen
from shop.campaigns import queries, service
from shop.campaigns.models import CampaignStatus, Edge
from shop.campaigns.rules import BadPlan, Window
from shop.campaigns.service import CannotPublish, EverythingStopped, ItemPlan, NeedsApproval
from shop.cards.models import Card, CardStatus
from shop.catalog.models import Sku
from tests.factories.groups import LADDER, LASTS, GroupBench, Offer

S = CampaignStatus
HOUR = timedelta(hours=1)


def free_of(bench: GroupBench, sku_id: Any) -> tuple[int, int]:
    """Return how many free cards of a SKU are everybody's, and how many are set aside."""
    with bench.begin() as session:
        cards = session.scalars(
            select(Card).where(Card.sku_id == sku_id, Card.status == CardStatus.FREE)
        ).all()
    aside = sum(card.allotted_to is not None for card in cards)
    return len(cards) - aside, aside


def act(bench: GroupBench, campaign_id: Any, what: Any, **more: Any) -> Any:
    """Do something with the locked campaign, as an operator."""
    with bench.begin() as session:
        row = queries.lock_campaign(session, campaign_id)
        return what(session, row, actor="op", now=bench.now, **more)


class TestPlan:
    """plan_campaign: a draft, or a reason; never a broken constraint."""

    @pytest.mark.parametrize(
        ("changed", "word"),
        [
            ({"name": ""}, "name"),
            ({"name": "  "}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"refund_promise": "x" * 201}, "promise"),
            ({"limit_per_member": 0}, "units"),
            ({"limit_per_member": 101}, "units"),
            ({"pay_within_seconds": 0}, "paying"),
            ({"pay_within_seconds": 86_401}, "paying"),
            ({"items": []}, "items"),
            ({"items": [ItemPlan(new_id(), Fen(1), 2)]}, "no SKU"),
            ({"items": [ItemPlan(new_id(), Fen(0), 2)]}, "amount"),
            ({"items": [ItemPlan(new_id(), Fen(10_000_000_001), 2)]}, "amount"),
            ({"items": [ItemPlan(new_id(), Fen(1), 1_000_001)]}, "units"),
            ({"items": [ItemPlan(new_id(), Fen(1), 2)] * 21}, "items"),
        ],
    )
    def test_refuses_nonsense_with_a_reason(
        self, bench: GroupBench, changed: dict[str, Any], word: str
    ) -> None:
        """Each of the limits that the tables have."""
        with pytest.raises(BadPlan) as refused:
            bench.draft(Offer(plan=changed))
        assert word in refused.value.details["reason"]

    def test_a_sku_stands_in_one_item(self, bench: GroupBench) -> None:
        """Else it would have two prices."""
        items = [ItemPlan(bench.sku(), Fen(1), 2)] * 2
        with pytest.raises(BadPlan, match="no sense"):
            bench.draft(Offer(plan={"items": items}))

    def test_terms_and_units_must_fit(self, bench: GroupBench) -> None:
        """A campaign that cannot fill one group sells nothing."""
        with pytest.raises(group_buy.BadTerms):
            bench.draft(Offer(seats=5, units=4))


class TestSchedule:
    """schedule_campaign: rules stand, codes are set aside."""

    def test_sets_codes_aside(self, bench: GroupBench) -> None:
        """Nobody else sells them; cancelled before it opens they are everybody's again."""
        sku_id = bench.sku(6)
        campaign_id = bench.draft(Offer(units=4, starts_in=HOUR), sku_id=sku_id)
        bench.publish(campaign_id)
        assert free_of(bench, sku_id) == (2, 4)
        row = bench.campaign_row(campaign_id)
        assert (row.status, row.due_at, row.approved_by) == (S.SCHEDULED, row.starts_at, "boss")
        act(bench, campaign_id, service.cancel_campaign)
        assert free_of(bench, sku_id) == (6, 0)
        assert bench.campaign_row(campaign_id).due_at is None
        bench.now += 2 * HOUR
        bench.sweep("turn")
        assert bench.edges(campaign_id) == []

    def test_refuses_what_stands_in_the_way(self, bench: GroupBench) -> None:
        """Missing codes; and nothing stays set aside."""
        sku_id = bench.sku(3)
        campaign_id = bench.draft(Offer(units=4), sku_id=sku_id)
        with pytest.raises(CannotPublish):
            bench.publish(campaign_id)
        assert free_of(bench, sku_id) == (3, 0)

    @pytest.mark.parametrize("approver", [None, "", "op"])
    def test_i42_a_loss_needs_a_second_person(
        self, bench: GroupBench, approver: str | None
    ) -> None:
        """Neither nobody nor whoever made it."""
        sku_id = bench.sku(4)
        with bench.begin() as session:
            session.get_one(Sku, sku_id).cost_fen = Fen(899)
        campaign_id = bench.draft(Offer(units=4), sku_id=sku_id)
        with pytest.raises(NeedsApproval):
            act(
                bench,
                campaign_id,
                group_buy.schedule_group_buy,
                fee_basis_points=60,
                approved_by=approver,
            )
        act(
            bench,
            campaign_id,
            group_buy.schedule_group_buy,
            fee_basis_points=60,
            approved_by="boss",
        )

    def test_once(self, bench: GroupBench) -> None:
        """A published campaign is not published again, for whatever other reason."""
        campaign_id = bench.campaign(Offer())
        with pytest.raises(IllegalMove):
            bench.publish(campaign_id)


class TestPause:
    """pause_campaign, resume_campaign."""

    def test_needs_words_and_a_live_campaign(self, bench: GroupBench) -> None:
        """Members are told why."""
        campaign_id = bench.campaign(Offer(starts_in=HOUR))
        with pytest.raises(IllegalMove):
            act(bench, campaign_id, service.pause_campaign, reason="x")
        bench.now += HOUR
        bench.sweep("turn")
        with pytest.raises(BadPlan):
            act(bench, campaign_id, service.pause_campaign, reason=" ")
        act(bench, campaign_id, service.pause_campaign, reason="盘点" * 200)
        assert len(bench.campaign_row(campaign_id).pause_reason or "") == 200
        act(bench, campaign_id, service.resume_campaign)
        row = bench.campaign_row(campaign_id)
        assert (row.status, row.pause_reason) == (S.LIVE, None)
        bench.open(campaign_id)
        assert bench.violations() == []

    def test_what_has_not_opened_is_not_resumed_into_selling(self, bench: GroupBench) -> None:
        """It goes live by the clock alone."""
        campaign_id = bench.campaign(Offer(starts_in=HOUR))
        with pytest.raises(IllegalMove):
            act(bench, campaign_id, service.resume_campaign)
        assert bench.campaign_row(campaign_id).status is S.SCHEDULED

    def test_a_paused_campaign_ends_in_its_time(self, bench: GroupBench) -> None:
        """And cannot be resumed afterwards."""
        campaign_id = bench.campaign(Offer())
        act(bench, campaign_id, service.pause_campaign, reason="x")
        bench.now += timedelta(hours=6)
        bench.sweep("turn")
        assert bench.campaign_row(campaign_id).status is S.ENDED
        with pytest.raises(IllegalMove):
            act(bench, campaign_id, service.resume_campaign)


class TestCopy:
    """copy_campaign: the same again."""

    def test_takes_everything_but_the_window(self, bench: GroupBench) -> None:
        """Items, limits, rules, terms."""
        first = bench.draft(Offer(ladder=LADDER, plan={"rules_text": "规则"}))
        starts_at = bench.now + timedelta(days=1)
        copied = act(
            bench, first, group_buy.copy_group_buy, window=Window(starts_at, starts_at + HOUR)
        )
        one, two = bench.campaign_row(first), bench.campaign_row(copied.id)
        for name in ("name", "rules_text", "limit_per_member", "trails_seconds", "audience"):
            assert getattr(one, name) == getattr(two, name)
        assert (two.status, two.copied_from_id, two.starts_at) == (S.DRAFT, first, starts_at)
        with bench.begin() as session:
            terms = [group_buy.queries.get_terms(session, row) for row in (first, copied.id)]
            assert terms[0].ladder == terms[1].ladder
            items = queries.list_items(session, [first, copied.id])
        assert [item.allotment for item in items[copied.id]] == [20]


class TestSettle:
    """settle_due_campaigns: when nothing of it is open, and not before."""

    def test_waits_for_its_orders(self, bench: GroupBench) -> None:
        """And gives the unsold codes back."""
        sku_id = bench.sku(6)
        offer = Offer(units=4, window=timedelta(minutes=30))
        campaign_id = bench.campaign(offer, sku_id=sku_id)
        first = bench.opened(campaign_id)
        bench.now += HOUR
        bench.sweep("turn", "settle")
        assert bench.campaign_row(campaign_id).status is S.ENDED
        bench.pay(bench.join(first.group.id))
        bench.recover()
        bench.now += timedelta(seconds=10)
        bench.sweep("settle")
        row = bench.campaign_row(campaign_id)
        assert (row.status, row.due_at) == (S.SETTLED, None)
        assert [edge.edge for edge in bench.edges(campaign_id)] == [
            Edge.OPEN,
            Edge.END,
            Edge.SETTLE,
        ]
        assert free_of(bench, sku_id) == (4, 0)
        assert bench.violations(with_books=True) == []

    def test_waits_for_groups_that_go_on_growing(self, bench: GroupBench) -> None:
        """A ladder is climbed until its time is over, though every order is delivered."""
        campaign_id = bench.campaign(Offer(ladder=LADDER, window=timedelta(minutes=30)))
        first = bench.opened(campaign_id, paid=2)
        bench.now += HOUR
        bench.sweep()
        assert bench.campaign_row(campaign_id).status is S.ENDED
        third = bench.join(first.group.id)
        bench.pay(third)
        assert bench.group(first.group.id).price_fen == 800
        bench.now += LASTS
        bench.recover()
        bench.sweep("settle")
        assert bench.campaign_row(campaign_id).status is S.SETTLED
        assert bench.violations(with_books=True) == []

    def test_what_is_given_back_later_may_be_sold_by_anybody(self, bench: GroupBench) -> None:
        """A refund after the campaign is settled: the card belongs to no campaign any more."""
        sku_id = bench.sku(2)
        offer = Offer(units=2, window=timedelta(minutes=30))
        campaign_id = bench.campaign(offer, sku_id=sku_id)
        first = bench.opened(campaign_id, paid=2)
        bench.sweep("fulfil")
        bench.now += HOUR
        bench.sweep("turn", "settle")
        assert bench.campaign_row(campaign_id).status is S.SETTLED
        bench.refund(first.order.id)
        bench.place(bench.member(), (sku_id, 1))
        assert free_of(bench, sku_id) == (0, 0)


class TestStoppedMeansStopped:
    """resume_campaign during the emergency stop."""

    def test_nothing_is_resumed_before_it_is_lifted(self, bench: GroupBench) -> None:
        """However it was paused."""
        from shop.campaigns import stops

        campaign_id = bench.campaign(Offer())
        act(bench, campaign_id, service.pause_campaign, reason="x")
        with bench.begin() as session:
            stops.stop_all(session, why="事故", actor="op", now=bench.now)
        with pytest.raises(EverythingStopped):
            act(bench, campaign_id, service.resume_campaign)
        with bench.begin() as session:
            assert stops.lift_stop(session, actor="op", now=bench.now) == 0
        act(bench, campaign_id, service.resume_campaign)
        with bench.begin() as session:
            assert session.scalar(text("SELECT count(*) FROM campaign_stops")) == 1
