"""Alipay tells its application of transfers, over the real sandbox: authentic, or rejected."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shop.payments.alipay_transfers import AlipayTransfers
from shop.payments.gateway import NoticeRejected, Refused
from shop.payments.transfer_gateway import TransferState
from tests.contracts.contract import Contract
from tests.contracts.gateways import make_alipay_api
from tests.contracts.test_transfer_gateways import ALIPAY, Way
from tests.doubles.http import ScriptedServer
from tests.servers import SandboxServer

T = TransferState


@pytest.fixture
def alipay(sandbox_server: SandboxServer) -> Iterator[Way]:
    """Return the way on which it arrives by itself, and the application is told."""
    with ScriptedServer() as receiver:
        contract = Contract(ALIPAY, sandbox_server, receiver)
        address = {"alipay_messages_url": f"{receiver.url}/callbacks"}
        sandbox_server.post("settings", address)
        seller_id = sandbox_server.credentials["alipay"]["seller_id"]
        yield Way(contract, AlipayTransfers(make_alipay_api(sandbox_server), seller_id=seller_id))


class TestAlipay:
    """What arrives by itself."""

    def test_nothing_waits_so_nothing_is_taken_back(self, alipay: Way) -> None:
        """It has arrived, or will."""
        with pytest.raises(Refused):
            alipay.gateway.cancel(out_bill_no="W" + secrets.token_hex(10))

    @pytest.mark.parametrize(("outcome", "state"), [("now", T.DONE), ("fail", T.FAILED)])
    def test_its_end_is_told_authentically(
        self, alipay: Way, outcome: str, state: TransferState
    ) -> None:
        """Once, with its amount and the platform's number; what is changed is rejected."""
        alipay.contract.sandbox.post("settings", {"alipay_transfer_outcome": outcome})
        number = alipay.contract.number("W")
        sent = alipay.send(number)
        alipay.send(number)
        (asked,) = alipay.contract.notices(1)
        notice = alipay.gateway.read_notice(headers={}, body=asked.body, now=datetime.now(UTC))
        told = notice.transfer
        assert told is not None
        assert (told.out_bill_no, told.state, told.amount_fen) == (number, state, 500)
        assert told.platform_no == sent.platform_no
        assert bool(told.reason) == (state is T.FAILED)
        body = asked.body.replace(b"5.00", b"6.00")
        assert body != asked.body
        with pytest.raises(NoticeRejected) as changed:
            alipay.gateway.read_notice(headers={}, body=body, now=datetime.now(UTC))
        assert changed.value.reason == "bad_signature"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"fields": {"app_id": "2021000000000009"}}, "foreign_app_id"),
            ({"fields": {"biz_content": "{}x"}}, "malformed"),
            ({"key": "stranger"}, "bad_signature"),
            ({"sign_type": "RSA"}, "algorithm"),
            ({"twice": {"biz_content": "{}"}}, "malformed"),
        ],
    )
    def test_forgeries_are_rejected(self, alipay: Way, change: dict[str, Any], reason: str) -> None:
        """Though the platform's own key may have signed them."""
        alipay.send(alipay.contract.number("W"))
        alipay.contract.notices(1)
        (told,) = alipay.contract.sandbox.get("notices")["items"]
        alipay.contract.sandbox.post("alipay/forge", {"notice_id": told["notice_id"], **change})
        forged = alipay.contract.notices(2)[1]
        with pytest.raises(NoticeRejected) as rejected:
            alipay.gateway.read_notice(headers={}, body=forged.body, now=datetime.now(UTC))
        assert rejected.value.reason == reason
