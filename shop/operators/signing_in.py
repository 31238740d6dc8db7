"""Signing in to the console: password, second factor, lock-out; and the session after that."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from kit.crypto import new_token, same
from kit.db import Begin
from shop.operators import queries
from shop.operators.deeds import Doer, write_down
from shop.operators.lock_out import find_guesser, forget_wrong
from shop.operators.models import Operator, OperatorSession, RecoveryCode
from shop.operators.rules import LONGEST_STAY, SEEN_EVERY
from shop.operators.second_factor import is_of_authenticator, plain_code, takes_code
from shop.operators.secret_words import (
    OperatorKeys,
    is_password,
    known_browser,
    recovery_hash,
    token_hash,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed, and from where."""

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    address: str
    request_id: str = ""
    known_browser: str = field(default="", repr=False)  # what this browser was given, if anything


@dataclass(frozen=True, slots=True)
class Entry:
    """A session that was opened, and what the browser keeps so that it is known next time."""

    token: str = field(repr=False)
    known_browser: str = field(repr=False)


def try_sign_in(
    begin: Begin, attempt: Attempt, *, keys: OperatorKeys, now: datetime
) -> Entry | None:
    """Return a new session, or None, whatever was wrong; failures are counted.

    The password is checked between two transactions: that takes long, and nobody waits for a lock
    meanwhile. Raises `RateLimited` while another is checked.
    """
    with begin() as session:
        found = queries.find_by_name(session, attempt.name)
    password_hash = None if found is None else found.password_hash
    is_right = is_password(attempt.password, password_hash)
    with begin() as session:
        operator = queries.find_by_name(session, attempt.name, lock=True)
        # What was compared with a password of before says nothing of the present one.
        if operator is None or not same(operator.password_hash, password_hash or ""):
            return None
        return _decide(session, operator, attempt, is_right=is_right, keys=keys, now=now)


def _decide(
    session: Session,
    operator: Operator,
    attempt: Attempt,
    *,
    is_right: bool,
    keys: OperatorKeys,
    now: datetime,
) -> Entry | None:
    """Open a session or count a failure; it returns instead of raising, so the count is kept."""
    guesser = find_guesser(
        operator,
        browser=attempt.known_browser,
        keys=keys,
        address=attempt.address,
        request_id=attempt.request_id,
    )
    if not guesser.may_try(now=now):
        return None
    action = None
    if is_right:
        action = _take_second_factor(session, operator, attempt, keys=keys, now=now)
    if action is None:
        guesser.count_wrong(session, now=now)
        return None
    forget_wrong(operator)
    doer = Doer(operator.name, operator.id, attempt.address, attempt.request_id)
    _tell(session, operator, doer, action, now=now)
    known = known_browser(operator.totp_sealed, operator_id=operator.id, keys=keys)
    return Entry(_open_session(session, operator, attempt, keys=keys, now=now), known)


def find_signed_in(
    session: Session, token: str, *, keys: OperatorKeys, now: datetime
) -> Operator | None:
    """Return whose session the token opens, noting at most once a minute that it is used."""
    found = queries.find_stay(session, token_hash(token, keys=keys), now=now)
    if found is None:
        return None
    stay, operator = found
    if now - stay.seen_at >= SEEN_EVERY:
        stay.seen_at = now
    return operator


def sign_out(session: Session, token: str, *, keys: OperatorKeys, now: datetime) -> None:
    """End the session of the token."""
    session.execute(
        update(OperatorSession)
        .where(
            OperatorSession.token_hash == token_hash(token, keys=keys),
            OperatorSession.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


def _take_second_factor(
    session: Session, operator: Operator, attempt: Attempt, *, keys: OperatorKeys, now: datetime
) -> str | None:
    """Return what the audit log calls it, or None; who uses recovery codes should be seen."""
    code = plain_code(attempt.code)
    if is_of_authenticator(code):
        is_taken = takes_code(operator, code, keys=keys, now=now)
        return "operators.sign_in" if is_taken else None
    is_taken = _takes_recovery_code(session, operator.id, code, keys=keys, now=now)
    return "operators.recovery_code" if is_taken else None


def _takes_recovery_code(
    session: Session, operator_id: UUID, code: str, *, keys: OperatorKeys, now: datetime
) -> bool:
    kept = session.get(
        RecoveryCode,
        (operator_id, recovery_hash(code, operator_id=operator_id, keys=keys)),
        with_for_update=True,
        populate_existing=True,
    )
    if kept is None or kept.used_at is not None:
        return False
    kept.used_at = now
    return True


def _open_session(
    session: Session, operator: Operator, attempt: Attempt, *, keys: OperatorKeys, now: datetime
) -> str:
    token = new_token()
    session.add(
        OperatorSession(
            token_hash=token_hash(token, keys=keys),
            operator_id=operator.id,
            address=attempt.address[:64],
            started_at=now,
            seen_at=now,
            ends_at=now + LONGEST_STAY,
        )
    )
    return token


def _tell(session: Session, operator: Operator, doer: Doer, action: str, *, now: datetime) -> None:
    write_down(
        session,
        doer,
        action=action,
        subject_kind="operator",
        subject=operator.name,
        before=None,
        after=None,
        now=now,
    )
