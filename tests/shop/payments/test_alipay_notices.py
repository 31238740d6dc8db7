"""Alipay's notices: what is authentic, what is ours, what they tell."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from shop.payments.gateway import Channel, NoticeRejected, RefundState, TradeState
from tests.doubles.alipay import (
    NUMBER,
    OPEN_ID,
    REFUND_NUMBER,
    TRADE_NO,
    make_gateway,
    notice_body,
    notice_fields,
    sign,
)
from tests.doubles.http import ScriptedServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PART = {"refund_fee": "0.50", "gmt_refund": "2026-11-20 20:10:00.123", "out_biz_no": REFUND_NUMBER}


def read(server: ScriptedServer, body: bytes) -> Any:
    return make_gateway(server).read_notice(headers={}, body=body, now=NOW)


def told(server: ScriptedServer, **changes: Any) -> Any:
    return read(server, notice_body(notice_fields(**changes)))


class TestReadNotice:
    def test_tells_of_a_payment(self, server: ScriptedServer) -> None:
        notice = told(server)
        assert notice.channel is Channel.ALIPAY
        assert notice.notice_id == "2026112000222200001:TRADE_SUCCESS:"
        trade = notice.trade
        assert (trade.state, trade.total_fen, trade.out_trade_no) == (
            TradeState.PAID,
            1050,
            NUMBER,
        )
        assert (trade.transaction_no, trade.payer_ref) == (TRADE_NO, OPEN_ID)
        assert trade.paid_at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)
        assert notice.refund is None

    def test_a_partial_refund_is_no_second_payment(self, server: ScriptedServer) -> None:
        notice = told(server, **PART)
        assert notice.trade is None
        assert notice.refund.state is RefundState.DONE
        assert (notice.refund.out_trade_no, notice.refund.out_refund_no) == (NUMBER, REFUND_NUMBER)
        assert notice.refund.amount_fen is None, "the sum of all refunds is not this one's amount"
        assert notice.notice_id == f"2026112000222200001:TRADE_SUCCESS:{REFUND_NUMBER}"

    def test_a_full_refund_closes_the_trade(self, server: ScriptedServer) -> None:
        notice = told(server, trade_status="TRADE_CLOSED", **PART | {"refund_fee": "10.50"})
        assert notice.trade is None
        assert notice.refund.state is RefundState.DONE

    def test_a_refund_without_a_number_or_a_time_says_nothing_yet(
        self, server: ScriptedServer
    ) -> None:
        for missing in ({"out_biz_no": None}, {"gmt_refund": None}):
            notice = told(server, **PART | missing)
            assert (notice.trade, notice.refund) == (None, None)

    def test_a16_a_close_without_a_payment_is_a_closed_trade(self, server: ScriptedServer) -> None:
        notice = told(server, trade_status="TRADE_CLOSED", gmt_payment=None)
        assert notice.trade.state is TradeState.CLOSED
        assert notice.trade.transaction_no is None
        notice = told(server, trade_status="WAIT_BUYER_PAY", gmt_payment=None)
        assert notice.trade.state is TradeState.NOT_PAID

    def test_ids_are_the_same_in_repeats_and_differ_by_what_is_told(
        self, server: ScriptedServer
    ) -> None:
        first = told(server)
        again = told(server, notify_time="2026-11-20 20:04:00")
        finished = told(server, trade_status="TRADE_FINISHED")
        assert first.notice_id == again.notice_id
        assert len({first.notice_id, finished.notice_id, told(server, **PART).notice_id}) == 3

    def test_other_types_on_the_same_address_mean_nothing_to_do(
        self, server: ScriptedServer
    ) -> None:
        notice = told(server, notify_type="open_app_auth_notify", trade_status=None)
        assert (notice.kind, notice.trade, notice.refund) == ("open_app_auth_notify", None, None)

    def test_empty_values_count_in_the_signature(self, server: ScriptedServer) -> None:
        assert told(server, body="").trade.state is TradeState.PAID

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"app_id": "2021000000000002"}, "foreign_app_id"),
            ({"app_id": None}, "foreign_app_id"),
            ({"seller_id": "2088000000000002"}, "foreign_seller_id"),
            ({"seller_id": None}, "foreign_seller_id"),
            ({"total_amount": "10.505"}, "malformed"),
            ({"total_amount": "-1.00"}, "malformed"),
            ({"total_amount": "0.00"}, "malformed"),
            ({"total_amount": None}, "malformed"),
            ({"out_trade_no": "1; DROP TABLE"}, "malformed"),
            ({"trade_no": None}, "malformed"),
            ({"gmt_payment": None}, "malformed"),
            ({"gmt_payment": "soon"}, "malformed"),
            ({"trade_status": "TRADE_PENDING"}, "malformed"),
            ({"notify_id": None}, "malformed"),
            ({"notify_id": "9" * 129}, "malformed"),
            (PART | {"refund_fee": "10.51"}, "malformed"),
            (PART | {"refund_fee": None}, "malformed"),
        ],
    )
    def test_a13_a10_notices_of_others_and_odd_ones_are_refused(
        self, server: ScriptedServer, changes: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(NoticeRejected) as rejected:
            told(server, **changes)
        assert rejected.value.reason == reason

    def test_a01_forged_notices_are_refused(self, server: ScriptedServer) -> None:
        fields = notice_fields()
        unsigned = urlencode(fields | {"sign_type": "RSA2"}).encode()
        for body, reason in (
            (notice_body(fields, key_name="stranger"), "bad_signature"),
            (notice_body(fields, sign=sign("other")), "bad_signature"),
            (notice_body(fields, sign=""), "unsigned"),
            (unsigned, "unsigned"),
            (notice_body(fields, total_amount="10.51"), "bad_signature"),
            (notice_body(fields, extra="1"), "bad_signature"),
        ):
            with pytest.raises(NoticeRejected) as rejected:
                read(server, body)
            assert rejected.value.reason == reason

    def test_a02_every_changed_byte_is_noticed(self, server: ScriptedServer) -> None:
        body = notice_body(notice_fields())
        genuine = read(server, body)
        for at in range(len(body)):
            changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            try:
                notice = read(server, changed)
            except NoticeRejected:
                continue
            # The hexadecimal digits of an escape may change their case and mean the same.
            assert notice == genuine

    def test_a_name_that_comes_twice_is_refused(self, server: ScriptedServer) -> None:
        body = notice_body(notice_fields())
        with pytest.raises(NoticeRejected, match="malformed"):
            read(server, body + b"&total_amount=0.01")

    @pytest.mark.parametrize(
        "body", [b"", b"\xff\xfe", b"a", b"&&&", b"a=%FF", b"x=1&" * 5000, b"x=" + b"1" * 1_000_001]
    )
    def test_odd_bodies_are_refused_not_errors(self, server: ScriptedServer, body: bytes) -> None:
        with pytest.raises(NoticeRejected):
            read(server, body)
