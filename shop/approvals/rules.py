"""Pure rules of approvals: what can be approved, who may decide, for how long a request stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from kit.errors import Conflict, Forbidden, Malformed
from kit.money import Fen
from shop.approvals.models import Approval, ApprovalKind
from shop.operators.models import Operator, OperatorStatus
from shop.operators.rules import Permission, permissions_of

LASTS: Final = timedelta(days=3)
PREPARED_BY: Final = "prepared_by"  # the argument that names who may not decide, either


class NeedsReason(Malformed):
    """Whoever asks or refuses says why."""

    code = "approvals.needs_reason"
    title = "Say why"
    message = "请填写原因"


class AlreadyAsked(Conflict):
    """Another request for the same waits."""

    code = "approvals.already_asked"
    title = "The same was asked for, and waits for a second person"
    message = "相同的申请正在等待审批"


class ApprovalOver(Conflict):
    """Somebody decided it, it was withdrawn, or its time is over."""

    code = "approvals.over"
    title = "The request is over"
    message = "该申请已经结束"


class StaleApproval(Conflict):
    """What was asked for is not what would be done by now."""

    code = "approvals.stale"
    title = "Things have changed since it was asked for"
    message = "申请之后情况已变化"


class RequesterGone(Conflict):
    """Whoever asked for it is disabled, or may not do it any more."""

    code = "approvals.requester_gone"
    title = "Whoever asked may not do it any more"
    message = "申请人已停用或不再有此权限"


class CannotDecide(Forbidden):
    """Somebody else must decide; the request waits on."""

    code = "approvals.cannot_decide"
    title = "You may not decide this request"
    message = "您不能审批该申请"


class OwnRequest(CannotDecide):
    """Nobody decides what they asked for, or prepared."""

    code = "approvals.own_request"
    title = "A second person must decide"
    message = "不能审批自己的申请，需要另一位操作员"


class LateRight(CannotDecide):
    """The right to decide came from a role or credentials given after the request."""

    code = "approvals.late_right"
    title = "Your right to decide is younger than the request"
    message = "您的权限在申请之后才获得，不能审批该申请"


class NotYourRequest(Forbidden):
    """Only who asked withdraws."""

    code = "approvals.not_yours"
    title = "Only who asked for it can withdraw it"
    message = "只有申请人可以撤回"


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """From what size on a second person decides."""

    refund_from_fen: int = 50_000  # what went back of the order before counted in
    undo_from_cards: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: an action, to what, with which arguments, about how much money, why."""

    kind: ApprovalKind
    subject: str
    arguments: Mapping[str, Any]
    amount_fen: Fen | None
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """How the subject stood before the action, and stands after it."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Persons:
    """Who asked, and who decides."""

    asked_by: str
    decided_by: str


Foresee = Callable[[Session, Approval, datetime], Mapping[str, Any]]
Perform = Callable[[Session, Approval, Persons, datetime], Done]


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of request: what it asks of both persons, and the service that carries it out.

    `foresee` changes nothing and names what `perform` would do now; both raise what the shop
    refuses, and `perform` also `StaleApproval`.
    """

    permission: Permission
    deed: str  # as the audit log calls it
    subject_kind: str
    foresee: Foresee
    perform: Perform


Actions = Mapping[ApprovalKind, Action]


def decidable(actions: Actions, permissions: frozenset[Permission]) -> list[ApprovalKind]:
    """Return the kinds of request that somebody with these permissions decides."""
    if Permission.APPROVE not in permissions:
        return []
    return [kind for kind, action in actions.items() if action.permission in permissions]


def check_decider(approval: Approval, decider: Operator, action: Action) -> None:
    """Raise `OwnRequest`, `LateRight` or `CannotDecide` unless they may decide it."""
    if decider.id == approval.asked_by_id or decider.name == approval.arguments.get(PREPARED_BY):
        raise OwnRequest
    if not {Permission.APPROVE, action.permission} <= permissions_of(decider.roles):
        raise CannotDecide(needs=action.permission.value)
    if decider.entitled_since > approval.asked_at:
        raise LateRight


def check_requester(requester: Operator, action: Action) -> None:
    """Raise `RequesterGone` unless they could still do it themselves if nobody had to approve."""
    is_active = requester.status is OperatorStatus.ACTIVE
    if not is_active or action.permission not in permissions_of(requester.roles):
        raise RequesterGone(operator=requester.name)


def check_amount(approval: Approval, amount_fen: int) -> None:
    """Raise `StaleApproval` unless it is about the amount that was asked for."""
    if amount_fen != approval.amount_fen:
        raise StaleApproval(asked_fen=approval.amount_fen, present_fen=amount_fen)


def state_of(approval: Approval) -> dict[str, Any]:
    """Return what the audit log knows of a request."""
    return {
        "kind": approval.kind.value,
        "subject": approval.subject,
        "status": approval.status.value,
        "amount_fen": approval.amount_fen,
        "why": approval.why,
        **({"answer": approval.answer} if approval.answer else {}),
    }
