"""What came of invites, per campaign and per chat group; and what a leader would earn on one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kit.money import Fen
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.chat_groups.models import ChatGroup
from shop.members.models import Member
from shop.orders.models import OrderLine
from shop.referral import queries
from shop.referral.models import Attribution, Invite, Touch
from shop.referral.rules import earned, pick_rule

NO_FEN: Final = Fen(0)


@dataclass(frozen=True, slots=True)
class Funnel:
    """From looks at the share page to money that came back, of invites for one purpose.

    That is one campaign or all (None), and where it is told apart, one chat group or none.
    """

    campaign_id: UUID | None
    campaign_name: str | None
    chat_group_id: UUID | None
    chat_group_name: str | None
    views: int
    members: int  # who signed in and were bound
    paid_orders: int
    paid_fen: Fen
    refunded_orders: int
    refunded_fen: Fen


@dataclass(frozen=True, slots=True)
class Result:
    """What came of invites, whoever gave them: of one campaign in one chat group."""

    views: int = 0
    members: int = 0
    paid_orders: int = 0
    paid_fen: Fen = NO_FEN
    refunded_fen: Fen = NO_FEN


@dataclass(frozen=True, slots=True)
class Preview:
    """What a leader would earn on one unit of a campaign's item."""

    sku_id: UUID
    unit_fen: Fen


def list_funnels(session: Session, member_id: UUID) -> list[Funnel]:
    """Return the funnels of the member's invites per campaign, the newest first."""
    views = session.execute(
        select(Invite.campaign_id, Campaign.name, null(), null(), func.sum(Invite.views))
        .outerjoin(Campaign, Campaign.id == Invite.campaign_id)
        .where(Invite.member_id == member_id)
        .group_by(Invite.campaign_id, Campaign.name)
        .order_by(Invite.campaign_id.desc().nulls_last())
    ).all()
    return _funnels(session, views, Invite.member_id == member_id, by=Invite.campaign_id, at=0)


def list_chat_group_funnels(session: Session, member_id: UUID) -> list[Funnel]:
    """Return the funnels of a leader's chat groups over all campaigns, the newest group first."""
    views = session.execute(
        select(null(), null(), Invite.chat_group_id, ChatGroup.name, func.sum(Invite.views))
        .join(ChatGroup, ChatGroup.id == Invite.chat_group_id)
        .where(Invite.member_id == member_id)
        .group_by(Invite.chat_group_id, ChatGroup.name)
        .order_by(Invite.chat_group_id.desc())
    ).all()
    return _funnels(session, views, Invite.member_id == member_id, by=Invite.chat_group_id, at=2)


def results_of_campaign(
    session: Session, campaign_id: UUID, chat_group_ids: Collection[UUID]
) -> Mapping[UUID, Result]:
    """Return chat group id → what came of the campaign's invites for it."""
    which = and_(Invite.campaign_id == campaign_id, Invite.chat_group_id.in_(chat_group_ids))
    return _results(session, which, by=Invite.chat_group_id)


def results_of_chat_group(
    session: Session, chat_group_id: UUID, campaign_ids: Collection[UUID]
) -> Mapping[UUID, Result]:
    """Return campaign id → what came of its invites for the chat group."""
    which = and_(Invite.chat_group_id == chat_group_id, Invite.campaign_id.in_(campaign_ids))
    return _results(session, which, by=Invite.campaign_id)


def _results(
    session: Session, which: ColumnElement[bool], *, by: InstrumentedAttribute[UUID | None]
) -> Mapping[UUID, Result]:
    views = session.execute(select(by, func.sum(Invite.views)).where(which).group_by(by))
    bound = {row[0]: row[1] for row in session.execute(_bound(which, by))}
    paid = {row[0]: row[1:] for row in session.execute(_paid(which, by))}
    found: dict[UUID, Result] = {}
    for purpose, looks in views:
        if purpose is None:
            continue
        orders, total, _returned, back = paid.get(purpose, (0, 0, 0, 0))
        found[purpose] = Result(
            views=int(looks),
            members=bound.get(purpose, 0),
            paid_orders=orders,
            paid_fen=Fen(int(total)),
            refunded_fen=Fen(int(back)),
        )
    return found


def _funnels(
    session: Session,
    views: Sequence[Any],
    which: ColumnElement[bool],
    *,
    by: InstrumentedAttribute[UUID | None],
    at: int,
) -> list[Funnel]:
    """Put what was bound and paid beside the views; column `at` of each row is its purpose."""
    bound = {row[0]: row[1] for row in session.execute(_bound(which, by))}
    paid = {row[0]: row[1:] for row in session.execute(_paid(which, by))}
    found: list[Funnel] = []
    for row in views:
        campaign_id, name, chat_group_id, chat_group_name, looks = row
        orders, total, returned, back = paid.get(row[at], (0, 0, 0, 0))
        found.append(
            Funnel(
                campaign_id=campaign_id,
                campaign_name=name,
                chat_group_id=chat_group_id,
                chat_group_name=chat_group_name,
                views=int(looks),
                members=bound.get(row[at], 0),
                paid_orders=orders,
                paid_fen=Fen(int(total)),
                refunded_orders=returned,
                refunded_fen=Fen(int(back)),
            )
        )
    return found


def preview(
    session: Session, member: Member, campaign_id: UUID | None, *, now: datetime
) -> Sequence[Preview]:
    """Return what the member would earn on each item of a campaign; nothing for no leader."""
    if campaign_id is None or member.leader_since is None:
        return []
    items = campaigns.list_items(session, [campaign_id])[campaign_id]
    rules = queries.list_rules_for(
        session,
        campaign_id=campaign_id,
        sku_ids=[item.sku_id for item in items],
        leader_id=member.id,
        at=now,
    )
    found: list[Preview] = []
    for item in items:
        rule = pick_rule(rule for rule in rules if rule.sku_id in (None, item.sku_id))
        if rule is not None:
            fen = earned(rule, left_fen=item.deal_price_fen, units=1)
            found.append(Preview(item.sku_id, fen))
    return found


def _bound(
    which: ColumnElement[bool], by: InstrumentedAttribute[UUID | None]
) -> Select[UUID | None, int]:
    return (
        select(by, func.count(Touch.member_id.distinct()))
        .join(Touch, Touch.invite_id == Invite.id)
        .where(which, Touch.refusal.is_(None))
        .group_by(by)
    )


def _paid(
    which: ColumnElement[bool], by: InstrumentedAttribute[UUID | None]
) -> Select[UUID | None, int, int, int, int]:
    total, back = func.sum(OrderLine.total_fen), func.sum(OrderLine.refunded_fen)
    each = (
        select(by.label("purpose"), total.label("total"), back.label("back"))
        .join(Attribution, Attribution.invite_id == Invite.id)
        .join(OrderLine, OrderLine.order_id == Attribution.order_id)
        .where(which)
        .group_by(by, Attribution.order_id)
        .subquery()
    )
    return select(
        each.c.purpose,
        func.count(),
        func.sum(each.c.total),
        func.count().filter(each.c.back > 0),
        func.sum(each.c.back),
    ).group_by(each.c.purpose)
