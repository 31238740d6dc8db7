"""Telling many: planning pushes, draining a queue at a robot's limit, filling 100,000 inboxes."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from time import perf_counter
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, select

from app.sample_campaigns import CampaignSample, make_group_buy
from benchmarks.frame import Benchmark, Plan
from benchmarks.ground import ground
from benchmarks.report import Figure, alone
from kit.ids import new_id
from kit.money import Fen
from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members import leaders
from shop.members.models import Member, MemberStatus
from shop.outreach import planning
from shop.outreach.gateway import Channels, RateLimited, RobotMessage
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import InboxMessage, NoticeKind
from shop.outreach.inbox.telling import Told
from shop.outreach.jobs import send_due_pushes
from shop.outreach.models import Push, PushEdge, PushStatus
from shop.outreach.sending import Post
from shop.ports import Ports

PLANNING: Final = "outreach.plan_2000x3"
DRAINING: Final = "outreach.drained_at_the_limit"
HIGHEST: Final = "outreach.highest_minute_of_a_robot"
INBOXES: Final = "outreach.inbox_100k"
EDGES: Final = (PushEdge.OPEN, PushEdge.LAST_CALL, PushEdge.FORMED)
TEXT: Final = "【{campaign}】{price} 元：{link}"
MINUTE: Final = timedelta(minutes=1)
PER_MINUTE: Final = 20


class CountingRobots:
    """Takes 20 messages a minute for each key, as the platform does, and counts refusals."""

    def __init__(self, now: datetime) -> None:
        """Begin at a moment that the benchmark moves on."""
        self.now = now
        self.times: dict[str, list[datetime]] = defaultdict(list)

    def send(self, *, key: str, message: RobotMessage) -> None:
        """Take it, or refuse it."""
        recent = [at for at in self.times[key] if at > self.now - MINUTE]
        if len(recent) >= PER_MINUTE:
            raise RateLimited("too fast", retry_after=60)
        self.times[key].append(self.now)

    def highest(self) -> int:
        """Return how many messages the fullest minute of any robot had."""
        return max(
            sum(1 for other in times if at - MINUTE < other <= at)
            for times in self.times.values()
            for at in times
        )


def run(plan: Plan) -> Iterable[Figure]:
    """Measure all three on one database."""
    with ground() as site:
        yield from measure(site.ports(), plan)


def measure(ports: Ports, plan: Plan) -> Iterable[Figure]:
    """Plan, drain, fill."""
    yield from _planning(ports, plan)
    yield from _draining(ports, plan)
    yield from _inboxes(ports, plan)


def _planning(ports: Ports, plan: Plan) -> Iterable[Figure]:
    groups = plan.size(2_000, quick=20)
    _make_groups(ports, groups, daily_quota=1000)
    seconds: list[float] = []
    for _ in range(plan.rounds):
        campaign_id = _make_campaign(ports)
        started = perf_counter()
        _plan(ports, campaign_id, EDGES)
        with ports.begin() as session:
            planning.note_edge(session, campaign_id, PushEdge.FORMED, now=datetime.now(UTC))
        seconds.append(perf_counter() - started)
        if _count(ports, campaign_id) != groups * len(EDGES):
            raise AssertionError("not every push was planned")
    note = f"pushes into {groups} chat groups at {len(EDGES)} edges, with as many invites"
    yield alone(PLANNING, seconds, unit="s", below=5, note=note)


def _draining(ports: Ports, plan: Plan) -> Iterable[Figure]:
    """Let a queue for two robots drain on a clock that is moved on second by second."""
    pushes, robots = plan.size(60, quick=4), 2
    _retire_all(ports)
    _make_groups(ports, robots, daily_quota=1000)
    ids = [_make_campaign(ports) for _ in range(pushes)]
    now = datetime.now(UTC) + timedelta(hours=1)
    for campaign_id in ids:
        _plan(ports, campaign_id, (PushEdge.OPEN,))
    peer = CountingRobots(now)
    post = Post(
        channels=Channels(robots=peer),
        robot_keys=ports.robot_keys,
        public_base_url=ports.public_base_url,
    )
    started = perf_counter()
    while sum(map(len, peer.times.values())) < pushes * robots:
        send_due_pushes(ports.begin, post, now=peer.now)
        peer.now += timedelta(seconds=1)
    took = perf_counter() - started
    last = max(at for times in peer.times.values() for at in times)
    note = f"{pushes} messages for each of {robots} robots, {took:.1f} s of work"
    apart = (last - now) / timedelta(seconds=1) / (pushes - 1)
    yield alone(DRAINING, [apart], unit="s between messages", below=3.4, note=note)
    yield alone(HIGHEST, [float(peer.highest())], unit="messages", below=20.5, note=note)


def _inboxes(ports: Ports, plan: Plan) -> Iterable[Figure]:
    members = plan.size(100_000, quick=1_000)
    ids = [new_id() for _ in range(members)]
    now = datetime.now(UTC)
    with ports.begin() as session:
        for start in range(0, members, 10_000):
            rows = [
                {"id": one, "status": MemberStatus.ACTIVE, "created_at": now}
                for one in ids[start : start + 10_000]
            ]
            session.execute(insert(Member), rows)
    seconds: list[float] = []
    for number in range(plan.size(3, quick=1)):
        told = Told(
            kind=NoticeKind.OPENING_SOON,
            cause=f"bench:{number}",
            page="pages/campaign/campaign",
            campaign="周五秒杀",
            at=now,
        )
        started = perf_counter()
        with ports.begin() as session:
            made = telling.tell(session, told, ids, now=now)
        seconds.append(perf_counter() - started)
        if made != members:
            raise AssertionError("not every inbox has its message")
    with ports.begin() as session:
        total = session.scalar(select(func.count()).select_from(InboxMessage))
    yield alone(INBOXES, seconds, unit="s", below=60, note=f"{members} inboxes; {total} in the end")


def _make_groups(ports: Ports, count: int, *, daily_quota: int) -> None:
    """Make so many chat groups with a robot each, of one leader."""
    now = datetime.now(UTC)
    with ports.begin() as session:
        leader = Member(id=new_id(), status=MemberStatus.ACTIVE, created_at=now)
        session.add(leader)
        session.flush()
        leaders.approve_leader(session, leader.id, now=now)
        for number in range(count):
            chat_groups.add_chat_group(
                session,
                ports.robot_keys,
                channel=ChatChannel.ROBOT,
                leader_id=leader.id,
                name=f"群 {number}",
                robot_key=token_hex(16),
                daily_quota=daily_quota,
                actor="bench",
                now=now,
            )


def _retire_all(ports: Ports) -> None:
    with ports.begin() as session:
        for group in session.scalars(select(ChatGroup).where(ChatGroup.is_active)):
            group.is_active = False


def _make_campaign(ports: Ports) -> UUID:
    sample = CampaignSample(
        stock=2,
        limit=1,
        price_fen=Fen(900),
        seats=2,
        opens_in=timedelta(0),
        lasts=timedelta(days=3),
        group_lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    made = make_group_buy(
        ports.begin, ports.vault, sample, fee_basis_points=60, now=datetime.now(UTC)
    )
    return made.id


def _plan(ports: Ports, campaign_id: UUID, edges: Iterable[PushEdge]) -> None:
    now = datetime.now(UTC)
    with ports.begin() as session:
        template = planning.add_template(
            session, name=f"t{token_hex(8)}", text=TEXT, actor="bench", now=now
        )
        for edge in edges:
            planning.plan_edge(
                session,
                campaign_id=campaign_id,
                edge=edge,
                channel=ChatChannel.ROBOT,
                template=template,
                quiet_from_minute=0,
                quiet_until_minute=0,
                actor="bench",
                now=now,
            )


def _count(ports: Ports, campaign_id: UUID) -> int:
    with ports.begin() as session:
        counted = select(func.count()).where(
            Push.campaign_id == campaign_id, Push.status == PushStatus.PLANNED
        )
        return session.scalar(counted) or 0


BENCHMARK: Final = Benchmark((PLANNING, DRAINING, HIGHEST, INBOXES), run)
