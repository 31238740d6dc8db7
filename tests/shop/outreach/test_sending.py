"""Sending pushes: at most once, none lost, never above the limits, nothing that is wrong by now."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import pytest

from shop.campaigns import queries as campaigns
from shop.campaigns import service as campaign_service
from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members import leaders
from shop.members import service as members
from shop.outreach import jobs
from shop.outreach.gateway import ChannelRefused, Channels, RateLimited
from shop.outreach.models import PushEdge, PushStatus, WhenQuiet
from shop.outreach.sending import Post
from tests.factories.outreach import BASE_URL, HOUR, ROBOT_KEYS, OutreachBench

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
S = PushStatus
QUIET: Final = {"quiet_from_minute": 22 * 60, "quiet_until_minute": 9 * 60}


class TestSendPush:
    def test_posts_the_text_at_its_time_and_never_again(self, bench: OutreachBench) -> None:
        group = bench.robot_group()
        campaign_id = bench.plain_campaign(name="周五秒杀")
        bench.plan(campaign_id)
        bench.ring()
        assert bench.robots.posted == []
        bench.pass_time(HOUR)
        bench.pass_time(MINUTE, times=3)
        (push,) = bench.pushes(campaign_id)
        assert push.status is S.SENT
        assert push.is_certain
        local = (bench.now - 3 * MINUTE + 8 * HOUR).strftime("%m-%d %H:%M")
        link = f"{BASE_URL}/s/{push.invite_code}?e=open"
        assert bench.robots.texts(group.name) == [f"【周五秒杀】9.00 元，{local} 开抢：{link}"]

    def test_a_task_waits_for_its_owner(self, bench: OutreachBench) -> None:
        push = bench.told_to_owner()
        assert push.status is S.AWAITING_OWNER
        (task,) = (one.task for one in bench.tasks.made.values())
        assert list(task.chat_ids) == ["chat1"]
        assert task.page is not None
        assert push.invite_code in task.page

    def test_a160_nothing_is_lost_in_half_an_hour_without_the_channel(
        self, bench: OutreachBench
    ) -> None:
        groups = [bench.robot_group() for _ in range(5)]
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        bench.robots.trouble.is_out = True
        bench.pass_time(MINUTE, times=30)
        assert bench.robots.posted == []
        assert set(bench.standing(campaign_id)) == {S.PLANNED}
        bench.robots.trouble.is_out = False
        bench.pass_time(MINUTE, times=20)
        assert set(bench.standing(campaign_id)) == {S.SENT}
        assert Counter(key for _, key, _ in bench.robots.posted) == {g.name: 1 for g in groups}

    def test_a160_a_robots_lost_answer_is_never_followed_by_a_second_message(
        self, bench: OutreachBench
    ) -> None:
        group = bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        bench.robots.trouble.lose_answers()
        bench.pass_time(MINUTE, times=10)
        (push,) = bench.pushes(campaign_id)
        assert push.status is S.SENT
        assert not push.is_certain
        assert len(bench.robots.texts(group.name)) == 1

    def test_a_tasks_lost_answer_is_looked_for(self, bench: OutreachBench) -> None:
        bench.tasks.trouble.lose_answers()
        push = bench.told_to_owner()
        assert push.status is S.SENDING
        bench.pass_time(MINUTE, times=3)
        found = bench.push(push.id)
        assert found.status is S.AWAITING_OWNER
        assert found.msgid == "msg1"
        assert len(bench.tasks.made) == 1

    def test_a_task_that_was_never_made_is_made(self, bench: OutreachBench) -> None:
        bench.tasks.trouble.lose_answers()
        push = bench.told_to_owner()
        bench.tasks.made.clear()  # the platform never kept it
        bench.pass_time(MINUTE, times=6)
        assert bench.push(push.id).status is S.AWAITING_OWNER
        assert len(bench.tasks.made) == 1

    def test_a_key_that_cannot_be_opened_loses_nothing(self, bench: OutreachBench) -> None:
        group = bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        sealed = group.robot_key_sealed
        for key, stands in ((b"sealed by another", S.PLANNED), (sealed, S.SENT)):
            with bench.begin() as session:
                session.get_one(ChatGroup, group.id).robot_key_sealed = key
            bench.pass_time(11 * MINUTE)
            assert bench.standing(campaign_id) == [stands]
        assert len(bench.robots.texts(group.name)) == 1

    def test_waits_as_long_as_the_platform_says(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        bench.robots.trouble.before.append(RateLimited("too fast", retry_after=90, code="45009"))
        bench.ring()
        (push,) = bench.pushes(campaign_id)
        assert push.due_at == bench.now + 90 * SECOND
        bench.pass_time(89 * SECOND)
        assert bench.robots.posted == []
        bench.pass_time(SECOND)
        assert bench.standing(campaign_id) == [S.SENT]

    def test_a_refusal_is_final_and_said(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        bench.robots.trouble.before.append(ChannelRefused("invalid webhook url", code="93000"))
        bench.ring()
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.reason) == (S.FAILED, "93000")

    def test_a_group_that_takes_no_more_is_a_failure(self, bench: OutreachBench) -> None:
        bench.tasks.full.add("chat1")
        push = bench.told_to_owner()
        assert (push.status, push.reason) == (S.FAILED, "fail_list")

    def test_waits_while_the_channel_is_off(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        off = Post(channels=Channels(), robot_keys=ROBOT_KEYS, public_base_url=BASE_URL)
        assert jobs.send_due_pushes(bench.begin, off, now=bench.now).failed == 0
        assert bench.standing(campaign_id) == [S.PLANNED]
        bench.pass_time(10 * MINUTE)
        assert bench.standing(campaign_id) == [S.SENT]


class TestPace:
    def test_no_minute_of_a_robot_has_more_than_twenty(self, bench: OutreachBench) -> None:
        bench.robot_group(daily_quota=1000)
        ids = [
            bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR, units=2) for _ in range(25)
        ]
        for campaign_id in ids:
            bench.plan(campaign_id)
        for _ in range(78):
            bench.now += SECOND
            jobs.send_due_pushes(bench.begin, bench.post, now=bench.now)
        assert bench.robots.refused == 0
        assert len(bench.robots.posted) == 25
        times = [at for at, _, _ in bench.robots.posted]
        assert all(later - at > MINUTE for at, later in zip(times, times[20:], strict=False))

    def test_the_days_quota_is_kept_and_the_rest_comes_tomorrow(self, bench: OutreachBench) -> None:
        bench.robot_group(daily_quota=2)
        ids = [bench.plain_campaign(starts_in=timedelta(0), lasts=48 * HOUR) for _ in range(3)]
        for campaign_id in ids:
            bench.plan(campaign_id)
        bench.pass_time(MINUTE, times=10)
        assert len(bench.robots.posted) == 2
        bench.pass_time(HOUR, times=13)
        assert len(bench.robots.posted) == 3

    def test_what_the_quota_delays_beyond_its_use_is_skipped(self, bench: OutreachBench) -> None:
        bench.robot_group(daily_quota=0)
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=HOUR)
        bench.plan(campaign_id)
        bench.ring()
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.reason) == (S.SKIPPED, "the group had its messages of the day")


class TestQuietHours:
    @pytest.fixture
    def now(self) -> datetime:
        """Return eleven at night in Shanghai, long ago."""
        return datetime.fromisoformat("2024-06-18T15:00:00+00:00")

    def test_wait_for_the_morning(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=24 * HOUR)
        bench.plan(campaign_id, **QUIET)
        bench.ring()
        (push,) = bench.pushes(campaign_id)
        assert push.due_at == bench.now + 10 * HOUR
        bench.pass_time(10 * HOUR - SECOND)
        assert bench.robots.posted == []
        bench.pass_time(SECOND)
        assert bench.standing(campaign_id) == [S.SENT]

    @pytest.mark.parametrize(
        ("lasts", "more", "why"),
        [
            (HOUR, {}, "over before the quiet hours end"),
            (24 * HOUR, {"when_quiet": WhenQuiet.DROP}, "quiet hours"),
        ],
    )
    def test_drop_what_is_over_by_then_or_is_told_to(
        self, bench: OutreachBench, lasts: timedelta, more: dict[str, WhenQuiet], why: str
    ) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=lasts)
        bench.plan(campaign_id, **QUIET, **more)
        bench.ring()
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.reason) == (S.SKIPPED, why)


class TestWhatHasBecomeWrong:
    def test_a_cancelled_campaign_is_not_announced(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        with bench.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            campaign_service.cancel_campaign(session, campaign, actor="op", now=bench.now)
        bench.pass_time(HOUR)
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.reason) == (S.SKIPPED, "the campaign is cancelled")

    def test_a_message_from_before_the_outage_is_not_sent_after_the_end(
        self, bench: OutreachBench
    ) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=HOUR, warms_before=HOUR / 2)
        bench.plan(campaign_id, PushEdge.WARMING)
        bench.robots.trouble.is_out = True
        bench.pass_time(10 * MINUTE, times=6)
        bench.robots.trouble.is_out = False
        bench.pass_time(16 * MINUTE)
        assert bench.standing(campaign_id) == [S.SKIPPED]
        assert bench.robots.posted == []

    def test_a_paused_campaign_is_waited_for(self, bench: OutreachBench) -> None:
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        with bench.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            campaign_service.pause_campaign(
                session, campaign, reason="盘点", actor="op", now=bench.now
            )
        bench.plan(campaign_id)
        bench.pass_time(MINUTE)
        assert bench.standing(campaign_id) == [S.PLANNED]
        with bench.begin() as session:
            campaign = campaigns.lock_campaign(session, campaign_id)
            campaign_service.resume_campaign(session, campaign, actor="op", now=bench.now)
        bench.pass_time(2 * MINUTE)
        assert bench.standing(campaign_id) == [S.SENT]

    def test_nothing_goes_into_a_retired_group(self, bench: OutreachBench) -> None:
        group = bench.customer_group()
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)
        with bench.begin() as session:
            chat_groups.retire(session, group.id)
        bench.pass_time(HOUR)
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.reason) == (S.SKIPPED, "group retired")

    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_nothing_goes_into_a_group_without_a_leader(
        self, bench: OutreachBench, is_deleted: bool
    ) -> None:
        leader = bench.leader()
        bench.robot_group(leader)
        campaign_id = bench.plain_campaign()
        bench.plan(campaign_id)
        with bench.begin() as session:
            if is_deleted:
                members.pseudonymise(session, member_id=leader, now=bench.now)
            else:
                leaders.revoke_leader(session, leader)
        bench.pass_time(HOUR)
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.reason) == (S.SKIPPED, "the group has no leader")
        later = bench.plain_campaign()
        bench.plan(later)
        assert bench.pushes(later) == []
