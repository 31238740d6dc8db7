"""Chat groups, templates and pushes in front of the console, made by the services."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from app.reactions import REACTIONS
from kit.clock import SHANGHAI
from kit.outbox import relay
from shop.campaigns import jobs as campaign_jobs
from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members import leaders
from shop.outreach import jobs, planning, queries
from shop.outreach.gateway import Channels
from shop.outreach.models import Push, PushEdge, PushTemplate
from shop.outreach.sending import Post
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import publish
from tests.doubles.channels import MemoryRobots, MemoryTasks

TEXT: Final = "【{campaign}】{price} 元，{opens} 开抢：{link}"


@dataclass
class PushDesk:
    """What the pages of outreach show, over the world of an office."""

    office: Office
    made: int = 0
    robots: MemoryRobots = field(default_factory=MemoryRobots)
    tasks: MemoryTasks = field(default_factory=MemoryTasks)

    def __post_init__(self) -> None:
        """Put the channels on the world's clock."""
        self.robots.clock = self.tasks.clock = lambda: self.office.world.now

    def leader(self) -> UUID:
        """Return a new member who is a leader."""
        member_id = UUID(self.office.world.member().id)
        with self.office.world.begin() as session:
            leaders.approve_leader(session, member_id, now=self.office.world.now)
        return member_id

    def group(self, *, is_robot: bool = True, **given: Any) -> ChatGroup:
        """Return a new chat group of a new leader."""
        self.made += 1
        way = (
            {"channel": ChatChannel.ROBOT, "robot_key": f"robot-key-{self.made}"}
            if is_robot
            else {
                "channel": ChatChannel.CUSTOMER_GROUP,
                "chat_id": f"chat{self.made}",
                "sender": "owner",
            }
        )
        settled = {"name": f"{self.made} 号楼", "leader_id": self.leader(), "actor": "op"}
        world = self.office.world
        with world.begin() as session:
            return chat_groups.add_chat_group(
                session, world.ports.robot_keys, now=world.now, **(settled | way | given)
            )

    def template(self, name: str = "news", text: str = TEXT) -> PushTemplate:
        """Return a new template."""
        world = self.office.world
        with world.begin() as session:
            return planning.add_template(session, name=name, text=text, actor="op", now=world.now)

    def campaign(self, clerk: Clerk, *edges: PushEdge, **changes: str) -> UUID:
        """Return a flash sale of in twenty minutes with edges planned for every chat group."""
        world = self.office.world
        soon = world.now.astimezone(SHANGHAI) + timedelta(minutes=20)
        changes.setdefault("starts_at", soon.strftime("%Y-%m-%dT%H:%M"))
        campaign_id = UUID(publish(self.office, clerk, **changes))
        with world.begin() as session:
            for edge in edges:
                for channel in ChatChannel:
                    planning.plan_edge(
                        session,
                        campaign_id=campaign_id,
                        edge=edge,
                        channel=channel,
                        template=queries.get_template(session, "news"),
                        quiet_from_minute=0,
                        quiet_until_minute=0,
                        actor="op",
                        now=world.now,
                    )
        return campaign_id

    def pass_time(self, step: timedelta) -> None:
        """Let time go by, and the sweeps of campaigns and pushes run."""
        world = self.office.world
        world.now += step
        campaign_jobs.turn_due_campaigns(world.begin, now=world.now)
        while relay(world.begin, REACTIONS, now=world.now):
            pass
        post = Post(
            channels=Channels(robots=self.robots, group_tasks=self.tasks),
            robot_keys=world.ports.robot_keys,
            public_base_url=world.ports.public_base_url,
        )
        assert jobs.send_due_pushes(world.begin, post, now=world.now).failed == 0
        assert jobs.stop_due_twins(world.begin, self.tasks, now=world.now).failed == 0
        assert jobs.ask_about_due_tasks(world.begin, self.tasks, now=world.now).failed == 0

    def pushes(self, campaign_id: UUID) -> list[Push]:
        """Return a campaign's pushes in the order they come."""
        with self.office.world.begin() as session:
            return [push for push, _ in queries.list_pushes(session, campaign_id)]

    def unsure(self, clerk: Clerk) -> Push:
        """Return a robot's push of which no answer came."""
        self.group()
        self.template()
        campaign_id = self.campaign(clerk, PushEdge.OPEN)
        self.robots.trouble.lose_answers()
        self.pass_time(timedelta(minutes=21))
        (push,) = self.pushes(campaign_id)
        assert not push.is_certain
        return push
