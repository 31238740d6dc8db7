"""Operators at an owner's hand: add, reset, disable, enable, give roles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.lifecycle import move
from shop.operators import queries
from shop.operators.deeds import Doer, state_of, write_down_operator
from shop.operators.lock_out import forget_wrong
from shop.operators.models import Operator, OperatorSession, OperatorStatus, RecoveryCode
from shop.operators.rules import (
    LastOwner,
    NameTaken,
    Role,
    check_name,
    check_roles,
)
from shop.operators.secret_words import (
    OperatorKeys,
    hash_password,
    new_password,
    new_recovery_codes,
    new_totp_secret,
    provisioning_uri,
    recovery_hash,
    seal_totp,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an operator signs in with, told once."""

    name: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    totp_uri: str = field(repr=False)
    recovery_codes: list[str] = field(repr=False)


def add_operator(
    session: Session,
    *,
    name: str,
    roles: Collection[str],
    keys: OperatorKeys,
    doer: Doer,
    now: datetime,
) -> Credentials:
    """Make an operator; raises `BadOperator` or `NameTaken`."""
    wanted = check_name(name)
    queries.manage_alone(session)  # two might take one name at once
    if queries.find_by_name(session, wanted) is not None:
        raise NameTaken
    operator = Operator(
        id=new_id(),
        name=wanted,
        status=OperatorStatus.ACTIVE,
        roles=check_roles(roles),
        password_hash="",
        totp_sealed=b"",
        created_by=doer.name[:64],
        created_at=now,
    )
    credentials = _give_credentials(session, operator, keys=keys)
    session.add(operator)
    session.flush()  # recovery codes and the deed name the operator
    keep_recovery_codes(session, operator, credentials.recovery_codes, keys=keys)
    write_down_operator(session, operator, doer, "operators.add", before=None, now=now)
    return credentials


def reset_operator(
    session: Session, operator: Operator, *, keys: OperatorKeys, doer: Doer, now: datetime
) -> Credentials:
    """Give new credentials and end every session; the old ones open nothing any more."""
    before = state_of(operator)
    credentials = _give_credentials(session, operator, keys=keys)
    forget_wrong(operator)
    operator.entitled_at = now
    keep_recovery_codes(session, operator, credentials.recovery_codes, keys=keys)
    end_sessions(session, operator, now=now)
    write_down_operator(session, operator, doer, "operators.reset", before=before, now=now)
    return credentials


def disable_operator(session: Session, operator: Operator, *, doer: Doer, now: datetime) -> None:
    """Let them in no more, from this moment; raises `LastOwner` or `IllegalMove`."""
    _keep_an_owner(session, operator)
    before = state_of(operator)
    move(session, operator, OperatorStatus.DISABLED, at=now, actor=doer.name)
    end_sessions(session, operator, now=now)
    write_down_operator(session, operator, doer, "operators.disable", before=before, now=now)


def enable_operator(session: Session, operator: Operator, *, doer: Doer, now: datetime) -> None:
    """Let them in again."""
    before = state_of(operator)
    move(session, operator, OperatorStatus.ACTIVE, at=now, actor=doer.name)
    operator.entitled_at = now
    write_down_operator(session, operator, doer, "operators.enable", before=before, now=now)


def set_roles(
    session: Session, operator: Operator, roles: Collection[str], *, doer: Doer, now: datetime
) -> None:
    """Give exactly these roles, at once; raises `BadOperator` or `LastOwner`."""
    wanted = check_roles(roles)
    if Role.OWNER.value not in wanted:
        _keep_an_owner(session, operator)
    before = state_of(operator)
    if not set(wanted) <= set(operator.roles):
        operator.entitled_at = now
    operator.roles = wanted
    write_down_operator(session, operator, doer, "operators.roles", before=before, now=now)


def end_sessions(session: Session, operator: Operator, *, now: datetime, but: bytes = b"") -> None:
    """End every session of the operator, `but` the one whose token has this hash."""
    session.execute(
        update(OperatorSession)
        .where(
            OperatorSession.operator_id == operator.id,
            OperatorSession.ended_at.is_(None),
            OperatorSession.token_hash != but,
        )
        .values(ended_at=now)
    )


def keep_recovery_codes(
    session: Session, operator: Operator, codes: Sequence[str], *, keys: OperatorKeys
) -> None:
    """Keep hashes of these codes, and of no others."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator.id))
    session.add_all(
        RecoveryCode(
            operator_id=operator.id,
            code_hash=recovery_hash(code, operator_id=operator.id, keys=keys),
        )
        for code in codes
    )


def _give_credentials(_session: Session, operator: Operator, *, keys: OperatorKeys) -> Credentials:
    password, secret = new_password(), new_totp_secret()
    operator.password_hash = hash_password(password)
    operator.totp_sealed = seal_totp(secret, operator_id=operator.id, keys=keys)
    operator.totp_step = 0
    operator.must_renew = True  # whoever hands these out knows them
    return Credentials(
        operator.name,
        password,
        secret,
        provisioning_uri(operator.name, secret),
        new_recovery_codes(),
    )


def _keep_an_owner(session: Session, operator: Operator) -> None:
    if Role.OWNER.value not in operator.roles:
        return
    queries.manage_alone(session)  # two owners might remove each other at once
    if not queries.count_other_owners(session, operator):
        raise LastOwner
