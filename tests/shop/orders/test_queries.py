"""Reading orders: own ones alone, page by page, counted and found when due."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from shop.orders import queries
from shop.orders.models import Order, OrderStatus
from shop.orders.queries import OrderNotFound
from shop.orders.rules import Bought
from tests.factories.bench import PAY_WITHIN, Bench


class TestGetOrder:
    """get_order and lock_own_order: somebody else's order is none."""

    @pytest.mark.parametrize("find", [queries.get_order, queries.lock_own_order])
    def test_b43_finds_the_members_own_alone(self, bench: Bench, find: object) -> None:
        """The refusal is the same for a foreign and an absent id."""
        assert callable(find)
        order_id = bench.place(bench.member(), (bench.sku(), 1))
        owner = bench.order(order_id).member_id
        with bench.begin() as session:
            assert find(session, order_id, member_id=owner).id == order_id
            for wrong in ((order_id, bench.member()), (uuid4(), owner)):
                with pytest.raises(OrderNotFound) as refused:
                    find(session, wrong[0], member_id=wrong[1])
                assert refused.value.details == {}


class TestLockOrder:
    """lock_order: fresh under the lock."""

    def test_refuses_an_unknown_order(self, bench: Bench) -> None:
        """There is nothing to lock."""
        with bench.begin() as session, pytest.raises(OrderNotFound):
            queries.lock_order(session, uuid4())

    def test_reads_again_what_the_session_had_read(self, bench: Bench) -> None:
        """The status under the lock is the status that is."""
        order_id = bench.place(bench.member(), (bench.sku(), 1))
        with bench.begin() as session:
            before = queries.lock_order(session, order_id)
            session.execute(
                update(Order)
                .where(Order.id == order_id)
                .values(last_error="x")
                .execution_options(synchronize_session=False)
            )
            assert before.last_error is None
            assert queries.lock_order(session, order_id).last_error == "x"


class TestListOrders:
    """list_orders: newest first, by pages, of one status."""

    def test_pages_and_narrows(self, bench: Bench) -> None:
        """Every order once."""
        member_id = bench.member()
        placed = [bench.place(member_id, (bench.sku(1), 1)) for _ in range(3)]
        bench.cancel(placed[0])
        with bench.begin() as session:
            first = queries.list_orders(session, member_id, limit=2)
            rest = queries.list_orders(session, member_id, cursor=first.next_cursor, limit=2)
            closed = queries.list_orders(session, member_id, status=OrderStatus.CLOSED)
        found = [order.id for order in [*first.items, *rest.items]]
        assert found == placed[::-1]
        assert [order.id for order in closed.items] == placed[:1]


class TestCountBought:
    """count_bought: what counts against a limit."""

    def test_leaves_out_what_lapsed_and_what_was_given_back(self, bench: Bench) -> None:
        """Today is the day in Shanghai."""
        sku_id = bench.sku(9)
        order_id = bench.bought((sku_id, 3))
        member_id = bench.order(order_id).member_id
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        bench.cancel(bench.place(member_id, (sku_id, 1)))
        with bench.begin() as session:
            now = queries.count_bought(session, member_id, sku_id, now=bench.now)
            later = queries.count_bought(
                session, member_id, sku_id, now=bench.now + timedelta(hours=4)
            )
        # 12:00 UTC is 20:00 in Shanghai: four hours later it is tomorrow there.
        assert (now, later) == (Bought(today=2, ever=2), Bought(today=0, ever=2))


class TestCountUnfinished:
    """count_unfinished: what keeps a member from leaving."""

    def test_counts_pending_paid_and_refunding(self, bench: Bench) -> None:
        """A fulfilled and a closed one are finished."""
        order_id = bench.bought((bench.sku(3), 2))
        member_id = bench.order(order_id).member_id
        with bench.begin() as session:
            assert queries.count_unfinished(session, member_id) == 0
        bench.refund(order_id)
        bench.place(member_id, (bench.sku(), 1))
        with bench.begin() as session:
            assert queries.count_unfinished(session, member_id) == 2


class TestDue:
    """due_to_close and due_to_fulfil: rows whose moment has come."""

    def test_an_order_is_due_from_pay_by_on(self, bench: Bench) -> None:
        """Not a moment before."""
        order_id = bench.place(bench.member(), (bench.sku(), 1))
        ends_at = bench.now + PAY_WITHIN
        with bench.begin() as session:
            early = session.scalars(queries.due_to_close(ends_at - timedelta(microseconds=1))).all()
            assert (early, session.scalars(queries.due_to_close(ends_at)).all()) == ([], [order_id])
            assert session.scalars(queries.due_to_fulfil(ends_at)).all() == []
