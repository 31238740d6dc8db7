"""Every invariant of flash sales sees what is planted to break it, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.auditing.sale_invariants import SALE_INVARIANTS
from flash_sale.models import ClaimStatus, SaleMode, WaitStatus
from tests.app.auditing.test_invariants import violated
from tests.factories.owning import owning
from tests.factories.sales import LONG_AGO, OFFER, WINDOW, Deal, SaleBench

CLAIM = "(SELECT id FROM claims WHERE status = '{}' ORDER BY id LIMIT 1)"
HELD, PAID, LAPSED, RETURNED = (
    CLAIM.format(status) for status in ("held", "paid", "lapsed", "returned")
)
ITS_ORDER = "(SELECT order_id FROM claims WHERE id = {})"
WAIT = (
    "(SELECT w.id FROM waits w JOIN flash_terms t ON t.campaign_id = w.campaign_id"
    " AND t.mode = '{}' WHERE w.status = '{}' ORDER BY w.id LIMIT 1)"
)
WAITING, OFFERED, TAKEN = (
    WAIT.format("rush", status) for status in ("waiting", "offered", "taken")
)
DRAWN, UNLUCKY = WAIT.format("lottery", "taken"), WAIT.format("lottery", "waiting")
FREE_CARD = "(SELECT id FROM cards WHERE status = 'free' AND allotted_to IS NULL LIMIT 1)"
SET_ASIDE = f"(SELECT id FROM cards WHERE allotted_to = {OFFERED})"

PLANTED: dict[str, list[str]] = {
    "I18.claims_within_allotment": [
        "UPDATE campaign_items SET allotment = 1",
        (
            "WITH revived AS (UPDATE orders SET status = 'pending' WHERE status = 'closed')"
            " UPDATE claims SET status = 'paid'"
        ),
    ],
    "I18.claims_within_limit": [
        "UPDATE campaigns SET limit_per_member = 1",
        (
            "UPDATE claims SET unit_no = 1 WHERE order_id IN (SELECT order_id FROM order_lines"
            " WHERE quantity = 2)"
        ),
        f"UPDATE claims SET member_id = (SELECT member_id FROM claims WHERE id = {PAID})",
    ],
    "I19.orders_have_their_claims": [
        f"DELETE FROM claims WHERE id = {HELD}",
        "UPDATE order_lines SET quantity = 1, total_fen = unit_price_fen WHERE quantity = 2",
        (
            "UPDATE claims SET campaign_id = (SELECT c.campaign_id FROM flash_terms c"
            f" WHERE c.campaign_id <> claims.campaign_id LIMIT 1) WHERE id = {PAID}"
        ),
        f"UPDATE orders SET campaign_id = NULL WHERE id = {ITS_ORDER.format(PAID)}",
    ],
    "I13.claims_follow_their_orders": [
        f"UPDATE claims SET status = 'held' WHERE id = {PAID}",
        f"UPDATE claims SET status = 'paid' WHERE id = {HELD}",
        f"UPDATE claims SET status = 'lapsed' WHERE id = {PAID}",
        f"UPDATE claims SET status = 'returned' WHERE id = {PAID}",
        f"UPDATE claims SET status = 'held' WHERE id = {LAPSED}",
        f"UPDATE claims SET status = 'paid' WHERE id = {RETURNED}",
        "UPDATE orders SET status = 'closed', closed_at = pay_by WHERE status = 'pending'",
    ],
    "I13.steps_of_sales_lead_here": [
        f"UPDATE claims SET status = 'lapsed' WHERE id = {HELD}",
        f"UPDATE waits SET status = 'over' WHERE id = {WAITING}",
        "DELETE FROM status_changes WHERE kind = 'claim'",
        "DELETE FROM status_changes WHERE kind = 'wait'",
    ],
    "I18.offers_are_set_aside": [
        f"UPDATE cards SET allotted_to = NULL WHERE id = {SET_ASIDE}",
        f"UPDATE cards SET allotted_to = {OFFERED} WHERE id = {FREE_CARD}",
        f"UPDATE cards SET allotted_to = {WAITING} WHERE id = {FREE_CARD}",
        f"UPDATE cards SET allotted_to = {TAKEN} WHERE id = {FREE_CARD}",
        f"UPDATE cards SET status = 'reserved' WHERE id = {SET_ASIDE}",
        (
            "UPDATE cards SET order_line_id = (SELECT l.id FROM order_lines l WHERE l.order_id ="
            f" {ITS_ORDER.format(HELD)}) WHERE id = {SET_ASIDE}"
        ),
        (
            "UPDATE cards SET sku_id = (SELECT s.id FROM skus s WHERE s.id <> cards.sku_id LIMIT 1)"
            f" WHERE id = {SET_ASIDE}"
        ),
        f"UPDATE waits SET status = 'lapsed' WHERE id = {OFFERED}",
    ],
    "I16.offers_come_to_an_end": [
        f"UPDATE waits SET due_at = NULL WHERE id = {OFFERED}",
        f"UPDATE waits SET due_at = joined_at WHERE id = {TAKEN}",
        (f"UPDATE waits SET offered_until = offered_until - interval '1 day' WHERE id = {OFFERED}"),
    ],
    "I16.waits_come_to_an_end": [
        *(
            f"UPDATE campaigns SET status = '{status}' WHERE id ="
            f" (SELECT campaign_id FROM waits WHERE id = {WAITING})"
            for status in ("cancelled", "ended", "settled")
        ),
        (
            "UPDATE campaigns SET status = 'settled' WHERE id ="
            f" (SELECT campaign_id FROM waits WHERE id = {UNLUCKY})"
        ),
    ],
    "I28.draws_are_whole": [
        f"DELETE FROM waits WHERE id = {UNLUCKY}",
        f"UPDATE waits SET rank = 1 WHERE id = {UNLUCKY}",
        f"UPDATE waits SET rank = 9 WHERE id = {UNLUCKY}",
        "UPDATE draws SET winners = entries + 1",
        "UPDATE draws SET entries = entries + 1",
        "DELETE FROM draws",
        "UPDATE draws SET drawn_at = drawn_at + interval '1 second'",
    ],
    "I28.lots_decide": [
        f"UPDATE waits SET rank = 0 WHERE id = {DRAWN}",
        f"UPDATE waits SET rank = 8 WHERE id = {DRAWN}",
        f"UPDATE waits SET status = 'left' WHERE id = {DRAWN}",
    ],
}
# What the database itself would refuse; the auditor must see it all the same.
RELAXED = (
    "DROP INDEX uq_claims_unit",
    "ALTER TABLE claims DROP CONSTRAINT uq_claims_order_id_unit_no",
    "ALTER TABLE cards DROP CONSTRAINT ck_cards_free_of_lines",
    "ALTER TABLE cards DROP CONSTRAINT ck_cards_held_by_a_line",
)
IN_THE_WINDOW = {
    "early": [
        "UPDATE flash_terms SET early_seconds = early_seconds - 1 WHERE early_seconds > 0",
    ],
    "after the trail": ["UPDATE campaigns SET trails_seconds = 0"],
    "not by an offer": ["DELETE FROM status_changes WHERE kind = 'wait' AND new = 'taken'"],
    "when the offer was over": ["UPDATE waits SET offered_until = joined_at"],
}


def live(shop: SaleBench) -> None:
    """Let everything happen that may happen to claims, waits and lots."""
    shop.sku()
    over = shop.sold_out()[0]
    shop.wait(over)
    lottery = shop.sale(Deal(units=1, terms={"mode": SaleMode.LOTTERY}))
    for _ in range(3):
        shop.wait(lottery)
    shop.now += WINDOW
    shop.recover()
    shop.sweep("turn")
    shop.relay()
    winner = next(wait for wait in shop.waits(lottery) if wait.rank == 1)
    shop.pay(shop.take(winner).order_id)
    early = {"early": timedelta(seconds=30), "early_units": 1}
    campaign_id = shop.sale(Deal(units=5, limit=2, starts_in=timedelta(seconds=30), terms=early))
    kept = shop.claimed(campaign_id, quantity=2, is_early=True)
    shop.now += timedelta(seconds=30)
    shop.sweep("turn")
    shop.pay(kept.order_id)
    back, lapsing = shop.claimed(campaign_id), shop.claimed(campaign_id)
    shop.pay(back.order_id)
    shop.claimed(campaign_id)  # lapses, too
    waits = [shop.wait(campaign_id) for _ in range(5)]
    shop.refund(back.order_id)
    shop.sweep("refund")
    shop.relay()
    shop.lapse(lapsing.order_id)
    shop.leave(waits[0])
    shop.sweep("offer")
    shop.take(waits[1])
    shop.now += OFFER
    shop.sweep("lapse", "offer")
    shop.now += timedelta(minutes=2)


@pytest.fixture(scope="module")
def lively(owner_url: str) -> Iterator[SaleBench]:
    """Return a database in which everything has happened to flash sales, in its owner's hands."""
    with owning(owner_url) as begin:
        shop = SaleBench(begin, LONG_AGO)
        live(shop)
        yield shop


class TestSaleInvariants:
    """SALE_INVARIANTS: SQL that reads tables and trusts no function of the rooms."""

    def test_find_nothing_where_all_is_well(self, lively: SaleBench) -> None:
        """Every status of a claim and of a wait is there."""
        assert violated(lively) == set()
        with lively.begin() as session:
            claims = set(session.scalars(text("SELECT DISTINCT status FROM claims")))
            waits = set(session.scalars(text("SELECT DISTINCT status FROM waits")))
        assert claims == {status.value for status in ClaimStatus}
        assert waits == {status.value for status in WaitStatus}

    @pytest.mark.parametrize(
        ("name", "sql"),
        [(name, sql) for name, sqls in PLANTED.items() for sql in sqls],
        ids=[f"{name}-{index}" for name, sqls in PLANTED.items() for index in range(len(sqls))],
    )
    def test_see_what_is_planted(self, lively: SaleBench, name: str, sql: str) -> None:
        """Planted by the owner with every trigger off: no constraint stands in the way."""
        assert name in violated(lively, *RELAXED, sql)

    @pytest.mark.parametrize("case", IN_THE_WINDOW)
    def test_i28_see_orders_out_of_their_window(self, lively: SaleBench, case: str) -> None:
        """By early access, and from an offer after the window, an order is in time; else not."""
        assert "I28.orders_in_the_window" in violated(lively, *IN_THE_WINDOW[case])

    def test_news_may_be_on_its_way_for_a_minute(self, lively: SaleBench) -> None:
        """Claims hear of their orders by events."""
        news = f"UPDATE status_changes SET at = '{lively.now.isoformat()}' WHERE kind = 'order'"
        held, returned = (
            f"UPDATE claims SET status = '{status}' WHERE id = {PAID}"
            for status in ("held", "returned")
        )
        assert "I13.claims_follow_their_orders" not in violated(lively, news, held)
        assert "I13.claims_follow_their_orders" in violated(lively, news, returned)

    def test_each_has_something_planted(self) -> None:
        """An invariant that nothing was shown to break may be none."""
        assert {invariant.name for invariant in SALE_INVARIANTS} == set(PLANTED)
