"""Members are told in time that a sale opens: once, unless it is cancelled."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from flash_sale import reminding
from flash_sale.models import Reminder
from flash_sale.rules import REMINDED_BEFORE
from kit.ids import new_id
from shop.campaigns import service as campaigns
from shop.campaigns.queries import CampaignNotFound, lock_campaign
from shop.campaigns.rules import Ended
from shop.members.queries import MemberNotFound
from tests.factories.sales import Deal, SaleBench

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
COMING = Deal(starts_in=HOUR)


def told(bench: SaleBench) -> list[set[str]]:
    """Return who was told, event by event."""
    return [set(event["member_ids"]) for event in bench.events("flash_sale.opening_reminded")]


class TestAsking:
    """reminding.remind: before it opens."""

    def test_tells_when(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(COMING)
        at = bench.remind(campaign_id, bench.member())
        assert at == bench.now + HOUR - REMINDED_BEFORE

    def test_shortly_before_means_at_once(self, bench: SaleBench) -> None:
        campaign_id, member = bench.sale(COMING), bench.member()
        bench.now += HOUR - SECOND
        assert bench.remind(campaign_id, member) == bench.now
        bench.sweep("remind")
        assert told(bench) == [{str(member)}]

    def test_not_once_it_has_opened(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(COMING)
        bench.now += HOUR
        with pytest.raises(Ended):
            bench.remind(campaign_id, bench.member())

    def test_of_a_published_sale_by_a_member(self, bench: SaleBench) -> None:
        with pytest.raises(CampaignNotFound):
            bench.remind(bench.draft(COMING), bench.member())
        with pytest.raises(MemberNotFound):
            bench.remind(bench.sale(COMING), new_id())


class TestTelling:
    """jobs.remind_due_members: everybody who asked, once."""

    def test_in_time_and_once(self, bench: SaleBench) -> None:
        campaign_id, other_id = bench.sale(COMING), bench.sale(COMING)
        members = [bench.member() for _ in range(3)]
        for member in members:
            bench.remind(campaign_id, member)
        bench.remind(campaign_id, members[0])
        bench.now += HOUR - REMINDED_BEFORE - SECOND
        bench.sweep("remind")
        assert told(bench) == []
        bench.now += SECOND
        bench.sweep("remind")
        bench.sweep("remind")
        assert told(bench) == [{str(member) for member in members}]
        bench.remind(campaign_id, members[0])  # asking again does not tell again
        bench.sweep("remind")
        assert len(told(bench)) == 1
        assert str(other_id) not in {
            event["campaign_id"] for event in bench.events("flash_sale.opening_reminded")
        }

    def test_a_crowd_by_several_events(
        self, bench: SaleBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reminding, "MOST", 2)
        campaign_id, members = bench.sale(COMING), [bench.member() for _ in range(5)]
        for member in members:
            bench.remind(campaign_id, member)
        bench.now += HOUR
        bench.sweep("remind")
        assert [len(some) for some in told(bench)] == [2, 2, 1]
        assert set().union(*told(bench)) == {str(member) for member in members}

    def test_nobody_of_a_sale_that_was_cancelled(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(COMING)
        bench.remind(campaign_id, bench.member())
        with bench.begin() as session:
            row = lock_campaign(session, campaign_id)
            campaigns.cancel_campaign(session, row, actor="op", now=bench.now)
        bench.now += HOUR
        bench.sweep("remind")
        assert told(bench) == []
        with bench.begin() as session:
            assert session.scalars(select(Reminder.due_at)).all() == [None]
