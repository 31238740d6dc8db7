"""Orders, payments, refunds and cards under many hands at once: real threads, real commits."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from kit.errors import DomainError
from shop.cards.models import Card, CardStatus, Reveal
from shop.cards.queries import CardNotFound
from shop.cards.service import OutOfStock
from shop.members.queries import MemberNotActive
from shop.orders import accounts, service
from shop.orders.models import Order, OrderStatus
from shop.orders.refunding import NotRefundable
from shop.orders.rules import LimitReached
from shop.payments.models import Notice
from tests.factories.bench import PAY_WITHIN, Bench
from tests.races.at_once import at_once, errors

pytestmark = pytest.mark.race


def kinds(results: list[Any]) -> Counter[str]:
    """Count how the acts ended."""
    return Counter(
        type(result).__name__ if isinstance(result, Exception) else "done" for result in results
    )


def in_order(shop: Bench) -> None:
    """Let the sweeps finish, then find nothing wrong, here or in the platforms' books."""
    shop.recover()
    assert shop.violations(with_books=True) == []
    assert shop.failed == 0


class TestNotices:
    """The platform says it more than once."""

    def test_a07_the_same_notice_fifty_times_at_once(self, shop: Bench) -> None:
        """All are acknowledged; one row, one capture, one delivery."""
        order_id, number = shop.open_trade((shop.sku(3), 2))
        shop.wechat.pay(number)
        results = at_once(*[partial(shop.notify, number)] * 50)
        assert kinds(results) == {"done": 50}
        with shop.begin() as session:
            assert session.scalar(select(func.count()).select_from(Notice)) == 1
        assert shop.order(order_id).status is OrderStatus.FULFILLED
        in_order(shop)

    def test_a26_repeats_under_other_names_with_the_query_between(self, shop: Bench) -> None:
        """Numbered anew each time, while the sweep asks too."""
        order_id, number = shop.open_trade()
        shop.wechat.pay(number)
        shop.now += PAY_WITHIN / 10
        acts = [partial(shop.notify, number, notice_id=f"n-{n}") for n in range(12)]
        results = at_once(*acts, *[partial(shop.sweep, "ask")] * 4)
        assert errors(results) == []
        assert shop.order(order_id).status is OrderStatus.FULFILLED
        in_order(shop)

    def test_b31_lapse_and_notice(self, shop: Bench) -> None:
        """Sixteen orders at their last moment: each paid and delivered, or closed and even."""
        trades = [shop.open_trade((shop.sku(1), 1)) for _ in range(16)]
        for _, number in trades:
            shop.wechat.pay(number)
        shop.now += PAY_WITHIN
        acts = [partial(shop.notify, number) for _, number in trades]
        results = at_once(*acts, *[partial(shop.sweep, "close")] * 3)
        assert errors(results) == []
        stands = {shop.order(order_id).status for order_id, _ in trades}
        assert stands == {OrderStatus.FULFILLED}
        in_order(shop)

    def test_b35_cancel_and_notice_and_delivery(self, shop: Bench) -> None:
        """A delivered order cannot be cancelled; a cancelled one that was paid is even."""
        for _ in range(6):
            order_id, number = shop.open_trade()
            shop.wechat.pay(number)
            results = at_once(
                partial(shop.cancel, order_id),
                partial(shop.notify, number),
                partial(shop.sweep, "close"),
                partial(shop.sweep, "fulfil"),
                partial(shop.sweep, "ask"),
            )
            assert kinds(results) <= Counter(done=5, NotCancellable=1)
            shop.sweep("close")
            assert shop.order(order_id).status is OrderStatus.FULFILLED
        in_order(shop)


class TestCards:
    """One card, many hands."""

    def test_e73_the_same_order_is_delivered_once(self, shop: Bench) -> None:
        """Sixteen sweeps deliver one paid order."""
        order_id, number = shop.open_trade((shop.sku(3), 3))
        with shop.begin() as session:
            session.get_one(Order, order_id, with_for_update=True).is_held = True
        shop.wechat.pay(number)
        shop.notify(number)
        with shop.begin() as session:
            order = session.get_one(Order, order_id, with_for_update=True)
            order.is_held, order.due_at = False, shop.now
        assert errors(at_once(*[partial(shop.sweep, "fulfil")] * 16)) == []
        assert len(shop.cards(order_id)) == 3
        in_order(shop)

    def test_e75_deliver_and_refund_and_reveal(self, shop: Bench) -> None:
        """Each card is seen or given back, never both, and the money follows the cards."""
        for _ in range(5):
            order_id = shop.bought((shop.sku(4), 4))
            results = at_once(
                partial(shop.refund, order_id),
                *[partial(shop.reveal_card, card) for card in shop.cards(order_id)],
            )
            assert all(isinstance(error, CardNotFound | NotRefundable) for error in errors(results))
            seen = sum(isinstance(result, str) for result in results)
            returned = sum(refund.amount_fen for refund in shop.refunds(order_id)) // 1000
            assert seen + returned <= 4
            with shop.begin() as session:
                held = select(func.count()).where(Card.status == CardStatus.REVEALED)
                assert session.scalar(held) == session.scalar(
                    select(func.count(func.distinct(Reveal.card_id)))
                )
        in_order(shop)

    def test_f97_ten_refunds_of_one_order(self, shop: Bench) -> None:
        """One is promised, nine are refused; units one by one are never too many."""
        order_id = shop.bought((shop.sku(5), 5))
        results = at_once(*[partial(shop.refund, order_id)] * 10)
        assert kinds(results) == {"done": 1, "NotRefundable": 9}
        assert sum(refund.amount_fen for refund in shop.refunds(order_id)) == 5000
        in_order(shop)

    def test_f97_ten_sweeps_send_one_refund(self, shop: Bench) -> None:
        """Ten schedulers, one number, one call."""
        order_id = shop.bought()
        shop.refund(order_id)
        assert errors(at_once(*[partial(shop.sweep, "refund")] * 10)) == []
        assert [call for call, _ in shop.wechat.calls].count("refund") == 1
        in_order(shop)


class TestStock:
    """What there is, and no more."""

    def test_c45_forty_people_and_seven_cards(self, shop: Bench) -> None:
        """Seven have one, everybody else is told so."""
        sku_id, people = shop.sku(7), [shop.member() for _ in range(40)]
        results = at_once(*[partial(shop.place, member, (sku_id, 1)) for member in people])
        assert kinds(results) == {"done": 7, "OutOfStock": 33}
        in_order(shop)

    def test_c49_nothing_is_lost_when_some_give_up(self, shop: Bench) -> None:
        """Ten hold, ten want, the ten let go in the same moment: no card is held by nobody."""
        sku_id = shop.sku(10)
        held = [shop.place(shop.member(), (sku_id, 1)) for _ in range(10)]
        people = [shop.member() for _ in range(10)]
        results = at_once(
            *[partial(shop.cancel, order_id) for order_id in held],
            *[partial(shop.place, member, (sku_id, 1)) for member in people],
        )
        sold = sum(not isinstance(result, Exception) for result in results[10:])
        with shop.begin() as session:
            free = session.scalar(select(func.count()).where(Card.status == CardStatus.FREE))
        assert free == 10 - sold
        assert {type(error) for error in errors(results)} <= {OutOfStock}
        in_order(shop)

    def test_f94_crossing_orders_of_two_skus(self, shop: Bench) -> None:
        """Half write one first, half the other: no deadlock, nothing oversold."""
        one, other = shop.sku(30), shop.sku(30)
        people = [shop.member() for _ in range(30)]
        acts = [
            partial(shop.place, member, *((one, 2), (other, 2))[:: 1 if n % 2 else -1])
            for n, member in enumerate(people)
        ]
        results = at_once(*acts)
        assert kinds(results) == {"done": 15, "OutOfStock": 15}
        in_order(shop)

    def test_c53_a_limit_holds_against_many_tabs(self, shop: Bench) -> None:
        """One member, twenty requests, at most two units a day."""
        sku_id, member = shop.sku(30, limit_per_day=2), shop.member()
        results = at_once(*[partial(shop.place, member, (sku_id, 1))] * 20)
        assert kinds(results) == {"done": 2, LimitReached.__name__: 18}
        in_order(shop)


class TestMembers:
    """The owner of an order changes in the very moment."""

    def test_no_order_for_an_account_that_is_just_closed(self, shop: Bench) -> None:
        """Closed or ordered, never both."""
        sku_id = shop.sku(30)
        for _ in range(8):
            member = shop.member()

            def close(member: Any = member) -> None:
                with shop.begin() as session:
                    accounts.close_account(
                        session, member_id=member, give_up_cards=False, now=shop.now
                    )

            results = at_once(close, partial(shop.place, member, (sku_id, 1)))
            refused = [type(error) for error in errors(results)]
            assert refused in ([MemberNotActive], [accounts.UnfinishedOrders])
        in_order(shop)

    def test_an_order_follows_its_member(self, shop: Bench) -> None:
        """Delivered while it changes hands: cards, lines and order are the same member's."""
        for _ in range(5):
            order_id, number = shop.open_trade()
            gone, into = shop.order(order_id).member_id, shop.member()
            shop.wechat.pay(number)

            def reassign(gone: Any = gone, into: Any = into) -> None:
                with shop.begin() as session:
                    service.reassign(session, from_member_id=gone, into_member_id=into)

            results = at_once(reassign, partial(shop.notify, number))
            assert [error for error in errors(results) if not isinstance(error, DomainError)] == []
            assert {card.member_id for card in shop.cards(order_id)} == {into}
        in_order(shop)
