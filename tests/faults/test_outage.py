"""A platform that answers nothing for half an hour: everything waits, nothing doubles, all ends."""

from collections import Counter
from datetime import timedelta

import pytest

from shop.orders.models import OrderStatus
from shop.payments.gateway import ResultUnknown
from shop.payments.models import RefundStatus
from tests.factories.bench import Bench


class Silence:
    """A platform that times out, every second time after having acted."""

    calls = 0

    def __call__(self, call: str, has_acted: bool) -> None:
        self.calls += 1
        if has_acted or self.calls % 2:
            raise ResultUnknown("no answer", code="TIMEOUT")


@pytest.fixture
def shop(begin: object, now: object) -> Bench:
    """Return a shop in which nothing stays."""
    return Bench(begin, now)  # type: ignore[arg-type]  # the fixtures' own types


class TestOutage:
    """J158: the platform is gone for half an hour, then it is back."""

    def test_j158_j159_everything_ends_and_nothing_doubles(self, shop: Bench) -> None:
        """Paid orders are delivered, unpaid ones closed, refunds sent once, whatever acted."""
        paid, unpaid = shop.open_trade(), shop.open_trade()
        given_back = [shop.bought() for _ in range(3)]
        shop.wechat.pay(paid[1])
        for order_id in given_back:
            shop.refund(order_id)
        shop.wechat.trouble = Silence()
        for _ in range(180):
            shop.now += timedelta(seconds=10)
            shop.sweep()
        assert shop.order(paid[0]).status is OrderStatus.PENDING
        # Patience grows: a platform that is down is not knocked at every second.
        asked = Counter(call for call, _ in shop.wechat.calls)
        assert asked["query"] < 120
        shop.wechat.trouble = None
        shop.recover(step=timedelta(minutes=2))
        assert shop.order(paid[0]).status is OrderStatus.FULFILLED
        assert shop.order(unpaid[0]).status is OrderStatus.CLOSED
        for order_id in given_back:
            assert [row.status for row in shop.refunds(order_id)] == [RefundStatus.DONE]
        assert len(shop.wechat.refunds) == 3
        assert shop.violations(with_books=True) == []
