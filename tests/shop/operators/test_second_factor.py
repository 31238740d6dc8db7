"""The second factor, proved again: fresh, once, and guessed at no oftener than at sign-in."""

from datetime import datetime

import pyotp
import pytest

from kit.db import Begin
from shop.operators.deeds import Doer
from shop.operators.rules import TriedTooOften
from shop.operators.second_factor import WrongCode, prove_second_factor
from shop.operators.service import Credentials
from tests.shop.operators.test_operators import KEYS, Desk


@pytest.fixture
def desk(begin: Begin, now: datetime) -> Desk:
    """Return a desk of which nothing stays."""
    return Desk(begin, now)


def prove(desk: Desk, told: Credentials, code: str) -> None:
    """Prove it with a code."""
    with desk.begin() as session:
        operator_id = desk.find(session, told.name).id
    prove_second_factor(
        desk.begin,
        operator_id,
        code,
        browser="",
        keys=KEYS,
        doer=Doer(told.name, operator_id),
        now=desk.now,
    )


class TestProving:
    def test_h132_a_code_proves_it_once(self, desk: Desk) -> None:
        told = desk.add()
        code = pyotp.TOTP(told.totp_secret).at(desk.now)
        prove(desk, told, f" {code[:3]} {code[3:]} ")
        with pytest.raises(WrongCode):
            prove(desk, told, code)

    def test_h132_wrong_guesses_lock_even_the_right_code_out(self, desk: Desk) -> None:
        told = desk.add()
        for guess in ("000000", "12345", "abcdef", "", "ééé", told.recovery_codes[0], "1" * 300):
            with pytest.raises(WrongCode if guess != "1" * 300 else TriedTooOften):
                prove(desk, told, guess)
        with pytest.raises(TriedTooOften):
            prove(desk, told, pyotp.TOTP(told.totp_secret).at(desk.now))
        assert desk.try_in(told) is None
