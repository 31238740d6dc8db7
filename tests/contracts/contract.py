"""A gateway, the sandbox behind it and the shop's address for notices, in a test's hand."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.clock import monotonic_seconds
from kit.money import Fen
from shop.payments.gateway import Channel, Notice, PaymentGateway, Prepay
from tests.contracts.gateways import OPEN_IDS, make_gateway
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.servers import SandboxServer

PAY_PATHS = {Channel.WECHAT_PAY: "wechat-pay/pay", Channel.ALIPAY: "alipay/pay"}
PAY_KEYS = {Channel.WECHAT_PAY: "prepay_id", Channel.ALIPAY: "trade_no"}
TARGETS = {
    Channel.WECHAT_PAY: {
        "prepay": "wechat_pay.order",
        "query": "wechat_pay.query",
        "close": "wechat_pay.close",
        "refund": "wechat_pay.refund",
        "query_refund": "wechat_pay.refund_query",
        "notice": "wechat_pay.notice",
        "bill": "wechat_pay.bill",
        "bill_file": "wechat_pay.bill_file",
    },
    Channel.ALIPAY: {
        "prepay": "alipay.trade_create",
        "query": "alipay.trade_query",
        "close": "alipay.trade_close",
        "refund": "alipay.refund",
        "query_refund": "alipay.refund_query",
        "notice": "alipay.notice",
        "bill": "alipay.bill",
        "bill_file": "alipay.bill_file",
    },
}
WAIT_SECONDS = 8.0
AMOUNT = Fen(1050)


class Contract:
    """A gateway, the sandbox behind it, and the address to which the sandbox sends notices."""

    def __init__(self, channel: Channel, sandbox: SandboxServer, receiver: ScriptedServer) -> None:
        """Set the sandbox up so that nothing waits longer than it must."""
        self.channel = channel
        self.sandbox = sandbox
        self.receiver = receiver
        self.receiver.answer = self._acknowledge
        self.payer_ref = OPEN_IDS[channel]
        sandbox.post(
            "settings",
            {"refund_min_interval_seconds": 0, "refund_processing_seconds": 0.1},
        )
        if channel is Channel.ALIPAY:
            sandbox.post("alipay/codes", {"open_id": self.payer_ref})
        self.gateway: PaymentGateway = self.another_gateway()

    def another_gateway(self, *, timeout_seconds: float = 5) -> PaymentGateway:
        """Return a gateway with another patience."""
        return make_gateway(
            self.channel,
            self.sandbox,
            notify_url=f"{self.receiver.url}/callbacks",
            timeout_seconds=timeout_seconds,
        )

    def number(self, prefix: str = "T") -> str:
        """Return a new number."""
        return prefix + secrets.token_hex(10).upper()

    def prepay(self, number: str, **changes: Any) -> Prepay:
        """Open a trade of CNY 10.50."""
        now = datetime.now(UTC)
        wish: dict[str, Any] = {
            "out_trade_no": number,
            "amount_fen": AMOUNT,
            "description": "团卡 京东E卡 100元",
            "payer_ref": self.payer_ref,
            "expires_at": datetime(2036, 1, 1, tzinfo=UTC)
            if self.channel is Channel.WECHAT_PAY
            else now.replace(second=0, microsecond=0) + timedelta(hours=1),
            "now": now,
        }
        return self.gateway.prepay(**(wish | changes))

    def pay(self, prepay: Prepay) -> None:
        """Be the user who pays."""
        self.sandbox.post(PAY_PATHS[self.channel], {PAY_KEYS[self.channel]: prepay.platform_ref})

    def paid(self) -> str:
        """Return the number of a new, paid trade."""
        number = self.number()
        self.pay(self.prepay(number))
        return number

    def refund(self, number: str, refund_no: str, refund_fen: int) -> Any:
        """Ask for a refund of a trade of CNY 10.50."""
        return self.gateway.refund(
            out_trade_no=number,
            out_refund_no=refund_no,
            refund_fen=Fen(refund_fen),
            total_fen=AMOUNT,
            reason="member",
        )

    def fault(self, call: str, kind: str, **more: Any) -> None:
        """Make trouble at one of the gateway's calls."""
        target = TARGETS[self.channel][call]
        self.sandbox.post("faults", {"target": target, "kind": kind, **more})

    def notices(self, count: int) -> list[Asked]:
        """Return the first notices once there are so many."""
        self.eventually(lambda: len(self.receiver.asked) >= count)
        return self.receiver.asked[:count]

    def read(self, asked: Asked) -> Notice:
        """Read a notice as the shop's door does."""
        return self.gateway.read_notice(
            headers=asked.headers, body=asked.body, now=datetime.now(UTC)
        )

    def eventually(self, question: Callable[[], Any]) -> Any:
        """Return the first true answer."""
        ends_at = monotonic_seconds() + WAIT_SECONDS
        while monotonic_seconds() < ends_at:
            if answer := question():
                return answer
            time.sleep(0.02)
        raise AssertionError("it did not come true in time")

    def _acknowledge(self, _: Asked) -> Answer:
        return Answer(204) if self.channel is Channel.WECHAT_PAY else Answer(200, b"success")
