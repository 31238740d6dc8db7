"""Campaigns under many hands at once: three schedulers, the emergency stop, a crowd at the door."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, text

from group_buy import joining
from kit.db import Begin
from shop.campaigns import queries, service, stops
from shop.campaigns.models import CampaignEdge, CampaignStatus
from shop.campaigns.service import EverythingStopped
from shop.campaigns.stops import StoppedAlready
from tests.factories.groups import LASTS, LONG_AGO, GroupBench, Offer
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


class TestCampaignEdges:
    """Any number of schedulers; each edge and each group once."""

    COUNT = 300

    def many(self, shop: GroupBench, sku_id: Any) -> None:
        """Copy a published campaign until there are three hundred, by the owner of time."""
        campaign_id = shop.draft(
            Offer(units=2, starts_in=timedelta(hours=1), warms_before=SECOND), sku_id=sku_id
        )
        shop.publish(campaign_id)
        with shop.begin() as session:
            session.execute(
                text(
                    "INSERT INTO campaigns SELECT (jsonb_populate_record(model,"
                    " jsonb_build_object('id', gen_random_uuid(), 'status', 'draft'))).*"
                    " FROM campaigns model, generate_series(2, :count)"
                ),
                {"count": self.COUNT},
            )
            session.execute(text("UPDATE campaigns SET status = 'scheduled' WHERE status='draft'"))
            session.execute(
                text(
                    "INSERT INTO status_changes (kind, row_id, old, new, at, actor) SELECT"
                    " 'campaign', id, 'draft', 'scheduled', :now, 'op' FROM campaigns c WHERE NOT"
                    " EXISTS (SELECT FROM status_changes s WHERE s.row_id = c.id)"
                ),
                {"now": shop.now},
            )

    @pytest.mark.parametrize("is_down", [False, True])
    def test_d71_i28_three_schedulers_and_three_hundred_campaigns(
        self, shop: GroupBench, is_down: bool
    ) -> None:
        """In time, or after an outage over warm-up, opening and end: each edge once, in order."""
        self.many(shop, shop.sku(2))
        moments = [3599, 1, 6 * 3600] if not is_down else [7 * 3600]
        for seconds in moments:
            shop.now += timedelta(seconds=seconds)
            assert errors(at_once(*[partial(shop.sweep, "turn")] * 3)) == []
            shop.sweep("turn")  # whatever was locked by another when it was looked for
        with shop.begin() as session:
            rows = session.execute(
                select(CampaignEdge.edge, func.count()).group_by(CampaignEdge.edge)
            )
            counts = {str(edge): count for edge, count in rows}
        assert counts == dict.fromkeys(("warm", "open", "end"), self.COUNT)
        for name in ("warmed", "opened", "ended"):
            told = [event["campaign_id"] for event in shop.events(f"campaigns.{name}")]
            assert len(told) == len(set(told)) == self.COUNT
        assert errors(at_once(*[partial(shop.sweep, "settle")] * 3)) == []
        for _ in range(2):
            shop.sweep("settle")
        assert len(shop.events("campaigns.settled")) == self.COUNT
        assert shop.violations() == []
        assert shop.failed == 0

    def test_d71_three_schedulers_and_three_hundred_groups(
        self, shop: GroupBench, is_chaos: bool
    ) -> None:
        """Each is failed once, each paid seat repaid once."""
        count = self.COUNT if is_chaos else 60
        terms = {"groups_per_member": 100}
        campaign_id = shop.campaign(Offer(seats=3, units=count, terms=terms))
        people = [shop.member() for _ in range(5)]
        for turn in range(count):
            shop.pay(shop.open(campaign_id, people[turn % 5]), relays=False)
        shop.relay()
        shop.now += LASTS
        assert errors(at_once(*[partial(shop.sweep, "close", "decide")] * 3)) == []
        shop.sweep("decide")
        told = [event["group_id"] for event in shop.events("group_buy.failed")]
        assert len(told) == len(set(told)) == count
        assert errors(at_once(*[partial(shop.sweep, "refund")] * 3)) == []
        shop.finish()
        assert shop.violations(with_books=True) == []
        assert shop.failed == 0
        assert len(shop.wechat.refunds) == count

    def test_i28_an_edge_is_passed_while_groups_are_being_opened(self, shop: GroupBench) -> None:
        """Whoever opens a group refers to the campaign, and does not keep it from ending."""
        campaign_id = shop.campaign(Offer())
        has_opened, may_end = threading.Event(), threading.Event()
        begin = shop.begin

        def open_slowly() -> None:
            with begin() as session:
                buyer = shop._buyer(shop.member(), may_move=False)
                joining.open_group(session, campaign_id, buyer, now=LONG_AGO)
                has_opened.set()
                assert may_end.wait(20)

        def end() -> None:
            assert has_opened.wait(20)
            try:
                late = GroupBench(begin, shop.now + timedelta(hours=6))
                late.sweep("turn")
                assert late.campaign_row(campaign_id).status is S.ENDED
            finally:
                may_end.set()

        assert errors(at_once(open_slowly, end)) == []


class TestStop:
    """The emergency stop and whatever happens in the same moment."""

    def stop(self, shop: GroupBench) -> int:
        """Stop everything."""
        with shop.begin() as session:
            return stops.stop_all(session, why="事故", actor="op", now=shop.now)

    def test_two_who_stop_at_once(self, shop: GroupBench) -> None:
        """One stops, the others are told so."""
        shop.campaign(Offer())
        results = at_once(*[partial(self.stop, shop)] * 4)
        told = Counter(type(result).__name__ for result in results)
        assert told == {"int": 1, StoppedAlready.__name__: 3}
        assert shop.violations() == []

    def test_whatever_opens_in_that_moment_is_stopped(
        self, shop: GroupBench, is_chaos: bool
    ) -> None:
        """Opened and paused, or paused: never live while the stop is on."""
        for _ in range(60 if is_chaos else 6):
            starts_in = timedelta(hours=1)
            opening = [shop.campaign(Offer(units=2, starts_in=starts_in)) for _ in range(2)]
            paused = shop.campaign(Offer(units=2))
            with shop.begin() as session:
                row = queries.lock_campaign(session, paused)
                service.pause_campaign(session, row, reason="x", actor="op", now=shop.now)

            def resume(campaign_id: Any = paused) -> None:
                with shop.begin() as session:
                    row = queries.lock_campaign(session, campaign_id)
                    service.resume_campaign(session, row, actor="op", now=shop.now)

            shop.now += starts_in
            results = at_once(partial(self.stop, shop), partial(shop.sweep, "turn"), resume)
            assert {type(error) for error in errors(results)} <= {EverythingStopped}
            shop.sweep("turn")
            stands = {shop.campaign_row(row).status for row in (*opening, paused)}
            assert stands == {S.PAUSED}
            assert shop.violations() == []
            with shop.begin() as session:
                stops.lift_stop(session, actor="op", now=shop.now)
        assert shop.failed == 0
