"""Owners of customer groups: asked about, reminded once, and told past when they do not confirm."""

from datetime import timedelta

import pytest

from shop.campaigns import queries as campaigns
from shop.campaigns.service import cancel_campaign
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.outreach.gateway import TaskState
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.models import Push, PushEdge, PushStatus
from tests.factories.outreach import HOUR, OutreachBench

MINUTE = timedelta(minutes=1)
S = PushStatus


@pytest.fixture
def push(bench: OutreachBench) -> Push:
    """Return a push whose owner has been asked."""
    return bench.told_to_owner()


class TestAskAboutPush:
    def test_a_confirmed_task_is_confirmed(self, bench: OutreachBench, push: Push) -> None:
        bench.pass_time(MINUTE, times=5)
        assert bench.push(push.id).status is S.AWAITING_OWNER
        bench.tasks.confirm("msg1")
        confirmed_at = bench.now
        bench.pass_time(MINUTE, times=3)
        found = bench.push(push.id)
        assert (found.status, found.sent_at) == (S.CONFIRMED, confirmed_at)
        assert found.due_at is None

    def test_the_owner_is_reminded_once(self, bench: OutreachBench, push: Push) -> None:
        bench.pass_time(MINUTE, times=29)
        assert bench.tasks.reminded == {"msg1": 1}
        assert bench.push(push.id).status is S.AWAITING_OWNER

    def test_then_the_members_of_the_group_are_told(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        told, other = bench.brought_by(group), bench.brought_by(bench.robot_group())
        push = bench.told_to_owner()
        bench.pass_time(MINUTE, times=40)
        pushes = bench.pushes(push.campaign_id)
        assert {one.status for one in pushes} == {S.ESCALATED}
        (message,) = bench.inbox(told)
        assert message.kind is NoticeKind.CAMPAIGN_NEWS
        assert bench.inbox(other) == []

    def test_an_owner_may_still_confirm(self, bench: OutreachBench, push: Push) -> None:
        bench.pass_time(MINUTE, times=40)
        assert bench.push(push.id).status is S.ESCALATED
        bench.tasks.confirm("msg1")
        bench.pass_time(30 * MINUTE, times=2)
        assert bench.push(push.id).status is S.CONFIRMED

    def test_nobody_is_waited_for_for_ever(self, bench: OutreachBench, push: Push) -> None:
        bench.pass_time(MINUTE, times=40)
        bench.pass_time(HOUR, times=25)
        assert bench.push(push.id).due_at is None

    @pytest.mark.parametrize("state", [TaskState.NOT_MEMBER, TaskState.QUOTA_USED])
    def test_what_the_platform_did_not_send_failed(
        self, bench: OutreachBench, push: Push, state: TaskState
    ) -> None:
        bench.tasks.made["msg1"].state = state
        bench.pass_time(MINUTE, times=3)
        found = bench.push(push.id)
        assert (found.status, found.reason) == (S.FAILED, state.value)

    def test_members_are_told_though_the_platform_cannot_be_asked(
        self, bench: OutreachBench, push: Push
    ) -> None:
        bench.tasks.trouble.is_out = True
        bench.pass_time(5 * MINUTE, times=20)
        assert bench.push(push.id).status is S.ESCALATED

    def test_members_hear_nothing_that_is_over(self, bench: OutreachBench, push: Push) -> None:
        with bench.begin() as session:
            group = session.get_one(ChatGroup, push.chat_group_id)
        told = bench.brought_by(group)
        bench.tasks.trouble.is_out = True
        bench.pass_time(6 * HOUR + MINUTE)
        bench.pass_time(HOUR, times=2)
        assert bench.push(push.id).status is S.AWAITING_OWNER
        bench.tasks.trouble.is_out = False
        bench.pass_time(HOUR)
        found = bench.push(push.id)
        assert (found.status, found.due_at) == (S.SKIPPED, None)
        assert bench.tasks.made["msg1"].is_stopped
        assert bench.inbox(told) == []
        assert bench.failed == 0

    @pytest.mark.parametrize("is_quicker", [False, True])
    def test_the_task_of_a_campaign_that_was_called_off_is_stopped(
        self, bench: OutreachBench, is_quicker: bool
    ) -> None:
        bench.customer_group()
        campaign_id = bench.plain_campaign(starts_in=HOUR, warms_before=HOUR)
        bench.plan(campaign_id, PushEdge.WARMING, ChatChannel.CUSTOMER_GROUP)
        bench.ring()
        with bench.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            cancel_campaign(session, campaign, actor="op", now=bench.now)
        if is_quicker:
            bench.tasks.confirm("msg1")
        bench.pass_time(MINUTE, times=3)
        [found] = bench.pushes(campaign_id)
        assert found.status is (S.CONFIRMED if is_quicker else S.SKIPPED)
        assert found.due_at is None
        assert bench.tasks.made["msg1"].is_stopped
        assert bench.tasks.reminded == {}

    def test_a_task_that_nobody_waits_for_is_stopped(
        self, bench: OutreachBench, push: Push
    ) -> None:
        bench.pass_time(MINUTE, times=40)
        assert bench.push(push.id).status is S.ESCALATED
        bench.pass_time(HOUR, times=7)
        found = bench.push(push.id)
        assert (found.status, found.due_at) == (S.ESCALATED, None)
        assert bench.tasks.made["msg1"].is_stopped
