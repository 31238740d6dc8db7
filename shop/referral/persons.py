"""Who is one person with whom, and whose invites bind them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    Uuid,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from shop.members.devices import share_a_device
from shop.members.models import Identity, Member, MemberStatus
from shop.orders.models import Order
from shop.payments.models import Payment
from shop.referral.models import Earnings, Invite, Touch

MyPayment, TheirPayment = aliased(Payment), aliased(Payment)
Named = BindParameter[UUID] | InstrumentedAttribute[UUID]
MOST_JOINS: Final = 20  # of accounts into each other, more than anybody has


@dataclass(frozen=True, slots=True)
class Inviter:
    """Whose invite bound whoever placed an order."""

    touch_id: UUID
    invite_id: UUID
    member_id: UUID
    has_joined: bool  # is part of another by now
    was_leader: bool  # when the order was paid, and still is
    has_sums: bool  # has earned before, so that their accounts are open


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a member by now, whatever was read of them before."""

    has_joined: bool  # is part of another
    has_closed: bool  # the account is no more


def fate_of(session: Session, member_id: UUID) -> Fate:
    """Return what became of the member."""
    joined_into_id, status = session.execute(_FATE, {"member_id": member_id}).one()
    return Fate(joined_into_id is not None, status is MemberStatus.DELETED)


def find_root(session: Session, member_id: UUID) -> UUID:
    """Return the member that this one is part of by now: mostly themselves."""
    for _ in range(MOST_JOINS):
        member = session.get(Member, member_id)
        if member is None or member.joined_into_id is None:
            break
        member_id = member.joined_into_id
    return member_id


def list_parts(session: Session, member_id: UUID) -> set[UUID]:
    """Return the member and all who became part of them, whether the news has come or not."""
    return set(session.scalars(_PARTS, {"member_id": member_id}))


def list_binding(
    session: Session, member_ids: Collection[UUID], *, at: datetime
) -> Sequence[Invite]:
    """Return the invites that bound the members at a moment, the newest first."""
    return session.scalars(
        select(Invite)
        .join(Touch, Touch.invite_id == Invite.id)
        .where(Touch.member_id.in_(member_ids), _binds(at))
        .order_by(Touch.at.desc(), Touch.id.desc())
    ).all()


def find_inviter(session: Session, order_id: UUID) -> Inviter | None:
    """Return who bound whoever placed an order last, and may bring them now that it is paid."""
    found = session.execute(_INVITER, {"order_id": order_id}).one_or_none()
    return None if found is None else Inviter(*found)


def is_related(session: Session, one: UUID, other: UUID) -> bool:
    """Say whether both are known as one person, share a purse, or share a device.

    Two members never have one phone number: the database refuses it.
    """
    return session.scalar(_RELATED, {"one": one, "other": other}) or False


def _binds(at: datetime | InstrumentedAttribute[datetime]) -> ColumnElement[bool]:
    return and_(Touch.refusal.is_(None), Touch.at <= at, Touch.expires_at > at)


def _with_their_parts(roots: Select[UUID]) -> CTE:
    parts = roots.cte("parts", recursive=True)
    return parts.union(select(Member.id).join(parts, Member.joined_into_id == parts.c.id))


def _whole_of(members: Select[UUID, UUID | None]) -> CTE:
    """Return all who are one person with the members: whom they became part of, and their parts."""
    above = members.cte("above", recursive=True)
    further = select(Member.id, Member.joined_into_id)
    above = above.union(further.join(above, Member.id == above.c.joined_into_id))
    return _with_their_parts(select(above.c.id).where(above.c.joined_into_id.is_(None)))


def _inviter() -> Select[UUID, UUID, UUID, bool, bool, bool]:
    is_order = Order.id == bindparam("order_id")
    buyer = select(Member.id, Member.joined_into_id).join(Order, Order.member_id == Member.id)
    them = select(_whole_of(buyer.where(is_order)).c.id)
    giver = aliased(Member)
    is_leader = and_(giver.status == MemberStatus.ACTIVE, giver.leader_since <= Order.paid_at)
    return (
        select(
            Touch.id,
            Invite.id,
            giver.id,
            giver.joined_into_id.is_not(None),
            func.coalesce(is_leader, false()),
            exists().where(Earnings.member_id == giver.id),
        )
        .join(Invite, Invite.id == Touch.invite_id)
        .join(giver, giver.id == Invite.member_id)
        .join(Order, is_order)
        .where(Touch.member_id.in_(them), _binds(Order.placed_at))
        .where(giver.id.not_in(them), not_(_are_related(giver.id, Order.member_id)))
        .order_by(Touch.at.desc(), Touch.id.desc())
        .limit(1)
    )


def _are_related(one: Named, other: Named) -> ColumnElement[bool]:
    mine, theirs = aliased(Identity), aliased(Identity)
    same_person = exists().where(
        mine.member_id == one,
        theirs.member_id == other,
        mine.platform == theirs.platform,
        mine.union_id == theirs.union_id,
    )
    return or_(same_person, _share_a_purse(one, other), share_a_device(one, other))


def _share_a_purse(one: Named, other: Named) -> ColumnElement[bool]:
    # Joined and not nested: a condition two levels down would not see the query around it.
    my_order, their_order = aliased(Order), aliased(Order)
    return (
        exists()
        .where(my_order.member_id == one, MyPayment.order_id == my_order.id)
        .where(their_order.member_id == other, TheirPayment.order_id == their_order.id)
        .where(MyPayment.payer_hash == TheirPayment.payer_hash)
    )


# Built once: building them takes longer than the database takes to answer.
_PARTS: Final = select(
    _with_their_parts(select(bindparam("member_id", type_=Uuid()).label("id"))).c.id
)
_INVITER: Final = _inviter()
_RELATED: Final = select(
    _are_related(bindparam("one", type_=Uuid()), bindparam("other", type_=Uuid()))
)
_FATE: Final = select(Member.joined_into_id, Member.status).where(
    Member.id == bindparam("member_id")
)
