"""The dry run of a campaign: what it needs, what it costs at worst, what it collides with."""

from datetime import timedelta
from typing import Any

import pytest

from group_buy import service as group_buy
from kit.money import Fen
from shop.campaigns import queries
from shop.campaigns.service import NeedsApproval
from shop.catalog.models import Sku
from tests.factories.groups import LADDER, GroupBench, Offer


class TestDryRun:
    """dry_run: what publishing would mean."""

    def forecast(self, bench: GroupBench, campaign_id: Any, fee: int = 60) -> Any:
        """Run it at a platform's fee in basis points."""
        with bench.begin() as session:
            row = queries.lock_campaign(session, campaign_id)
            return group_buy.dry_run(session, row, fee_basis_points=fee, now=bench.now)

    def publish(self, bench: GroupBench, campaign_id: Any, *, fee: int) -> None:
        """Publish on one person's word."""
        with bench.begin() as session:
            row = queries.lock_campaign(session, campaign_id)
            group_buy.schedule_group_buy(
                session, row, fee_basis_points=fee, actor="op", now=bench.now
            )

    def test_counts_codes_and_losses_at_the_lowest_price(self, bench: GroupBench) -> None:
        """By the last rung of the ladder, fee and cost taken off."""
        sku_id = bench.sku(5)
        with bench.begin() as session:
            session.get_one(Sku, sku_id).cost_fen = Fen(800)
        told = self.forecast(bench, bench.draft(Offer(ladder=LADDER, units=8), sku_id=sku_id))
        (item,) = told.items
        assert (item.codes_needed, item.codes_free, item.codes_short) == (8, 5, 3)
        assert (item.lowest_price_fen, item.fee_fen, item.margin_fen) == (700, 4, -104)
        assert told.worst_case_subsidy_fen == 8 * 104
        assert told.needs_approval
        assert [finding.code for finding in told.blockers] == ["codes_short"]
        assert {finding.code for finding in told.warnings} == {
            "below_cost",
            "opens_at_once",
            "no_rules",
        }

    def test_the_fee_alone_may_make_a_loss(self, bench: GroupBench) -> None:
        """891 of 900 fen stay at 1 %, and 892 were paid for the code."""
        sku_id = bench.sku(4)
        with bench.begin() as session:
            session.get_one(Sku, sku_id).cost_fen = Fen(892)
        campaign_id = bench.draft(Offer(units=4), sku_id=sku_id)
        told = {fee: self.forecast(bench, campaign_id, fee) for fee in (0, 60, 100)}
        assert [told[fee].items[0].fee_fen for fee in told] == [0, 5, 9]
        assert [told[fee].items[0].margin_fen for fee in told] == [8, 3, -1]
        assert [told[fee].needs_approval for fee in told] == [False, False, True]
        with pytest.raises(NeedsApproval):
            self.publish(bench, campaign_id, fee=100)
        self.publish(bench, campaign_id, fee=60)

    def test_warns_of_overlaps(self, bench: GroupBench) -> None:
        """With campaigns that are published and share a SKU and a moment."""
        sku_id = bench.sku(20)
        first = bench.campaign(Offer(units=4), sku_id=sku_id)
        told = self.forecast(bench, bench.draft(Offer(units=4), sku_id=sku_id))
        assert [overlap.campaign_id for overlap in told.overlaps] == [first]
        later = Offer(units=4, starts_in=timedelta(hours=6))
        assert self.forecast(bench, bench.draft(later, sku_id=sku_id)).overlaps == []
