"""WeChat Pay's notices: what is authentic, what is ours, what they tell."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.payments.gateway import (
    NoticeRejected,
    RefundState,
    TradeState,
)
from tests.doubles.http import ScriptedServer
from tests.doubles.wechat_pay import (
    MCH_ID,
    make_gateway,
    notice,
    refund,
    signature_headers,
    trade,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REFUND_NUMBER = "R20261120ABCDEFGHJKLMN"


class TestReadNotice:
    def read(self, server: ScriptedServer, plain: Any, **how: Any) -> Any:
        headers, body = notice(plain, at=NOW, **how)
        return make_gateway(server).read_notice(headers=headers, body=body, now=NOW)

    def test_a11_tells_of_a_payment_by_its_total(self, server: ScriptedServer) -> None:
        told = self.read(server, trade())
        assert (told.notice_id, told.kind) == ("EV-2026", "TRANSACTION.SUCCESS")
        assert (told.trade.state, told.trade.total_fen) == (TradeState.PAID, 1050)
        assert told.refund is None

    def test_tells_of_a_refund(self, server: ScriptedServer) -> None:
        plain = refund(mchid=MCH_ID, refund_status="SUCCESS", status=None)
        told = self.read(server, plain, event_type="REFUND.SUCCESS", original_type="refund")
        assert told.trade is None
        assert told.refund.state is RefundState.DONE
        assert told.refund.out_refund_no == REFUND_NUMBER
        assert told.refund.amount_fen == 50

    def test_others_events_mean_nothing_to_do(self, server: ScriptedServer) -> None:
        for event_type, original_type in (
            ("TRANSACTION.SUCCESS", "profitsharing"),
            ("MCHTRANSFER.BILL.FINISHED", "mch_payment"),
            ("COUPON.USE", "coupon"),
        ):
            told = self.read(server, {"a": 1}, event_type=event_type, original_type=original_type)
            assert (told.trade, told.refund) == (None, None)

    def test_headers_count_in_any_case(self, server: ScriptedServer) -> None:
        headers, body = notice(trade(), at=NOW)
        lowered = {name.lower(): value for name, value in headers.items()}
        gateway = make_gateway(server)
        assert gateway.read_notice(headers=lowered, body=body, now=NOW).trade is not None

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"appid": "wx0000000000000000"}, "foreign_appid"),
            ({"mchid": "1600000002"}, "foreign_mchid"),
            ({"mchid": None}, "malformed"),
            ({"out_trade_no": "1; DROP"}, "malformed"),
        ],
    )
    def test_a13_notices_of_others_are_refused(
        self, server: ScriptedServer, changes: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(NoticeRejected) as rejected:
            self.read(server, trade(**changes))
        assert rejected.value.reason == reason

    @settings(
        max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
    )
    @given(
        st.one_of(
            st.floats(),
            st.text(max_size=5),
            st.booleans(),
            st.none(),
            st.integers(max_value=0),
            st.integers(min_value=10**10 + 1),
            st.lists(st.integers(), max_size=2),
        )
    )
    def test_a10_only_whole_positive_fen_are_an_amount(
        self, server: ScriptedServer, amount: Any
    ) -> None:
        plain = trade(amount={"total": amount, "currency": "CNY"})
        with pytest.raises(NoticeRejected, match="malformed"):
            self.read(server, plain)

    def test_a01_a04_forged_notices_are_refused(self, server: ScriptedServer) -> None:
        for how in (
            {"key_name": "stranger"},
            {"key_name": "merchant"},
            {"signature": "AAAA"},
            {"signature": "x"},
            {"signature": ""},
        ):
            with pytest.raises(NoticeRejected, match=r"bad_signature|unsigned"):
                self.read(server, trade(), **how)

    def test_a02_every_changed_byte_is_noticed(self, server: ScriptedServer) -> None:
        gateway = make_gateway(server)
        headers, body = notice(trade(), at=NOW)
        for at in range(len(body)):
            changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            with pytest.raises(NoticeRejected):
                gateway.read_notice(headers=headers, body=changed, now=NOW)

    def test_a03_odd_spacing_is_genuine_and_rewriting_is_not(self, server: ScriptedServer) -> None:
        gateway = make_gateway(server)
        _, body = notice(trade(), at=NOW)
        odd = b"\r\n " + body.replace(b'", "', b'" ,\t"') + b"\n"
        headers = signature_headers(odd, at=NOW)
        assert gateway.read_notice(headers=headers, body=odd, now=NOW).trade is not None
        with pytest.raises(NoticeRejected):
            gateway.read_notice(headers=headers, body=json.dumps(json.loads(odd)).encode(), now=NOW)

    def test_a21_parts_swapped_between_two_notices_do_not_open(
        self, server: ScriptedServer
    ) -> None:
        """Signed as if the platform had made the swap, so that only the cipher can tell."""
        _, one = notice(trade(), at=NOW)
        _, two = notice(trade(out_trade_no="T20261120ABCDEFGHJKLMX"), at=NOW)
        gateway = make_gateway(server)
        for part in ("ciphertext", "nonce", "associated_data"):
            swapped = json.loads(one)
            swapped["resource"][part] = (
                "refund" if part == "associated_data" else json.loads(two)["resource"][part]
            )
            body = json.dumps(swapped).encode()
            with pytest.raises(NoticeRejected, match="undecryptable"):
                gateway.read_notice(headers=signature_headers(body, at=NOW), body=body, now=NOW)

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"resource":1}',
            b"\xff",
            b"[" * 100_000,
            b'{"resource_type":"encrypt-resource","resource":{"algorithm":"AEAD_AES_256_GCM"}}',
            b'{"resource_type":"encrypt-resource","resource":{"algorithm":"none"}}',
            b"x" * 1_000_001,
        ],
    )
    def test_odd_bodies_are_refused_not_errors(self, server: ScriptedServer, text: bytes) -> None:
        with pytest.raises(NoticeRejected):
            self.read(server, trade(), text=text)

    @pytest.mark.parametrize(
        "resource",
        [
            {"nonce": "short"},
            {"nonce": 5},
            {"ciphertext": "!"},
            {"ciphertext": ""},
            {"ciphertext": None},
            {"associated_data": 7},
            {"algorithm": "AEAD_SM4_GCM"},
        ],
    )
    def test_odd_resources_are_refused_not_errors(
        self, server: ScriptedServer, resource: dict[str, Any]
    ) -> None:
        with pytest.raises(NoticeRejected):
            self.read(server, trade(), resource=resource)
