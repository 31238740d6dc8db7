"""The ledger's proofs: nothing found in honest books, every planted corruption found."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import text

from shop.ledger.proofs import prove
from tests.factories.bench import Bench
from tests.factories.owning import owning, plant


@pytest.fixture
def owned(owner_url: str, now: datetime) -> Iterator[Bench]:
    """Return lively books, in the hands of the schema's owner."""
    with owning(owner_url) as begin:
        bench = Bench(begin, now)
        bench.bought((bench.sku(3), 2))
        order_id = bench.bought((bench.sku(3), 2))
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        bench.sweep("refund")
        yield bench


PLANTED = {
    "a transfer loses its other side": (
        (
            "UPDATE transfers SET credit_account_id = '00000000-0000-0000-0000-000000000001'"
            " WHERE leg = 'captured'"
        ),
        "differ by",
    ),
    "a refund is posted twice": (
        (
            "INSERT INTO transfers (debit_account_id, credit_account_id, amount_fen, cause_kind,"
            " cause_id, leg, order_id, at) SELECT debit_account_id, credit_account_id, amount_fen,"
            " 'other', cause_id, leg, order_id, at FROM transfers WHERE leg = 'done'"
        ),
        "refunds_due is overdrawn",
    ),
    "an order earns more than was paid, hidden by another's money": (
        (
            "UPDATE transfers SET amount_fen = amount_fen + 1 WHERE seq = (SELECT min(seq) FROM"
            " transfers WHERE leg = 'earned')"
        ),
        "overdraws unearned by 1 fen",
    ),
    "a capture vanishes": (
        "DELETE FROM transfers WHERE seq = (SELECT min(seq) FROM transfers WHERE leg = 'captured')",
        "overdraws unearned",
    ),
    "money is moved to another order": (
        (
            "UPDATE transfers SET order_id = (SELECT order_id FROM transfers ORDER BY seq DESC"
            " LIMIT 1) WHERE seq = (SELECT min(seq) FROM transfers WHERE leg = 'captured')"
        ),
        "overdraws unearned",
    ),
    "the guard is switched off": (
        "ALTER TABLE transfers DISABLE TRIGGER facts_stay",
        "trigger facts_stay of transfers is off",
    ),
    "the guard against emptying is gone": (
        "DROP TRIGGER facts_stay_all ON transfers",
        "trigger facts_stay_all of transfers is off",
    ),
}


class TestProve:
    """prove: an empty list is a proof."""

    def test_finds_nothing_in_honest_books(self, owned: Bench) -> None:
        """Captured, earned, refunded in part."""
        with owned.begin() as session:
            assert prove(session) == []

    def test_finds_nothing_in_empty_books(self, bench: Bench) -> None:
        """Before the first sale."""
        with bench.begin() as session:
            assert prove(session) == []

    @pytest.mark.parametrize("name", sorted(PLANTED))
    def test_f92_finds_planted_corruption(self, owned: Bench, name: str) -> None:
        """Made as the owner, with every trigger off."""
        sql, told = PLANTED[name]
        with owned.begin() as session:
            plant(session, sql)
            found = prove(session)
        assert any(told in line for line in found), found

    def test_an_overdraft_of_one_order_is_not_hidden_by_another(self, owned: Bench) -> None:
        """F93: the sum over all orders is even, and the proof by order still sees it."""
        sql, _ = PLANTED["an order earns more than was paid, hidden by another's money"]
        owned.open_trade()
        with owned.begin() as session:
            plant(
                session,
                "INSERT INTO transfers (debit_account_id, credit_account_id, amount_fen,"
                " cause_kind, cause_id, leg, order_id, at) SELECT debit_account_id,"
                " credit_account_id, 1, 'x', cause_id, leg, NULL, at FROM transfers"
                " WHERE leg = 'captured' LIMIT 1",
            )
            plant(session, sql)
            found = prove(session)
            total = session.scalar(text("SELECT count(*) FROM transfers"))
        assert total
        assert [line.split(" overdraws")[1] for line in found] == [" unearned by 1 fen"]
