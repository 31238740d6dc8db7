"""Push plans: one push per campaign, edge and chat group, made when its edge is known."""

from datetime import timedelta

import pytest

from shop.campaigns import queries as campaigns
from shop.campaigns import service as campaign_service
from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel
from shop.outreach import planning
from shop.outreach.models import PushEdge, PushStatus
from shop.outreach.planning import PlanKnown, TemplateKnown
from shop.outreach.rules import BadPushPlan
from shop.referral import queries as referral
from tests.factories.groups import Offer
from tests.factories.outreach import HOUR, OutreachBench

MINUTE = timedelta(minutes=1)


class TestPlanEdge:
    def test_makes_one_push_for_each_chat_group_of_the_channel(self, bench: OutreachBench) -> None:
        robots = {bench.robot_group().id for _ in range(3)}
        bench.customer_group()
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        pushes = bench.pushes(campaign_id)
        assert {push.chat_group_id for push in pushes} == robots
        assert {push.planned_for for push in pushes} == {bench.now + HOUR}
        assert {push.status for push in pushes} == {PushStatus.PLANNED}

    def test_each_has_the_leaders_invite_for_its_chat_group(self, bench: OutreachBench) -> None:
        leader = bench.leader()
        groups = [bench.robot_group(leader) for _ in range(2)]
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        bench.plan(campaign_id, PushEdge.LAST_CALL)
        codes = {(push.chat_group_id, push.invite_code) for push in bench.pushes(campaign_id)}
        assert len(codes) == 2
        with bench.begin() as session:
            for chat_group_id, code in codes:
                invite = referral.get_invite(session, code)
                assert invite.member_id == leader
                assert invite.chat_group_id == chat_group_id
                assert invite.campaign_id == campaign_id
        assert {group.id for group in groups} == {chat_group_id for chat_group_id, _ in codes}

    def test_names_some_chat_groups_alone(self, bench: OutreachBench) -> None:
        chosen, _, retired = (bench.robot_group() for _ in range(3))
        with bench.begin() as session:
            chat_groups.retire(session, retired.id)
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id, only=[chosen.id, retired.id])
        assert [push.chat_group_id for push in bench.pushes(campaign_id)] == [chosen.id]

    def test_a_draft_gets_its_pushes_when_it_is_published(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.draft(Offer(starts_in=HOUR, warms_before=10 * MINUTE))
        for edge in (PushEdge.WARMING, PushEdge.OPEN, PushEdge.LAST_CALL):
            bench.plan(campaign_id, edge)
        assert bench.pushes(campaign_id) == []
        bench.publish(campaign_id)
        bench.tell()
        told = [(push.edge, push.planned_for - bench.now) for push in bench.pushes(campaign_id)]
        assert told == [
            (PushEdge.WARMING, 50 * MINUTE),
            (PushEdge.OPEN, HOUR),
            (PushEdge.LAST_CALL, 7 * HOUR - 30 * MINUTE),
        ]

    def test_a_second_plan_for_an_edge_is_refused(self, bench: OutreachBench) -> None:
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        with pytest.raises(PlanKnown):
            bench.plan(campaign_id)
        bench.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)

    def test_what_makes_no_sense_is_refused(self, bench: OutreachBench) -> None:
        campaign_id = bench.plain_campaign()
        for given in (
            {"edge": PushEdge.WARMING},
            {"quiet_from_minute": 1440},
            {"lead": timedelta(days=8)},
        ):
            with pytest.raises(BadPushPlan):
                bench.plan(campaign_id, **given)

    def test_a_template_keeps_its_text(self, bench: OutreachBench) -> None:
        bench.template()
        with pytest.raises(TemplateKnown), bench.begin() as session:
            planning.add_template(session, name="news", text="{link}", actor="op", now=bench.now)


class TestNoteEdge:
    def test_the_first_group_that_forms_is_news_and_no_other(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.campaign(Offer(seats=2))
        bench.plan(campaign_id, PushEdge.FORMED)
        bench.plan(campaign_id, PushEdge.FAILED)
        bench.opened(campaign_id, paid=2)
        bench.opened(campaign_id, paid=2)
        bench.tell()
        pushes = bench.pushes(campaign_id)
        assert [push.edge for push in pushes] == [PushEdge.FORMED]
        bench.ring()
        assert bench.standing(campaign_id) == [PushStatus.SENT]

    def test_a_group_that_failed_is_told_of(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.campaign(Offer(seats=2))
        bench.plan(campaign_id, PushEdge.FAILED)
        bench.opened(campaign_id)
        bench.finish()
        assert [push.edge for push in bench.pushes(campaign_id)] == [PushEdge.FAILED]


class TestWatch:
    def test_almost_gone_is_when_a_tenth_is_left(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.campaign(Offer(seats=10, units=10))
        bench.plan(campaign_id, PushEdge.ALMOST_GONE)
        first = bench.opened(campaign_id, paid=8)
        bench.pass_time(6 * timedelta(seconds=1), times=2)
        assert bench.pushes(campaign_id) == []
        bench.join(first.group.id)
        bench.pass_time(6 * timedelta(seconds=1))
        bench.ring()
        assert bench.standing(campaign_id) == [PushStatus.SENT]

    def test_nobody_watches_a_campaign_that_is_over(self, bench: OutreachBench) -> None:
        campaign_id = bench.plain_campaign()
        plan = bench.plan(campaign_id, PushEdge.ALMOST_GONE)
        with bench.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            campaign_service.cancel_campaign(session, campaign, actor="op", now=bench.now)
        bench.pass_time(HOUR)
        with bench.begin() as session:
            assert session.get_one(type(plan), plan.id).due_at is None
