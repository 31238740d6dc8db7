"""Every invariant sees what is planted to break it, and nothing in a database that is lively."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.auditing.audit import EVERY_INVARIANT, audit
from app.auditing.invariants import INVARIANTS
from shop.orders.models import OrderStatus
from shop.payments.gateway import Channel, RefundState
from tests.factories.bench import PAY_WITHIN, Bench
from tests.factories.owning import owning, plant
from tests.factories.sheets import SheetBench

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

ORDER = "(SELECT id FROM orders WHERE status = '{}' ORDER BY id LIMIT 1)"
FULFILLED, PENDING, CLOSED, REFUNDED = (
    ORDER.format(status) for status in ("fulfilled", "pending", "closed", "refunded")
)
PLANTED: dict[str, list[str]] = {
    "I7.refunds_in_time": [
        (
            "UPDATE refunds SET status = 'sent', done_at = NULL, requested_at = requested_at"
            " - interval '25 hours' WHERE seq = 1"
        ),
    ],
    "I8.refunds_within_payment": [
        "UPDATE refunds SET amount_fen = amount_fen + 100000",
        (
            "UPDATE payments SET status = 'closed', captured_at = NULL, transaction_no = NULL"
            " WHERE id IN (SELECT payment_id FROM refunds)"
        ),
    ],
    "I8.refunds_of_lines": [
        "UPDATE order_lines SET refunded_fen = refunded_fen - 1 WHERE refunded_fen > 0",
        "DELETE FROM refunds WHERE reason = 'member'",
        "UPDATE refunds SET reason = 'member' WHERE reason = 'double'",
        "UPDATE order_lines SET refunded_fen = total_fen WHERE refunded_fen < total_fen",
        "UPDATE order_lines SET refunded_quantity = 0",
    ],
    "I12.paid_means_captured": [
        f"UPDATE payments SET amount_fen = amount_fen - 1 WHERE order_id = {FULFILLED}",
        f"DELETE FROM payments WHERE order_id = {FULFILLED}",
        f"UPDATE orders SET paid_at = placed_at WHERE id = {CLOSED}",
    ],
    "I12.captured_once_in_the_books": [
        "DELETE FROM transfers WHERE leg = 'captured'",
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE leg = 'captured'",
        (
            "INSERT INTO transfers (debit_account_id, credit_account_id, amount_fen, cause_kind,"
            " cause_id, leg, order_id, at) SELECT t.debit_account_id, t.credit_account_id,"
            " p.amount_fen, 'payment', p.id, 'captured', p.order_id, t.at"
            " FROM transfers t, payments p WHERE t.leg = 'captured' AND p.status = 'closed' LIMIT 1"
        ),
    ],
    "I13.steps_lead_here": [
        f"UPDATE orders SET status = 'refunding' WHERE id = {FULFILLED}",
        (
            "UPDATE status_changes SET old = 'closed' WHERE kind = 'order' AND new = 'fulfilled'"
            " AND old = 'paid'"
        ),
        "DELETE FROM status_changes WHERE kind = 'payment' AND new = 'captured'",
        "UPDATE cards SET status = 'void' WHERE status = 'free'",
        "DELETE FROM status_changes WHERE kind = 'refund'",
        "UPDATE batches SET status = 'frozen'",
    ],
    "I14.no_money_kept_for_nothing": [
        "DELETE FROM refunds WHERE reason = 'late'",
        "DELETE FROM refunds WHERE reason = 'double'",
        (
            "UPDATE payments SET status = 'captured', transaction_no = 'x',"
            " captured_at = created_at WHERE status IN ('created', 'prepaid')"
        ),
    ],
    "I14.nothing_delivered_unpaid": [
        "UPDATE cards SET status = 'delivered' WHERE status = 'reserved'",
        f"UPDATE orders SET status = 'closed', closed_at = paid_at WHERE id = {FULFILLED}",
    ],
    "I16.orders_come_to_an_end": [
        f"UPDATE orders SET pay_by = pay_by - interval '1 day' WHERE id = {PENDING}",
        (
            "UPDATE orders SET is_held = false, paid_at = paid_at - interval '11 minutes'"
            " WHERE status = 'paid'"
        ),
    ],
    "I16.nothing_is_forgotten": [
        f"UPDATE orders SET due_at = NULL WHERE id = {PENDING}",
        "UPDATE payments SET due_at = NULL WHERE status = 'prepaid'",
        "UPDATE refunds SET due_at = NULL WHERE status IN ('requested', 'sent')",
        "UPDATE orders SET is_held = false, due_at = NULL WHERE status = 'paid'",
        "UPDATE orders SET status = 'refunding' WHERE status = 'refunded'",
    ],
    "I18.batches_add_up": [
        "DELETE FROM cards WHERE status = 'free'",
        "UPDATE batches SET cards_count = cards_count + 1",
        "UPDATE batches SET status = 'undone'",
    ],
    "I19.lines_have_their_cards": [
        "UPDATE cards SET order_line_id = NULL, status = 'free' WHERE status = 'delivered'",
        "UPDATE cards SET order_line_id = NULL, status = 'free' WHERE status = 'reserved'",
        (
            "UPDATE cards SET status = 'reserved', order_line_id = (SELECT l.id FROM order_lines l"
            f" WHERE l.order_id = {CLOSED} LIMIT 1) WHERE id ="
            " (SELECT id FROM cards WHERE status = 'free' LIMIT 1)"
        ),
        (
            "UPDATE cards SET sku_id = (SELECT s.id FROM skus s WHERE s.id <> cards.sku_id LIMIT 1)"
            " WHERE status = 'delivered'"
        ),
        f"UPDATE order_lines SET refunded_quantity = 0 WHERE order_id = {REFUNDED}",
    ],
    "I19.cards_are_their_owners": [
        "UPDATE cards SET member_id = NULL WHERE status = 'delivered'",
        "UPDATE cards SET delivered_at = NULL WHERE status = 'revealed'",
        (
            "UPDATE cards SET member_id = (SELECT m.id FROM members m WHERE m.id <> cards.member_id"
            " LIMIT 1) WHERE status = 'delivered'"
        ),
    ],
    "I20.reveals_are_written_down": [
        "DELETE FROM reveals",
        "UPDATE cards SET first_revealed_at = delivered_at WHERE status = 'delivered'",
        (
            "UPDATE cards SET first_revealed_at = first_revealed_at + interval '1 second'"
            " WHERE status = 'revealed'"
        ),
    ],
    "ledger.refunds_posted": [
        "DELETE FROM transfers WHERE leg = 'requested'",
        "DELETE FROM transfers WHERE leg = 'done'",
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE leg = 'done'",
    ],
    "ledger.earned_when_delivered": [
        "DELETE FROM transfers WHERE leg = 'earned'",
        "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE leg = 'earned'",
        f"UPDATE orders SET fulfilled_at = NULL WHERE id = {FULFILLED}",
        "UPDATE orders SET fulfilled_at = paid_at WHERE status = 'paid'",
    ],
    "outbox.nothing_given_up": [
        "UPDATE outbox_events SET next_attempt_at = NULL WHERE done_at IS NULL",
    ],
    "I1-I5.ledger_adds_up": ["ALTER TABLE transfers DISABLE TRIGGER facts_stay"],
    "I23.cards_open": [
        "UPDATE cards SET sealed = (SELECT c.sealed FROM cards c WHERE c.id <> cards.id LIMIT 1)",
        "UPDATE cards SET blind_index = sha256(blind_index)",
        "UPDATE batches SET master_key_version = 'lost'",
    ],
    "I9.platforms_agree": [
        "UPDATE payments SET transaction_no = 'x' || transaction_no",
        "UPDATE refunds SET amount_fen = amount_fen - 1 WHERE status = 'done'",
        "UPDATE payments SET out_trade_no = 'x' || out_trade_no WHERE status = 'captured'",
    ],
}


def live(bench: Bench) -> None:
    """Let everything happen that may happen to an order."""
    bench.bought((bench.sku(3), 2))
    for units in (1, 3):  # given back in part and whole
        order_id = bench.bought((bench.sku(3), 3))
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=units)
    seen = bench.bought((bench.sku(3), 2))
    bench.reveal(seen)
    bench.reveal(seen)
    bench.refund(seen)
    bench.sweep("refund")
    bench.cancel(bench.place(bench.member(), (bench.sku(), 1)))
    bench.cancel(bench.open_trade()[0])
    bench.sweep("close")
    waiting = SheetBench(bench)
    waiting.bought(waiting.open())  # paid, and held until its sheet is decided
    live_late(bench)
    live_twice(bench)
    bench.wechat.refund_state = RefundState.PROCESSING
    under_way = bench.bought((bench.sku(3), 1))
    bench.refund(under_way)
    bench.sweep("refund")
    bench.open_trade()


def live_late(bench: Bench) -> None:
    """One pays late and is revived; one pays late and the card is gone."""
    only = bench.sku(1)
    revived, returned = bench.open_trade(), bench.open_trade((only, 1))
    bench.now += PAY_WITHIN
    bench.sweep("close")
    bench.bought((only, 1))
    for order_id, number in (revived, returned):
        bench.wechat.pay(number, force=True)
        bench.notify(number)
        assert bench.order(order_id).paid_at is not None or bench.refunds(order_id)
    bench.sweep("refund")


def live_twice(bench: Bench) -> None:
    """One pays on both channels, and gives the goods back too."""
    order_id, number = bench.open_trade()
    second = bench.start_payment(order_id, Channel.ALIPAY).out_trade_no
    bench.platforms[Channel.ALIPAY].pay(second)
    bench.notify(second, Channel.ALIPAY)
    bench.wechat.pay(number, force=True)
    bench.notify(number)
    bench.refund(order_id)
    bench.sweep("refund")


class Undone(Exception):
    """Ends a transaction without a trace."""


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[Bench]:
    """Return a database in which everything has happened, in the hands of its owner."""
    with owning(owner_url) as begin:
        bench = Bench(begin, NOW)
        live(bench)
        yield bench


def violated(bench: Bench, *sqls: str) -> set[str]:
    """Return the names of the invariants that are broken after these statements."""
    found: set[str] = set()
    books = bench.books()

    def look() -> None:
        with bench.begin() as session:
            for sql in sqls:
                before: Any = session.scalar(text("SELECT pg_current_xact_id()"))
                assert before
                plant(session, sql)
            done = audit(session, bench.vault, books=books, now=bench.now)
            found.update(entry["invariant"] for entry in done.violations)
            raise Undone

    with pytest.raises(Undone):
        look()
    return found


class TestInvariants:
    """INVARIANTS: SQL that reads tables and trusts no function of the rooms."""

    def test_find_nothing_in_a_lively_database(self, lively: Bench) -> None:
        """Pending, held, fulfilled, revealed, refunded in part, whole, late and double, closed."""
        assert violated(lively) == set()
        with lively.begin() as session:
            stands = set(session.scalars(text("SELECT DISTINCT status FROM orders")))
            reasons = set(session.scalars(text("SELECT DISTINCT reason FROM refunds")))
        assert stands == {status.value for status in OrderStatus}
        assert reasons == {"member", "late", "double"}

    def test_find_nothing_in_an_empty_database(self, bench: Bench) -> None:
        """Before the first member."""
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: Bench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off: no constraint stands in the way."""
        assert name in violated(lively, sql)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        told = {invariant.name for invariant in INVARIANTS}
        assert told | {"I1-I5.ledger_adds_up", "I23.cards_open", "I9.platforms_agree"} == set(
            PLANTED
        )

    def test_see_time_go_by(self, lively: Bench) -> None:
        """What is in order now is overdue tomorrow."""
        lively.now += timedelta(days=2)
        overdue = violated(lively)
        lively.now -= timedelta(days=2)
        assert {"I7.refunds_in_time", "I16.orders_come_to_an_end"} <= overdue


class TestAudit:
    """audit: one account of everything."""

    def test_says_what_was_checked_and_what_was_found(self, lively: Bench) -> None:
        """As JSON: names, a sentence, a count, and the first of what breaks it."""
        with lively.begin() as session:
            done = audit(session, lively.vault, books=None, now=lively.now)
        assert "I9.platforms_agree" not in done.checked
        every = EVERY_INVARIANT
        assert done.checked[:-2] == [invariant.name for invariant in every]
        done.note("x", "never", [str(n) for n in range(30)])
        assert done.as_json()["violations"] == [
            {"invariant": "x", "says": "never", "count": 30, "found": [str(n) for n in range(20)]}
        ]
