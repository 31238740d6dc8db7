"""Matching three ways: bill, payments and ledger agree, or every difference is named."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from kit.clock import business_date
from shop.payments.gateway import Channel
from shop.settlement import queries, service
from shop.settlement.models import DifferenceStatus
from tests.factories.bench import Bench
from tests.factories.owning import owning
from tests.shop.settlement.differences import KINDS, Day
from tests.shop.settlement.test_service import bill, store, trade

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = business_date(NOW)


class Undone(Exception):
    """Ends a transaction without a trace."""


@pytest.fixture(scope="module")
def two_days(owner_url: str) -> Iterator[Bench]:
    """Return two days of trade on both channels, in the hands of the schema's owner."""
    with owning(owner_url) as begin:
        bench = Bench(begin, NOW - timedelta(days=1))
        for at in (NOW - timedelta(days=1), NOW):
            bench.now = at
            for channel in Channel:
                for price_fen in (700, 1900, 3100):
                    trade(bench, channel, price_fen)
        yield bench


class TestMatchDay:
    """match_day: bill, payments and ledger say the same, or every difference is named."""

    @pytest.mark.parametrize("channel", Channel)
    def test_finds_nothing_when_all_agree(self, two_days: Bench, channel: Channel) -> None:
        """Three payments and three refunds, on both days."""
        for day in (TODAY - timedelta(days=1), TODAY):
            rows = two_days.platforms[channel].bill_rows(day)
            assert len(rows) == 6
            assert store(two_days, channel, day, rows) == []

    @pytest.mark.parametrize("seed", [0, 1])
    @pytest.mark.parametrize("name", sorted(KINDS))
    def test_f105_names_every_kind_of_difference(
        self, two_days: Bench, name: str, seed: int
    ) -> None:
        """Just what was spoilt is found, and called by its name; nothing else is."""
        rng = random.Random(f"{name}/{seed}")
        spoil, kind = KINDS[name]
        channel, other = rng.sample(list(Channel), 2)
        platform = two_days.platforms[channel]
        earlier = platform.bill_rows(TODAY - timedelta(days=1))
        store(two_days, channel, TODAY - timedelta(days=1), earlier)

        def spoil_and_match() -> None:
            with two_days.begin() as session:
                rows = platform.bill_rows(TODAY)
                foreign = two_days.platforms[other].bill_rows(TODAY)
                expected = spoil(Day(session, rows, foreign, earlier, rng), kind)
                row = service.ensure_bill_day(session, channel=channel, day=TODAY, due_at=None)
                service.store_bill(session, row, bill(channel, TODAY, rows), now=NOW)
                service.match_day(session, row, now=NOW)
                open_ones = queries.list_differences(
                    session, channel=channel, day=TODAY, status=DifferenceStatus.OPEN
                )
                found = {(item.kind, item.number) for item in open_ones}
                assert found == expected
                raise Undone

        with pytest.raises(Undone):
            spoil_and_match()

    def test_f105_there_are_as_many_kinds_as_promised(self) -> None:
        """Forty-three ways to spoil a bill, on two channels."""
        assert len(KINDS) * len(Channel) >= 50
