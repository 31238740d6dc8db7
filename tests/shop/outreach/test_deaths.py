"""A process that dies around a hand-over: nobody hears twice, and what is not known is shown."""

import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

import pytest

from shop.chat_groups.models import ChatChannel
from shop.outreach.gateway import (
    ChannelUnavailable,
    GroupTask,
    MemberMessage,
    OutcomeUnknown,
    RateLimited,
    RobotMessage,
    TaskMade,
)
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import DeliveryStatus, NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import PushEdge, PushStatus
from tests.doubles.channels import MemoryMessages, MemoryRobots, MemoryTasks
from tests.factories.outreach import HOUR, OutreachBench

MINUTE = timedelta(minutes=1)


class Died(Exception):
    """The process ended: nothing after this line ran."""


def die() -> NoReturn:
    """End."""
    raise Died


class DeadlyRobots(MemoryRobots):
    """Whoever posts dies, before or after the message arrived."""

    acts = True

    def send(self, *, key: str, message: RobotMessage) -> None:
        """Post or not, and die."""
        if self.acts:
            super().send(key=key, message=message)
        die()


class DeadlyTasks(MemoryTasks):
    """Whoever makes a task dies, before or after it was made."""

    acts = True
    is_deadly = True

    def create(self, task: GroupTask) -> TaskMade:
        """Make it or not, and die."""
        if not self.is_deadly:
            return super().create(task)
        if self.acts:
            super().create(task)
        die()


class DeadlyMessages(MemoryMessages):
    """Whoever sends dies after the message arrived."""

    def send(self, message: MemberMessage) -> None:
        """Send, and die."""
        super().send(message)
        die()


class TestDeaths:
    @pytest.mark.parametrize("acts", [True, False])
    def test_a160_a_robots_message_is_never_repeated_and_shown_as_uncertain(
        self, bench: OutreachBench, acts: bool
    ) -> None:
        bench.robots = DeadlyRobots(clock=lambda: bench.now)
        bench.robots.acts = acts
        bench.robot_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        bench.plan(campaign_id)
        bench.ring()
        assert bench.standing(campaign_id) == [PushStatus.SENDING]
        bench.robots = MemoryRobots(clock=lambda: bench.now, posted=bench.robots.posted)
        bench.pass_time(MINUTE, times=3)
        (push,) = bench.pushes(campaign_id)
        assert (push.status, push.is_certain) == (PushStatus.SENT, False)
        assert len(bench.robots.posted) == int(acts)

    @pytest.mark.parametrize("acts", [True, False])
    def test_a_task_is_found_or_made_once(self, bench: OutreachBench, acts: bool) -> None:
        deadly = bench.tasks = DeadlyTasks(clock=lambda: bench.now)
        deadly.acts = acts
        push = bench.told_to_owner()
        assert push.status is PushStatus.SENDING
        deadly.is_deadly = False
        bench.pass_time(MINUTE, times=6)
        found = bench.push(push.id)
        assert (found.status, found.msgid) == (PushStatus.AWAITING_OWNER, "msg1")
        assert len(bench.tasks.made) == 1

    def test_a_subscribe_message_uses_its_grant_up(self, bench: OutreachBench) -> None:
        bench.subscribe = DeadlyMessages()
        bench.member_template(NoticeKind.OPENING_SOON)
        member = bench.member()
        bench.grant(member)
        bench.grant(member)
        told = Told(kind=NoticeKind.OPENING_SOON, cause="o", page="p", campaign="秒杀")
        with bench.begin() as session:
            telling.tell(session, told, [member], now=bench.now)
        bench.ring()
        bench.pass_time(MINUTE, times=3)
        assert [one.status for one in bench.deliveries(member)] == [DeliveryStatus.UNKNOWN]
        assert len(bench.subscribe.sent) == 1
        assert bench.grants(member) == ["used", "open"]


class TestTrouble:
    """Seeded trouble of every kind, and what must hold after it."""

    def make(self, bench: OutreachBench, groups: int) -> UUID:
        """Return a campaign of which both edges are told to groups of both channels."""
        for _ in range(groups):
            bench.robot_group()
            bench.customer_group()
        campaign_id = bench.plain_campaign(starts_in=timedelta(0), lasts=12 * HOUR)
        for edge in (PushEdge.OPEN, PushEdge.LAST_CALL):
            for channel in ChatChannel:
                bench.plan(campaign_id, edge, channel, lead=12 * HOUR)
        return campaign_id

    def suffer(self, bench: OutreachBench, dice: random.Random) -> None:
        """Let the channels fail in every way for a while, and then no more."""
        troubles = (bench.robots.trouble, bench.tasks.trouble)
        for _ in range(30):
            for trouble in troubles:
                trouble.before = dice.choices(
                    [ChannelUnavailable("x"), RateLimited("x", retry_after=7), Died()],
                    k=dice.randrange(3),
                )
                trouble.after = dice.choices([OutcomeUnknown("x"), Died()], k=dice.randrange(2))
            with suppress(Died):
                bench.push_on(timedelta(seconds=dice.choice([5, 60, 240])))
        for trouble in troubles:
            trouble.before, trouble.after = [], []

    @pytest.mark.parametrize("seed", range(3))
    def test_each_group_has_each_message_once(self, bench: OutreachBench, seed: int) -> None:
        groups = 2
        campaign_id = self.make(bench, groups)
        self.suffer(bench, random.Random(seed))
        for _ in range(6):
            bench.push_on(16 * MINUTE)
            for msgid in bench.tasks.made:
                bench.tasks.confirm(msgid)
        pushes = bench.pushes(campaign_id)
        assert len(pushes) == 2 * groups * len(ChatChannel)
        assert {push.status for push in pushes} <= {PushStatus.SENT, PushStatus.CONFIRMED}
        # Both edges say the same here; each is there once at most.
        posted = Counter(key for _, key, _ in bench.robots.posted)
        assert max(posted.values(), default=0) <= 2
        made = Counter(one.task.chat_ids[0] for one in bench.tasks.made.values())
        assert made == dict.fromkeys(made, 2)
        assert len(made) == groups
        assert bench.robots.refused == 0
        assert bench.violations() == []
