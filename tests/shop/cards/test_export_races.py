"""Fetching codes in the same moment as another fetches, unfreezes, buys or approves."""

from functools import partial

import pytest

from shop.cards.exporting import AlreadyFetched, BatchNotFrozen
from shop.cards.models import BatchStatus
from shop.cards.service import OutOfStock
from tests.factories.code_exports import ExportDesk
from tests.races.at_once import at_once, errors
from tests.shop.cards.stock import Stock

pytestmark = pytest.mark.race
ROUNDS = 4


@pytest.fixture
def desk(real_stock: Stock) -> ExportDesk:
    """Return a desk whose transactions commit."""
    return ExportDesk(real_stock)


class TestAtOnce:
    def test_h133_of_two_fetches_one_gets_the_codes(self, desk: ExportDesk) -> None:
        for _ in range(ROUNDS):
            approval_id = desk.approved(desk.frozen())
            results = at_once(*[partial(desk.fetch, approval_id)] * 3)
            refused = errors(results)
            assert [type(one) for one in refused] == [AlreadyFetched] * 2
            assert [len(one) for one in results if isinstance(one, list)] == [3]

    def test_i18_a_fetch_against_unfreezing_sells_no_code_that_left(self, desk: ExportDesk) -> None:
        for _ in range(ROUNDS):
            batch_id = desk.frozen()
            approval_id = desk.approved(batch_id)
            got, _ = at_once(partial(desk.fetch, approval_id), partial(desk.unfreeze, batch_id))
            assert desk.stock.batch(batch_id).status is BatchStatus.OPEN
            statuses = {card.status.value for card in desk.cards(batch_id)}
            line = desk.stock.line()
            if isinstance(got, list):
                assert statuses == {"void"}
                with pytest.raises(OutOfStock):
                    desk.stock.reserve(line)
            else:
                assert isinstance(got, BatchNotFrozen)
                assert statuses == {"free"}
                desk.freeze(batch_id)  # the next round begins without it

    def test_i18_a_fetch_against_a_buyer_whose_order_gives_up(self, desk: ExportDesk) -> None:
        for _ in range(ROUNDS):
            batch_id = desk.stock.add(count=3).batch_id
            line = desk.stock.line()
            desk.stock.reserve(line)
            desk.freeze(batch_id)
            approval_id = desk.approved(batch_id)
            got, _ = at_once(partial(desk.fetch, approval_id), partial(desk.stock.release, line))
            left = sum(card.exported_at is not None for card in desk.cards(batch_id))
            assert left == (2 if isinstance(got, list) else 0), got
            desk.unfreeze(batch_id)
            for card in desk.cards(batch_id):
                assert card.is_sellable is (card.exported_at is None)
            desk.freeze(batch_id)
