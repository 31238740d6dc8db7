"""Notices: authenticated, written down once, applied once, refused with a security event."""

import pytest
from sqlalchemy import select

from shop.orders import notices
from shop.orders.models import OrderStatus
from shop.orders.receiving import TradeMismatch, UnknownTrade
from shop.payments.gateway import Channel, NoticeRejected
from shop.payments.gateway import Notice as PlatformNotice
from shop.payments.models import Notice, SecurityEvent
from shop.payments.rejections import Rejections
from tests.factories.bench import KEY, Bench


def kinds(bench: Bench) -> list[str]:
    """Return the kinds of security events."""
    with bench.begin() as session:
        return list(session.scalars(select(SecurityEvent.kind)))


class TestReceiveNotice:
    """receive_notice: returning means committed."""

    def test_a07_takes_a_repeat_without_a_second_effect(self, bench: Bench) -> None:
        """The notice is kept once, the order is paid once."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        for _ in range(3):
            bench.notify(number)
        with bench.begin() as session:
            assert len(session.scalars(select(Notice)).all()) == 1
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    def test_a07_another_notice_of_the_same_trade_is_a_repeat_too(self, bench: Bench) -> None:
        """Platforms number their repeats anew at times."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.notify(number)
        bench.notify(number, notice_id="another")
        assert len(bench.payments(order_id)) == 1
        assert bench.violations(with_books=True) == []

    def test_a01_writes_a_forgery_down(self, bench: Bench) -> None:
        """Rejected, one security event, nothing else."""
        with pytest.raises(NoticeRejected):
            notices.receive_notice(
                bench.begin,
                bench.wechat,
                headers={},
                body=b"{}",
                payer_hash_key=KEY,
                clock=lambda: bench.now,
                rejections=Rejections(),
            )
        assert kinds(bench) == ["notice.bad_signature"]

    def test_a10_writes_a_mismatch_down(self, bench: Bench) -> None:
        """The amount is another: the notice itself is not kept, so its repeat is looked at."""
        order_id, number = bench.open_trade()
        bench.wechat.pay(number)
        bench.wechat.trades[number]["fen"] = 999
        with pytest.raises(TradeMismatch):
            bench.notify(number)
        assert kinds(bench) == ["notice.payments.trade_mismatch"]
        bench.wechat.trades[number]["fen"] = 1000
        bench.notify(number)
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    def test_a13_refuses_the_other_channels_word(self, bench: Bench) -> None:
        """Alipay says that a trade of WeChat Pay is paid."""
        order_id, number = bench.open_trade()
        alipay = bench.platforms[Channel.ALIPAY]
        alipay.trades[number] = {"fen": 1000, "state": "paid", "at": bench.now.isoformat()}
        with pytest.raises(TradeMismatch):
            bench.notify(number, Channel.ALIPAY)
        assert bench.order(order_id).status is OrderStatus.PENDING

    def test_a15_refuses_a_number_of_nobody(self, bench: Bench) -> None:
        """And says so in a security event."""
        bench.wechat.trades["TP-X"] = {"fen": 1, "state": "paid", "at": bench.now.isoformat()}
        with pytest.raises(UnknownTrade):
            bench.notify("TP-X")
        assert kinds(bench) == ["notice.payments.unknown_trade"]


class TestApplyNotice:
    """apply_notice: a trade, a refund, or nothing to do."""

    def test_keeps_a_notice_that_tells_nothing(self, bench: Bench) -> None:
        """A word about something else is acknowledged and kept."""
        told = PlatformNotice(Channel.ALIPAY, "n", "other", None, None)
        with bench.begin() as session:
            notices.apply_notice(session, told, payer_hash_key=KEY, now=bench.now)
        with bench.begin() as session:
            assert session.scalars(select(Notice.kind)).one() == "other"
