"""The lock-out: wrong guesses count, wherever they are made, and ever longer none is compared."""

from datetime import datetime

from sqlalchemy.orm import Session

from shop.operators.deeds import Doer, write_down
from shop.operators.models import Operator, OperatorStatus
from shop.operators.rules import SIGN_IN, count_failure, locked_for


def may_try(operator: Operator, *, is_known: bool, now: datetime) -> bool:
    """Say whether a guess in a known browser, or in any other, is compared at all."""
    locked_until = operator.known_locked_until if is_known else operator.locked_until
    is_locked = locked_until is not None and locked_until > now
    return operator.status is OperatorStatus.ACTIVE and not is_locked


def count_wrong(
    session: Session,
    operator: Operator,
    *,
    address: str,
    request_id: str,
    is_known: bool,
    now: datetime,
) -> None:
    """Count a wrong guess; the caller holds the operator's lock."""
    if is_known:
        failures = count_failure(operator.known_failures, operator.known_locked_until, now=now)
        lock = locked_for(failures)
        operator.known_failures, operator.known_locked_until = failures, now + lock
    else:
        failures = count_failure(operator.failures, operator.locked_until, now=now)
        lock = locked_for(failures)
        operator.failures, operator.locked_until = failures, now + lock
    if lock:
        write_down(
            session,
            Doer(SIGN_IN, None, address, request_id),  # whoever failed need not be the operator
            action="operators.locked",
            subject_kind="operator",
            subject=operator.name,
            before=None,
            after=None,
            now=now,
        )


def forget_wrong(operator: Operator) -> None:
    """Begin to count anew: somebody knew the right words."""
    operator.failures = operator.known_failures = 0
    operator.locked_until = operator.known_locked_until = None
