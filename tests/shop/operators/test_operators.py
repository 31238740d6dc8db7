"""Operators: sign-in with two factors, lock-out, sessions, roles, and the last owner who stays."""

from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.crypto import new_key
from kit.db import Begin
from shop.operators import own_words, queries, service, signing_in
from shop.operators.deeds import Doer
from shop.operators.models import Operator, OperatorAction, OperatorSession
from shop.operators.rules import (
    IDLE,
    LONGEST_LOCK,
    LONGEST_STAY,
    MAY,
    BadOperator,
    LastOwner,
    NameTaken,
    Permission,
    Role,
    check_password,
    locked_for,
    permissions_of,
)
from shop.operators.secret_words import OperatorKeys
from shop.operators.service import Credentials
from shop.operators.signing_in import Attempt, Entry

KEYS = OperatorKeys.of(new_key())
DOER = Doer("tests")


class Desk:
    """Operators in one rolled-back database, and people who try to sign in."""

    def __init__(self, begin: Begin, now: datetime) -> None:
        self.begin = begin
        self.now = now

    def add(self, name: str = "lin", *roles: str) -> Credentials:
        """Make an operator."""
        with self.begin() as session:
            return service.add_operator(
                session, name=name, roles=roles or ["owner"], keys=KEYS, doer=DOER, now=self.now
            )

    def try_in(
        self, told: Credentials, *, password: str = "", code: str = "", known: str = ""
    ) -> str | None:
        """Try with the right words unless others are given; return the token."""
        entry = self.enter(told, password=password, code=code, known=known)
        return None if entry is None else entry.token

    def enter(
        self, told: Credentials, *, password: str = "", code: str = "", known: str = ""
    ) -> Entry | None:
        """Try, in a browser that may be known."""
        attempt = Attempt(
            told.name,
            password or told.password,
            code or self.code(told),
            "203.0.113.9",
            known_browser=known,
        )
        return signing_in.try_sign_in(self.begin, attempt, keys=KEYS, now=self.now)

    def change(self, told: Credentials, *, old: str = "", new: str, known: str = "") -> None:
        """Change the password, knowing the present one unless another is given."""
        with self.begin() as session:
            operator_id = self.find(session, told.name).id
        own_words.change_password(
            self.begin,
            operator_id,
            old=old or told.password,
            new=new,
            browser=known,
            keys=KEYS,
            doer=Doer(told.name, operator_id, "203.0.113.9"),
            now=self.now,
        )

    def code(self, told: Credentials) -> str:
        """Return the code of this moment."""
        return pyotp.TOTP(told.totp_secret).at(self.now)

    def who(self, token: str) -> Operator | None:
        """Return whose session it is."""
        with self.begin() as session:
            return signing_in.find_signed_in(session, token, keys=KEYS, now=self.now)

    def find(self, session: Session, name: str) -> Operator:
        """Return an operator."""
        found = queries.find_by_name(session, name)
        assert found is not None
        return found


@pytest.fixture
def desk(begin: Begin, now: datetime) -> Desk:
    return Desk(begin, now)


class TestSigningIn:
    def test_needs_password_and_code(self, desk: Desk) -> None:
        told = desk.add()
        assert desk.try_in(told, password="wrong-wrong-wrong") is None
        assert desk.try_in(told, code="000000") is None
        token = desk.try_in(told)
        assert token is not None
        found = desk.who(token)
        assert found is not None
        assert found.name == "lin"
        assert desk.who(token[:-1] + "_") is None

    def test_h132_takes_no_code_twice(self, desk: Desk) -> None:
        told = desk.add()
        code = desk.code(told)
        assert desk.try_in(told, code=code) is not None
        assert desk.try_in(told, code=code) is None
        desk.now += timedelta(seconds=30)
        assert desk.try_in(told, code=code) is None
        assert desk.try_in(told) is not None

    def test_takes_a_recovery_code_once(self, desk: Desk) -> None:
        told = desk.add()
        code = told.recovery_codes[3]
        assert desk.try_in(told, code=code.lower()) is not None
        assert desk.try_in(told, code=code) is None
        assert desk.try_in(told, code=told.recovery_codes[4]) is not None

    def test_nobody_is_refused_in_the_same_way(self, desk: Desk) -> None:
        told = desk.add()
        nobody = Credentials("nobody", told.password, told.totp_secret, "", [])
        assert desk.try_in(nobody) is None

    def test_h132_locks_out_ever_longer(self, desk: Desk) -> None:
        told = desk.add()
        for _ in range(5):
            assert desk.try_in(told, password="wrong-wrong-wrong") is None
        assert desk.try_in(told) is None  # locked: the right words open nothing
        desk.now += timedelta(minutes=1)
        assert desk.try_in(told, password="wrong-wrong-wrong") is None
        desk.now += timedelta(seconds=90)
        assert desk.try_in(told) is None  # two minutes, now
        desk.now += timedelta(seconds=31)
        assert desk.try_in(told) is not None
        with desk.begin() as session:
            assert desk.find(session, "lin").failures == 0

    def test_h132_the_curve_doubles_to_an_hour(self) -> None:
        minutes = [locked_for(failures) // timedelta(minutes=1) for failures in range(4, 14)]
        assert minutes == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert locked_for(10_000) == LONGEST_LOCK

    def test_h128_ends_by_idleness_by_age_and_by_signing_out(self, desk: Desk) -> None:
        told = desk.add()
        token = desk.try_in(told)
        assert token is not None
        opened = desk.now
        while desk.now < opened + LONGEST_STAY - IDLE:
            desk.now += IDLE - timedelta(minutes=1)
            assert desk.who(token) is not None
        desk.now = opened + LONGEST_STAY
        assert desk.who(token) is None
        second = desk.try_in(told)
        assert second is not None
        desk.now += IDLE
        assert desk.who(second) is None
        third = desk.try_in(told)
        assert third is not None
        with desk.begin() as session:
            signing_in.sign_out(session, third, keys=KEYS, now=desk.now)
        assert desk.who(third) is None

    def test_keeps_no_token_and_no_password(self, desk: Desk) -> None:
        told = desk.add()
        token = desk.try_in(told)
        assert token is not None
        with desk.begin() as session:
            (stay,) = session.scalars(select(OperatorSession)).all()
            operator = desk.find(session, "lin")
            assert token.encode() not in stay.token_hash
            assert operator.password_hash.startswith("$argon2id$")
            assert told.totp_secret.encode() not in operator.totp_sealed
            actions = session.scalars(select(OperatorAction.action)).all()
        assert actions == ["operators.add", "operators.sign_in"]


class TestService:
    def test_h128_a_reset_or_a_new_password_ends_sessions(self, desk: Desk) -> None:
        told = desk.add()
        token = desk.try_in(told)
        assert token is not None
        with pytest.raises(BadOperator):
            desk.change(told, old="not it", new="x" * 20)
        desk.change(told, new="correct horse battery")
        assert desk.who(token) is None
        desk.now += timedelta(minutes=1)
        token = desk.try_in(told, password="correct horse battery")
        assert token is not None
        with desk.begin() as session:
            fresh = service.reset_operator(
                session, desk.find(session, "lin"), keys=KEYS, doer=DOER, now=desk.now
            )
        assert desk.who(token) is None
        assert desk.try_in(told, password="correct horse battery") is None
        assert desk.try_in(fresh) is not None

    def test_one_owner_remains(self, desk: Desk) -> None:
        told = desk.add("lin", "owner")
        desk.add("wang", "support")
        with desk.begin() as session:
            lin, wang = desk.find(session, "lin"), desk.find(session, "wang")
            with pytest.raises(LastOwner):
                service.disable_operator(session, lin, doer=DOER, now=desk.now)
            with pytest.raises(LastOwner):
                service.set_roles(session, lin, ["finance"], doer=DOER, now=desk.now)
            service.set_roles(session, wang, ["support", "owner"], doer=DOER, now=desk.now)
            session.flush()
            assert wang.roles == ["owner", "support"]
            service.disable_operator(session, lin, doer=DOER, now=desk.now)
        assert desk.try_in(told) is None
        with desk.begin() as session:
            service.enable_operator(session, desk.find(session, "lin"), doer=DOER, now=desk.now)
        assert desk.try_in(told) is not None

    def test_refuses_names_roles_and_passwords(self, desk: Desk) -> None:
        desk.add("lin")
        with pytest.raises(NameTaken):
            desk.add(" LIN ")
        for name in ("", "x", "1lin", "lin wang", "lin'--", "林", "a" * 33):
            with pytest.raises(BadOperator):
                desk.add(name)
        with pytest.raises(BadOperator):
            desk.add("wang", "root")
        for password in ("short", "aaaaaaaaaaaaaaaa", "my-name-is-lin-ok", "x" * 201):
            with pytest.raises(BadOperator):
                check_password(password, name="lin")


class TestPermissions:
    def test_only_an_owner_manages_operators(self) -> None:
        managing = {role for role in Role if Permission.MANAGE in MAY[role]}
        assert managing == {Role.OWNER}

    def test_an_auditor_changes_nothing(self) -> None:
        # A list as a file is a way of seeing it.
        doing = MAY[Role.AUDITOR] - {Permission.EXPORT}
        assert all(permission.value.endswith(".see") for permission in doing)

    def test_an_unknown_role_allows_nothing(self) -> None:
        assert permissions_of(["root", ""]) == frozenset()
        assert permissions_of(["support", "finance"]) == MAY[Role.SUPPORT] | MAY[Role.FINANCE]
