"""What the live room reads beside the numbers of the sale: who brings buyers, and what happens."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from flash_sale import burn_down
from flash_sale import queries as flash_sales
from flash_sale.burn_down import Point, Window
from group_buy.models import Group, GroupStatus
from kit.lifecycle import StatusChange
from shop.campaigns.models import Campaign, CampaignKind
from shop.chat_groups.models import ChatGroup
from shop.members.models import Member
from shop.referral.models import Attribution, Invite, Touch

MOST_RANKED: Final = 10
MOST_EVENTS: Final = 15
GROUPS_OF_EACH: Final = 6


@dataclass
class Bringer:
    """A chat group of a leader, or a leader beside any: looks, who was bound, paid orders."""

    member_id: UUID
    chat_group_id: UUID | None
    chat_group: str | None = None
    views: int = 0
    joined: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """What is left of a sale over time, beside an even pace, and where that leads."""

    window: Window
    points: Sequence[Point]  # the last is now, or when the last unit went
    ahead: Point | None  # by the present pace: sold out, or what is left at the end
    sold_out_at: datetime | None
    until: datetime  # how far it is drawn


def list_bringers(session: Session, campaign_id: UUID) -> list[dict[str, Any]]:
    """Return who brought most to a campaign: by orders that were paid, then by looks."""
    paid = func.count(Attribution.order_id)
    best = session.execute(
        _invites(campaign_id, paid)
        .join(Attribution, Attribution.invite_id == Invite.id)
        .order_by(paid.desc())
        .limit(MOST_RANKED)
    ).all()
    found = {(one, group): Bringer(one, group, paid=int(count)) for one, group, count in best}
    views = func.sum(Invite.views)
    seen = _invites(campaign_id, views).having(views > 0).order_by(views.desc())
    for member_id, group_id, _count in session.execute(seen.limit(MOST_RANKED)):
        if len(found) < MOST_RANKED:
            found.setdefault((member_id, group_id), Bringer(member_id, group_id))
    _fill(session, campaign_id, found)
    ranked = sorted(found.values(), key=lambda one: (-one.paid, -one.views, str(one.member_id)))
    return [asdict(one) for one in ranked]


def list_events(
    session: Session, campaign: Campaign, order_ids: Sequence[UUID]
) -> list[dict[str, Any]]:
    """Return what happened lately to a campaign, its groups and its last orders, latest first."""
    subjects = [campaign.id, *order_ids]
    if campaign.kind is CampaignKind.GROUP_BUY:
        for status in GroupStatus:
            newest = select(Group.id).where(
                Group.campaign_id == campaign.id, Group.status == status
            )
            subjects += session.scalars(newest.order_by(Group.id.desc()).limit(GROUPS_OF_EACH))
    changes = session.scalars(
        select(StatusChange)
        .where(StatusChange.row_id.in_(subjects))
        .order_by(StatusChange.seq.desc())
        .limit(MOST_EVENTS)
    )
    return [
        {"at": one.at, "kind": one.kind, "old": one.old, "new": one.new, "id": one.row_id}
        for one in changes
    ]


def list_points(session: Session, campaign: Campaign, *, now: datetime) -> Sequence[Point]:
    """Return what was left of a flash sale's units since it opened."""
    sale = flash_sales.get_sale(session, campaign.id)
    window = Window(sale.item.allotment, campaign.starts_at, campaign.ends_at)
    return burn_down.read_points(session, campaign.id, window, now=now)


def curve_of(campaign: Campaign, told: Mapping[str, Any], *, now: datetime) -> Curve | None:
    """Return the curve of a flash sale that has begun, or None."""
    sale, points = told["sale"], [*told["points"]]
    if not sale or not points:
        return None
    window = Window(sale["stock"], campaign.starts_at, campaign.ends_at)
    ahead, sold_out_at = None, None
    if sale["left"]:
        at = min(max(now, points[-1].at), window.ends_at)
        points.append(Point(at, sale["left"], window.even_left(at)))
        ahead = _look_ahead(window, sale, at)
    else:
        sold_out_at = points[-1].at
    after = max((points[-1].at - window.starts_at) // 4, timedelta(seconds=1))
    is_over = sold_out_at is not None
    until = min(window.ends_at, points[-1].at + after) if is_over else window.ends_at
    return Curve(window, points, ahead, sold_out_at, until)


def _look_ahead(window: Window, sale: Mapping[str, Any], at: datetime) -> Point | None:
    """Return when nothing is left at the present pace, or what is left at the end."""
    if sale["sold_out_in_seconds"] is None or at >= window.ends_at:
        return None
    lasts = timedelta(seconds=max(sale["sold_out_in_seconds"], 1))
    if at + lasts <= window.ends_at:
        return Point(at + lasts, 0, window.even_left(at + lasts))
    left = sale["left"] - sale["left"] * (window.ends_at - at) // lasts
    return Point(window.ends_at, left, 0)


def _invites(campaign_id: UUID, counted: Any) -> Any:
    """Select leaders and chat groups of the campaign's invites with something that is counted."""
    return (
        select(Invite.member_id, Invite.chat_group_id, counted)
        .join(Member, Member.id == Invite.member_id)
        .where(Invite.campaign_id == campaign_id, Member.leader_since.is_not(None))
        .group_by(Invite.member_id, Invite.chat_group_id)
    )


def _fill(
    session: Session, campaign_id: UUID, found: dict[tuple[UUID, UUID | None], Bringer]
) -> None:
    """Put looks, who was bound, and the names of chat groups beside those who are ranked."""
    of_ranked = (
        Invite.campaign_id == campaign_id,
        Invite.member_id.in_({member_id for member_id, _group in found}),
    )
    bound = func.count(Touch.member_id.distinct())
    looks = session.execute(
        select(Invite.member_id, Invite.chat_group_id, func.sum(Invite.views))
        .where(*of_ranked)
        .group_by(Invite.member_id, Invite.chat_group_id)
    )
    joined = session.execute(
        select(Invite.member_id, Invite.chat_group_id, bound)
        .join(Touch, Touch.invite_id == Invite.id)
        .where(*of_ranked, Touch.refusal.is_(None))
        .group_by(Invite.member_id, Invite.chat_group_id)
    )
    for name, rows in (("views", looks), ("joined", joined)):
        for member_id, group_id, count in rows:
            if (member_id, group_id) in found:
                setattr(found[member_id, group_id], name, int(count))
    groups = [group_id for _member, group_id in found if group_id is not None]
    names = session.execute(select(ChatGroup.id, ChatGroup.name).where(ChatGroup.id.in_(groups)))
    known = dict(names.all())
    for one in found.values():
        one.chat_group = known.get(one.chat_group_id) if one.chat_group_id else None
