"""Reading approvals: one, those that wait for somebody, somebody's own, those that are over."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.approvals.models import Approval, ApprovalKind, ApprovalStatus
from shop.approvals.rules import PREPARED_BY
from shop.operators.models import Operator


class ApprovalNotFound(NotFound):
    """There is no such request."""

    code = "approvals.not_found"
    title = "Request not found"
    message = "没有找到该申请"


def get_approval(session: Session, approval_id: UUID) -> Approval:
    """Return the request; raises `ApprovalNotFound`."""
    found = session.get(Approval, approval_id)
    if found is None:
        raise ApprovalNotFound
    return found


def lock_approval(session: Session, approval_id: UUID) -> Approval:
    """Return the request, locked and fresh; raises `ApprovalNotFound`."""
    found = session.get(Approval, approval_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise ApprovalNotFound
    return found


def find_waiting(session: Session, kind: ApprovalKind, subject: str) -> Approval | None:
    """Return the request that waits for this, or None."""
    return session.scalars(
        select(Approval).where(
            Approval.kind == kind,
            Approval.subject == subject,
            Approval.status == ApprovalStatus.WAITING,
        )
    ).one_or_none()


def list_waiting(
    session: Session, kind: ApprovalKind, subjects: Collection[str]
) -> dict[str, Approval]:
    """Return subject → the request that waits for it."""
    rows = session.scalars(
        select(Approval).where(
            Approval.kind == kind,
            Approval.subject.in_(subjects),
            Approval.status == ApprovalStatus.WAITING,
        )
    )
    return {one.subject: one for one in rows}


def list_waiting_about(
    session: Session, kind: ApprovalKind, **arguments: str
) -> Sequence[Approval]:
    """Return the requests that wait and were asked for with these arguments, oldest first."""
    return session.scalars(
        select(Approval)
        .where(
            Approval.kind == kind,
            Approval.status == ApprovalStatus.WAITING,
            Approval.arguments.contains(arguments),
        )
        .order_by(Approval.id)
    ).all()


def waiting_for(
    decider: Operator, kinds: Sequence[ApprovalKind], *, now: datetime
) -> list[ColumnElement[bool]]:
    """Return the conditions under which a request waits for this operator."""
    return [
        Approval.status == ApprovalStatus.WAITING,
        Approval.due_at > now,
        Approval.kind.in_(kinds),
        Approval.asked_by_id != decider.id,
        func.coalesce(Approval.arguments[PREPARED_BY].astext, "") != decider.name,
        Approval.asked_at >= decider.entitled_since,
    ]


def count_waiting_for(
    session: Session, decider: Operator, kinds: Sequence[ApprovalKind], *, now: datetime
) -> int:
    """Count the requests that wait for this operator."""
    counted = (
        select(func.count()).select_from(Approval).where(*waiting_for(decider, kinds, now=now))
    )
    return session.scalar(counted) or 0


def list_chosen(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    *,
    cursor: str | None = None,
    limit: int = 30,
) -> Page[Approval]:
    """Return a page of requests, newest first."""
    query = select(Approval).where(*conditions)
    return read_page(session, query, Approval.id, cursor=cursor, limit=limit)


def is_over() -> ColumnElement[bool]:
    """Return the condition under which a request waits no more."""
    return Approval.status != ApprovalStatus.WAITING


def is_of(operator: Operator) -> ColumnElement[bool]:
    """Return the condition under which this operator asked."""
    return Approval.asked_by_id == operator.id


def due_approvals(now: datetime) -> Select[UUID]:
    """Return the ids of requests whose time is over."""
    return select(Approval.id).where(Approval.due_at <= now).order_by(Approval.due_at, Approval.id)
