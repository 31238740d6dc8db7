"""A shop that tells people things: chat groups, plans, the channels, and their sweeps."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from app.reactions import REACTIONS
from kit.outbox import relay
from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.robot_keys import RobotKeys
from shop.members import leaders
from shop.members.platforms import Platform
from shop.outreach import jobs, planning, queries
from shop.outreach.gateway import Channels
from shop.outreach.inbox import grants, templates
from shop.outreach.inbox.models import (
    Delivery,
    GrantAnswer,
    InboxMessage,
    NoticeKind,
    SubscribeGrant,
)
from shop.outreach.models import Push, PushEdge, PushPlan, PushStatus, PushTemplate
from shop.outreach.sending import Post
from shop.referral import service as referral
from tests.doubles.channels import MemoryMessages, MemoryRobots, MemoryTasks
from tests.factories.groups import LASTS, GroupBench, Offer

TEXT: Final = "【{campaign}】{price} 元，{opens} 开抢：{link}"
BASE_URL: Final = "https://shop.example"
ROBOT_KEYS: Final = RobotKeys(key=b"r" * 32, hash_key=b"h" * 32)
HOUR: Final = timedelta(hours=1)


@dataclass
class OutreachBench(GroupBench):
    """A bench with channels; campaigns of any kind need no group of theirs to be told of."""

    made: int = 0  # chat groups
    robots: MemoryRobots = field(default_factory=MemoryRobots)
    tasks: MemoryTasks = field(default_factory=MemoryTasks)
    subscribe: MemoryMessages = field(default_factory=MemoryMessages)
    alipay_messages: MemoryMessages = field(
        default_factory=lambda: MemoryMessages(asks_grants=False)
    )

    def __post_init__(self) -> None:
        """Put the channels on the bench's clock."""
        super().__post_init__()
        for platform in self.platforms.values():
            platform.payer = None  # payers can be told apart
        self.robots.clock = self.tasks.clock = lambda: self.now

    @property
    def post(self) -> Post:
        """Return what sending needs from outside."""
        return Post(
            channels=Channels(
                robots=self.robots,
                group_tasks=self.tasks,
                member_messages={
                    Platform.WECHAT: self.subscribe,
                    Platform.ALIPAY: self.alipay_messages,
                },
            ),
            robot_keys=ROBOT_KEYS,
            public_base_url=BASE_URL,
        )

    def leader(self) -> UUID:
        """Return a new member who is a leader."""
        member_id = self.member()
        with self.begin() as session:
            leaders.approve_leader(session, member_id, now=self.now)
        return member_id

    def robot_group(self, leader_id: UUID | None = None, **given: Any) -> ChatGroup:
        """Return a new chat group with a robot, whose key is its name."""
        self.made += 1
        name = given.pop("name", f"robot-key-{self.made}")
        return self._group(
            ChatChannel.ROBOT, leader_id, name, robot_key=f"robot-key-{self.made}", **given
        )

    def customer_group(self, leader_id: UUID | None = None, **given: Any) -> ChatGroup:
        """Return a new customer group."""
        self.made += 1
        settled = {"chat_id": f"chat{self.made}", "sender": "owner"}
        name = given.pop("name", f"group {self.made}")
        return self._group(ChatChannel.CUSTOMER_GROUP, leader_id, name, **(settled | given))

    def _group(
        self, channel: ChatChannel, leader_id: UUID | None, name: str, **given: Any
    ) -> ChatGroup:
        leader_id = leader_id or self.leader()
        with self.begin() as session:
            return chat_groups.add_chat_group(
                session,
                ROBOT_KEYS,
                channel=channel,
                leader_id=leader_id,
                name=name,
                actor="op",
                now=self.now,
                **given,
            )

    def plain_campaign(
        self,
        *,
        starts_in: timedelta = HOUR,
        lasts: timedelta = HOUR,
        warms_before: timedelta | None = None,
        name: str = "周五秒杀",
        units: int = 3,
    ) -> UUID:
        """Publish a campaign, open it when its time has come, and return its id."""
        offer = Offer(
            starts_in=starts_in,
            window=lasts,
            warms_before=warms_before,
            units=units,
            plan={"name": name},
            terms={"lasts": min(lasts, LASTS)},
        )
        return self.campaign(offer)

    def template(self, text: str = TEXT, name: str = "news") -> PushTemplate:
        """Return the template of this name."""
        with self.begin() as session:
            known = select(PushTemplate).where(PushTemplate.name == name)
            return session.scalars(known).one_or_none() or planning.add_template(
                session, name=name, text=text, actor="op", now=self.now
            )

    def plan(
        self,
        campaign_id: UUID,
        edge: PushEdge = PushEdge.OPEN,
        channel: ChatChannel = ChatChannel.ROBOT,
        **given: Any,
    ) -> PushPlan:
        """Plan an edge of a campaign, without quiet hours unless told otherwise."""
        settled = {"quiet_from_minute": 0, "quiet_until_minute": 0, "actor": "op"}
        template = self.template()
        with self.begin() as session:
            return planning.plan_edge(
                session,
                campaign_id=campaign_id,
                edge=edge,
                channel=channel,
                template=template,
                now=self.now,
                **(settled | given),
            )

    def told_to_owner(self) -> Push:
        """Return a push whose owner has been asked to confirm it."""
        self.customer_group()
        campaign_id = self.plain_campaign(starts_in=timedelta(0), lasts=6 * HOUR)
        self.plan(campaign_id, channel=ChatChannel.CUSTOMER_GROUP)
        self.ring()
        return self.pushes(campaign_id)[0]

    def pass_time(self, step: timedelta, times: int = 1) -> None:
        """Let time go by, and the sweeps run."""
        for _ in range(times):
            self.now += step
            self.ring()

    def ring(self) -> None:
        """Run the sweeps of campaigns and outreach once, and bring the news."""
        self.sweep("turn")
        self.tell()
        self.failed += jobs.plan_due_pushes(self.begin, now=self.now).failed
        self.push_on()
        platforms = self.post.channels.member_messages
        self.failed += jobs.deliver_due_messages(self.begin, platforms, now=self.now).failed

    def push_on(self, step: timedelta = timedelta(0)) -> None:
        """Let time go by, and run the sweeps of pushes alone."""
        self.now += step
        self.failed += jobs.send_due_pushes(self.begin, self.post, now=self.now).failed
        self.failed += jobs.stop_due_twins(self.begin, self.tasks, now=self.now).failed
        self.failed += jobs.ask_about_due_tasks(self.begin, self.tasks, now=self.now).failed

    def tell(self) -> None:
        """Bring every waiting event to its handlers."""
        while relay(self.begin, REACTIONS, now=self.now):
            pass

    def pushes(self, campaign_id: UUID) -> list[Push]:
        """Return a campaign's pushes in the order they come."""
        with self.begin() as session:
            return [push for push, _ in queries.list_pushes(session, campaign_id)]

    def push(self, push_id: UUID) -> Push:
        """Return a push as it stands."""
        with self.begin() as session:
            return session.get_one(Push, push_id)

    def standing(self, campaign_id: UUID) -> list[PushStatus]:
        """Return how a campaign's pushes stand."""
        return [push.status for push in self.pushes(campaign_id)]

    def member_template(
        self, kind: NoticeKind, platform: Platform = Platform.WECHAT, template_id: str = "T1"
    ) -> None:
        """Have a platform word messages of a kind."""
        with self.begin() as session:
            templates.set_template(
                session,
                kind,
                platform,
                template_id=template_id,
                fields={"thing1": "{title}", "thing2": "{body}"},
                actor="op",
                now=self.now,
            )

    def grant(self, member_id: UUID, template_id: str = "T1", *, real: bool = True) -> None:
        """Have a member accept one message, which the platform may know nothing of."""
        with self.begin() as session:
            grants.note_answers(session, member_id, {template_id: GrantAnswer.ACCEPT}, now=self.now)
        if real:
            self.subscribe.granted[f"open-{member_id}", template_id] += 1

    def grants(self, member_id: UUID) -> list[str]:
        """Return how the member's grants stand, oldest first."""
        with self.begin() as session:
            rows = select(SubscribeGrant).where(SubscribeGrant.member_id == member_id)
            return [row.status.value for row in session.scalars(rows.order_by(SubscribeGrant.id))]

    def inbox(self, member_id: UUID) -> list[InboxMessage]:
        """Return the member's messages, oldest first."""
        with self.begin() as session:
            rows = select(InboxMessage).where(InboxMessage.member_id == member_id)
            return list(session.scalars(rows.order_by(InboxMessage.id)))

    def deliveries(self, member_id: UUID) -> list[Delivery]:
        """Return the member's deliveries, oldest first."""
        with self.begin() as session:
            rows = select(Delivery).where(Delivery.member_id == member_id)
            return list(session.scalars(rows.order_by(Delivery.id)))

    def brought_by(self, group: ChatGroup) -> UUID:
        """Return a new member who came by the invite of a chat group."""
        member_id = self.member()
        with self.begin() as session:
            invite = referral.give_invite(
                session,
                group.leader_id,
                campaign_id=None,
                chat_group_id=group.id,
                now=self.now,
            )
            referral.open_invite(session, invite.code, member_id=member_id, now=self.now)
        return member_id


def at_noon(now: datetime) -> datetime:
    """Return noon in Shanghai of about that day."""
    return now.replace(hour=4, minute=0, second=0, microsecond=0)
