"""The second factor: taking its codes, and proving it right before what cannot be taken back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.errors import DomainError, Malformed
from shop.operators import queries
from shop.operators.deeds import Doer
from shop.operators.lock_out import find_guesser
from shop.operators.models import Operator
from shop.operators.rules import TriedTooOften
from shop.operators.secret_words import OperatorKeys, accepted_step


class WrongCode(Malformed):
    """The code is no fresh one of the operator's authenticator."""

    code = "operators.wrong_code"
    title = "The code is wrong, or was used before: take the next one"
    message = "验证码不正确或已经用过，请等下一个"


def plain_code(code: str) -> str:
    """Return a code without the spaces that people type between its digits."""
    return code.strip().replace(" ", "")


def is_of_authenticator(code: str) -> bool:
    """Say whether a plain code looks like an authenticator's, and not like one for recovery."""
    return len(code) == 6 and code.isdecimal()


def takes_code(operator: Operator, code: str, *, keys: OperatorKeys, now: datetime) -> bool:
    """Take a plain code of the authenticator once; the caller holds the operator's lock."""
    if not is_of_authenticator(code):
        return False
    step = accepted_step(
        operator.totp_sealed,
        code,
        operator_id=operator.id,
        keys=keys,
        after=operator.totp_step,
        now=now,
    )
    if step is None:
        return False
    operator.totp_step = step
    return True


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
    plain = plain_code(code)
    if not plain:
        return WrongCode()
    guesser = find_guesser(
        operator, browser=browser, keys=keys, address=doer.address, request_id=doer.request_id
    )
    if not guesser.may_try(now=now):
        return TriedTooOften()
    if takes_code(operator, plain, keys=keys, now=now):
        return None
    guesser.count_wrong(session, now=now)
    return WrongCode()
