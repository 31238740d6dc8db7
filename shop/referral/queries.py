"""Reading invites, rules, commissions and statements."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, Uuid, bindparam, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from kit.rows import among
from shop.orders.models import Order, OrderLine
from shop.referral.models import (
    Commission,
    CommissionEntry,
    CommissionRule,
    CommissionStatus,
    Earnings,
    Invite,
)
from shop.referral.rules import read_code

Given = ColumnElement[Any] | InstrumentedAttribute[Any]


class InviteNotFound(NotFound):
    """There is no such invite."""

    code = "referral.invite_not_found"
    title = "Invite not found"
    message = "没有找到该邀请"


def get_invite(session: Session, code: str) -> Invite:
    """Return the invite with this code, however it is spelled; raises `InviteNotFound`."""
    known = read_code(code)
    found = None
    if known is not None:
        found = session.scalars(select(Invite).where(Invite.code == known)).one_or_none()
    if found is None:
        raise InviteNotFound
    return found


def find_current_invite(
    session: Session,
    member_id: UUID,
    campaign_id: UUID | None,
    chat_group_id: UUID | None = None,
) -> Invite | None:
    """Return the code that the member gives for the campaign, or for everything, or None.

    For a chat group it is the one for that group.
    """
    return session.scalars(
        select(Invite).where(
            Invite.member_id == member_id,
            Invite.campaign_id.is_not_distinct_from(campaign_id),
            Invite.chat_group_id.is_not_distinct_from(chat_group_id),
            Invite.is_current,
        )
    ).one_or_none()


def list_rules_for(
    session: Session,
    *,
    campaign_id: UUID | None,
    sku_ids: Collection[UUID],
    leader_id: UUID,
    at: datetime,
) -> Sequence[CommissionRule]:
    """Return the rules that apply at a moment to one of the SKUs, sold so, by this leader."""
    sold = {"campaign_id": campaign_id, "at": at, "sku_ids": list(sku_ids)}
    return session.scalars(_RULES, {**sold, "leader_id": leader_id}).all()


def list_lines_with_rules(
    session: Session, order_id: UUID, *, leader_id: UUID
) -> list[tuple[OrderLine, CommissionRule]]:
    """Return each line of the order, fresh, with each rule that applies to it by this leader."""
    parameters = {"order_id": order_id, "leader_id": leader_id}
    return [(line, rule) for line, rule in session.execute(_LINES_WITH_RULES, parameters)]


def list_rules(session: Session) -> Sequence[CommissionRule]:
    """Return every rule, the newest first."""
    return session.scalars(select(CommissionRule).order_by(CommissionRule.id.desc())).all()


def find_earner(session: Session, order_id: UUID) -> UUID | None:
    """Return who earns on the order, or None."""
    earner = select(Commission.earner_id).where(Commission.order_id == order_id).limit(1)
    return session.scalars(earner).one_or_none()


def find_earnings(session: Session, member_id: UUID) -> Earnings:
    """Return the member's five sums; all are nothing for who never earned."""
    found = session.get(Earnings, member_id)
    if found is not None:
        return found
    return Earnings(
        member_id=member_id,
        pending_fen=0,
        payable_fen=0,
        withdrawing_fen=0,
        paid_fen=0,
        debt_fen=0,
    )


def list_entries(
    session: Session, member_id: UUID, *, cursor: str | None = None, limit: int = 20
) -> Page[CommissionEntry]:
    """Return a page of the member's statement, newest first."""
    query = select(CommissionEntry).where(CommissionEntry.member_id == member_id)
    return read_page(session, query, CommissionEntry.id, cursor=cursor, limit=limit)


def due_commissions(now: datetime) -> Select[UUID]:
    """Select the ids of pending commissions whose window may be over, longest due first."""
    return (
        select(Commission.id)
        .where(Commission.due_at <= now, Commission.status == CommissionStatus.PENDING)
        .order_by(Commission.due_at)
    )


def due_earnings(now: datetime) -> Select[UUID]:
    """Select the ids of leaders who are to be told what they earned, longest due first."""
    return select(Earnings.member_id).where(Earnings.due_at <= now).order_by(Earnings.due_at)


def _rules(campaign_id: Given, is_sold: ColumnElement[bool], at: Given) -> Select[CommissionRule]:
    rule = CommissionRule
    return select(rule).where(
        or_(rule.campaign_id.is_(None), rule.campaign_id == campaign_id),
        or_(rule.sku_id.is_(None), is_sold),
        or_(rule.leader_id.is_(None), rule.leader_id == bindparam("leader_id")),
        rule.starts_at <= at,
        or_(rule.ends_at.is_(None), rule.ends_at > at),
    )


# Built once: building them takes longer than the database takes to answer.
_RULES: Final = _rules(
    bindparam("campaign_id", type_=Uuid()),
    among(CommissionRule.sku_id, "sku_ids", Uuid()),
    bindparam("at", type_=DateTime(timezone=True)),
)
_LINES_WITH_RULES: Final = (
    _rules(Order.campaign_id, CommissionRule.sku_id == OrderLine.sku_id, Order.placed_at)
    .with_only_columns(OrderLine, CommissionRule)
    .join_from(OrderLine, Order, Order.id == OrderLine.order_id)
    .join(CommissionRule, true())
    .where(OrderLine.order_id == bindparam("order_id"))
    .order_by(OrderLine.position)
    .execution_options(populate_existing=True)
)
