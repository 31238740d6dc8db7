"""`flask withdrawals …`: what waits for an operator, and their word."""

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from app import process
from app.commands import withdrawals
from kit.db import Begin
from kit.money import Fen
from shop.payments.gateway import Channel
from shop.payments.transfer_gateway import TransferState
from shop.withdrawals.models import WithdrawalStatus
from tests.factories.referrals import TERMS, ReferralBench
from tests.factories.withdrawals import earner


@pytest.fixture
def bench(begin: Begin, now: datetime, monkeypatch: pytest.MonkeyPatch) -> ReferralBench:
    """Return a shop in which everything is looked at, and which the commands find."""
    shop = ReferralBench(begin, now, terms=replace(TERMS, review_from_fen=Fen(1)))
    shop.rule()
    ports = SimpleNamespace(begin=begin, clock=lambda: shop.now)
    monkeypatch.setattr(process, "ports", lambda: ports)
    return shop


def flask(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(withdrawals.group, [str(word) for word in words])


def asked(bench: ReferralBench) -> UUID:
    """Return a withdrawal in review."""
    return bench.withdraw(earner(bench), 400).id


class TestWithdrawals:
    """flask withdrawals list, approve, reject."""

    def test_one_is_approved_and_one_rejected(self, bench: ReferralBench) -> None:
        """The list tells who waits; each word is said once."""
        first, second = asked(bench), asked(bench)
        lines = flask("list", "--in-review").output.splitlines()
        assert [line.split()[0] for line in lines] == [str(first), str(second)]
        assert "open-" not in lines[0]
        assert flask("approve", first, "--by", "ann").exit_code == 0
        assert flask("reject", second, "--why", "ask us").exit_code == 0
        assert bench.withdrawal(first).status is WithdrawalStatus.APPROVED
        assert bench.withdrawal(second).reason == "ask us"
        assert [line.split()[0] for line in flask("list").output.splitlines()] == [str(first)]
        for words in (("approve", first), ("reject", second, "--why", "x"), ("approve", uuid4())):
            answer = flask(*words)
            assert answer.exit_code == 1
            assert answer.output.startswith("Error: ")

    def test_what_was_sent_is_asked_about_at_once(self, bench: ReferralBench) -> None:
        """Nothing is asked about what was not sent."""
        one = asked(bench)
        assert flask("ask-again", one).exit_code == 1
        flask("approve", one, "--by", "ann")
        bench.transfers[Channel.ALIPAY].starts = TransferState.PROCESSING
        bench.sweep("send")
        later = bench.withdrawal(one).due_at
        assert later is not None
        assert later > bench.now
        assert flask("ask-again", one).exit_code == 0
        assert bench.withdrawal(one).due_at == bench.now

    def test_one_whose_leader_owes_is_cancelled(self, bench: ReferralBench) -> None:
        """The command says so, instead of that it is sent."""
        leader = bench.leader()
        order_id = bench.sold(leader)
        bench.mature()
        withdrawal = bench.withdraw(leader, 100)
        bench.refund(order_id)
        answer = flask("approve", withdrawal.id)
        assert answer.output == f"{withdrawal.out_bill_no} is cancelled: its leader owes\n"
        assert bench.withdrawal(withdrawal.id).status is WithdrawalStatus.CANCELLED
