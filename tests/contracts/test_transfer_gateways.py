"""The contract of every transfer gateway, over the real sandbox: once, known, and authentic."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.money import Fen
from shop.payments.alipay_transfers import AlipayTransfers
from shop.payments.gateway import Busy, Channel, NoticeRejected, Refused, ResultUnknown
from shop.payments.transfer_gateway import TransferGateway, TransferResult, TransferState
from shop.payments.wechat_pay import WechatPayGateway
from shop.payments.wechat_pay_transfers import WechatPayTransfers
from tests.contracts.contract import Contract
from tests.contracts.gateways import make_alipay_api
from tests.doubles.http import ScriptedServer
from tests.servers import SandboxServer

T = TransferState
WECHAT, ALIPAY = Channel.WECHAT_PAY, Channel.ALIPAY
TARGETS = {
    WECHAT: {"send": "wechat_pay.transfer", "query": "wechat_pay.transfer_query"},
    ALIPAY: {"send": "alipay.transfer", "query": "alipay.transfer_query"},
}
BUSY = {
    WECHAT: {"code": "FREQUENCY_LIMITED", "status": 429},
    ALIPAY: {"code": "isv.app-call-limited"},
}
UNSURE = {WECHAT: {"code": "SYSTEM_ERROR", "status": 500}, ALIPAY: {"code": "SYSTEM_ERROR"}}
SHORT = {WECHAT: "NOT_ENOUGH", ALIPAY: "PAYER_BALANCE_NOT_ENOUGH"}


@dataclass
class Way:
    """A gateway and the sandbox behind it."""

    contract: Contract
    gateway: TransferGateway

    @property
    def channel(self) -> Channel:
        """Return which platform it is."""
        return self.contract.channel

    def send(self, number: str, fen: int = 500, payee: str = "") -> TransferResult:
        """Send to the person of the contract."""
        return self.gateway.send(
            out_bill_no=number,
            amount_fen=Fen(fen),
            payee_ref=payee or self.contract.payer_ref,
        )

    def taken(self, number: str) -> TransferResult:
        """Have the person take it, where they must, and return how it stands then."""
        if self.channel is WECHAT:
            self.contract.sandbox.post("wechat-pay/confirm-transfer", {"out_bill_no": number})
        done: TransferResult = self.contract.eventually(
            lambda: (told := self.gateway.query(out_bill_no=number)).state is T.DONE and told
        )
        return done

    def fault(self, call: str, kind: str, **more: Any) -> None:
        """Make trouble at a call."""
        target = TARGETS[self.channel][call]
        self.contract.sandbox.post("faults", {"target": target, "kind": kind, **more})

    def books(self) -> list[dict[str, Any]]:
        """Return the platform's transfers."""
        rows: list[dict[str, Any]] = self.contract.sandbox.get("books")[self.channel]["transfers"]
        return rows


@pytest.fixture
def way(contract: Contract) -> Iterator[Way]:
    """Return one of the ways to a person."""
    sandbox = contract.sandbox
    if isinstance(contract.gateway, WechatPayGateway):
        wechat_pay = contract.gateway
        yield Way(
            contract,
            WechatPayTransfers(
                wechat_pay.client,
                app_id=wechat_pay.app_id,
                mch_id=wechat_pay.merchant_id,
                notify_url=f"{contract.receiver.url}/callbacks",
            ),
        )
    else:
        seller_id = sandbox.credentials["alipay"]["seller_id"]
        yield Way(contract, AlipayTransfers(make_alipay_api(sandbox), seller_id=seller_id))


@pytest.fixture
def wechat(sandbox_server: SandboxServer) -> Iterator[Way]:
    """Return the way on which the person must take it."""
    with ScriptedServer() as receiver:
        contract = Contract(WECHAT, sandbox_server, receiver)
        gateway = contract.gateway
        assert isinstance(gateway, WechatPayGateway)
        yield Way(
            contract,
            WechatPayTransfers(
                gateway.client,
                app_id=gateway.app_id,
                mch_id=gateway.merchant_id,
                notify_url=f"{receiver.url}/callbacks",
            ),
        )


class TestBoth:
    """What both platforms do."""

    def test_the_money_reaches_the_person_once(self, way: Way) -> None:
        """However often it is asked for under the number."""
        number = way.contract.number("W")
        assert way.gateway.query(out_bill_no=number).state is T.MISSING
        first, second = way.send(number), way.send(number)
        assert first.state is second.state is (T.AWAITING_USER if way.channel is WECHAT else T.DONE)
        assert first.package_info == second.package_info
        done = way.taken(number)
        assert (done.amount_fen, done.out_bill_no, done.channel) == (500, number, way.channel)
        assert (done.merchant_id, done.platform_no) == (
            way.gateway.merchant_id,
            first.platform_no,
        )
        assert done.finished_at is not None
        assert abs(datetime.now(UTC) - done.finished_at) < timedelta(minutes=1)
        assert [(row["paid_fen"], row["out_bill_no"]) for row in way.books()] == [(500, number)]

    def test_another_content_under_a_number_is_refused(self, way: Way) -> None:
        """And so is a number that no platform takes, before it is sent."""
        number = way.contract.number("W")
        way.send(number)
        with pytest.raises(Refused):
            way.send(number, 501)
        with pytest.raises(Refused):
            way.send("no")
        assert [row["amount_fen"] for row in way.books()] == [500]

    def test_a_stranger_or_an_empty_account_is_refused(self, way: Way) -> None:
        """With the platform's own word, and nothing is there."""
        with pytest.raises(Refused):
            way.send(way.contract.number("W"), payee="nobody")
        way.contract.sandbox.post("settings", {f"{way.channel}_transfer_balance_fen": 499})
        number = way.contract.number("W")
        with pytest.raises(Refused) as refusal:
            way.send(number)
        assert refusal.value.code == SHORT[way.channel]
        assert way.gateway.query(out_bill_no=number).state is T.MISSING

    @pytest.mark.parametrize("kind", ["drop", "timeout_after_acting", "bad_signature"])
    def test_a_lost_answer_is_unknown_and_repeating_it_is_safe(self, way: Way, kind: str) -> None:
        """One transfer in the books, whatever was lost."""
        number = way.contract.number("W")
        way.fault("send", kind, delay_seconds=0.05)
        with pytest.raises(ResultUnknown):
            way.send(number)
        way.send(number)
        assert way.taken(number).amount_fen == 500
        assert len(way.books()) == 1

    def test_trouble_has_its_name(self, way: Way) -> None:
        """Busy and unsure are not refused."""
        for told, kind in ((BUSY, Busy), (UNSURE, ResultUnknown)):
            way.fault("send", "error", **told[way.channel])
            with pytest.raises(kind):
                way.send(way.contract.number("W"))

    def test_a_failed_one_says_so(self, way: Way) -> None:
        """With the platform's reason."""
        number = way.contract.number("W")
        if way.channel is ALIPAY:
            way.contract.sandbox.post("settings", {"alipay_transfer_outcome": "fail"})
            assert way.send(number).state is T.PROCESSING
        else:
            way.send(number)
            order = {"out_bill_no": number, "fail_reason": "TRANSFER_RISK"}
            way.contract.sandbox.post("wechat-pay/confirm-transfer", order)
        failed = way.contract.eventually(
            lambda: (told := way.gateway.query(out_bill_no=number)).state is T.FAILED and told
        )
        assert failed.reason


class TestWechatPay:
    """What waits for its person."""

    def test_is_taken_back_until_it_is_taken(self, wechat: Way) -> None:
        """The platform says later that it is done; afterwards it is too late."""
        number, other = (wechat.contract.number("W") for _ in range(2))
        wechat.send(number)
        wechat.gateway.cancel(out_bill_no=number)
        wechat.contract.eventually(
            lambda: wechat.gateway.query(out_bill_no=number).state is T.CANCELLED
        )
        wechat.send(other)
        wechat.taken(other)
        with pytest.raises(Refused):
            wechat.gateway.cancel(out_bill_no=other)

    def test_its_end_is_told_authentically(self, wechat: Way) -> None:
        """What is forged, or about something else, is rejected."""
        number = wechat.contract.number("W")
        wechat.send(number)
        wechat.taken(number)
        (asked,) = wechat.contract.notices(1)
        now = datetime.now(UTC)
        notice = wechat.gateway.read_notice(headers=asked.headers, body=asked.body, now=now)
        assert notice.transfer is not None
        assert (notice.transfer.out_bill_no, notice.transfer.state) == (number, T.DONE)
        assert notice.transfer.amount_fen == 500
        assert notice.kind == "MCHTRANSFER.BILL.FINISHED"
        body = asked.body.replace(b"encrypt-resource", b"encrypt-resourcE")
        with pytest.raises(NoticeRejected) as changed:
            wechat.gateway.read_notice(headers=asked.headers, body=body, now=now)
        assert changed.value.reason == "bad_signature"
        later = now + timedelta(minutes=6)
        with pytest.raises(NoticeRejected) as old:
            wechat.gateway.read_notice(headers=asked.headers, body=asked.body, now=later)
        assert old.value.reason == "stale"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"plain": {"mch_id": "1900000000"}}, "foreign_mch_id"),
            ({"event_type": "TRANSACTION.SUCCESS"}, "foreign_kind"),
            ({"plain": {"transfer_amount": "500"}}, "malformed"),
            ({"key": "stranger"}, "bad_signature"),
        ],
    )
    def test_forgeries_are_rejected(self, wechat: Way, change: dict[str, Any], reason: str) -> None:
        """Though the platform's own key may have signed them."""
        number = wechat.contract.number("W")
        wechat.send(number)
        wechat.taken(number)
        wechat.contract.notices(1)
        (told,) = wechat.contract.sandbox.get("notices")["items"]
        wechat.contract.sandbox.post("wechat-pay/forge", {"notice_id": told["notice_id"], **change})
        forged = wechat.contract.notices(2)[1]
        with pytest.raises(NoticeRejected) as rejected:
            wechat.gateway.read_notice(
                headers=forged.headers, body=forged.body, now=datetime.now(UTC)
            )
        assert rejected.value.reason == reason
