"""The curve of a sale: what was left when, at moments that stay where they are."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from console.live_reading import Curve, curve_of
from flash_sale.burn_down import MOST_POINTS, Point, Window, list_moments, read_points
from flash_sale.models import Claim, ClaimStatus
from shop.campaigns.models import Campaign
from tests.factories.sales import Deal, SaleBench

STARTS = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ENDS = STARTS + timedelta(hours=2)
WINDOW = Window(10, STARTS, ENDS)


class TestMoments:
    @pytest.mark.parametrize("seconds", [0, 0.05, 1, 59, 60, 3601, 7200, 40 * 86_400, 900 * 86_400])
    def test_they_are_few_and_do_not_move(self, seconds: float) -> None:
        until = STARTS + timedelta(seconds=seconds)
        moments = list_moments(STARTS, until)
        assert moments[0] == STARTS
        assert moments[-1] <= until
        assert 1 <= len(moments) <= MOST_POINTS
        if len(moments) > 1:
            step = moments[1] - moments[0]
            assert moments == [STARTS + step * n for n in range(len(moments))]

    def test_before_the_start_there_are_none(self) -> None:
        assert list_moments(STARTS, STARTS - timedelta(seconds=1)) == []

    def test_an_even_pace_ends_at_the_end(self) -> None:
        halfway = WINDOW.even_left(STARTS + timedelta(hours=1))
        assert (WINDOW.even_left(STARTS), halfway, WINDOW.even_left(ENDS)) == (10, 5, 0)
        assert WINDOW.even_left(ENDS + timedelta(days=1)) == 0


class TestCurve:
    """What the live room draws of it."""

    @staticmethod
    def of(left: int, lasts: int | None, points: list[Point], *, hours: int = 1) -> Curve:
        campaign = Campaign(starts_at=STARTS, ends_at=ENDS)
        sale = {"stock": 10, "left": left, "sold_out_in_seconds": lasts}
        now = STARTS + timedelta(hours=hours)
        found = curve_of(campaign, {"sale": sale, "points": points}, now=now)
        assert found is not None
        return found

    def test_it_leads_to_nothing_left_or_to_the_end(self) -> None:
        begun = [Point(STARTS, 10, 10)]
        fast = self.of(4, 1800, begun)
        assert fast.points[-1] == Point(STARTS + timedelta(hours=1), 4, 5)
        assert fast.ahead == Point(STARTS + timedelta(minutes=90), 0, 3)
        assert self.of(8, 4 * 3600, begun).ahead == Point(ENDS, 6, 0)
        assert self.of(10, None, begun).ahead is None
        assert self.of(3, 60, begun, hours=3).ahead is None  # it is over

    def test_what_sold_out_at_once_is_seen_closely(self) -> None:
        last = STARTS + timedelta(seconds=8)
        found = self.of(0, None, [Point(STARTS, 10, 10), Point(last, 0, 10)])
        assert (found.sold_out_at, found.until) == (last, STARTS + timedelta(seconds=10))
        assert found.ahead is None


class TestPoints:
    def test_units_go_and_come_back(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=4, limit=2))
        starts = bench.now
        bench.commit(campaign_id, bench.wanted(), bench.wanted(quantity=2))
        window = Window(4, starts, starts + timedelta(hours=1))
        minute = timedelta(minutes=1)
        with bench.begin() as session:
            first, *_others = session.scalars(
                select(Claim.id).where(Claim.campaign_id == campaign_id).order_by(Claim.id)
            )
            of_first = update(Claim).where(Claim.id == first)
            session.execute(update(Claim).values(claimed_at=starts + 5 * minute))
            gone = {"status": ClaimStatus.LAPSED, "ended_at": starts + 15 * minute}
            session.execute(of_first.values(claimed_at=starts + minute, **gone))
            points = read_points(session, campaign_id, window, now=starts + 20 * minute)
            left = {(point.at - starts) // minute: point.left for point in points}
            assert [left[n] for n in (0, 1, 2, 5, 6, 15, 16, 20)] == [4, 4, 3, 3, 1, 1, 2, 2]
            sold_out = Window(2, starts, starts + timedelta(hours=1))
            points = read_points(session, campaign_id, sold_out, now=starts + 50 * minute)
        assert (points[-1].at, points[-1].left) == (starts + 5 * minute, 0)
