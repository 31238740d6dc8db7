"""Alipay's messages about transfers: what is authentic, what is ours, what they tell."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shop.payments.alipay_transfers import AlipayTransfers
from shop.payments.gateway import Channel, NoticeRejected
from shop.payments.transfer_gateway import TransferNotice, TransferState
from tests.doubles.alipay import APP_ID, SELLER_ID, make_api, notice_body
from tests.doubles.http import ScriptedServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBER = "W20261120ABCDEFGHJKLMN"
PLATFORM_NO = "20261120110070000000000000000001"
T = TransferState


def content(**changes: Any) -> dict[str, Any]:
    """Return what a message tells of a transfer that has arrived."""
    told = {
        "out_biz_no": NUMBER,
        "product_code": "TRANS_ACCOUNT_NO_PWD",
        "biz_scene": "DIRECT_TRANSFER",
        "origin_interface": "alipay.fund.trans.uni.transfer",
        "order_id": PLATFORM_NO,
        "status": "SUCCESS",
        "action_type": "FINISH",
        "trans_amount": "5.00",
        "pay_date": "2026-11-20 19:59:58",
    }
    return {name: value for name, value in (told | changes).items() if value is not None}


def message(told: Any = None, **changes: Any) -> dict[str, str]:
    """Return the fields of a message."""
    fields = {
        "msg_method": "alipay.fund.trans.order.changed",
        "notify_id": "2026112000262200001",
        "utc_timestamp": "1795262400000",
        "app_id": APP_ID,
        "charset": "UTF-8",
        "version": "1.1",
        "biz_content": json.dumps(content() if told is None else told, ensure_ascii=False),
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def read(server: ScriptedServer, body: bytes) -> TransferNotice:
    gateway = AlipayTransfers(make_api(server), seller_id=SELLER_ID)
    return gateway.read_notice(headers={}, body=body, now=NOW)


def told(server: ScriptedServer, **changes: Any) -> Any:
    return read(server, notice_body(message(content(**changes)))).transfer


class TestReadTransfer:
    def test_tells_of_a_transfer_that_has_arrived(self, server: ScriptedServer) -> None:
        notice = read(server, notice_body(message()))
        assert (notice.notice_id, notice.kind) == (
            "2026112000262200001",
            "alipay.fund.trans.order.changed",
        )
        transfer = notice.transfer
        assert transfer is not None
        assert (transfer.channel, transfer.merchant_id) == (Channel.ALIPAY, SELLER_ID)
        assert (transfer.out_bill_no, transfer.platform_no) == (NUMBER, PLATFORM_NO)
        assert (transfer.state, transfer.amount_fen) == (T.DONE, 500)
        assert transfer.finished_at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("DEALING", T.PROCESSING),
            ("WAIT_PAY", T.PROCESSING),
            ("FAIL", T.FAILED),
            ("REFUND", T.FAILED),
        ],
    )
    def test_tells_how_it_stands(
        self, server: ScriptedServer, status: str, state: TransferState
    ) -> None:
        transfer = told(server, status=status, pay_date=None, error_code="PAYEE_ACC_OCUPIED")
        assert (transfer.state, transfer.reason) == (state, "PAYEE_ACC_OCUPIED")
        assert transfer.finished_at is None

    @pytest.mark.parametrize(
        "fields",
        [
            message(msg_method="open_app_auth_notify"),
            message(content(product_code="STD_RED_PACKET")),
            message(content(biz_scene="PERSONAL_PAY")),
        ],
    )
    def test_other_messages_are_authentic_and_none_of_ours(
        self, server: ScriptedServer, fields: dict[str, str]
    ) -> None:
        assert read(server, notice_body(fields)).transfer is None

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            (message(app_id="2021000000000002"), "foreign_app_id"),
            (message(notify_id=None), "malformed"),
            (message(biz_content=None), "malformed"),
            (message(biz_content="{"), "malformed"),
            (message([content()]), "malformed"),
            (message(biz_content="[" * 100_000), "malformed"),
            (message(content(status="SOON")), "malformed"),
            (message(content(trans_amount="5.001")), "malformed"),
            (message(content(trans_amount=5)), "malformed"),
            (message(content(trans_amount=None)), "malformed"),
            (message(content(order_id=None)), "malformed"),
            (message(content(out_biz_no="W; DROP")), "malformed"),
            (message(content(pay_date="soon")), "malformed"),
        ],
    )
    def test_a13_a10_foreign_and_odd_ones_are_refused(
        self, server: ScriptedServer, fields: dict[str, str], reason: str
    ) -> None:
        with pytest.raises(NoticeRejected) as rejected:
            read(server, notice_body(fields))
        assert rejected.value.reason == reason

    def test_a01_forged_ones_are_refused(self, server: ScriptedServer) -> None:
        fields = message()
        for body, reason in (
            (notice_body(fields, key_name="stranger"), "bad_signature"),
            (notice_body(fields, sign=""), "unsigned"),
            (notice_body(fields, sign_type="RSA"), "algorithm"),
            (notice_body(fields, extra="1"), "bad_signature"),
            (notice_body(fields).replace(b"5.00", b"6.00"), "bad_signature"),
        ):
            with pytest.raises(NoticeRejected) as rejected:
                read(server, body)
            assert rejected.value.reason == reason
