"""`flask operators …` as somebody at the server types it: credentials are shown once."""

import re
from datetime import datetime
from types import SimpleNamespace

import pyotp
import pytest
from click.testing import CliRunner, Result

from app import process
from app.commands import operators
from kit.crypto import new_key
from kit.db import Begin
from shop.operators import queries, signing_in
from shop.operators.secret_words import OperatorKeys
from shop.operators.signing_in import Attempt

KEY = new_key()


@pytest.fixture(autouse=True)
def ports(begin: Begin, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find a database in which nothing stays."""
    found = SimpleNamespace(begin=begin, clock=lambda: now, token_hash_key=KEY)
    monkeypatch.setattr(process, "ports", lambda: found)


def flask(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(operators.group, list(words))


def signs_in(begin: Begin, told: str, now: datetime) -> bool:
    """Say whether what a command printed opens the console."""
    words = dict(re.findall(r"^(operator|password|authenticator) +(\S+)$", told, re.MULTILINE))
    code = pyotp.TOTP(words["authenticator"]).at(now)
    attempt = Attempt(words["operator"], words["password"], code, "127.0.0.1")
    keys = OperatorKeys.of(KEY)
    return signing_in.try_sign_in(begin, attempt, keys=keys, now=now) is not None


class TestFirst:
    def test_makes_an_owner_where_there_is_nobody(self, begin: Begin, now: datetime) -> None:
        told = flask("first").output
        assert signs_in(begin, told, now)
        assert len(re.findall(r"\b\w{4}-\w{4}-\w{4}\b", told)) == 8
        with begin() as session:
            (operator,) = queries.list_operators(session)
            assert (operator.name, operator.roles) == ("admin", ["owner"])

    def test_says_nothing_when_there_is_somebody(self) -> None:
        assert flask("first").exit_code == 0
        again = flask("first")
        assert (again.exit_code, again.output) == (0, "")


class TestOperators:
    def test_reset_opens_with_the_new_words_alone(self, begin: Begin, now: datetime) -> None:
        old = flask("add", "lin", "--role", "planner", "--role", "support").output
        new = flask("reset", "lin").output
        assert not signs_in(begin, old, now)
        assert signs_in(begin, new, now)

    def test_disable_enable_and_list(self, begin: Begin, now: datetime) -> None:
        told = flask("add", "lin", "--role", "support").output
        assert flask("disable", "lin").exit_code == 0
        assert re.search(r"lin +disabled +support", flask("list").output)
        assert not signs_in(begin, told, now)
        assert flask("enable", "lin").exit_code == 0
        assert signs_in(begin, told, now)

    def test_refusals_are_a_line(self) -> None:
        assert "Operator not found" in flask("reset", "nobody").output
        assert (
            "Another operator" in [flask("add", "lin", "--role", "owner") for _ in "12"][1].output
        )
        assert "One active owner must remain" in flask("disable", "lin").output
        assert flask("add", "x y", "--role", "owner").exit_code == 1
        assert flask("add", "wang", "--role", "root").exit_code == 2
