"""The benchmark of placing orders runs, and both its ways write the same rows."""

from datetime import datetime

from redis import Redis
from sqlalchemy import func, select

from benchmarks import placing
from benchmarks.frame import Plan
from kit.db import Begin
from kit.lifecycle import StatusChange
from shop.cards.models import Card, CardStatus
from shop.orders.models import Order, OrderLine
from tests.miniprogram_api.world import World


class TestMeasure:
    """One small run over a real database."""

    def test_gives_both_figures(self, begin: Begin, redis: "Redis", now: datetime) -> None:
        """Every way places as many orders, each with its line, its card and the card's step."""
        figures = list(
            placing.measure(World(begin, redis, now).ports, Plan(is_quick=True), app_id="app-1")
        )

        assert [figure.name for figure in figures] == [placing.NAME, placing.LIMITED]
        assert all(figure.figure > 0 and figure.ratio for figure in figures)
        with begin() as session:
            orders = session.scalar(select(func.count()).select_from(Order))
            assert orders == session.scalar(select(func.count()).select_from(OrderLine))
            assert orders == session.scalar(
                select(func.count()).where(Card.status == CardStatus.RESERVED)
            )
            assert orders == session.scalar(select(func.count()).where(StatusChange.kind == "card"))
            assert orders == 3 * (2 + 10 + 10)
