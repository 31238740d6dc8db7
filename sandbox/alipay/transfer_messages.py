"""What Alipay tells an application of its transfers: a message to its gateway, signed as notices.

No call names the address: the merchant has given it to the platform, here as a setting.
"""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox.alipay import trades
from sandbox.alipay.answers import compact
from sandbox.alipay.money import fen, yuan
from sandbox.alipay.platform import Platform
from sandbox.clock import BEIJING
from sandbox.faults import Fault
from sandbox.peer import Peer

METHOD = "alipay.fund.trans.order.changed"
ADDRESS = "alipay_messages_url"


def announce(
    peer: Peer, platform: Platform, connection: sqlite3.Connection, transfer: sqlite3.Row
) -> str | None:
    """Write the message of what became of the transfer; None when nobody is to be told."""
    url = peer.settings.get(ADDRESS)
    if not url:
        return None
    now = peer.clock.now().astimezone(BEIJING)
    content = {
        "msg_method": METHOD,
        "notify_id": f"{now:%Y%m%d00262%H%M%S}{secrets.randbelow(10**15):015d}",
        "app_id": platform.app_id,
        "charset": "UTF-8",
        "version": "1.1",
        "biz_content": compact(_content(transfer)),
    }
    names = ("out_biz_no", "order_id")
    return peer.notices.announce(
        connection,
        platform="alipay",
        target="alipay.transfer_notice",
        event=transfer["status"],
        url=url,
        subject={name: transfer[name] for name in names} | {"notify_id": content["notify_id"]},
        content=content,
    )


def is_message(fields: Mapping[str, str]) -> bool:
    """Is this a message to the application, not a notice about a trade?"""
    return "msg_method" in fields


def off_by(fields: Mapping[str, str], fault: Fault) -> dict[str, str]:
    """The message with another amount."""
    content = json.loads(fields["biz_content"])
    content["trans_amount"] = yuan(fault.wrong_fen(fen(content["trans_amount"]) or 0))
    return dict(fields) | {"biz_content": compact(content)}


def _content(transfer: sqlite3.Row) -> dict[str, Any]:
    content = {
        "out_biz_no": transfer["out_biz_no"],
        "product_code": "TRANS_ACCOUNT_NO_PWD",
        "biz_scene": "DIRECT_TRANSFER",
        "origin_interface": "alipay.fund.trans.uni.transfer",
        "order_id": transfer["order_id"],
        "pay_fund_order_id": transfer["pay_fund_order_id"],
        "status": transfer["status"],
        "action_type": "FINISH",
        "trans_amount": yuan(transfer["amount_fen"]),
    }
    if transfer["paid_at"]:
        content["pay_date"] = trades.local(transfer["paid_at"])
    if transfer["error_code"]:
        content |= {"error_code": transfer["error_code"], "fail_reason": "收款账户异常"}
    return content
