"""`flask commissions …` as an operator types it."""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from app import process
from app.commands import commissions
from kit.db import Begin
from tests.factories.referrals import ReferralBench

Run = Callable[..., Result]


@pytest.fixture
def bench(begin: Begin, now: datetime) -> ReferralBench:
    """Return a shop in which nothing stays."""
    return ReferralBench(begin, now)


@pytest.fixture
def flask(bench: ReferralBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the bench's database."""
    ports = SimpleNamespace(begin=bench.begin, clock=lambda: bench.now)
    monkeypatch.setattr(process, "ports", lambda: ports)
    return lambda *words: CliRunner().invoke(commissions.group, [str(word) for word in words])


class TestRule:
    """flask commissions rule add, list, end."""

    def test_is_added_listed_and_ended(self, bench: ReferralBench, flask: Run) -> None:
        """For one SKU and one leader, from a moment on."""
        sku_id, leader = bench.sku(), bench.leader()
        made = flask(
            *("rule", "add", "--fixed-fen", 55, "--sku", sku_id, "--leader", leader),
            *("--starts-at", "2026-12-01T00:00:00+0800", "--holds-days", 3, "--by", "小王"),
        )
        assert made.exit_code == 0, made.output
        rule_id = made.output.strip()
        line = flask("rule", "list").output
        for word in (rule_id, "55 fen", f"leader {leader}, sku {sku_id}", "holds 3 days", "小王"):
            assert word in line
        assert "2026-11-30T16:00:00+00:00/" in line
        assert flask("rule", "end", rule_id).exit_code == 0
        assert "2026-11-30T16:00:00+00:00/2026-11-30T16:00:00+00:00" in flask("rule", "list").output

    def test_says_what_is_wrong_in_a_line(self, flask: Run) -> None:
        """Neither way, an unknown SKU, an unknown rule."""
        for words, said in (
            (("rule", "add"), "makes no sense"),
            (("rule", "add", "--basis-points", 1, "--sku", "nothing"), "no SKU nothing"),
            (("rule", "end", uuid4()), "no such commission rule"),
        ):
            answer = flask(*words)
            assert answer.exit_code == 1
            assert said in answer.output


class TestStatement:
    """flask commissions statement."""

    def test_adds_up_over_all_its_pages(
        self, bench: ReferralBench, flask: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each column sums to its last line."""
        monkeypatch.setattr(commissions, "PAGE", 2)
        flask("rule", "add", "--basis-points", 1000)
        leader = bench.leader()
        order_id = bench.sold(leader, 3, price_fen=333)
        bench.mature()
        bench.pay_out(leader)
        bench.return_units(order_id, 2)
        answer = flask("statement", leader)
        head, *lines, last = answer.output.splitlines()
        assert head.split() == ["pending", "payable", "withdrawing", "paid", "debt"]
        assert last.split() == ["sum", "0.00", "0.00", "0.00", "0.99", "0.66"]
        for column in range(1, 6):
            told = [fen_of(line.split()[-column]) for line in lines]
            assert sum(told) == fen_of(last.split()[-column])

    def test_is_empty_for_who_never_earned(self, bench: ReferralBench, flask: Run) -> None:
        """The sums are nothing."""
        answer = flask("statement", bench.member())
        assert answer.output.splitlines()[-1].split() == ["sum"] + ["0.00"] * 5


def fen_of(yuan: str) -> int:
    """Return an amount in yuan as fen."""
    return int(yuan.replace(".", ""))
