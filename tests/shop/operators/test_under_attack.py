"""Signing in to the console while strangers try, too: what they must not be able to stop."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import sleep

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.errors import RateLimited
from shop.operators import secret_words, service, signing_in
from shop.operators.models import OperatorAction
from shop.operators.rules import BadOperator, LastOwner, NameTaken
from tests.shop.operators.test_operators import DOER, KEYS, Desk


@pytest.fixture
def desk(begin: Begin, now: datetime) -> Desk:
    return Desk(begin, now)


class TestPasswords:
    def test_are_checked_outside_every_transaction(
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

        desk.begin = begin_counted
        monkeypatch.setattr(signing_in, "is_password", check)
        assert desk.try_in(told) is not None
        assert seen == [0]

    def test_are_checked_one_at_a_time(self, desk: Desk) -> None:
        told = desk.add()
        with secret_words._TURN, pytest.raises(RateLimited):
            desk.try_in(told)
        assert desk.try_in(told) is not None

    def test_that_changed_meanwhile_open_nothing(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = desk.add()

        def check(password: str, password_hash: str | None) -> bool:
            with desk.begin() as session:
                service.reset_operator(
                    session, desk.find(session, "lin"), keys=KEYS, doer=DOER, now=desk.now
                )
            return secret_words.is_password(password, password_hash)

        monkeypatch.setattr(signing_in, "is_password", check)
        assert desk.try_in(told) is None
        with desk.begin() as session:
            assert desk.find(session, "lin").failures == 0


class TestLockOut:
    def test_strangers_lock_nobody_out_of_a_known_browser(self, desk: Desk) -> None:
        told = desk.add()
        entry = desk.enter(told)
        assert entry is not None
        for _ in range(5):
            assert desk.try_in(told, password="wrong-wrong-wrong") is None
        desk.now += timedelta(seconds=31)
        assert desk.try_in(told) is None  # locked where nobody signed in before
        assert desk.try_in(told, known="0" * 64) is None
        assert desk.try_in(told, known="é") is None
        assert desk.try_in(told, known=entry.known_browser) is not None

    def test_whoever_has_a_known_browser_guesses_no_more_than_others(self, desk: Desk) -> None:
        told = desk.add()
        entry = desk.enter(told)
        assert entry is not None
        desk.now += timedelta(seconds=31)
        for _ in range(5):
            desk.try_in(told, password="wrong-wrong-wrong", known=entry.known_browser)
        assert desk.try_in(told, known=entry.known_browser) is None

    def test_a_reset_and_another_operator_know_the_browser_no_more(self, desk: Desk) -> None:
        told, other = desk.add(), desk.add("wang", "support")
        entry = desk.enter(told)
        assert entry is not None
        for _ in range(5):
            desk.try_in(other, password="wrong-wrong-wrong")
        assert desk.try_in(other, known=entry.known_browser) is None
        with desk.begin() as session:
            fresh = service.reset_operator(
                session, desk.find(session, "lin"), keys=KEYS, doer=DOER, now=desk.now
            )
        for _ in range(5):
            desk.try_in(fresh, password="wrong-wrong-wrong")
        assert desk.try_in(fresh, known=entry.known_browser) is None

    def test_failures_are_forgotten_after_an_hour_of_quiet(self, desk: Desk) -> None:
        told = desk.add()
        for _ in range(4):
            desk.try_in(told, password="wrong-wrong-wrong")
        desk.now += timedelta(minutes=61)
        assert desk.try_in(told, password="wrong-wrong-wrong") is None
        with desk.begin() as session:
            assert desk.find(session, "lin").failures == 1
        assert desk.try_in(told) is not None


class TestTwoOwners:
    def test_cannot_remove_each_other_at_once(self, real_begin: Begin, now: datetime) -> None:
        desk = Desk(real_begin, now)
        desk.add("lin"), desk.add("wang")

        def disable_lin() -> None:
            with desk.begin() as second:
                second.execute(text("SET LOCAL lock_timeout = '50ms'"))
                service.disable_operator(second, desk.find(second, "lin"), doer=DOER, now=now)

        with desk.begin() as first:
            service.disable_operator(first, desk.find(first, "wang"), doer=DOER, now=now)
            with pytest.raises(OperationalError):
                disable_lin()  # it waits for the first
        with pytest.raises(LastOwner):
            disable_lin()

    def test_cannot_add_one_name_at_once(self, real_begin: Begin, now: datetime) -> None:
        desk = Desk(real_begin, now)

        def add(session: Session) -> None:
            service.add_operator(
                session, name="lin", roles=["owner"], keys=KEYS, doer=DOER, now=now
            )

        def add_another() -> None:
            with desk.begin() as second:
                add(second)

        with ThreadPoolExecutor(1) as pool:
            with desk.begin() as first:
                add(first)
                other = pool.submit(add_another)
                waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
                while not first.scalar(waits) and not other.done():
                    sleep(0.02)
            with pytest.raises(NameTaken):
                other.result()


class TestAuditLog:
    def test_tells_a_lock_out_and_a_recovery_code_from_a_sign_in(self, desk: Desk) -> None:
        told = desk.add()
        desk.try_in(told, code=told.recovery_codes[0])
        for _ in range(5):
            desk.try_in(told, password="wrong-wrong-wrong")
        with desk.begin() as session:
            rows = session.execute(
                select(OperatorAction.action, OperatorAction.actor, OperatorAction.operator_id)
                .where(OperatorAction.action != "operators.add")
                .order_by(OperatorAction.id)
            ).all()
            lin = desk.find(session, "lin")
        assert [tuple(row) for row in rows] == [
            ("operators.recovery_code", "lin", lin.id),
            ("operators.locked", "sign-in", None),
        ]

    def test_nobody_is_called_as_a_machine(self, desk: Desk) -> None:
        for name in ("command", " Scheduler", "platform", "operator", "import", "sign-in"):
            with pytest.raises(BadOperator):
                desk.add(name)
