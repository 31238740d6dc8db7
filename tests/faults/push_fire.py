"""Chat groups, pushes and a worker that is killed, with the simulated platforms next door."""

import os
import random
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from time import sleep
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from kit.faultpoints import VARIABLE
from kit.ids import new_id
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members.models import Identity
from shop.members.platforms import Platform
from shop.outreach import planning
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import Delivery, DeliveryStatus, NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.models import Push, PushEdge, PushStatus
from tests import forking
from tests.factories.outreach import HOUR, OutreachBench
from tests.faults.push_child import BEGUN, DONE, READY
from tests.servers import SandboxServer

OWNER: Final = "owner"
EDGES: Final = (PushEdge.OPEN, PushEdge.LAST_CALL)
ENDED: Final = {PushStatus.SENT, PushStatus.CONFIRMED, PushStatus.ESCALATED}
KIND: Final = NoticeKind.OPENING_SOON
# Nothing but the passing of time brings what is late on its way.
CALM_BEFORE: Final = 2  # rounds in which a lost task is found, and then its twin
MOMENT, LEASE = timedelta(seconds=5), timedelta(seconds=61)


class Worker:
    """A process that sends, until it is killed."""

    def __init__(self, environment: dict[str, str], point: str = "") -> None:
        """Start it, and wait until it can be told to work."""
        self._process = forking.Forked(
            ["tests.faults.push_child"],
            environment={**os.environ, **environment, VARIABLE: point},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._hears(READY)

    def work(self, moment: str, *, killed_after: float | None = None) -> bool:
        """Have it work at a moment, killed amid it perhaps; say whether it came through."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{moment}\n")
        self._process.stdin.flush()
        if killed_after is not None and self._hears(BEGUN):
            sleep(killed_after)
            self._process.kill()
        is_done = self._hears(f"{DONE} 0")
        if killed_after is not None or not is_done:
            self._process.communicate(timeout=60)
        return is_done and self._process.returncode is None

    def end(self) -> int:
        """Let it go home, and return its exit code."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.communicate(timeout=60)
        return self._process.returncode

    def _hears(self, word: str) -> bool:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word:
                return True
            assert line.strip() in (READY, BEGUN), line  # a sweep failed on a row
        return False


@dataclass
class PushFire:
    """A shop with chat groups of both kinds, and what its platforms have seen of it."""

    bench: OutreachBench
    sandbox: SandboxServer
    environment: dict[str, str]
    campaign_id: UUID = field(init=False)
    chats: dict[UUID, str] = field(default_factory=dict)  # chat group → its id at WeCom
    passed: timedelta = timedelta(0)
    done: Counter[str] = field(default_factory=Counter)
    template_id: str = ""
    workers: list[Worker] = field(default_factory=list)

    def prepare(self, groups: int, members: int = 1) -> None:
        """Make chat groups of both kinds, plan two edges for all of them, and tell some members."""
        self.sandbox.post("settings", {"wecom_group_quota": "month"})
        for _ in range(groups):
            self._robot_group()
            self._customer_group()
        self.campaign_id = self.bench.plain_campaign(starts_in=timedelta(0), lasts=24 * HOUR)
        for edge in EDGES:
            for channel in ChatChannel:
                self._plan(edge, channel)
        self._ask_for_consent()
        self.tell(members)

    def tell(self, members: int) -> None:
        """Leave a message for some members more, which a platform is to bring them."""
        people = [self._member() for _ in range(members)]
        told = Told(kind=KIND, cause="fire", page="pages/index/index", campaign="秒杀")
        with self.bench.begin() as session:
            telling.tell(session, told, people, now=self.bench.now)

    def move(self, step: timedelta) -> None:
        """Let time go by, here and at the platforms."""
        self.bench.now += step
        self.passed += step
        self.sandbox.post("clock", {"offset_seconds": self.passed.total_seconds()})

    def worker(self, point: str = "") -> Worker:
        """Start a worker."""
        self.workers.append(Worker(self.environment, point))
        return self.workers[-1]

    def put_out(self) -> None:
        """End whoever is still at work."""
        for worker in self.workers:
            worker.end()

    def confirm_some(self, rng: random.Random) -> None:
        """Have the owner send tasks, one of those that look alike; twice, as people do."""
        alike: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for task in self._open_tasks():
            alike[_text_of(task["content"])].append(task)
        for tasks in alike.values():
            if not any(task["confirmed_at"] for task in tasks):
                self._confirm(rng.choice(tasks))

    def calm(self, worker: Worker, rounds: int = 5) -> None:
        """Let everything come to its end; the owner sends all that is left in their client."""
        for turn in range(rounds):
            self.move(timedelta(minutes=3))
            assert worker.work(self.moment)
            if turn >= CALM_BEFORE:
                for task in self._open_tasks():
                    self._confirm(task)

    def _open_tasks(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.sandbox.get(f"wecom/tasks?sender={OWNER}")["items"]
        return [task for task in items if task["stopped_at"] is None]

    def _confirm(self, task: dict[str, Any]) -> None:
        for _ in range(2):
            self.sandbox.post("wecom/confirm", {"msgid": task["msgid"]})

    @property
    def moment(self) -> str:
        """Return the time, for the worker."""
        return self.bench.now.isoformat()

    def arrived(self) -> Counter[tuple[str, str]]:
        """Return how often each text stands in each chat group."""
        items = self.sandbox.get("wecom/messages")["items"]
        return Counter((item["chat_id"], _text_of(item["content"])) for item in items)

    def check(self) -> None:
        """Each message is in its group once, or openly not known; none is missing, none twice."""
        arrived, pushes = self.arrived(), self.bench.pushes(self.campaign_id)
        assert len(pushes) == len(EDGES) * len(self.chats)
        assert {push.status for push in pushes} <= ENDED
        for push in pushes:
            times = arrived[self.chats[push.chat_group_id], push.text or ""]
            assert times == 1 or (times == 0 and self._may_be_lost(push)), (times, push.status)
            self.done["arrived" if times else "uncertain"] += 1
        assert sum(arrived.values()) == self.done["arrived"], "what nobody planned"
        self._check_members()
        assert self.bench.violations() == []

    def _may_be_lost(self, push: Push) -> bool:
        return push.status is PushStatus.SENT and not push.is_certain

    def _check_members(self) -> None:
        """A grant is one message, and who cannot be known to have it is not sent another."""
        sent = Counter(item["openid"] for item in self.sandbox.get("wechat/messages")["items"])
        assert max(sent.values(), default=0) <= 1
        with self.bench.begin() as session:
            ends = Counter(session.scalars(select(Delivery.status)).all())
        known = ends.pop(DeliveryStatus.SENT, 0)
        assert known <= sum(sent.values()) <= known + ends.pop(DeliveryStatus.UNKNOWN, 0)
        assert set(ends) <= {DeliveryStatus.INBOX_ONLY}

    def _robot_group(self) -> None:
        group = self.bench.robot_group()
        made = self.sandbox.post(
            "wecom/groups", {"name": group.name, "owner": OWNER, "robot": group.name}
        )
        self.chats[group.id] = made["chat_id"]

    def _customer_group(self) -> None:
        group: ChatGroup = self.bench.customer_group()
        wish = {"name": group.name, "owner": OWNER, "chat_id": group.chat_id}
        self.chats[group.id] = self.sandbox.post("wecom/groups", wish)["chat_id"]

    def _plan(self, edge: PushEdge, channel: ChatChannel) -> None:
        name = edge.value.replace("_", "-")
        template = self.bench.template(f"{name}：{{campaign}} {{link}}", name)
        with self.bench.begin() as session:
            planning.plan_edge(
                session,
                campaign_id=self.campaign_id,
                edge=edge,
                channel=channel,
                template=template,
                lead=24 * HOUR,
                quiet_from_minute=0,
                quiet_until_minute=0,
                actor="op",
                now=self.bench.now,
            )

    def _ask_for_consent(self) -> None:
        fields = {"fields": ["thing1", "thing2"]}
        self.template_id = str(self.sandbox.post("wechat/templates", fields)["template_id"])
        self.bench.member_template(KIND, template_id=self.template_id)

    def _member(self) -> UUID:
        member_id = self.bench.member()
        open_id = f"o{member_id.hex[-27:]}"
        with self.bench.begin() as session:
            session.add(
                Identity(
                    id=new_id(),
                    member_id=member_id,
                    platform=Platform.WECHAT,
                    app_id=self.sandbox.credentials["wechat"]["app_id"],
                    open_id=open_id,
                    created_at=self.bench.now,
                )
            )
        grant = {"openid": open_id, "template_id": self.template_id, "times": 2}
        self.sandbox.post("wechat/grants", grant)
        for _ in range(2):
            self.bench.grant(member_id, self.template_id, real=False)
        return member_id


def _text_of(content: dict[str, Any]) -> str:
    part = content.get("markdown") or content.get("text") or {}
    return str(part.get("content", ""))


def draw_trouble(sandbox: SandboxServer, rng: random.Random) -> str:
    """Have the platforms make trouble for a while, and return its name."""
    name, target, order = rng.choice(TROUBLES)
    sandbox.post("faults", {"target": target, "times": rng.randint(1, 4), **order})
    return name


LOST: Final = {"kind": "timeout_after_acting", "delay_seconds": 0}
LIMITED: Final = {"kind": "error", "code": "45009"}
TROUBLES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("lost reply", "wecom.robot", LOST),
    ("lost reply", "wecom.task", LOST),
    ("lost reply", "wechat.subscribe_message", LOST),
    ("unreadable", "wecom.task", {"kind": "bad_signature"}),
    ("rate limit", "wecom.robot", LIMITED),
    ("rate limit", "wecom.task", LIMITED),
    ("rate limit", "wecom.task_list", LIMITED),
    ("concurrency", "wecom.task_result", {"kind": "error", "code": "45033"}),
    ("busy", "wecom.robot", {"kind": "error", "code": "-1"}),
    ("token", "wecom.task", {"kind": "error", "code": "42001"}),
    ("dropped", "wecom.task", {"kind": "drop"}),
    ("dropped", "wecom.media", {"kind": "drop"}),
    ("taken twice", "wecom.task", {"kind": "duplicate"}),
    ("taken twice", "wecom.task", {"kind": "duplicate", "count": 3}),
    ("lost reply", "wecom.cancel", LOST),
    ("heard twice", "wecom.cancel", {"kind": "duplicate"}),
    ("heard twice", "wecom.task_result", {"kind": "duplicate"}),
    ("heard twice", "wecom.remind", {"kind": "duplicate"}),
    ("late", "wecom.robot", {"kind": "delay", "delay_seconds": 0.2}),
)
