"""The user's hand at the simulated platforms: codes, the cashier, and trouble on order."""

import json
from typing import Any, Final

from demo.wire import Answer, Wire

WECHAT: Final = "wechat"
ALIPAY: Final = "alipay"
CHANNEL_OF: Final = {WECHAT: "wechat_pay", ALIPAY: "alipay"}
PATH_OF: Final = {"wechat_pay": "wechat-pay", "alipay": "alipay"}
# How each platform calls closing a trade, and what it answers for one that is closed already.
CLOSING: Final = {
    "wechat_pay": ("wechat_pay.close", "ORDER_CLOSED"),
    "alipay": ("alipay.trade_close", "ACQ.TRADE_HAS_CLOSE"),
}
OPEN_STATES: Final = frozenset({"NOTPAY", "WAIT_BUYER_PAY"})

Books = dict[str, dict[str, list[dict[str, Any]]]]


class SandboxRefused(Exception):
    """The sandbox did not do as it was told; then the evening is not what it should be."""


class Platforms:
    """Both platforms, seen by their users and by whoever makes trouble."""

    def __init__(self, wire: Wire) -> None:
        """Nothing is asked yet."""
        self._wire = wire

    @property
    def base_url(self) -> str:
        """Return where they answer."""
        return self._wire.base_url

    def sign_in_code(self, platform: str, open_id: str, union_id: str | None = None) -> str:
        """Return what `wx.login` or `my.getAuthCode` gives."""
        if platform == WECHAT:
            body = {"openid": open_id, "unionid": union_id}
        else:
            body = {"open_id": open_id, "union_id": union_id}
        return str(self.order("POST", f"{platform}/codes", body)["code"])

    def phone_given(self, platform: str, open_id: str, phone: str) -> dict[str, str]:
        """Return what the phone button gives, as the shop takes it."""
        if platform == WECHAT:
            body = {"phone": phone, "openid": open_id}
            return {"code": self.order("POST", "wechat/phone-codes", body)["code"]}
        blob = self.order("POST", "alipay/phone-blobs", {"phone": phone})
        return {"credential": json.dumps(blob)}

    def pay(self, channel: str, params: dict[str, str]) -> Answer:
        """Confirm at the cashier; 409 with the reason when that is not possible."""
        if channel == "wechat_pay":
            body = {"prepay_id": params["package"].removeprefix("prepay_id=")}
        else:
            body = {"trade_no": params["tradeNO"]}
        return self._wire.ask("POST", f"/sandbox/{PATH_OF[channel]}/pay", body=body)

    def make_chat_group(self, name: str, *, owner: str, robot: bool) -> dict[str, Any]:
        """Make a chat group at WeCom; with a robot, its key comes along."""
        return self.order("POST", "wecom/groups", {"name": name, "owner": owner, "robot": robot})

    def chat_messages(self, chat_id: str) -> list[dict[str, Any]]:
        """Return what arrived in a chat group."""
        told = self.order("GET", f"wecom/messages?chat_id={chat_id}")
        return list(told["items"])

    def confirm_tasks(self, owner: str) -> None:
        """Send everything that waits for this owner."""
        for task in self.order("GET", f"wecom/tasks?sender={owner}")["items"]:
            if task["confirmed_at"] is None:
                self.order("POST", "wecom/confirm", {"msgid": task["msgid"]})

    def take_transfer(self, out_bill_no: str) -> None:
        """Confirm at WeChat that the money is wanted."""
        self.order("POST", "wechat-pay/confirm-transfer", {"out_bill_no": out_bill_no})

    def open_trade(self, channel: str, open_id: str) -> dict[str, Any]:
        """Return the newest trade that waits for this payer."""
        waiting = [
            row
            for row in self.books()[channel]["orders"]
            if row["payer"] == open_id and row["state"] in OPEN_STATES
        ]
        if not waiting:
            raise SandboxRefused(f"no trade at {channel} waits for this payer")
        return waiting[-1]

    def books(self) -> Books:
        """Return what the platforms have written down."""
        return self.order("GET", "books")

    def forge(self, channel: str, body: dict[str, Any]) -> int:
        """Have a false notice sent to the shop; return the status it was answered with."""
        answer = self.order("POST", f"{PATH_OF[channel]}/forge", body)
        return int(answer["status"] or 0)

    def trouble(self, target: str, kind: str, **more: Any) -> None:
        """Order trouble."""
        self.order("POST", "faults", {"target": target, "kind": kind, **more})

    def believe_closed(self, channel: str, out_trade_no: str) -> None:
        """Have the platform say of an open trade that it is closed already: money may come late."""
        target, code = CLOSING[channel]
        self.trouble(target, "error", code=code, match={"out_trade_no": out_trade_no})

    def order(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Use a switch of the sandbox, which must agree."""
        answer = self._wire.ask(method, f"/sandbox/{path}", body=body)
        if not answer.is_ok:
            raise SandboxRefused(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body
