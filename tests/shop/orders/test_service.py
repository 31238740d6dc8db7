"""Placing, cancelling, closing, fulfilling and handing over an order, one transaction each."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm.exc import StaleDataError

from kit.outbox import OutboxEvent
from shop.cards.models import Card, CardStatus
from shop.cards.service import OutOfStock
from shop.catalog.models import Sku
from shop.members import service as members
from shop.members.queries import MemberNotActive
from shop.orders import queries, service
from shop.orders.models import CloseReason, Order, OrderStatus
from shop.orders.rules import BadLines, LimitReached, SkuNotForSale
from shop.payments.gateway import Channel
from shop.payments.models import DeliveryReport
from tests.factories.bench import PAY_WITHIN, Bench


def events(bench: Bench) -> list[str]:
    """Return the names of the events told so far."""
    with bench.begin() as session:
        return list(session.scalars(select(OutboxEvent.name).order_by(OutboxEvent.id)))


def stock(bench: Bench, sku_id: UUID) -> int:
    """Count the SKU's free cards."""
    with bench.begin() as session:
        free = select(func.count()).where(Card.sku_id == sku_id, Card.status == CardStatus.FREE)
        return session.scalar(free) or 0


class TestPlaceOrder:
    """place_order: all the cards, or no order."""

    def test_reserves_what_was_asked_for_and_fixes_the_price(self, bench: Bench) -> None:
        """One card per unit; a later change of price touches nothing (B40)."""
        sku_id = bench.sku(3, price_fen=990)
        order_id = bench.place(bench.member(), (sku_id, 2))
        with bench.begin() as session:
            session.execute(update(Sku).where(Sku.id == sku_id).values(list_price_fen=1))
        order, line = bench.order(order_id), bench.lines(order_id)[0]
        assert (order.status, order.total_fen) == (OrderStatus.PENDING, 1980)
        assert (line.unit_price_fen, line.total_fen) == (990, 1980)
        assert order.due_at == order.pay_by == bench.now + PAY_WITHIN
        assert stock(bench, sku_id) == 1
        assert bench.violations() == []

    def test_leaves_nothing_when_one_line_is_sold_out(self, bench: Bench) -> None:
        """The other line's cards are free as before, and there is no order."""
        plenty, sold_out = bench.sku(3), bench.sku(1)
        with pytest.raises(OutOfStock):
            bench.place(bench.member(), (plenty, 2), (sold_out, 2))
        assert (stock(bench, plenty), stock(bench, sold_out)) == (3, 1)
        with bench.begin() as session:
            assert session.scalar(select(func.count()).select_from(Order)) == 0

    @pytest.mark.parametrize("quantity", [0, -1, 101, 10**9])
    def test_c59_refuses_an_impossible_quantity(self, bench: Bench, quantity: int) -> None:
        """Before anything is read or written."""
        with pytest.raises(BadLines):
            bench.place(uuid4(), (uuid4(), quantity))

    def test_refuses_what_is_not_for_sale(self, bench: Bench) -> None:
        """An unknown SKU is not for sale either."""
        with pytest.raises(SkuNotForSale):
            bench.place(bench.member(), (uuid4(), 1))

    def test_holds_to_the_limit_of_a_day_and_of_a_life(self, bench: Bench) -> None:
        """A lapsed order does not count, a given-back unit neither; tomorrow is another day."""
        sku_id, member_id = bench.sku(9, limit_per_day=2, limit_ever=3), bench.member()
        bench.place(member_id, (sku_id, 2))
        with pytest.raises(LimitReached):
            bench.place(member_id, (sku_id, 1))
        bench.now += PAY_WITHIN
        bench.sweep("close")
        bench.place(member_id, (sku_id, 2))
        bench.now += timedelta(days=1)
        with pytest.raises(LimitReached) as refused:
            bench.place(member_id, (sku_id, 2))
        assert refused.value.details["window"] == "ever"

    def test_refuses_a_member_whose_account_is_closed(self, bench: Bench) -> None:
        """The account closed after the request had been let in: nobody would own the order."""
        sku_id, member_id = bench.sku(), bench.member()
        with bench.begin() as session:
            members.pseudonymise(session, member_id=member_id, now=bench.now)
        with pytest.raises(MemberNotActive):
            bench.place(member_id, (sku_id, 1))


class TestCancelOrder:
    """cancel_order: at once, or after the trade is closed at the platform."""

    def test_closes_at_once_when_no_trade_is_open(self, bench: Bench) -> None:
        """And the cards are free."""
        sku_id = bench.sku(1)
        order_id = bench.place(bench.member(), (sku_id, 1))
        bench.cancel(order_id)
        order = bench.order(order_id)
        assert (order.status, order.close_reason) == (OrderStatus.CLOSED, CloseReason.CANCELLED)
        assert (order.due_at, stock(bench, sku_id)) == (None, 1)
        assert events(bench)[-1] == "orders.closed"

    def test_b32_closes_at_the_platform_first(self, bench: Bench) -> None:
        """Until then the order is pending and its cards are held."""
        sku_id = bench.sku(1)
        order_id, number = bench.open_trade((sku_id, 1))
        bench.cancel(order_id)
        assert bench.order(order_id).status is OrderStatus.PENDING
        assert (bench.order(order_id).due_at, stock(bench, sku_id)) == (bench.now, 0)
        bench.sweep("close")
        assert bench.wechat.trades[number]["state"] == "closed"
        assert (bench.order(order_id).status, stock(bench, sku_id)) == (OrderStatus.CLOSED, 1)

    def test_b35_refuses_an_order_that_is_paid(self, bench: Bench) -> None:
        """A delivered order cannot be cancelled."""
        order_id = bench.bought()
        with pytest.raises(service.NotCancellable):
            bench.cancel(order_id)


class TestCloseOrder:
    """close_order: the end of an unpaid order."""

    def test_says_that_it_lapsed_unless_it_was_cancelled(self, bench: Bench) -> None:
        """The reason is kept, nothing is due."""
        order_id = bench.place(bench.member(), (bench.sku(), 1))
        with bench.begin() as session:
            service.close_order(session, queries.lock_order(session, order_id), now=bench.now)
        order = bench.order(order_id)
        assert (order.close_reason, order.closed_at) == (CloseReason.LAPSED, bench.now)
        assert order.due_at is None


class TestFulfil:
    """fulfil: everything in the order is its member's."""

    def test_earns_the_price_and_has_the_delivery_reported(self, bench: Bench) -> None:
        """WeChat is told of it; the event names order and member."""
        order_id = bench.bought((bench.sku(3), 2))
        order, cards = bench.order(order_id), bench.cards(order_id)
        assert {card.member_id for card in cards} == {order.member_id}
        assert order.fulfilled_at == bench.now
        bench.sweep("report")
        assert bench.desk.reported == [bench.payments(order_id)[0].out_trade_no]
        assert events(bench)[-2:] == ["orders.paid", "orders.fulfilled"]

    def test_reports_the_payment_that_stays(self, bench: Bench) -> None:
        """An earlier trade was paid late and goes back; the other is the one delivered for."""
        sku_id = bench.sku(1)
        order_id, late = bench.open_trade((sku_id, 1))
        paying = bench.start_payment(order_id, Channel.ALIPAY).out_trade_no
        bench.now += PAY_WITHIN
        bench.sweep("close")
        # Somebody holds the last card while the first money comes, and lets it go afterwards.
        other = bench.place(bench.member(), (sku_id, 1))
        bench.platforms[Channel.ALIPAY].pay(paying, force=True)
        bench.notify(paying, Channel.ALIPAY)
        bench.cancel(other)
        bench.wechat.pay(late, force=True)
        bench.notify(late)
        assert bench.order(order_id).status is OrderStatus.FULFILLED
        with bench.begin() as session:
            reported = session.scalars(select(DeliveryReport.payment_id)).all()
        first = next(row for row in bench.payments(order_id) if row.out_trade_no == late)
        assert reported == [first.id]

    def test_refuses_to_deliver_a_part(self, bench: Bench) -> None:
        """One card is missing: nothing of the order is delivered."""
        order_id = bench.place(bench.member(), (bench.sku(3), 2))
        with bench.begin() as session:
            card = session.scalars(select(Card).where(Card.status == "reserved").limit(1)).one()
            session.execute(
                update(Card).where(Card.id == card.id).values(status="free", order_line_id=None)
            )
        with pytest.raises(service.Undeliverable), bench.begin() as session:
            service.fulfil(session, queries.lock_order(session, order_id), now=bench.now)
        assert [card.status for card in bench.cards(order_id)] == [CardStatus.RESERVED]


class TestReassign:
    """reassign: what a joined member had is the other's."""

    def test_moves_orders_lines_cards_and_reports(self, bench: Bench) -> None:
        """The delivery is reported in the name the platform knows now."""
        order_id, into = bench.bought(), bench.member()
        gone = bench.order(order_id).member_id
        with bench.begin() as session:
            service.reassign(session, from_member_id=gone, into_member_id=into)
        with bench.begin() as session:
            reported = session.scalars(select(DeliveryReport.member_id)).all()
        owners = {
            bench.order(order_id).member_id,
            *(line.member_id for line in bench.lines(order_id)),
            *(card.member_id for card in bench.cards(order_id)),
            *reported,
        }
        assert owners == {into}
        assert bench.violations() == []


class TestVersion:
    """The order's version: a second net under the row lock."""

    def test_refuses_a_change_that_did_not_see_the_last_one(self, bench: Bench) -> None:
        """Read without the lock, changed by somebody else, written: it fails, nothing is lost."""
        order_id = bench.place(bench.member(), (bench.sku(), 1))

        def overwrite() -> None:
            with bench.begin() as session:
                stale = session.get_one(Order, order_id)
                bench.cancel(order_id)
                stale.last_error = "overwritten"

        with pytest.raises(StaleDataError):
            overwrite()
