"""Refunds: what may go back, once, to the fen; what a platform tells of one, once."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from kit.money import Fen
from shop.cards.models import CardStatus
from shop.catalog.models import RefundRule
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.refunding import NotRefundable, RefundMismatch, record_refund
from shop.payments.gateway import Channel, RefundState
from shop.payments.models import RefundReason, RefundStatus
from tests.factories.bench import Bench


def tell(bench: Bench, number: str, **changes: Any) -> bool:
    """Apply what WeChat tells of a refund, or what it tells when it lies."""
    told = bench.wechat.tell_refund(number)
    told = type(told)(**{name: getattr(told, name) for name in told.__slots__} | changes)
    with bench.begin() as session:
        return record_refund(session, told, now=bench.now)


def sent(bench: Bench, state: RefundState = RefundState.PROCESSING) -> tuple[Any, str]:
    """Return an order under refund, and the number of the refund that the platform has."""
    bench.wechat.refund_state = state
    order_id = bench.bought()
    bench.refund(order_id)
    bench.sweep("refund")
    return order_id, bench.refunds(order_id)[0].out_refund_no


def paid_undelivered(bench: Bench, *wanted: tuple[Any, int]) -> Any:
    """Return a paid order that waits for its group."""
    order_id, number = bench.open_trade(*wanted)
    with bench.begin() as session:
        session.execute(update(Order).where(Order.id == order_id).values(is_held=True))
    bench.wechat.pay(number)
    bench.notify(number)
    with bench.begin() as session:
        # Its group lets it go; the delivery is still to come.
        session.execute(update(Order).where(Order.id == order_id).values(is_held=False))
    return order_id


class TestRefundOrder:
    """refund_order: cards come back first, then their price is promised."""

    def test_gives_all_of_an_unseen_order_back(self, bench: Bench) -> None:
        """The cards are free, the order ends refunded, the books are even."""
        order_id = bench.bought((bench.sku(3), 2))
        assert [refund.amount_fen for refund in bench.refund(order_id)] == [2000]
        assert (bench.order(order_id).status, bench.cards(order_id)) == (OrderStatus.REFUNDING, [])
        bench.sweep("refund")
        assert bench.order(order_id).status is OrderStatus.REFUNDED
        assert bench.violations(with_books=True) == []

    def test_e75_leaves_a_revealed_code_out(self, bench: Bench) -> None:
        """Of three units one was looked at: two go back, the order stays fulfilled for it."""
        order_id = bench.bought((bench.sku(3), 3))
        bench.reveal(order_id)
        assert [refund.amount_fen for refund in bench.refund(order_id)] == [2000]
        bench.sweep("refund")
        assert bench.order(order_id).status is OrderStatus.FULFILLED
        assert [card.status for card in bench.cards(order_id)] == [CardStatus.REVEALED]
        assert bench.violations(with_books=True) == []
        with pytest.raises(NotRefundable):
            bench.refund(order_id)

    def test_refunds_units_one_by_one(self, bench: Bench) -> None:
        """Three partial refunds, each under its own number, and the order ends refunded."""
        order_id = bench.bought((bench.sku(3), 3))
        line = bench.lines(order_id)[0]
        for _ in range(3):
            bench.refund(order_id, line_id=line.id, quantity=1)
            bench.sweep("refund")
            assert bench.violations(with_books=True) == []
        refunds = bench.refunds(order_id)
        assert [refund.seq for refund in refunds] == [1, 2, 3]
        assert len({refund.out_refund_no for refund in refunds}) == 3
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    def test_refuses_while_a_refund_is_under_way(self, bench: Bench) -> None:
        """And an order that nobody paid."""
        order_id = bench.bought((bench.sku(3), 2))
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        with pytest.raises(NotRefundable):
            bench.refund(order_id)
        with pytest.raises(NotRefundable):
            bench.refund(bench.place(bench.member(), (bench.sku(), 1)))

    def test_holds_to_the_rule_that_was_promised(self, bench: Bench) -> None:
        """Never, once it is delivered; the rule is the snapshot's."""
        order_id = bench.bought((bench.sku(refund_rule=RefundRule.NEVER), 1))
        with pytest.raises(NotRefundable):
            bench.refund(order_id)

    def test_gives_an_undelivered_order_back_whole(self, bench: Bench) -> None:
        """Even one that would never be returned after delivery."""
        order_id = paid_undelivered(bench, (bench.sku(refund_rule=RefundRule.NEVER), 2))
        bench.refund(order_id)
        bench.sweep("refund")
        assert bench.order(order_id).status is OrderStatus.REFUNDED
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize("narrowed", ["line", "quantity"])
    def test_gives_no_part_of_an_undelivered_order_back(self, bench: Bench, narrowed: str) -> None:
        """Its rest could be neither delivered nor earned any more."""
        order_id = paid_undelivered(bench, (bench.sku(3), 2), (bench.sku(3), 1))
        more = {"line_id": bench.lines(order_id)[0].id} if narrowed == "line" else {"quantity": 1}
        with pytest.raises(NotRefundable):
            bench.refund(order_id, **more)
        assert bench.order(order_id).status is OrderStatus.PAID
        assert len(bench.cards(order_id)) == 3

    def test_f97_the_database_refuses_more_than_the_line(self, bench: Bench) -> None:
        """Whatever the code believes, a line gives back at most its total."""
        order_id = bench.bought()
        with pytest.raises(Exception, match="refunded_within_total"), bench.begin() as session:
            session.execute(
                update(OrderLine).where(OrderLine.order_id == order_id).values(refunded_fen=1001)
            )

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        price_fen=st.integers(1, 9_999),
        parts=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    )
    def test_f97_partial_refunds_never_exceed_the_price(
        self, bench: Bench, price_fen: int, parts: list[int]
    ) -> None:
        """However it is cut, what goes back is units times price, and at most everything."""
        order_id = bench.bought((bench.sku(4, price_fen=price_fen), 4))
        line, left = bench.lines(order_id)[0], 4
        for part in parts:
            if left == 0:
                break
            refunds = bench.refund(order_id, line_id=line.id, quantity=part)
            units = min(part, left)
            left -= units
            assert sum(refund.amount_fen for refund in refunds) == units * price_fen
            bench.sweep("refund")
        assert (
            sum(refund.amount_fen for refund in bench.refunds(order_id)) == (4 - left) * price_fen
        )
        assert bench.violations(with_books=True) == []


class TestRecordRefund:
    """record_refund: one refund, one effect, compared field by field."""

    def test_f99_changes_nothing_the_second_time(self, bench: Bench) -> None:
        """The answer and the notice tell the same."""
        order_id = bench.bought()
        bench.refund(order_id)
        bench.sweep("refund")
        number = bench.refunds(order_id)[0].out_refund_no
        assert tell(bench, number) is False
        bench.deliver(bench.wechat.refund_notice(number))
        assert bench.violations(with_books=True) == []

    def test_f99_takes_the_notice_that_comes_before_the_answer(self, bench: Bench) -> None:
        """The platform was quicker than its own answer."""
        order_id, number = sent(bench)
        assert bench.refunds(order_id)[0].status is RefundStatus.SENT
        bench.wechat.finish_refunds()
        bench.deliver(bench.wechat.refund_notice(number))
        assert bench.refunds(order_id)[0].status is RefundStatus.DONE
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    @pytest.mark.parametrize("state", [RefundState.ABNORMAL, RefundState.CLOSED])
    def test_f99_hands_an_abnormal_refund_to_a_person(
        self, bench: Bench, state: RefundState
    ) -> None:
        """Stuck, visible, not due; the money stays promised, and a later DONE is still taken."""
        order_id, number = sent(bench, state)
        refund = bench.refunds(order_id)[0]
        assert (refund.status, refund.due_at) == (RefundStatus.STUCK, None)
        assert bench.order(order_id).status is OrderStatus.REFUNDING
        assert tell(bench, number, state=RefundState.DONE) is True
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    def test_f99_an_old_answer_does_not_wake_a_stuck_refund(self, bench: Bench) -> None:
        """It would be due for ever, and nothing would be done about it."""
        order_id, number = sent(bench, RefundState.ABNORMAL)
        tell(bench, number, state=RefundState.PROCESSING)
        refund = bench.refunds(order_id)[0]
        assert (refund.status, refund.due_at) == (RefundStatus.STUCK, None)

    def test_the_return_of_a_second_payment_does_not_end_the_members_refund(
        self, bench: Bench
    ) -> None:
        """Money that came twice goes back first; the order waits for the other refund."""
        bench.platforms[Channel.ALIPAY].refund_state = RefundState.PROCESSING
        order_id, number = bench.open_trade()
        second = bench.start_payment(order_id, Channel.ALIPAY).out_trade_no
        bench.platforms[Channel.ALIPAY].pay(second)
        bench.notify(second, Channel.ALIPAY)
        bench.wechat.pay(number, force=True)
        bench.notify(number)
        bench.refund(order_id)
        bench.sweep("refund")
        done = {refund.reason: refund.status for refund in bench.refunds(order_id)}
        assert done == {
            RefundReason.DOUBLE: RefundStatus.DONE,
            RefundReason.MEMBER: RefundStatus.SENT,
        }
        assert bench.order(order_id).status is OrderStatus.REFUNDING
        bench.recover()
        assert bench.order(order_id).status is OrderStatus.REFUNDED
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize(
        "lie",
        [
            {"out_refund_no": "R-NOBODYS"},
            {"amount_fen": Fen(999)},
            {"out_trade_no": "TP-ANOTHER"},
            {"merchant_id": "merchant-2"},
            {"channel": Channel.ALIPAY},
        ],
        ids=lambda lie: next(iter(lie)),
    )
    def test_a29_refuses_what_contradicts_us(self, bench: Bench, lie: dict[str, Any]) -> None:
        """And nothing changes."""
        order_id, number = sent(bench)
        bench.wechat.finish_refunds()
        with pytest.raises(RefundMismatch):
            tell(bench, number, **lie)
        assert bench.refunds(order_id)[0].status is RefundStatus.SENT
