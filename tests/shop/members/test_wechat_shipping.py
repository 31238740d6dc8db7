"""The report of a virtual delivery to WeChat (发货信息管理)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from shop.members.platforms import PlatformUnavailable
from shop.members.wechat import WechatShippingDesk
from tests.doubles.http import ScriptedServer
from tests.doubles.wechat import Wechat, make_api

SHIPPING = "/wxa/sec/order/upload_shipping_info"
OPENID = "o" + "A" * 27


@pytest.fixture
def wechat() -> Iterator[Wechat]:
    with ScriptedServer() as server:
        yield Wechat(server)


@pytest.fixture
def desk(wechat: Wechat, redis: "Redis") -> WechatShippingDesk:
    return WechatShippingDesk(make_api(wechat.server, redis))


def report(desk: WechatShippingDesk, **changes: Any) -> None:
    told = {
        "merchant_id": "1600000001",
        "out_trade_no": "T20261120ABCDEFGHJKLMN",
        "open_id": OPENID,
        "item": "京东E卡 100元",
        "at": datetime(2026, 11, 20, 12, 0, 1, 250_000, tzinfo=UTC),
    }
    desk.report_delivery(**(told | changes))


class TestReportDelivery:
    def test_reports_a_virtual_delivery(self, wechat: Wechat, desk: WechatShippingDesk) -> None:
        wechat.answers[SHIPPING] = [{"errcode": 0, "errmsg": "ok"}]
        report(desk, item="卡" * 200)
        (asked,) = wechat.calls(SHIPPING)
        assert json.loads(asked.body) == {
            "order_key": {
                "order_number_type": 1,
                "mchid": "1600000001",
                "out_trade_no": "T20261120ABCDEFGHJKLMN",
            },
            "logistics_type": 3,
            "delivery_mode": 1,
            "shipping_list": [{"item_desc": "卡" * 120}],
            "upload_time": "2026-11-20T20:00:01.250+08:00",
            "payer": {"openid": OPENID},
        }

    @pytest.mark.parametrize("errcode", [10060002, 10060003, 10060004, 10060012, 10060023])
    def test_repeating_it_is_harmless(
        self, wechat: Wechat, desk: WechatShippingDesk, errcode: int
    ) -> None:
        wechat.answers[SHIPPING] = [{"errcode": errcode, "errmsg": "..."}]
        report(desk)

    @pytest.mark.parametrize("told", [10060001, 10060031, 268485228, 45009, -1])
    def test_is_to_be_tried_later(
        self, wechat: Wechat, desk: WechatShippingDesk, told: int
    ) -> None:
        wechat.answers[SHIPPING] = [{"errcode": told, "errmsg": "..."}]
        with pytest.raises(PlatformUnavailable):
            report(desk)
