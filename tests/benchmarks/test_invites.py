"""The benchmark of outreach runs, and what it measures is done."""

from datetime import datetime

from redis import Redis

from benchmarks import outreach
from benchmarks.frame import Plan
from kit.db import Begin
from tests.miniprogram_api.world import World


class TestMeasure:
    """One small run over a real database."""

    def test_gives_every_figure(self, begin: Begin, redis: "Redis", now: datetime) -> None:
        """Planning, draining at the limit and never above, filling inboxes."""
        ports = World(begin, redis, now).ports
        figures = list(outreach.measure(ports, Plan(is_quick=True)))
        assert tuple(figure.name for figure in figures) == outreach.BENCHMARK.names
        assert all(figure.figure > 0 for figure in figures)
        highest = next(figure for figure in figures if figure.name == outreach.HIGHEST)
        assert highest.ok
