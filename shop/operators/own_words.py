"""What operators change about their own credentials: the password, or all that others know."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kit.crypto import same
from kit.db import Begin
from kit.errors import Conflict, DomainError
from shop.operators import queries
from shop.operators.deeds import Doer, state_of, write_down_operator
from shop.operators.lock_out import find_guesser, forget_wrong
from shop.operators.models import Operator
from shop.operators.rules import BadOperator, TriedTooOften, check_password
from shop.operators.second_factor import plain_code
from shop.operators.secret_words import (
    OperatorKeys,
    accepted_step,
    hash_password,
    is_password,
    new_recovery_codes,
    open_offer,
    seal_totp,
    token_hash,
)
from shop.operators.service import end_sessions, keep_recovery_codes


class NothingToRenew(Conflict):
    """Nobody else knows what the operator signs in with."""

    code = "operators.nothing_to_renew"
    title = "Your credentials are your own already"
    message = "您的登录凭据已经更换"


@dataclass(frozen=True, slots=True)
class NewWords:
    """What somebody signs in with from now on: a password, and a secret that a code is shown of."""

    password: str = field(repr=False)
    offer: str = field(repr=False)  # as `secret_words.seal_offer` made it
    code: str = field(repr=False)


def change_password(
    begin: Begin,
    operator_id: UUID,
    *,
    old: str,
    new: str,
    browser: str,
    keys: OperatorKeys,
    doer: Doer,
    now: datetime,
) -> None:
    """Change one's own password and end every session; raises `BadOperator` or `TriedTooOften`.

    Passwords are compared and hashed between two transactions, as at sign-in, and wrong guesses
    count as they do there: whoever holds somebody's session must not find the password by it.
    `browser` is what a browser keeps that the operator signed in from.
    """
    with begin() as session:
        found = queries.get_operator(session, operator_id)
    check_password(new, name=found.name)
    is_right = is_password(old, found.password_hash)
    fresh = hash_password(new) if is_right else None
    with begin() as session:
        operator = queries.lock_operator(session, operator_id)
        refusal = _refuse(session, operator, found, fresh, browser, keys=keys, doer=doer, now=now)
        if refusal is None and fresh is not None:
            operator.password_hash = fresh
            end_sessions(session, operator, now=now)
            before = state_of(operator)  # which a password is no part of
            write_down_operator(
                session, operator, doer, "operators.password", before=before, now=now
            )
    if refusal is not None:  # only now, so that the count is kept
        raise refusal


def renew(
    begin: Begin,
    operator_id: UUID,
    words: NewWords,
    *,
    token: str,
    keys: OperatorKeys,
    doer: Doer,
    now: datetime,
) -> list[str]:
    """Take words that nobody else knows, and return new recovery codes; other sessions end.

    `token` is the session that stays. Raises `BadOperator` or `NothingToRenew`.
    """
    with begin() as session:
        found = queries.get_operator(session, operator_id)
    check_password(words.password, name=found.name)
    secret = open_offer(words.offer, operator_id=operator_id, keys=keys)
    if secret is None:
        raise BadOperator(reason="the secret on the page was not made for you: take this one")
    if is_password(words.password, found.password_hash):
        raise BadOperator(reason="that is the password you were given: choose another")
    fresh = hash_password(words.password)
    sealed = seal_totp(secret, operator_id=operator_id, keys=keys)
    code = plain_code(words.code)
    step = accepted_step(sealed, code, operator_id=operator_id, keys=keys, after=0, now=now)
    if step is None:
        raise BadOperator(reason="the code is not one of the new secret")
    with begin() as session:
        operator = queries.lock_operator(session, operator_id)
        if not operator.must_renew or not same(operator.password_hash, found.password_hash):
            raise NothingToRenew
        before = state_of(operator)
        operator.password_hash, operator.totp_sealed, operator.totp_step = fresh, sealed, step
        operator.must_renew = False
        codes = new_recovery_codes()
        keep_recovery_codes(session, operator, codes, keys=keys)
        end_sessions(session, operator, now=now, but=token_hash(token, keys=keys))
        write_down_operator(session, operator, doer, "operators.renew", before=before, now=now)
    return codes


def _refuse(
    session: Session,
    operator: Operator,
    found: Operator,
    fresh: str | None,
    browser: str,
    *,
    keys: OperatorKeys,
    doer: Doer,
    now: datetime,
) -> DomainError | None:
    """Return why the password stays, or None; a wrong guess is counted."""
    guesser = find_guesser(
        operator, browser=browser, keys=keys, address=doer.address, request_id=doer.request_id
    )
    if not guesser.may_try(now=now):
        return TriedTooOften()
    if not same(operator.password_hash, found.password_hash):
        return BadOperator(reason="the password was changed meanwhile")
    if fresh is None:
        guesser.count_wrong(session, now=now)
        return BadOperator(reason="the present password is another")
    forget_wrong(operator)
    return None
