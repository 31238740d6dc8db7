"""Asking and deciding: two persons, one request, carried out at most once."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.errors import DomainError, RateLimited, Unavailable
from kit.ids import new_id
from kit.lifecycle import move
from kit.sweep import settle
from shop.approvals import queries
from shop.approvals.models import MOST_WORDS, Approval, ApprovalStatus
from shop.approvals.rules import (
    LASTS,
    Action,
    Actions,
    AlreadyAsked,
    ApprovalOver,
    CannotDecide,
    Done,
    NeedsReason,
    NotYourRequest,
    Persons,
    Wanted,
    check_decider,
    check_requester,
)
from shop.operators import queries as operators
from shop.operators.deeds import Doer, write_down
from shop.operators.models import Operator

S = ApprovalStatus
# Another person or another moment may do: the request waits on.
NOT_THE_END: Final = (CannotDecide, RateLimited, Unavailable)


def ask(session: Session, wanted: Wanted, *, by: Operator, now: datetime) -> Approval:
    """Write a request down, or return the same one that waits; raises `AlreadyAsked`.

    The caller holds the lock of the subject, so two do not ask at once.
    """
    why = wanted.why.strip()[:MOST_WORDS]
    if not why:
        raise NeedsReason
    waiting = queries.find_waiting(session, wanted.kind, wanted.subject)
    if waiting is not None:
        if waiting.asked_by_id == by.id and waiting.arguments == dict(wanted.arguments):
            return waiting
        raise AlreadyAsked(approval_id=str(waiting.id))
    approval = Approval(
        id=new_id(),
        kind=wanted.kind,
        subject=wanted.subject,
        arguments=dict(wanted.arguments),
        amount_fen=wanted.amount_fen,
        why=why,
        status=S.WAITING,
        asked_by_id=by.id,
        asked_at=now,
        expires_at=now + LASTS,
        due_at=now + LASTS,
    )
    session.add(approval)
    session.flush()  # who asks next finds it
    return approval


def approve(
    session: Session,
    approval_id: UUID,
    *,
    actions: Actions,
    doer: Doer,
    now: datetime,
) -> Approval:
    """Carry a request out as its second person, in this transaction, or let it end as failed.

    What the shop refuses by now is kept as its outcome, and nothing of it is done. Raises
    `ApprovalOver`, or a `CannotDecide` after which it waits on.
    """
    decider, approval = _hold_decider(session, approval_id, doer, now=now)
    action = actions[approval.kind]
    check_decider(approval, decider, action)
    try:
        done = _carry_out(session, approval, action, decider, now=now)
    except NOT_THE_END:
        raise
    except DomainError as refusal:
        approval.outcome = _told(refusal)
        _end(session, approval, S.FAILED, actor=doer.name, now=now, decider=decider)
        return approval
    approval.outcome = dict(done.after)
    _end(session, approval, S.CARRIED_OUT, actor=doer.name, now=now, decider=decider)
    _write_down(session, approval, action, done, doer, now=now)
    return approval


def refuse(
    session: Session,
    approval_id: UUID,
    *,
    why: str,
    actions: Actions,
    doer: Doer,
    now: datetime,
) -> Approval:
    """Say no as the second person; raises `NeedsReason`, `ApprovalOver` or a `CannotDecide`."""
    answer = why.strip()[:MOST_WORDS]
    if not answer:
        raise NeedsReason
    decider, approval = _hold_decider(session, approval_id, doer, now=now)
    check_decider(approval, decider, actions[approval.kind])
    approval.answer = answer
    _end(session, approval, S.REFUSED, actor=doer.name, now=now, decider=decider)
    return approval


def withdraw(session: Session, approval_id: UUID, *, doer: Doer, now: datetime) -> Approval:
    """Take one's own request back; raises `NotYourRequest` or `ApprovalOver`."""
    approval = queries.lock_approval(session, approval_id)
    if approval.asked_by_id != doer.operator_id:
        raise NotYourRequest
    _check_waiting(approval, now=now)
    _end(session, approval, S.WITHDRAWN, actor=doer.name, now=now)
    return approval


def expire(session: Session, approval: Approval, *, now: datetime) -> None:
    """Let a request end that nobody decided in its time; the caller holds its lock."""
    _end(session, approval, S.EXPIRED, actor="scheduler", now=now)


def _hold_decider(
    session: Session, approval_id: UUID, doer: Doer, *, now: datetime
) -> tuple[Operator, Approval]:
    if doer.operator_id is None:
        raise CannotDecide
    decider = operators.hold_operator(session, doer.operator_id)
    approval = queries.lock_approval(session, approval_id)
    _check_waiting(approval, now=now)
    return decider, approval


def _check_waiting(approval: Approval, *, now: datetime) -> None:
    if approval.status is not S.WAITING or now >= approval.expires_at:
        raise ApprovalOver(status=approval.status.value)


def _carry_out(
    session: Session, approval: Approval, action: Action, decider: Operator, *, now: datetime
) -> Done:
    requester = operators.hold_operator(session, approval.asked_by_id)
    check_requester(requester, action)
    persons = Persons(asked_by=requester.name, decided_by=decider.name)
    with session.begin_nested():  # what is refused half-way leaves nothing
        done = action.perform(session, approval, persons, now)
        session.flush()
    names = {"asked_by": persons.asked_by, "approved_by": persons.decided_by}
    return Done(done.before, {**done.after, **names})


def _write_down(
    session: Session, approval: Approval, action: Action, done: Done, doer: Doer, *, now: datetime
) -> None:
    write_down(
        session,
        doer,
        action=action.deed,
        subject_kind=action.subject_kind,
        subject=approval.subject,
        before=done.before,
        after={**done.after, "approval": str(approval.id), "why": approval.why},
        now=now,
    )


def _told(refusal: DomainError) -> dict[str, Any]:
    details = {name: str(value)[:MOST_WORDS] for name, value in refusal.details.items()}
    words = {"code": refusal.code, "title": refusal.title, "message": refusal.message}
    return {"refusal": words, "details": details}


def _end(
    session: Session,
    approval: Approval,
    to: ApprovalStatus,
    *,
    actor: str,
    now: datetime,
    decider: Operator | None = None,
) -> None:
    approval.decided_by_id = None if decider is None else decider.id
    approval.ended_at = now
    settle(approval)
    move(session, approval, to, at=now, actor=actor)
