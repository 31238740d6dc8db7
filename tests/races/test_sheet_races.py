"""Order sheets under many hands at once: numbers, the last payment and the deadline."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from group_buy.sheets.models import SheetStatus
from group_buy.sheets.rules import SheetOver
from kit.errors import DomainError
from shop.orders.models import OrderStatus
from tests.factories.bench import Bench
from tests.factories.sheets import LASTS, SheetBench
from tests.races.at_once import at_once, errors
from tests.races.interleaving import Driver, Plan
from tests.races.test_interleavings import schedules

pytestmark = pytest.mark.race

ROUNDS = 20
SCHEDULES = 24


@pytest.fixture
def fair(shop: Bench) -> SheetBench:
    """Return a shop with leaders whose transactions commit."""
    return SheetBench(shop)


class TestNumbers:
    """The next number is given under the sheet's lock."""

    def test_two_who_order_at_once_get_two_numbers_in_a_row(self, fair: SheetBench) -> None:
        """Twenty times on one sheet: 1 to 40, each once."""
        sku_id = fair.sku(stock=2 * ROUNDS)
        sheet_id = fair.open((sku_id, 900))
        for _ in range(ROUNDS):
            members = [fair.shop.member(), fair.shop.member()]
            acts = [
                partial(fair.order, sheet_id, (sku_id, 1), member_id=member) for member in members
            ]
            assert errors(at_once(*acts)) == []
        assert [entry.number for entry in fair.entries(sheet_id)] == list(range(1, 2 * ROUNDS + 1))
        assert fair.shop.violations() == []

    def test_the_last_cards_and_twelve_who_want_them(self, fair: SheetBench) -> None:
        """Whoever gets none takes no number: still no gap."""
        sku_id = fair.sku(stock=5)
        sheet_id = fair.open((sku_id, 900))
        members = [fair.shop.member() for _ in range(12)]
        results = at_once(
            *[partial(fair.order, sheet_id, (sku_id, 1), member_id=member) for member in members]
        )
        assert len(errors(results)) == 7
        assert [entry.number for entry in fair.entries(sheet_id)] == [1, 2, 3, 4, 5]
        assert fair.shop.violations() == []


class TestTheEnd:
    """Whoever is first, everybody is delivered or everybody is repaid."""

    def test_the_last_payment_and_the_deadline(self, fair: SheetBench) -> None:
        """The payment that meets the minimum, told while the sweep decides: it counts."""
        for _ in range(ROUNDS):
            sheet_id, order_id, number = self.almost_met(fair)
            acts = [partial(self.tell, fair, number), fair.decide, fair.decide]
            assert errors(at_once(*acts)) == []
            fair.finish()
            assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
            assert fair.shop.order(order_id).status is OrderStatus.FULFILLED
        fair.in_order()

    def test_the_last_payment_and_the_deadline_in_every_order(
        self, fair: SheetBench, driver: Driver
    ) -> None:
        """Statement by statement."""

        def play(choose: Any) -> list[int]:
            sheet_id, order_id, number = self.almost_met(fair)
            actors = driver.run([partial(self.tell, fair, number), fair.decide], choose)
            assert [actor.result for actor in actors] == [None, None]
            assert fair.shop.violations() == []
            fair.finish()
            assert fair.sheet(sheet_id).status is SheetStatus.CONFIRMED
            assert fair.shop.order(order_id).status is OrderStatus.FULFILLED
            return [actor.steps for actor in actors]

        steps = [play(Plan(whose, ()).choose)[whose] for whose in (0, 1)]
        for _, choose in schedules(steps, "payment and deadline", SCHEDULES):
            play(choose)
        fair.in_order()

    @pytest.mark.parametrize("end", ["close", "cancel"])
    def test_a_payment_an_order_a_leaver_and_the_leaders_word(
        self, fair: SheetBench, end: str
    ) -> None:
        """Four hands on one sheet; afterwards nobody has paid for nothing."""
        for _ in range(ROUNDS // 2):
            sku_id = fair.sku(stock=9)
            sheet_id = fair.open((sku_id, 900))
            leaver, _stays = fair.bought(sheet_id), fair.bought(sheet_id)
            number = fair.shop.start_payment(fair.order(sheet_id).order.id).out_trade_no
            fair.shop.wechat.pay(number)
            acts: list[Callable[[], Any]] = [
                partial(self.tell, fair, number),
                partial(fair.order, sheet_id, (sku_id, 1)),
                partial(fair.leave, sheet_id, leaver.order.member_id),
                partial(getattr(fair, end), sheet_id),
            ]
            results = at_once(*acts)
            assert all(isinstance(error, DomainError) for error in errors(results)), results
            assert not isinstance(results[3], Exception), "the leader's word counts"
            fair.finish()
            wanted = SheetStatus.CONFIRMED if end == "close" else SheetStatus.CANCELLED
            assert fair.sheet(sheet_id).status is wanted
        fair.in_order()

    def test_one_of_two_leaders_words_counts(self, fair: SheetBench) -> None:
        """Close and cancel from two devices."""
        for _ in range(ROUNDS // 2):
            sheet_id = fair.open()
            fair.bought(sheet_id)
            results = at_once(partial(fair.close, sheet_id), partial(fair.cancel, sheet_id))
            assert [type(error) for error in errors(results)] == [SheetOver]
        fair.finish()
        fair.in_order()

    def almost_met(self, fair: SheetBench) -> tuple[Any, Any, str]:
        """Return a sheet one paid order short, and that order's trade, paid in time, not told.

        The deadline is now.
        """
        sheet_id = fair.open(minimum_fen=1800)
        fair.bought(sheet_id)
        fair.shop.now += LASTS - timedelta(seconds=30)
        ordered = fair.order(sheet_id)
        number = fair.shop.start_payment(ordered.order.id).out_trade_no
        fair.shop.wechat.pay(number)
        fair.shop.now += timedelta(seconds=30)
        return sheet_id, ordered.order.id, number

    def tell(self, fair: SheetBench, number: str) -> None:
        """Deliver the notice and bring its news to the sheet."""
        fair.shop.notify(number)
        fair.relay()
