"""Sweeps of referral: commissions become payable, leaders hear of what they earned."""

from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, sweep
from shop.referral import commissions, queries, telling


def mature_due_commissions(begin: Begin, *, now: datetime) -> Swept:
    """Make commissions payable on orders that are delivered and can no longer come back."""

    def act(commission_id: UUID) -> None:
        with begin() as session:
            commissions.mature(session, commission_id, now=now)

    return sweep(begin, queries.due_commissions(now), act, name="mature_due_commissions")


def tell_due_earnings(begin: Begin, *, now: datetime) -> Swept:
    """Tell leaders, once for many orders, what they have coming."""

    def act(member_id: UUID) -> None:
        with begin() as session:
            telling.tell_earned(session, member_id, now=now)

    return sweep(begin, queries.due_earnings(now), act, name="tell_due_earnings")
