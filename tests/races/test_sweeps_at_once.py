"""Sweeps that call a platform act on many rows at once: sooner, and still once on each."""

import threading
from collections import Counter
from datetime import UTC, datetime
from time import sleep

import pytest
from sqlalchemy import text

from kit.db import Begin
from kit.sweep import Swept
from shop.orders import jobs
from tests.factories.bench import KEY, PAY_WITHIN, Bench
from tests.races.at_once import at_once, errors

MANY = 24
CALL_SECONDS = 0.1
AT_ONCE = 8


@pytest.fixture
def bench(real_begin: Begin) -> Bench:
    """Return a shop with real commits, whose platforms take their time."""
    return Bench(real_begin, datetime(2026, 11, 20, 12, 0, tzinfo=UTC))


def slow_down(bench: Bench) -> list[int]:
    """Let each call take as long as it does in reality; return how many were under way at each."""
    turn, under_way, seen = threading.Lock(), Counter[str](), list[int]()

    def take_time(_call: str, is_done: bool) -> None:
        if is_done:
            return
        with turn:
            under_way["calls"] += 1
            seen.append(under_way["calls"])
        sleep(CALL_SECONDS)
        with turn:
            under_way["calls"] -= 1

    for platform in bench.platforms.values():
        platform.trouble = take_time
        platform.calls.clear()
    return seen


def count(bench: Bench, statement: str) -> int:
    """Return the number that a statement gives."""
    with bench.begin() as session:
        return int(session.scalar(text(statement)) or 0)


def refunding(bench: Bench) -> list[int]:
    """Have many refunds to send; return what `slow_down` does."""
    sku_id = bench.sku(MANY)
    for _ in range(MANY):
        bench.refund(bench.bought((sku_id, 1)))
    return slow_down(bench)


def closing(bench: Bench) -> list[int]:
    """Have many unpaid orders with an open trade, whose time is over; return as `slow_down`."""
    sku_id = bench.sku(MANY)
    for _ in range(MANY):
        bench.open_trade((sku_id, 1))
    bench.now += PAY_WITHIN
    return slow_down(bench)


def send(bench: Bench) -> Swept:
    """Send what is due, as the scheduler does."""
    return jobs.send_due_refunds(bench.begin, bench.platforms, now=bench.now, at_once=AT_ONCE)


def close(bench: Bench) -> Swept:
    """Close what is due, as the scheduler does."""
    return jobs.close_due_orders(
        bench.begin, bench.platforms, payer_hash_key=KEY, now=bench.now, at_once=AT_ONCE
    )


class TestSooner:
    """One scheduler, calls of 100 ms: as many are under way as may be, and no more."""

    def test_many_refunds_are_sent_at_once(self, bench: Bench) -> None:
        """Each is done."""
        under_way = refunding(bench)
        assert send(bench) == Swept(done=MANY, failed=0)
        assert 1 < max(under_way) <= AT_ONCE
        assert count(bench, "SELECT count(*) FROM refunds WHERE status = 'done'") == MANY
        assert bench.violations(with_books=True) == []

    def test_many_orders_close_at_once(self, bench: Bench) -> None:
        """Trades first."""
        under_way = closing(bench)
        assert close(bench) == Swept(done=MANY, failed=0)
        assert 1 < max(under_way) <= AT_ONCE
        assert count(bench, "SELECT count(*) FROM orders WHERE status = 'closed'") == MANY
        assert bench.violations(with_books=True) == []

    def test_many_questions_and_reports_too(self, bench: Bench) -> None:
        """Every open trade is asked about, every delivery told once."""
        closing(bench)
        numbers = list(bench.wechat.trades)
        for number in numbers:
            bench.wechat.pay(number)
        swept = jobs.ask_about_due_payments(
            bench.begin, bench.platforms, payer_hash_key=KEY, now=bench.now, at_once=AT_ONCE
        )
        assert swept == Swept(done=MANY, failed=0)
        assert count(bench, "SELECT count(*) FROM orders WHERE status = 'fulfilled'") == MANY
        reported = jobs.report_due_deliveries(
            bench.begin, bench.desk, payer_hash_key=KEY, now=bench.now, at_once=AT_ONCE
        )
        assert reported == Swept(done=MANY, failed=0)
        assert sorted(bench.desk.reported) == sorted(numbers)
        assert bench.violations(with_books=True) == []


class TestOnce:
    """Several schedulers, and rows that break."""

    def test_f103_three_schedulers_send_each_refund_once(self, bench: Bench) -> None:
        """However their threads meet."""
        refunding(bench)
        assert errors(at_once(*[lambda: send(bench)] * 3)) == []
        calls = Counter(number for name, number in bench.wechat.calls if name == "refund")
        assert (len(calls), set(calls.values())) == (MANY, {1})
        assert [name for name, _ in bench.wechat.calls if name != "refund"] == []
        assert bench.violations(with_books=True) == []

    def test_f103_three_schedulers_close_each_trade_once(self, bench: Bench) -> None:
        """An order whose trade is being closed is nobody else's."""
        closing(bench)
        assert errors(at_once(*[lambda: close(bench)] * 3)) == []
        calls = Counter(number for name, number in bench.wechat.calls if name == "close")
        assert (len(calls), set(calls.values())) == (MANY, {1})
        assert bench.violations(with_books=True) == []

    def test_a_row_that_breaks_stops_no_other(self, bench: Bench) -> None:
        """It is due again when its lease has run out."""
        refunding(bench)
        lock, broken = threading.Lock(), 0

        def break_two(call: str, _is_done: bool) -> None:
            nonlocal broken
            with lock:
                broken += 1
                if broken <= 2:
                    raise LookupError(call)

        bench.wechat.trouble = break_two
        assert send(bench) == Swept(done=MANY - 2, failed=2)
        statuses = "SELECT count(*) FROM refunds WHERE status = 'done'"
        assert count(bench, statuses) == MANY - 2
        assert count(bench, "SELECT count(*) FROM refunds WHERE status = 'requested'") == 2
        bench.wechat.trouble = None
        bench.recover()
        assert count(bench, statuses) == MANY
        assert bench.violations(with_books=True) == []
