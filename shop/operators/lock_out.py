"""The lock-out: wrong guesses count, wherever they are made, and ever longer none is compared."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kit.crypto import same
from shop.operators.deeds import Doer, write_down
from shop.operators.models import Operator, OperatorStatus
from shop.operators.rules import SIGN_IN, count_failure, locked_for
from shop.operators.secret_words import OperatorKeys, known_browser


@dataclass(frozen=True, slots=True)
class Guesser:
    """Who guesses an operator's words, in a browser of theirs or in any other."""

    operator: Operator
    address: str
    request_id: str
    is_known: bool

    def may_try(self, *, now: datetime) -> bool:
        """Say whether a guess is compared at all."""
        operator = self.operator
        until = operator.known_locked_until if self.is_known else operator.locked_until
        is_locked = until is not None and until > now
        return operator.status is OperatorStatus.ACTIVE and not is_locked

    def count_wrong(self, session: Session, *, now: datetime) -> None:
        """Count a wrong guess; the caller holds the operator's lock."""
        operator = self.operator
        if self.is_known:
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
                Doer(SIGN_IN, None, self.address, self.request_id),  # perhaps not the operator
                action="operators.locked",
                subject_kind="operator",
                subject=operator.name,
                before=None,
                after=None,
                now=now,
            )


def find_guesser(
    operator: Operator, *, browser: str, keys: OperatorKeys, address: str, request_id: str
) -> Guesser:
    """Return who guesses; `browser` is what a browser keeps that the operator signed in from."""
    known = known_browser(operator.totp_sealed, operator_id=operator.id, keys=keys)
    return Guesser(operator, address, request_id, is_known=same(browser, known))


def forget_wrong(operator: Operator) -> None:
    """Begin to count anew: somebody knew the right words."""
    operator.failures = operator.known_failures = 0
    operator.locked_until = operator.known_locked_until = None
