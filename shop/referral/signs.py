"""Signs that other accounts belong to the person of one: for operators who look at a leader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from shop.members.models import Identity, SignIn
from shop.orders.models import Order
from shop.payments.models import Payment
from shop.referral.models import Invite, Touch, TouchRefusal

MOST: Final = 20  # accounts of each sign
MOST_PURSES: Final = 50  # of one member, the latest payments first


class Sign(StrEnum):
    """What two accounts have in common."""

    UNION = "union"  # the platform knows them as one person
    PURSE = "purse"  # one account paid for both
    DEVICE = "device"  # both signed in from one device


@dataclass(frozen=True, slots=True)
class Related:
    """Another account, and why it may be the same person's."""

    member_id: UUID
    sign: Sign


def list_related(session: Session, member_id: UUID) -> Sequence[Related]:
    """Return other accounts that have something in common with the member's."""
    queries: dict[Sign, Select[Any]] = {
        Sign.UNION: _same_person(member_id),
        Sign.PURSE: _same_purse(member_id),
        Sign.DEVICE: _same_device(member_id),
    }
    return [
        Related(other, sign)
        for sign, query in queries.items()
        for other in session.scalars(query.limit(MOST))
    ]


def count_refused(session: Session, member_id: UUID) -> Mapping[TouchRefusal, int]:
    """Return how often the member's invites bound nobody, and why."""
    rows = session.execute(
        select(Touch.refusal, func.count())
        .join(Invite, Invite.id == Touch.invite_id)
        .where(Invite.member_id == member_id, Touch.refusal.is_not(None))
        .group_by(Touch.refusal)
    )
    return {refusal: int(count) for refusal, count in rows if refusal is not None}


def _same_person(member_id: UUID) -> Select[Any]:
    mine, theirs = aliased(Identity), aliased(Identity)
    return (
        select(theirs.member_id)
        .join(mine, (mine.platform == theirs.platform) & (mine.union_id == theirs.union_id))
        .where(mine.member_id == member_id, theirs.member_id != member_id)
        .distinct()
    )


def _same_purse(member_id: UUID) -> Select[Any]:
    purses = (
        select(Payment.payer_hash)
        .join(Order, Order.id == Payment.order_id)
        .where(Order.member_id == member_id, Payment.payer_hash.is_not(None))
        .order_by(Order.id.desc())
        .limit(MOST_PURSES)
    )
    return (
        select(Order.member_id)
        .join(Payment, Payment.order_id == Order.id)
        .where(Payment.payer_hash.in_(purses), Order.member_id != member_id)
        .distinct()
    )


def _same_device(member_id: UUID) -> Select[Any]:
    mine = select(SignIn.device_hash).where(
        SignIn.member_id == member_id, SignIn.device_hash.is_not(None)
    )
    return (
        select(SignIn.member_id)
        .where(SignIn.device_hash.in_(mine), SignIn.member_id != member_id)
        .distinct()
    )
