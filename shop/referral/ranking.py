"""How leaders stand among each other, per campaign: by what was paid and did not come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from kit.money import Fen
from shop.members.models import Member
from shop.orders.models import OrderLine
from shop.referral.models import Attribution, Invite


@dataclass(frozen=True, slots=True)
class Rank:
    """A leader's place among all whose invites to a campaign, or to everything, were paid for."""

    campaign_id: UUID | None
    rank: int  # 1 is the best; who sold as much has the same
    leaders: int
    sold_fen: Fen


def list_ranks(session: Session, member_id: UUID) -> Sequence[Rank]:
    """Return the member's ranks, the newest campaign first; nothing for who is no leader.

    Nothing is added up of campaigns to which the member has brought nobody who paid.
    """
    purposes = session.scalars(
        select(Invite.campaign_id)
        .join(Attribution, Attribution.invite_id == Invite.id)
        .join(Member, Member.id == Invite.member_id)
        .where(Invite.member_id == member_id, Member.leader_since.is_not(None))
        .distinct()
    ).all()
    return _rank(session, member_id, purposes) if purposes else []


def _rank(session: Session, member_id: UUID, purposes: Sequence[UUID | None]) -> Sequence[Rank]:
    sold = func.sum(OrderLine.total_fen - OrderLine.refunded_fen)
    each = (
        select(Invite.campaign_id, Invite.member_id, sold.label("sold"))
        .join(Attribution, Attribution.invite_id == Invite.id)
        .join(OrderLine, OrderLine.order_id == Attribution.order_id)
        .join(Member, Member.id == Invite.member_id)
        .where(Member.leader_since.is_not(None), _is_for(purposes))
        .group_by(Invite.campaign_id, Invite.member_id)
        .subquery()
    )
    of = each.c.campaign_id
    ranked = select(
        each.c.campaign_id,
        each.c.member_id,
        each.c.sold,
        func.rank().over(partition_by=of, order_by=each.c.sold.desc()).label("rank"),
        func.count().over(partition_by=of).label("leaders"),
    ).subquery()
    mine = (
        select(ranked.c.campaign_id, ranked.c.rank, ranked.c.leaders, ranked.c.sold)
        .where(ranked.c.member_id == member_id)
        .order_by(ranked.c.campaign_id.desc().nulls_last())
    )
    return [
        Rank(campaign_id, rank, leaders, Fen(int(fen)))
        for campaign_id, rank, leaders, fen in session.execute(mine)
    ]


def _is_for(purposes: Sequence[UUID | None]) -> ColumnElement[bool]:
    """Return whether an invite is for one of these campaigns, or for everything (None)."""
    named = Invite.campaign_id.in_([one for one in purposes if one is not None])
    return or_(named, Invite.campaign_id.is_(None)) if None in purposes else named
