"""Proving the second factor again, right before something that cannot be taken back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kit.crypto import same
from kit.db import Begin
from kit.errors import DomainError, Malformed
from shop.operators import queries
from shop.operators.deeds import Doer
from shop.operators.lock_out import count_wrong, may_try
from shop.operators.models import Operator
from shop.operators.rules import TriedTooOften
from shop.operators.secret_words import OperatorKeys, accepted_step, known_browser


class WrongCode(Malformed):
    """The code is no fresh one of the operator's authenticator."""

    code = "operators.wrong_code"
    title = "The code is wrong, or was used before: take the next one"
    message = "验证码不正确或已经用过，请等下一个"


def prove_second_factor(
    begin: Begin,
    operator_id: UUID,
    code: str,
    *,
    browser: str,
    keys: OperatorKeys,
    doer: Doer,
    now: datetime,
) -> None:
    """Take a fresh code of the operator's authenticator; raises `WrongCode` or `TriedTooOften`.

    Wrong guesses count as at sign-in; right ones do not make wrong passwords forgotten. A recovery
    code proves nothing here: it is for whoever has lost the authenticator. `browser` is what a
    browser keeps that the operator signed in from.
    """
    with begin() as session:
        operator = queries.lock_operator(session, operator_id)
        refusal = _refuse(session, operator, code, browser, keys=keys, doer=doer, now=now)
    if refusal is not None:  # only now, so that the count is kept
        raise refusal


def _refuse(
    session: Session,
    operator: Operator,
    code: str,
    browser: str,
    *,
    keys: OperatorKeys,
    doer: Doer,
    now: datetime,
) -> DomainError | None:
    """Return why the code proves nothing, or None; a wrong guess is counted, no code is not one."""
    plain = code.strip().replace(" ", "")
    if not plain:
        return WrongCode()
    known = known_browser(operator.totp_sealed, operator_id=operator.id, keys=keys)
    is_known = same(browser, known)
    if not may_try(operator, is_known=is_known, now=now):
        return TriedTooOften()
    step = _step_of(operator, plain, keys=keys, now=now)
    if step is None:
        count_wrong(
            session,
            operator,
            address=doer.address,
            request_id=doer.request_id,
            is_known=is_known,
            now=now,
        )
        return WrongCode()
    operator.totp_step = step
    return None


def _step_of(operator: Operator, code: str, *, keys: OperatorKeys, now: datetime) -> int | None:
    if len(code) != 6 or not code.isdecimal():
        return None
    return accepted_step(
        operator.totp_sealed,
        code,
        operator_id=operator.id,
        keys=keys,
        after=operator.totp_step,
        now=now,
    )
