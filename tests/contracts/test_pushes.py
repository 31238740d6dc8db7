"""Pushes through the product's clients into the real sandbox: once each, whatever goes wrong."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from kit.clock import utc_now
from kit.db import Begin
from shop.chat_groups.models import ChatChannel
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import DeliveryStatus, NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import PushStatus
from shop.outreach.subscribe import SubscribeMessages
from tests.contracts.channels import make_group_tasks, make_robots
from tests.contracts.gateways import make_wechat_api
from tests.factories.groups import LONG_AGO
from tests.factories.outreach import HOUR, OutreachBench, at_noon
from tests.servers import SandboxServer

MINUTE = timedelta(minutes=1)
GROUPS = 8
TROUBLE: tuple[dict[str, Any], ...] = (
    {"kind": "timeout_after_acting", "delay_seconds": 0, "probability": 0.3, "seed": 1},
    {"kind": "drop", "probability": 0.3, "seed": 2},
    {"kind": "error", "code": "45009", "probability": 0.3, "seed": 3},
    {"kind": "error", "code": "-1", "probability": 0.3, "seed": 4},
)


@dataclass
class Evening(OutreachBench):
    """A bench whose channels are the product's own, and whose clock is the sandbox's, too."""

    sandbox: SandboxServer | None = None

    def set_clock(self) -> None:
        """Let the platform's day be the bench's."""
        assert self.sandbox is not None
        offset = (self.now - utc_now()).total_seconds()
        self.sandbox.post("clock", {"offset_seconds": offset})

    def ring(self) -> None:
        """Run the sweeps at the platform's time."""
        self.set_clock()
        super().ring()

    def make_trouble(self, target: str) -> None:
        """Have calls go wrong in every way, each now and then."""
        assert self.sandbox is not None
        for fault in TROUBLE:
            self.sandbox.post("faults", {"target": target, "times": None, **fault})

    def arrived(self) -> Counter[str]:
        """Return how many messages stand in each group at the platform."""
        assert self.sandbox is not None
        items = self.sandbox.get("wecom/messages")["items"]
        return Counter(item["chat_id"] for item in items)


@pytest.fixture
def now() -> datetime:
    return at_noon(LONG_AGO)


@pytest.fixture
def evening(begin: Begin, now: datetime, sandbox_server: SandboxServer, redis: "Redis") -> Evening:
    bench = Evening(begin, now, sandbox=sandbox_server)
    bench.__dict__["robots"] = make_robots(sandbox_server)
    bench.__dict__["tasks"] = make_group_tasks(sandbox_server, redis)
    bench.set_clock()
    return bench


class TestRobots:
    def test_a160_no_group_reads_a_push_twice_and_none_is_lost_but_for_the_uncertain(
        self, evening: Evening, sandbox_server: SandboxServer
    ) -> None:
        chat_ids = {}
        for _ in range(GROUPS):
            key = evening.robot_group().name
            order = {"name": key, "owner": "op", "robot": key}
            chat_ids[key] = sandbox_server.post("wecom/groups", order)["chat_id"]
        campaign_id = evening.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        evening.plan(campaign_id)
        evening.make_trouble("wecom.robot")
        evening.pass_time(5 * MINUTE, times=30)
        pushes = evening.pushes(campaign_id)
        assert [push.status for push in pushes] == [PushStatus.SENT] * GROUPS
        arrived = evening.arrived()
        assert max(arrived.values()) == 1
        certain = sum(push.is_certain for push in pushes)
        assert certain <= len(arrived) <= GROUPS
        assert 0 < certain < GROUPS, "the trouble made no difference"
        assert evening.failed == 0


class TestGroupTasks:
    def test_a160_each_group_gets_one_task_and_reads_it_once(
        self, evening: Evening, sandbox_server: SandboxServer
    ) -> None:
        for number in range(GROUPS):
            order = {"name": f"客户群{number}", "owner": f"owner-{number}"}
            chat_id = sandbox_server.post("wecom/groups", order)["chat_id"]
            evening.customer_group(chat_id=chat_id, sender=f"owner-{number}")
        campaign_id = evening.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        evening.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)
        evening.make_trouble("wecom.task")
        twice = {"target": "wecom.task", "kind": "duplicate", "times": 3}
        sandbox_server.post("faults", twice)
        evening.make_trouble("wecom.cancel")
        evening.pass_time(5 * MINUTE, times=40)
        made = sandbox_server.get("wecom/tasks")["items"]
        assert len(made) > GROUPS, "none was taken twice"
        tasks = [task for task in made if task["stopped_at"] is None]
        assert Counter(task["sender"] for task in tasks) == {
            f"owner-{number}": 1 for number in range(GROUPS)
        }
        for task in tasks:
            for _ in range(2):
                sandbox_server.post("wecom/confirm", {"msgid": task["msgid"]})
        assert set(evening.arrived().values()) == {1}
        assert len(evening.arrived()) == GROUPS


class AsTheBenchsApp(SubscribeMessages):
    """The product's client, whose mini-program is the one the bench's members are known to."""

    @property
    def app_id(self) -> str:
        """Return the bench's."""
        return "app-1"


class TestMembers:
    def test_a_grant_is_one_message_at_most_and_the_inbox_has_them_all(
        self, evening: Evening, sandbox_server: SandboxServer, redis: "Redis"
    ) -> None:
        evening.__dict__["subscribe"] = AsTheBenchsApp(make_wechat_api(sandbox_server, redis))
        order = {"template_id": "T1", "fields": ["thing1", "thing2"]}
        sandbox_server.post("wechat/templates", order)
        evening.member_template(NoticeKind.OPENING_SOON)
        members = [evening.member() for _ in range(GROUPS)]
        for member in members:
            openid = f"open-{member}"
            sandbox_server.post("wechat/codes", {"openid": openid})
            sandbox_server.post("wechat/grants", {"openid": openid, "template_id": "T1"})
            evening.grant(member, real=False)
        evening.make_trouble("wechat.subscribe_message")
        for number in range(2):
            told = Told(
                kind=NoticeKind.OPENING_SOON,
                cause=f"opening:{number}",
                page="pages/x",
                campaign="一个名字长得放不进订阅消息的周五晚上八点准时开始的秒杀",
            )
            with evening.begin() as session:
                telling.tell(session, told, members, now=evening.now)
        evening.pass_time(5 * MINUTE, times=30)
        items = sandbox_server.get("wechat/messages")["items"]
        assert set(Counter(item["openid"] for item in items).values()) == {1}
        found = Counter(
            delivery.status for member in members for delivery in evening.deliveries(member)
        )
        assert found[DeliveryStatus.SENT] <= len(items)
        assert found[DeliveryStatus.SENT] + found[DeliveryStatus.UNKNOWN] >= len(items)
        assert found[DeliveryStatus.SENT] > 0
        assert sum(found.values()) == 2 * GROUPS
        assert {len(evening.inbox(member)) for member in members} == {2}
