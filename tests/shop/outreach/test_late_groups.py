"""Chat groups that come after the plans: what lies ahead goes into them too, once."""

from datetime import timedelta

import pytest

from shop.chat_groups.models import ChatChannel
from shop.outreach import late_groups
from shop.outreach.models import PushEdge, PushStatus
from shop.outreach.rules import BadPushPlan
from tests.factories.groups import Offer
from tests.factories.outreach import HOUR, OutreachBench


def plan_again(bench: OutreachBench, campaign_id: object) -> int:
    """Plan a campaign again."""
    with bench.begin() as session:
        return late_groups.plan_again(session, campaign_id, now=bench.now)  # type: ignore[arg-type] # an id


class TestPlanForGroup:
    def test_a_new_group_gets_what_lies_ahead_by_itself(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(lasts=6 * HOUR)
        for edge in (PushEdge.OPEN, PushEdge.LAST_CALL):
            bench.plan(campaign_id, edge)
        bench.pass_time(2 * HOUR)
        late = bench.robot_group()
        other = bench.customer_group()
        bench.tell()
        theirs = [push for push in bench.pushes(campaign_id) if push.chat_group_id == late.id]
        assert [push.edge for push in theirs] == [PushEdge.LAST_CALL]
        assert other.id not in {push.chat_group_id for push in bench.pushes(campaign_id)}
        bench.pass_time(4 * HOUR + timedelta(minutes=45))
        assert len(bench.robots.texts(late.name)) == 1

    def test_a_plan_for_some_groups_alone_stays_theirs(self, bench: OutreachBench) -> None:
        chosen = bench.robot_group()
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id, only=[chosen.id])
        bench.robot_group()
        bench.tell()
        assert [push.chat_group_id for push in bench.pushes(campaign_id)] == [chosen.id]
        assert plan_again(bench, campaign_id) == 0

    def test_an_edge_that_only_happens_is_told_to_whoever_is_there(
        self, bench: OutreachBench
    ) -> None:
        campaign_id = bench.campaign(Offer(seats=2))
        bench.plan(campaign_id, PushEdge.FORMED)
        bench.robot_group()
        bench.tell()
        assert bench.pushes(campaign_id) == []
        bench.opened(campaign_id, paid=2)
        bench.tell()
        assert len(bench.pushes(campaign_id)) == 1
        bench.robot_group()
        bench.tell()
        assert plan_again(bench, campaign_id) == 0


class TestPlanAgain:
    def test_makes_what_is_missing_once(self, bench: OutreachBench) -> None:
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        groups = {bench.robot_group().id for _ in range(2)}  # the news is not there yet
        assert plan_again(bench, campaign_id) == 2
        assert plan_again(bench, campaign_id) == 0
        bench.tell()
        pushes = bench.pushes(campaign_id)
        assert {push.chat_group_id for push in pushes} == groups
        assert len(pushes) == 2
        assert {push.planned_for for push in pushes} == {bench.now + HOUR}
        assert bench.violations() == []

    def test_tells_nothing_late(self, bench: OutreachBench) -> None:
        campaign_id = bench.plain_campaign(lasts=2 * HOUR)
        bench.plan(campaign_id)
        bench.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)
        bench.pass_time(HOUR)
        bench.robot_group()
        assert plan_again(bench, campaign_id) == 0
        bench.pass_time(3 * HOUR)
        with pytest.raises(BadPushPlan):
            plan_again(bench, campaign_id)
        assert PushStatus.PLANNED not in bench.standing(campaign_id)
