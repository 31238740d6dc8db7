"""Notices that are not authentic are all counted, and written down now and then."""

from datetime import datetime

from prometheus_client import REGISTRY
from sqlalchemy import func, select

from app.metrics import count_rejected_notice
from kit.db import Begin
from shop.payments.gateway import Channel
from shop.payments.models import SecurityEvent
from shop.payments.rejections import Rejections

LABELS = {"channel": "alipay", "reason": "bad_signature"}


def counted() -> float:
    """Return how many the metric has counted."""
    return REGISTRY.get_sample_value("notices_rejected_total", LABELS) or 0.0


class TestRejections:
    """A metric of their own, by channel and reason."""

    def test_every_one_is_counted_and_one_a_minute_kept(self, begin: Begin, now: datetime) -> None:
        """However many there are."""
        before, rejections = counted(), Rejections(count_rejected_notice)
        for _ in range(3):
            rejections.note(begin, Channel.ALIPAY, "bad_signature", now=now)
        assert counted() == before + 3
        with begin() as session:
            assert session.scalar(select(func.count()).select_from(SecurityEvent)) == 1
