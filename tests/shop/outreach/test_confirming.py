"""Owners of customer groups: asked about, reminded once, and told past when they do not confirm."""

from datetime import timedelta

import pytest

from shop.outreach.gateway import TaskState
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.models import Push, PushStatus
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
        bench.tasks.trouble.is_out = True
        bench.pass_time(HOUR, times=7)
        bench.tasks.trouble.is_out = False
        bench.pass_time(HOUR)
        assert bench.push(push.id).status in (S.SKIPPED, S.ESCALATED)
        assert bench.failed == 0
