"""The sweep of approvals: requests that nobody decided in their time end."""

from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.sweep import Swept, is_due, sweep
from shop.approvals import queries, service


def expire_due_approvals(begin: Begin, *, now: datetime) -> Swept:
    """End the requests whose time is over."""

    def act(approval_id: UUID) -> None:
        with begin() as session:
            approval = queries.lock_approval(session, approval_id)
            if is_due(approval, now=now):
                service.expire(session, approval, now=now)

    return sweep(begin, queries.due_approvals(now), act, name="expire_due_approvals")
