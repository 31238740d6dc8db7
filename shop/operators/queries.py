"""Reading operators, their sessions and what they did."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.pages import Page, read_page
from shop.operators.models import Operator, OperatorAction, OperatorSession, OperatorStatus
from shop.operators.rules import IDLE, Role

MANAGING: Final = 7_305_914_871
# Every request of the console asks this, so it is put together once.
_STAY: Final = (
    select(OperatorSession, Operator)
    .join(Operator, Operator.id == OperatorSession.operator_id)
    .where(
        OperatorSession.token_hash == bindparam("token_hash"),
        OperatorSession.ended_at.is_(None),
        OperatorSession.ends_at > bindparam("now"),
        OperatorSession.seen_at > bindparam("idle_since"),
        Operator.status == OperatorStatus.ACTIVE,
    )
)


class OperatorNotFound(NotFound):
    """There is no such operator."""

    code = "operators.not_found"
    title = "Operator not found"
    message = "没有找到该操作员"


def find_by_name(session: Session, name: str, *, lock: bool = False) -> Operator | None:
    """Return the operator with this name, locked when asked, or None."""
    query = select(Operator).where(Operator.name == name.strip().lower())
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def get_operator(session: Session, operator_id: UUID) -> Operator:
    """Return the operator; raises `OperatorNotFound`."""
    operator = session.get(Operator, operator_id)
    if operator is None:
        raise OperatorNotFound
    return operator


def list_names(session: Session, operator_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return operator id → name."""
    rows = session.execute(select(Operator.id, Operator.name).where(Operator.id.in_(operator_ids)))
    return {row.id: row.name for row in rows}


def lock_operator(session: Session, operator_id: UUID) -> Operator:
    """Return the operator, locked and fresh; raises `OperatorNotFound`."""
    operator = session.get(Operator, operator_id, with_for_update=True, populate_existing=True)
    if operator is None:
        raise OperatorNotFound
    return operator


def hold_operator(session: Session, operator_id: UUID) -> Operator:
    """Return the operator as they are until our commit: nobody takes anything from them."""
    operator = session.get(
        Operator, operator_id, with_for_update={"read": True}, populate_existing=True
    )
    if operator is None:
        raise OperatorNotFound
    return operator


def manage_alone(session: Session) -> None:
    """Wait until nobody else manages operators, and let nobody until our commit.

    Comes before the locks of operators: two owners would otherwise wait for each other's.
    """
    session.execute(select(func.pg_advisory_xact_lock(MANAGING)))


def list_operators(session: Session) -> Sequence[Operator]:
    """Return every operator by name."""
    return session.scalars(select(Operator).order_by(Operator.name)).all()


def names_of(session: Session, operator_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return operator id → name."""
    query = select(Operator.id, Operator.name).where(Operator.id.in_(operator_ids))
    return {row.id: row.name for row in session.execute(query)}


def is_nobody(session: Session) -> bool:
    """Say whether there is no operator yet."""
    return session.scalar(select(Operator.id).limit(1)) is None


def count_other_owners(session: Session, operator: Operator) -> int:
    """Count the active owners besides this one."""
    counted = (
        select(func.count())
        .select_from(Operator)
        .where(
            Operator.id != operator.id,
            Operator.status == OperatorStatus.ACTIVE,
            Operator.roles.contains([Role.OWNER.value]),
        )
    )
    return session.scalar(counted) or 0


def find_stay(
    session: Session, token_hash: bytes, *, now: datetime
) -> tuple[OperatorSession, Operator] | None:
    """Return a session that is neither over nor idle, and its active operator, or None."""
    told = {"token_hash": token_hash, "now": now, "idle_since": now - IDLE}
    row = session.execute(_STAY, told).one_or_none()
    return None if row is None else (row[0], row[1])


def find_action(session: Session, action_id: UUID) -> OperatorAction | None:
    """Return one thing that was done, or None."""
    return session.get(OperatorAction, action_id)


def list_actions(
    session: Session,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[OperatorAction]:
    """Return a page of what operators did, newest first, narrowed as asked."""
    query = select(OperatorAction)
    if actor:
        query = query.where(OperatorAction.actor == actor)
    if action:
        query = query.where(OperatorAction.action == action)
    if subject:
        query = query.where(OperatorAction.subject == subject)
    return read_page(session, query, OperatorAction.id, cursor=cursor, limit=limit)
