"""Notices of WeChat Pay: encrypted with the APIv3 key, signed anew for every attempt."""

from typing import Any

from sandbox.clock import beijing_text
from sandbox.faults import Fault
from sandbox.notices import Channel, Notice
from sandbox.peer import Peer
from sandbox.sender import Message
from sandbox.wechat_pay.answers import compact
from sandbox.wechat_pay.platform import Platform, new_nonce, plain_json

MINUTE = 60
HOUR = 3600
LADDER_SECONDS = (
    15,
    15,
    30,
    3 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    60 * MINUTE,
    3 * HOUR,
    3 * HOUR,
    3 * HOUR,
    6 * HOUR,
    6 * HOUR,
)
SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
    "MCHTRANSFER.BILL.FINISHED": "商家转账单据终态通知",
}


def channel(peer: Peer, platform: Platform) -> Channel:
    """How `sandbox.notices` delivers for this platform."""

    def render(notice: Notice, fault: Fault | None) -> Message:
        return _message(peer, platform, notice, fault)

    return Channel(
        platform="wechat_pay",
        ladder_seconds=LADDER_SECONDS,
        render=render,
        accepted=lambda status, body: status in {200, 204},
    )


def content(
    peer: Peer, *, event_type: str, original_type: str, plain: dict[str, Any]
) -> dict[str, Any]:
    """What a notice row keeps: the same id, nonce and plaintext for every attempt."""
    return {
        "create_time": beijing_text(peer.clock.now()),
        "event_type": event_type,
        "original_type": original_type,
        "nonce": new_nonce(),
        "plain": plain,
    }


def with_other_amount(plain: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """The same object with a lie in its amount: the refund's, if it is one, else the total."""
    if "transfer_amount" in plain:
        return plain | {"transfer_amount": fault.wrong_fen(plain["transfer_amount"])}
    if "amount" not in plain:
        return plain
    amount = dict(plain["amount"])
    names = ("refund", "payer_refund", "settlement_refund")
    if "refund" not in amount:
        names = ("total", "payer_total", "settlement_total")
    for name in names:
        if name in amount:
            amount[name] = fault.wrong_fen(amount[name])
    return plain | {"amount": amount}


def _message(peer: Peer, platform: Platform, notice: Notice, fault: Fault | None) -> Message:
    kept = notice.content
    kind = fault.kind if fault else None
    plain, nonce = kept["plain"], kept["nonce"]
    if fault and kind == "wrong_amount":
        plain, nonce = with_other_amount(plain, fault), new_nonce()
    body = compact(envelope(platform, notice, plain, nonce))
    headers = platform.public_key.headers(
        body, corrupt=kind == "bad_signature", require_rsa=peer.settings.get("require_rsa")
    )
    return Message(notice.url, headers | plain_headers(notice), body)


def envelope(
    platform: Platform, notice: Notice, plain: dict[str, Any], nonce: str
) -> dict[str, Any]:
    """The body of a notice around its encrypted resource."""
    kept = notice.content
    resource = platform.encrypted(plain_json(plain), kept["original_type"], nonce)
    return {
        "id": notice.notice_id,
        "create_time": kept["create_time"],
        "resource_type": "encrypt-resource",
        "event_type": kept["event_type"],
        "summary": SUMMARIES.get(kept["event_type"], ""),
        "resource": {"original_type": kept["original_type"], **resource},
    }


def plain_headers(notice: Notice) -> dict[str, str]:
    """What a notice carries beside its signature."""
    return {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "User-Agent": "Mozilla/4.0",
        "Request-ID": notice.notice_id,
    }
