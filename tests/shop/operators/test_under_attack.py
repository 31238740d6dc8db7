"""Signing in to the console while strangers try, too: what they must not be able to stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.errors import RateLimited
from shop.operators import secret_words, service, signing_in
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
