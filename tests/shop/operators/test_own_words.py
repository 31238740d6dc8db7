"""Credentials in their owner's hand: guesses count, no lock waits for a hash, others know none."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from kit.db import Begin
from shop.operators import own_words, secret_words, service
from shop.operators.deeds import Doer
from shop.operators.models import OperatorAction
from shop.operators.own_words import NewWords, NothingToRenew
from shop.operators.rules import BadOperator, TriedTooOften
from shop.operators.secret_words import new_totp_secret, seal_offer
from shop.operators.service import Credentials
from tests.shop.operators.test_operators import DOER, KEYS, Desk

NEW = "correct horse battery"


@pytest.fixture
def desk(begin: Begin, now: datetime) -> Desk:
    return Desk(begin, now)


def renew(desk: Desk, told: Credentials, token: str, **changes: str) -> tuple[str, list[str]]:
    """Renew as the page does; return the new secret and the recovery codes."""
    with desk.begin() as session:
        operator_id = desk.find(session, told.name).id
    secret = new_totp_secret()
    given = {
        "password": NEW,
        "offer": seal_offer(secret, operator_id=operator_id, keys=KEYS),
        "code": pyotp.TOTP(secret).at(desk.now),
        **changes,
    }
    codes = own_words.renew(
        desk.begin,
        operator_id,
        NewWords(**given),
        token=token,
        keys=KEYS,
        doer=Doer(told.name, operator_id),
        now=desk.now,
    )
    return secret, codes


class TestPassword:
    def test_h132_wrong_guesses_lock_as_at_sign_in(self, desk: Desk) -> None:
        told = desk.add()
        for _ in range(5):
            with pytest.raises(BadOperator):
                desk.change(told, old="wrong-wrong-wrong", new=NEW)
        with pytest.raises(TriedTooOften):
            desk.change(told, new=NEW)  # not even the right one
        assert desk.try_in(told) is None
        with desk.begin() as session:
            actions = session.scalars(
                select(OperatorAction.action).order_by(OperatorAction.id)
            ).all()
            assert desk.find(session, "lin").failures == 5
        assert list(actions) == ["operators.add", "operators.locked"]
        desk.now += timedelta(minutes=1)
        desk.change(told, new=NEW)
        with desk.begin() as session:
            assert desk.find(session, "lin").failures == 0

    def test_guesses_in_a_known_browser_count_apart(self, desk: Desk) -> None:
        told = desk.add()
        entry = desk.enter(told)
        assert entry is not None
        desk.now += timedelta(seconds=31)
        for _ in range(5):
            with pytest.raises(BadOperator):
                desk.change(told, old="wrong-wrong-wrong", new=NEW, known=entry.known_browser)
        assert desk.try_in(told, known=entry.known_browser) is None
        assert desk.try_in(told) is not None  # elsewhere nobody guessed

    def test_is_compared_and_hashed_outside_every_transaction(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told, begin = desk.add(), desk.begin
        open_now: list[Session] = []
        seen: list[int] = []

        @contextmanager
        def begin_counted() -> Iterator[Session]:
            with begin() as session:
                open_now.append(session)
                yield session
            open_now.pop()

        def check(password: str, password_hash: str | None) -> bool:
            seen.append(len(open_now))
            return secret_words.is_password(password, password_hash)

        def make(password: str) -> str:
            seen.append(len(open_now))
            return secret_words.hash_password(password)

        monkeypatch.setattr(own_words, "is_password", check)
        monkeypatch.setattr(own_words, "hash_password", make)
        monkeypatch.setattr(desk, "begin", begin_counted)
        desk.change(told, new=NEW)
        assert seen == [0, 0]

    def test_that_was_reset_meanwhile_stays(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = desk.add()
        fresh = []

        def check(password: str, password_hash: str | None) -> bool:
            with desk.begin() as session:
                found = desk.find(session, "lin")
                fresh.append(
                    service.reset_operator(session, found, keys=KEYS, doer=DOER, now=desk.now)
                )
            return secret_words.is_password(password, password_hash)

        monkeypatch.setattr(own_words, "is_password", check)
        with pytest.raises(BadOperator):
            desk.change(told, new=NEW)
        assert desk.try_in(fresh[0]) is not None

    def test_of_nobody_is_compared_with_the_parameters_of_all(
        self, product_hashing: tuple[PasswordHasher, str]
    ) -> None:
        hasher, nobodys = product_hashing
        assert not hasher.check_needs_rehash(nobodys)
        with pytest.raises(VerifyMismatchError):
            hasher.verify(nobodys, secrets.token_urlsafe(8))
        assert not secret_words.is_password(secrets.token_urlsafe(8), None)
        assert not secret_words.is_password("", secret_words._NOBODYS)

    def test_is_hashed_as_rfc_9106_asks_for_where_memory_is_scarce(
        self, product_hashing: tuple[PasswordHasher, str]
    ) -> None:
        hasher, _nobodys = product_hashing
        kept = extract_parameters(hasher.hash(NEW))
        assert (kept.type, kept.memory_cost) == (Type.ID, 64 * 1024)
        assert (kept.time_cost, kept.parallelism, kept.hash_len) == (3, 4, 32)


class TestRenewing:
    def test_leaves_nothing_that_somebody_else_knows(self, desk: Desk) -> None:
        told = desk.add()
        token, other = desk.try_in(told), desk.try_in(told, code=told.recovery_codes[0])
        assert token is not None
        assert other is not None
        secret, codes = renew(desk, told, token)
        assert desk.who(token) is not None
        assert desk.who(other) is None
        desk.now += timedelta(seconds=30)
        assert desk.try_in(told) is None
        assert desk.try_in(told, password=NEW) is None
        assert desk.try_in(told, password=NEW, code=told.recovery_codes[1]) is None
        assert desk.try_in(told, password=NEW, code=codes[0]) is not None
        code = pyotp.TOTP(secret).at(desk.now)
        assert desk.try_in(told, password=NEW, code=code) is not None
        with pytest.raises(NothingToRenew):
            renew(desk, told, token, password="another good one")

    def test_stands_in_the_log_with_what_it_changed(self, desk: Desk) -> None:
        told = desk.add()
        token = desk.try_in(told)
        assert token is not None
        renew(desk, told, token)
        with desk.begin() as session:
            deed = session.scalars(
                select(OperatorAction).where(OperatorAction.action == "operators.renew")
            ).one()
        assert deed.before is not None
        assert deed.after is not None
        assert (deed.before["must_renew"], deed.after["must_renew"]) == (True, False)

    def test_refuses_what_was_given_and_what_was_not_offered(self, desk: Desk) -> None:
        told, wang = desk.add(), desk.add("wang", "support")
        token = desk.try_in(told)
        assert token is not None
        with desk.begin() as session:
            of_wang = desk.find(session, wang.name).id
        secret = new_totp_secret()
        stolen = seal_offer(secret, operator_id=of_wang, keys=KEYS)
        for changes in (
            {"password": told.password},
            {"password": "short"},
            {"code": "000000"},
            {"code": ""},
            {"offer": ""},
            {"offer": "é" * 80},
            {"offer": stolen, "code": pyotp.TOTP(secret).at(desk.now)},
        ):
            with pytest.raises(BadOperator):
                renew(desk, told, token, **changes)
        with desk.begin() as session:
            assert desk.find(session, "lin").must_renew

    def test_a_right_that_others_gave_has_its_moment(self, desk: Desk) -> None:
        desk.add("lin"), desk.add("wang", "support")
        began, later = desk.now, desk.now + timedelta(hours=1)

        def since() -> datetime:
            with desk.begin() as session:
                return desk.find(session, "wang").entitled_since

        assert since() == began
        with desk.begin() as session:
            found = desk.find(session, "wang")
            service.set_roles(session, found, ["support"], doer=DOER, now=later)
        assert since() == began
        for roles, moment in ((["support", "finance"], later), (["finance"], later)):
            with desk.begin() as session:
                found = desk.find(session, "wang")
                service.set_roles(session, found, roles, doer=DOER, now=moment)
            assert since() == later
        with desk.begin() as session:
            found = desk.find(session, "wang")
            service.reset_operator(
                session, found, keys=KEYS, doer=DOER, now=later + timedelta(hours=1)
            )
        assert since() == later + timedelta(hours=1)
