"""Reading invites, touches, commissions and statements, and who is related to whom."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.members.devices import share_a_device
from shop.members.models import Identity, Member, MemberStatus
from shop.orders.models import Order
from shop.payments.models import Payment
from shop.referral.models import (
    Commission,
    CommissionEntry,
    CommissionRule,
    CommissionStatus,
    Earnings,
    Invite,
    Touch,
)
from shop.referral.rules import read_code

MOST_JOINS: Final = 20  # of accounts into each other, more than anybody has


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


def list_live_touches(
    session: Session, member_ids: Collection[UUID], *, at: datetime
) -> Sequence[tuple[Touch, Invite]]:
    """Return what bound the members at a moment, the newest first."""
    # With who gave it, so that nobody asks for them again.
    rows = session.execute(
        select(Touch, Invite, Member)
        .join(Invite, Invite.id == Touch.invite_id)
        .join(Member, Member.id == Invite.member_id)
        .where(
            Touch.member_id.in_(member_ids),
            Touch.refusal.is_(None),
            Touch.at <= at,
            Touch.expires_at > at,
        )
        .order_by(Touch.at.desc(), Touch.id.desc())
    )
    return [(touch, invite) for touch, invite, _ in rows]


def find_root(session: Session, member_id: UUID) -> UUID:
    """Return the member that this one is part of by now: mostly themselves."""
    for _ in range(MOST_JOINS):
        member = session.get(Member, member_id)
        if member is None or member.joined_into_id is None:
            break
        member_id = member.joined_into_id
    return member_id


def has_joined(session: Session, member_id: UUID) -> bool:
    """Say whether the member is part of another by now, whatever was read of them before."""
    joined = select(Member.joined_into_id).where(Member.id == member_id)
    return session.scalar(joined) is not None


def has_closed(session: Session, member_id: UUID) -> bool:
    """Say whether the member has closed the account by now, whatever was read of them before."""
    status = session.scalar(select(Member.status).where(Member.id == member_id))
    return status is MemberStatus.DELETED


def list_parts(session: Session, member_id: UUID) -> set[UUID]:
    """Return the member and all who became part of them, whether the news has come or not."""
    parts = {member_id}
    newest = parts
    while newest and len(parts) <= MOST_JOINS:
        joined = select(Member.id).where(Member.joined_into_id.in_(newest))
        newest = set(session.scalars(joined)) - parts
        parts |= newest
    return parts


def is_related(session: Session, one: UUID, other: UUID) -> bool:
    """Say whether both are known as one person, share a purse, or share a device.

    Two members never have one phone number: the database refuses it.
    """
    mine, theirs = aliased(Identity), aliased(Identity)
    same_person = exists().where(
        mine.member_id == one,
        theirs.member_id == other,
        mine.platform == theirs.platform,
        mine.union_id == theirs.union_id,
    )
    purses = select(Payment.payer_hash).join(Order, Order.id == Payment.order_id)
    same_purse = exists(
        purses.where(
            Order.member_id == one,
            Payment.payer_hash.in_(purses.where(Order.member_id == other).scalar_subquery()),
        )
    )
    same_device = share_a_device(one, other)
    return session.scalar(select(or_(same_person, same_purse, same_device))) or False


def list_rules_for(
    session: Session,
    *,
    campaign_id: UUID | None,
    sku_ids: Collection[UUID],
    leader_id: UUID,
    at: datetime,
) -> Sequence[CommissionRule]:
    """Return the rules that apply at a moment to one of the SKUs, sold so, by this leader."""
    rule = CommissionRule
    return session.scalars(
        select(rule).where(
            or_(rule.campaign_id.is_(None), rule.campaign_id == campaign_id),
            or_(rule.sku_id.is_(None), rule.sku_id.in_(sku_ids)),
            or_(rule.leader_id.is_(None), rule.leader_id == leader_id),
            rule.starts_at <= at,
            or_(rule.ends_at.is_(None), rule.ends_at > at),
        )
    ).all()


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
