"""Twins of tasks while campaigns turn, answers are lost and owners are quick."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shop.campaigns import queries as campaigns
from shop.campaigns.service import cancel_campaign
from shop.chat_groups.models import ChatChannel
from shop.outreach import jobs
from shop.outreach.gateway import (
    ChannelRefused,
    ChannelUnavailable,
    GroupTask,
    TaskResult,
    TaskState,
)
from shop.outreach.models import Push, PushEdge, PushStatus
from tests.factories.outreach import HOUR, OutreachBench

MOMENT = timedelta(seconds=11)
MINUTE = timedelta(minutes=1)
S = PushStatus


def open_tasks(bench: OutreachBench) -> list[str]:
    """Return which tasks an owner can send."""
    return [
        msgid
        for msgid, task in bench.tasks.made.items()
        if not task.is_stopped and task.state is TaskState.WAITING
    ]


def call_off(bench: OutreachBench, campaign_id: UUID) -> None:
    """Call the campaign off, and let the news be heard."""
    with bench.begin() as session:
        campaign = campaigns.lock_campaign(session, campaign_id)
        cancel_campaign(session, campaign, actor="op", now=bench.now)
    bench.tell()


def warming(bench: OutreachBench, *, opens_in: timedelta = 3 * HOUR) -> UUID:
    """Return a campaign that warms up, of which one customer group is to be told."""
    bench.customer_group()
    campaign_id = bench.plain_campaign(starts_in=opens_in, warms_before=opens_in)
    bench.plan(campaign_id, PushEdge.WARMING, ChatChannel.CUSTOMER_GROUP)
    return campaign_id


def the_push(bench: OutreachBench, campaign_id: UUID) -> Push:
    """Return the campaign's one push."""
    [push] = bench.pushes(campaign_id)
    return push


def after_next_answer(bench: OutreachBench, act: Callable[[], object]) -> None:
    """Have something happen between the platform's next answer about a task and its booking."""
    real = bench.tasks.results

    def results(**given: Any) -> Sequence[TaskResult]:
        bench.tasks.__dict__["results"] = real
        found = real(**given)
        act()
        return found

    bench.tasks.__dict__["results"] = results


class TestCalledOff:
    def test_while_the_owner_is_asked_about(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench)
        bench.ring()
        after_next_answer(bench, lambda: call_off(bench, campaign_id))
        bench.pass_time(MINUTE, times=5)
        assert the_push(bench, campaign_id).status is S.SKIPPED
        assert open_tasks(bench) == []

    def test_opening_while_the_owner_is_asked_about(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench, opens_in=10 * MINUTE)
        bench.ring()
        bench.now += 10 * MINUTE - timedelta(seconds=1)

        def open_it() -> None:
            bench.now += timedelta(seconds=1)
            bench.sweep("turn")

        after_next_answer(bench, open_it)
        jobs.ask_about_due_tasks(bench.begin, bench.tasks, now=bench.now)
        bench.pass_time(MINUTE, times=5)
        assert the_push(bench, campaign_id).status is S.SKIPPED
        assert open_tasks(bench) == []

    def test_an_escalated_task_is_stopped_at_once(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench)
        bench.ring()
        bench.pass_time(MINUTE, times=33)
        assert the_push(bench, campaign_id).status is S.ESCALATED
        call_off(bench, campaign_id)
        bench.pass_time(MINUTE)
        assert open_tasks(bench) == []

    def test_an_escalated_task_is_stopped_when_its_time_is_over(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench, opens_in=40 * MINUTE)
        bench.ring()
        bench.pass_time(MINUTE, times=41)
        assert the_push(bench, campaign_id).status is S.ESCALATED
        assert open_tasks(bench) == []

    def test_after_busy_was_said_of_a_task_that_was_made(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench)
        bench.tasks.trouble.after = [ChannelUnavailable("busy", code="-1")]
        bench.ring()
        call_off(bench, campaign_id)
        bench.pass_time(MINUTE, times=5)
        assert the_push(bench, campaign_id).status is S.SKIPPED
        assert open_tasks(bench) == []

    def test_while_the_records_are_late(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench)
        bench.tasks.trouble.lose_answers()
        bench.ring()
        call_off(bench, campaign_id)
        real, since_when = bench.tasks.list_made, bench.now + 4 * MINUTE

        def list_made(**given: Any) -> Any:
            return real(**given) if bench.now > since_when else []

        bench.tasks.__dict__["list_made"] = list_made
        bench.pass_time(MINUTE, times=15)
        assert the_push(bench, campaign_id).status is S.SKIPPED
        assert open_tasks(bench) == []

    def test_when_nobody_worked_for_a_day(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench, opens_in=48 * HOUR)
        bench.ring()
        bench.now += 25 * HOUR
        bench.tasks.trouble.is_out = True
        bench.ring()
        bench.tasks.trouble.is_out = False
        bench.pass_time(HOUR)
        assert the_push(bench, campaign_id).status is S.ESCALATED
        assert open_tasks(bench) == []


class TestOutages:
    def test_an_older_task_of_which_busy_was_said(self, bench: OutreachBench) -> None:
        campaign_id = warming(bench)
        bench.tasks.trouble.after = [ChannelUnavailable("busy", code="-1")]
        bench.ring()
        bench.tasks.trouble.is_out = True
        bench.pass_time(MINUTE, times=30)
        bench.tasks.trouble.is_out = False
        bench.pass_time(MINUTE, times=30)
        assert len(bench.tasks.made) == 2
        assert open_tasks(bench) == [the_push(bench, campaign_id).msgid]

    @pytest.mark.parametrize("refused", ["results", "cancel"])
    def test_a_refusal_ends_and_is_told(
        self, bench: OutreachBench, refused: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.tasks.takes = 2
        push = bench.told_to_owner()
        real = bench.tasks.results

        def results(*, msgid: str, sender: str) -> Sequence[TaskResult]:
            if bench.tasks.made[msgid].is_stopped:
                raise ChannelRefused("no such task", code="48004")
            return real(msgid=msgid, sender=sender)

        def cancel(*, msgid: str) -> None:
            raise ChannelRefused("no right", code="48004")

        bench.tasks.__dict__[refused] = {"results": results, "cancel": cancel}[refused]
        bench.pass_time(MINUTE, times=15)
        assert bench.push(push.id).twins_due_at is None
        assert "48004" in [getattr(record, "code", "") for record in caplog.records]

    def test_records_that_cannot_be_read_stop_no_others(self, bench: OutreachBench) -> None:
        bench.tasks.takes = 2
        old = bench.told_to_owner()
        real, since_when = bench.tasks.list_made, bench.now + HOUR

        def list_made(*, since: Any, until: Any) -> Any:
            if since < since_when:
                raise ChannelUnavailable("a list without an end")
            return real(since=since, until=until)

        bench.tasks.__dict__["list_made"] = list_made
        bench.now += 2 * HOUR
        fresh = bench.told_to_owner()
        bench.pass_time(MOMENT, times=3)
        assert bench.push(fresh.id).twin_msgids
        assert bench.push(old.id).twins_due_at is not None
        bench.pass_time(HOUR, times=30)
        assert bench.push(old.id).twins_due_at is None


class TestQuickOwners:
    def test_what_was_sent_is_confirmed_though_it_was_called_off(
        self, bench: OutreachBench
    ) -> None:
        campaign_id = warming(bench)
        bench.ring()
        bench.pass_time(MOMENT)
        bench.tasks.create(bench.tasks.made["msg1"].task)
        bench.tasks.confirm("msg2")
        call_off(bench, campaign_id)
        bench.pass_time(MINUTE, times=12)
        found = the_push(bench, campaign_id)
        assert (found.status, found.msgid) == (S.CONFIRMED, "msg2")

    def test_what_was_sent_before_the_push_was_made_again_is_not_sent_twice(
        self, bench: OutreachBench
    ) -> None:
        campaign_id = warming(bench)
        bench.tasks.trouble.after = [ChannelUnavailable("busy", code="-1")]
        bench.ring()
        bench.tasks.confirm("msg1")
        bench.now += MOMENT
        jobs.stop_due_twins(bench.begin, bench.tasks, now=bench.now)
        bench.pass_time(MINUTE, times=5)
        found = the_push(bench, campaign_id)
        assert (found.status, found.msgid) == (S.CONFIRMED, "msg1")
        assert list(bench.tasks.made) == ["msg1"]

    def test_the_groups_quota_was_used_by_the_other_one(self, bench: OutreachBench) -> None:
        push = bench.told_to_owner()
        bench.pass_time(MOMENT)
        bench.tasks.create(bench.tasks.made["msg1"].task)
        bench.tasks.confirm("msg2")
        bench.tasks.made["msg1"].state = TaskState.QUOTA_USED
        bench.pass_time(MINUTE, times=12)
        assert bench.push(push.id).status is S.CONFIRMED

    def test_the_twin_takes_its_place_while_the_owner_is_asked_about(
        self, bench: OutreachBench
    ) -> None:
        campaign_id = warming(bench)
        bench.tasks.takes = 2
        bench.ring()
        bench.tasks.confirm("msg1")
        bench.now += 3 * MINUTE
        call_off(bench, campaign_id)
        after_next_answer(
            bench, lambda: jobs.stop_due_twins(bench.begin, bench.tasks, now=bench.now)
        )
        jobs.ask_about_due_tasks(bench.begin, bench.tasks, now=bench.now)
        bench.pass_time(MINUTE)
        assert the_push(bench, campaign_id).status is S.CONFIRMED

    def test_two_that_are_not_ours_are_told_too(
        self, bench: OutreachBench, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.tasks.takes = 3
        bench.told_to_owner()
        for msgid in ("msg1", "msg2"):
            bench.tasks.confirm(msgid)
        bench.pass_time(MOMENT)
        assert "has a push twice" in caplog.text

    def test_what_somebody_copied_for_another_group_is_theirs(self, bench: OutreachBench) -> None:
        push = bench.told_to_owner()
        copied = GroupTask(sender="other", chat_ids=["elsewhere"], text=push.text or "")
        bench.tasks.create(copied)
        bench.pass_time(MINUTE, times=12)
        assert "msg2" in open_tasks(bench)
