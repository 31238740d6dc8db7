"""The sweep of referral: commissions whose window for refunds is over become payable."""

from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, sweep
from shop.referral import commissions, queries


def mature_due_commissions(begin: Begin, *, now: datetime) -> Swept:
    """Make commissions payable on orders that are delivered and can no longer come back."""

    def act(commission_id: UUID) -> None:
        with begin() as session:
            commissions.mature(session, commission_id, now=now)

    return sweep(begin, queries.due_commissions(now), act, name="mature_due_commissions")
