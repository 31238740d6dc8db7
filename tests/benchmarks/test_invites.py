"""The benchmarks of outreach: what they compare is what they say."""

from datetime import datetime

from redis import Redis
from sqlalchemy import func, select

from benchmarks import attribution, invites
from benchmarks.frame import Plan
from kit.db import Begin
from shop.orders.models import Order, OrderStatus
from shop.referral.models import Attribution, Commission
from tests.miniprogram_api.world import World


class TestAttribution:
    """outreach.attribution over a real database."""

    def test_one_way_earns_and_the_other_does_not(
        self, begin: Begin, redis: "Redis", now: datetime
    ) -> None:
        """Both deliver as many orders."""
        world = World(begin, redis, now)
        figure = attribution.measure(world.ports, Plan(is_quick=True), app_id="app-1")
        assert figure.name == attribution.NAME
        assert figure.ratio
        with begin() as session:
            sold = session.scalar(select(func.count()).where(Order.status == OrderStatus.FULFILLED))
            assert sold == 2 * 3 * 2
            for table in (Attribution, Commission):
                assert session.scalar(select(func.count()).select_from(table)) == 3 * 2


class TestPosters:
    """outreach.poster draws posters of which no two are the same."""

    def test_draws_another_each_time(self) -> None:
        """Else only a cache would be measured."""
        figure = invites._drawing(Plan(is_quick=True))
        assert (figure.name, figure.unit) == (invites.POSTER, "ms")
        assert figure.figure > 0
        assert invites._facts(1) != invites._facts(2)
