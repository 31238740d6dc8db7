"""Dangerous pairs in every order of their statements; after each the auditor finds nothing."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from kit.errors import DomainError
from kit.lifecycle import IllegalMove
from shop.cards.service import OutOfStock
from shop.orders.models import OrderStatus
from shop.payments.gateway import Channel
from tests.factories.bench import PAY_WITHIN, Bench
from tests.races.interleaving import Actor, Choose, Driver, Plan, plans, sampled

EVERYDAY_SCHEDULES = 24
CHAOS_SCHEDULES = int(os.environ.get("CHAOS_SCHEDULES", "600"))


@dataclass
class Pair:
    """Two acts on the same order or card, and what must be true whoever was first."""

    one: Callable[[], Any]
    other: Callable[[], Any]
    check: Callable[[list[Any]], bool]


def paid_at_the_platform(shop: Bench, *wanted: Any) -> tuple[Any, str]:
    """Return an order whose trade the member has just paid, and nobody told us yet."""
    order_id, number = shop.open_trade(*wanted)
    shop.wechat.pay(number)
    return order_id, number


def ended_in(shop: Bench, order_id: Any, *statuses: OrderStatus) -> Callable[[list[Any]], bool]:
    """Return a check that the order stands so."""
    return lambda _: shop.order(order_id).status in statuses


def pay_and_cancel(shop: Bench) -> Pair:
    """B31, B35: the notice, and the member who cancels and whose trade is closed."""
    order_id, number = paid_at_the_platform(shop)

    def cancel() -> None:
        shop.cancel(order_id)
        shop.sweep("close")

    done = ended_in(shop, order_id, OrderStatus.FULFILLED)
    return Pair(lambda: shop.notify(number), cancel, done)


def slow_bank_and_cancel(shop: Bench) -> Pair:
    """B32: the trade was closed, the money comes all the same."""
    order_id, number = shop.open_trade()
    shop.cancel(order_id)
    shop.wechat.trades[number]["state"] = "closed"
    shop.wechat.pay(number, force=True)
    shop.wechat.trades[number]["state"] = "closed"

    def tell_late() -> None:
        shop.record(number, state="paid", transaction_no=f"wechat_pay-{number}")

    def check(_: list[Any]) -> bool:
        shop.wechat.trades[number]["state"] = "paid"
        order, refunds = shop.order(order_id), shop.refunds(order_id)
        is_returned = order.status is OrderStatus.CLOSED and len(refunds) == 1
        return is_returned or (order.status is OrderStatus.FULFILLED and not refunds)

    return Pair(tell_late, lambda: shop.sweep("close"), check)


def pay_and_pay(shop: Bench) -> Pair:
    """A7: the same notice twice."""
    order_id, number = paid_at_the_platform(shop)
    done = ended_in(shop, order_id, OrderStatus.FULFILLED)
    return Pair(lambda: shop.notify(number), lambda: shop.notify(number), done)


def notice_and_query(shop: Bench) -> Pair:
    """A7, A23: the notice, and the sweep that asks."""
    order_id, number = paid_at_the_platform(shop)
    shop.now += PAY_WITHIN / 10
    done = ended_in(shop, order_id, OrderStatus.FULFILLED)
    return Pair(lambda: shop.notify(number), lambda: shop.sweep("ask"), done)


def pay_and_lapse(shop: Bench) -> Pair:
    """B31, B58: the notice at the last moment, and the sweep that closes."""
    order_id, number = paid_at_the_platform(shop)
    shop.now += PAY_WITHIN
    done = ended_in(shop, order_id, OrderStatus.FULFILLED)
    return Pair(lambda: shop.notify(number), lambda: shop.sweep("close"), done)


def refund_and_reveal(shop: Bench) -> Pair:
    """E75: the money back, or the code seen; never both."""
    order_id = shop.bought((shop.sku(1), 1))
    (card,) = shop.cards(order_id)

    def check(results: list[Any]) -> bool:
        refused = [isinstance(result, DomainError) for result in results]
        return sorted(refused) == [False, True]

    return Pair(lambda: shop.refund(order_id), lambda: shop.reveal_card(card), check)


def refund_and_refund(shop: Bench) -> Pair:
    """F97: two refunds of the same units."""
    order_id = shop.bought((shop.sku(2), 2))

    def check(results: list[Any]) -> bool:
        fen = sum(refund.amount_fen for refund in shop.refunds(order_id))
        return fen == 2000 and sum(isinstance(result, DomainError) for result in results) == 1

    return Pair(lambda: shop.refund(order_id), lambda: shop.refund(order_id), check)


def refund_and_refund_notice(shop: Bench) -> Pair:
    """F99: the sweep's answer, and the notice of the same refund."""
    order_id = shop.bought((shop.sku(2), 1))
    shop.refund(order_id)
    number = shop.refunds(order_id)[0].out_refund_no
    shop.wechat.refund(
        out_trade_no=shop.payments(order_id)[0].out_trade_no,
        out_refund_no=number,
        refund_fen=shop.refunds(order_id)[0].amount_fen,
        total_fen=shop.order(order_id).total_fen,
        reason="member",
    )
    notice = shop.wechat.refund_notice(number)
    done = ended_in(shop, order_id, OrderStatus.REFUNDED)
    return Pair(lambda: shop.sweep("refund"), lambda: shop.deliver(notice), done)


def place_and_place(shop: Bench) -> Pair:
    """C45: two members and the last card."""
    sku_id, first, second = shop.sku(1), shop.member(), shop.member()

    def check(results: list[Any]) -> bool:
        return sum(isinstance(result, OutOfStock) for result in results) == 1

    return Pair(
        lambda: shop.place(first, (sku_id, 1)), lambda: shop.place(second, (sku_id, 1)), check
    )


def cancel_and_place(shop: Bench) -> Pair:
    """C49: the last card is given back while somebody wants it: sold or told so, never lost."""
    sku_id, member_id = shop.sku(1), shop.member()
    order_id = shop.place(shop.member(), (sku_id, 1))

    def check(results: list[Any]) -> bool:
        return results[0] is None and not isinstance(results[1], DBAPIError)

    return Pair(lambda: shop.cancel(order_id), lambda: shop.place(member_id, (sku_id, 1)), check)


def prepay_and_cancel(shop: Bench) -> Pair:
    """B35: the member opens a trade on one device and cancels on another."""
    order_id = shop.place(shop.member(), (shop.sku(1), 1))

    def cancel() -> None:
        shop.cancel(order_id)
        shop.sweep("close")

    def check(results: list[Any]) -> bool:
        # Whatever came first, nobody holds parameters of a trade whose order is closed.
        is_refused = isinstance(results[0], DomainError)
        trades = shop.payments(order_id)
        ended = [shop.wechat.trades.get(trade.out_trade_no, {}).get("state") for trade in trades]
        return is_refused or ended == ["closed"] or shop.order(order_id).due_at is not None

    return Pair(lambda: shop.start_payment(order_id), cancel, check)


def two_channels(shop: Bench) -> Pair:
    """Two devices, two channels: never two trades that can be paid."""
    order_id = shop.place(shop.member(), (shop.sku(1), 1))

    def check(results: list[Any]) -> bool:
        given = [result for result in results if not isinstance(result, Exception)]
        payable = {
            payment.channel
            for payment in given
            if shop.platforms[payment.channel].trades[payment.out_trade_no]["state"] == "not_paid"
        }
        asked = {payment.channel for payment in given}
        return len(payable) <= 1 and len(asked) == len(given)

    return Pair(
        lambda: shop.start_payment(order_id),
        lambda: shop.start_payment(order_id, Channel.ALIPAY),
        check,
    )


PAIRS: list[Callable[[Bench], Pair]] = [
    pay_and_cancel,
    slow_bank_and_cancel,
    pay_and_pay,
    notice_and_query,
    pay_and_lapse,
    refund_and_reveal,
    refund_and_refund,
    refund_and_refund_notice,
    place_and_place,
    cancel_and_place,
    prepay_and_cancel,
    two_channels,
]


def schedules(steps: list[int], seed: str, most: int) -> list[tuple[str, Choose]]:
    """Return one-turn schedules, then two-turn ones, then coin tosses, up to `most`.

    When even the one-turn schedules are more, it is as many of them, evenly spread.
    """
    one, two = (list(plans(steps, turns=turns)) for turns in (1, 2))
    kept = [one[at * len(one) // most] for at in range(most)] if len(one) > most else one
    room = max(most - len(kept), 0)
    kept += random.Random(seed).sample(two, min(room * 2 // 3, len(two)))
    tosses = [f"{seed}/{toss}" for toss in range(most - len(kept))]
    return [(str(plan), plan.choose) for plan in kept] + [(toss, sampled(toss)) for toss in tosses]


def is_refusal(error: Exception) -> bool:
    """Tell a refusal that a person may get from an error, and from a move nobody should try."""
    return isinstance(error, DomainError) and not isinstance(error, IllegalMove)


@pytest.mark.race
class TestInterleavings:
    """Every pair, every schedule: the check holds and the auditor finds nothing."""

    @pytest.mark.parametrize("pair_of", PAIRS, ids=lambda pair_of: pair_of.__name__)
    def test_b31_every_order_of_statements_ends_well(
        self, shop: Bench, driver: Driver, pair_of: Callable[[Bench], Pair], is_chaos: bool
    ) -> None:
        """One turn at every place, then a seeded sample."""
        steps = [0, 0]
        for whose in (0, 1):  # each before the other, to learn how many gates it passes
            steps[whose] = self.play(shop, driver, pair_of, Plan(whose, ()).choose)[whose].steps
        most = CHAOS_SCHEDULES if is_chaos else EVERYDAY_SCHEDULES
        for name, choose in schedules(steps, pair_of.__name__, most):
            self.play(shop, driver, pair_of, choose, name)
        shop.recover()
        assert shop.violations(with_books=True) == []
        assert shop.failed == 0
        assert driver.schedules == most + 2
        print(f"{pair_of.__name__}: {steps} statements, {driver.schedules} schedules")  # noqa: T201 - the figure

    def play(
        self,
        shop: Bench,
        driver: Driver,
        pair_of: Callable[[Bench], Pair],
        choose: Choose,
        name: str = "alone",
    ) -> list[Actor]:
        """Set the pair up, run one schedule, check."""
        pair = pair_of(shop)
        actors = driver.run([pair.one, pair.other], choose)
        results = [actor.result for actor in actors]
        broken = [result for result in results if isinstance(result, Exception)]
        assert all(is_refusal(result) for result in broken), (name, broken)
        assert pair.check(results), (name, results)
        assert shop.violations() == [], name
        return actors
