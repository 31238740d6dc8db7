"""The audit log: each write of an operator, in the transaction of the change itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from kit.ids import new_id
from shop.operators.models import Operator, OperatorAction


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts, and from where; a command has no operator's id."""

    name: str
    operator_id: UUID | None = None
    address: str = ""
    request_id: str = ""


def write_down(
    session: Session,
    doer: Doer,
    *,
    action: str,
    subject_kind: str,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    now: datetime,
) -> UUID:
    """Write one deed down; neither state holds secrets, codes or what identifies a member."""
    deed_id = new_id()
    session.add(
        OperatorAction(
            id=deed_id,
            at=now,
            operator_id=doer.operator_id,
            actor=doer.name[:64],
            action=action,
            subject_kind=subject_kind,
            subject=subject[:64],
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            address=doer.address[:64],
            request_id=doer.request_id[:64],
        )
    )
    return deed_id


def write_down_operator(
    session: Session,
    operator: Operator,
    doer: Doer,
    action: str,
    *,
    before: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Write down what was done to an operator, who stands as they do after it."""
    write_down(
        session,
        doer,
        action=action,
        subject_kind="operator",
        subject=operator.name,
        before=before,
        after=state_of(operator),
        now=now,
    )


def state_of(operator: Operator) -> dict[str, Any]:
    """Return what the log and the check of concurrent edits know of an operator."""
    return {
        "status": operator.status.value,
        "roles": list(operator.roles),
        "must_renew": operator.must_renew,
    }
